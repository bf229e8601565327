#include "loss.h"

#include <algorithm>

#include "kernels/kernels.h"

namespace tangshi {
namespace {

// Rows of a chunk on a CPU: 256 was the fastest of 32 to 1024 at a vocabulary of 6,000 (the chunk stays in
// cache).
constexpr int64_t cpu_chunk = 256;

at::Tensor first_rows(at::Tensor& buffer, int64_t capacity, int64_t rows, int64_t width,
                      const at::Tensor& like) {
  if (!buffer.defined() || buffer.size(0) < capacity) buffer = at::empty({capacity, width}, like.options());
  return buffer.narrow(0, 0, rows);
}

// The weighted NLL of a chunk whose logits still lack the bias. With a bias_grad, which is added to, the
// logits become the gradient: weight x (softmax - one-hot), and nothing where ReLU cut.
double nll_by_kernel(at::Tensor& logits, const OutputLayer& layer, const at::Tensor& targets,
                     const at::Tensor& weights, at::Tensor* bias_grad) {
  const int64_t vocab = logits.size(1);
  float* row = logits.mutable_data_ptr<float>();
  float* grad = bias_grad == nullptr ? nullptr : bias_grad->mutable_data_ptr<float>();
  const float* bias = layer.bias.const_data_ptr<float>();
  const int64_t* target = targets.const_data_ptr<int64_t>();
  const float* weight = weights.const_data_ptr<float>();
  double loss = 0;
  for (int64_t r = 0; r < logits.size(0); r++, row += vocab) {
    loss += weight[r] * kernels().nll_row(row, bias, vocab, target[r], weight[r], layer.relu_logits, grad);
  }
  return loss;
}

// The same by tensor operations, on any device.
double nll_by_tensors(at::Tensor& logits, const OutputLayer& layer, const at::Tensor& targets,
                      const at::Tensor& weights, at::Tensor* bias_grad) {
  const at::Tensor target = targets.unsqueeze(1);  // [rows, 1]
  logits.add_(layer.bias);
  if (layer.relu_logits) logits.relu_();
  at::Tensor log_probs = at::log_softmax(logits, 1);
  const at::Tensor nll = log_probs.gather(1, target).squeeze(1).neg();
  const double loss = nll.to(at::kDouble).dot(weights.to(at::kDouble)).item<double>();
  if (bias_grad == nullptr) return loss;
  at::Tensor d_logits = log_probs.exp_();
  d_logits.scatter_add_(1, target, at::full_like(target, -1, logits.options()));
  d_logits.mul_(weights.unsqueeze(1));
  if (layer.relu_logits) d_logits.mul_(logits.gt(0));
  logits.copy_(d_logits);
  bias_grad->add_(d_logits.sum(0));
  return loss;
}

}  // namespace

double ChunkedLoss::operator()(const OutputLayer& layer, const at::Tensor& hidden, const at::Tensor& targets,
                               const at::Tensor& weights, OutputGrads* grads) {
  at::NoGradGuard no_grad;
  const int64_t n = hidden.size(0), vocab = layer.weight.size(0);
  const int64_t chunk = std::min(n, cpu_chunk);
  const auto weighted_nll = hidden.is_cpu() ? nll_by_kernel : nll_by_tensors;
  double loss = 0;
  for (int64_t begin = 0; begin < n; begin += chunk) {
    const int64_t rows = std::min(chunk, n - begin);
    const at::Tensor h = hidden.narrow(0, begin, rows);
    at::Tensor logits = first_rows(logits_, chunk, rows, vocab, hidden);
    at::mm_out(logits, h, layer.weight.t());
    loss += weighted_nll(logits, layer, targets.narrow(0, begin, rows), weights.narrow(0, begin, rows),
                         grads == nullptr ? nullptr : &grads->bias);
    if (grads == nullptr) continue;
    at::Tensor d_hidden = grads->hidden.narrow(0, begin, rows);
    at::mm_out(d_hidden, logits, layer.weight);
    grads->weight.addmm_(logits.t(), h);
  }
  return loss;
}

}  // namespace tangshi
