#include "train/tensor_output_loss.h"

#include <algorithm>

namespace tangshi {

LossInput LossInput::narrow(int64_t begin, int64_t count) const {
  return {hidden.narrow(0, begin, count), targets.narrow(0, begin, count), weights.narrow(0, begin, count)};
}

OutputGrads OutputGrads::narrow(int64_t begin, int64_t count) const {
  return {hidden.narrow(0, begin, count), weight, bias};
}

at::Tensor tensor_output_loss(const OutputLayer& layer, const LossInput& input, OutputGrads* grads,
                              double grad_scale) {
  at::NoGradGuard no_grad;
  // Large chunks keep a GPU busy: 400 MB of logits for a vocabulary of 6,000.
  constexpr int64_t chunk_size = 16384;
  const at::ScalarType type = input.hidden.scalar_type();
  at::Tensor loss = at::zeros({}, input.hidden.options().dtype(at::kDouble));
  for (int64_t begin = 0; begin < input.hidden.size(0); begin += chunk_size) {
    const int64_t count = std::min(chunk_size, input.hidden.size(0) - begin);
    const LossInput part = input.narrow(begin, count);
    const at::Tensor target = part.targets.unsqueeze(1);  // [positions, 1]
    at::Tensor logits = at::linear(part.hidden, layer.weight, layer.bias);
    if (layer.relu_logits) logits.relu_();
    const at::Tensor log_probs = at::log_softmax(logits, 1, at::kFloat);
    const at::Tensor nll = log_probs.gather(1, target).squeeze(1).neg();
    loss.add_(nll.to(at::kDouble).dot(part.weights.to(at::kDouble)));
    if (grads == nullptr) continue;
    // The gradient of each position's NLL. The weights are multiplied in later, with tensors smaller than the
    // logits.
    at::Tensor d_logits = type == at::kFloat ? log_probs : at::empty_like(logits);
    at::exp_out(d_logits, log_probs);
    d_logits.scatter_add_(1, target, at::full_like(target, -1, d_logits.options()));
    if (layer.relu_logits) d_logits.mul_(logits.gt(0));
    const at::Tensor scales = (part.weights * grad_scale).to(type).unsqueeze(1);  // [positions, 1]
    OutputGrads wanted = grads->narrow(begin, count);
    wanted.bias.add_(at::mm(d_logits.t(), scales).squeeze(1));
    at::mm_out(wanted.hidden, d_logits, layer.weight);
    wanted.hidden.mul_(scales);
    wanted.weight.addmm_(d_logits.t(), part.hidden * scales);
  }
  return loss;
}

}  // namespace tangshi
