// The chunked loss against the same sum computed with autograd in double precision.
#include "train/output_loss.h"

#include "expect_close.h"
#include "parallel/lead.h"
#include "precisions.h"
#include "train/batch_minor.h"

namespace tangshi::test {
namespace {

// Around the sizes of vectors, panels, groups, blocks and chunks.
struct Size {
  int64_t time, rows, features, vocab;
};
const std::vector<Size> sizes = {{1, 1, 7, 13},    {40, 16, 7, 13},   {3, 70, 33, 255},
                                 {9, 64, 64, 129}, {2, 300, 70, 300}, {5, 17, 128, 257}};

struct Problem {
  PackedBatch batch;
  at::Tensor hidden_t, weight, bias;  // hidden_t: [time, features, width]
  bool relu;
};

// Fewer rows at each time step, and some positions without a target.
Problem problem(const Size& n, bool relu) {
  const auto random = at::make_generator<at::CPUGeneratorImpl>(3);
  PackedBatch batch{.time = n.time, .width = padded_size(n.rows)};
  batch.inputs.resize(batch.size());
  const at::Tensor targets = at::randint(0, n.vocab, {batch.size()}, random, at::kInt);
  const at::Tensor weights = at::rand({batch.size()}, random);
  at::Tensor hidden_t = at::randn({n.time, n.features, batch.width}, random);
  for (int64_t t = 0; t < n.time; t++) {
    const int64_t live = std::max<int64_t>(n.rows - 9 * t, 1);
    batch.used.push_back(padded_size(live));
    hidden_t[t].narrow(1, batch.used[t], batch.width - batch.used[t]).fill_(NAN);
    for (int64_t r = 0; r < batch.width; r++) {
      const int64_t at = t * batch.width + r;
      const bool has_target = r < live && at % 11 != 10;
      batch.targets.push_back(has_target ? targets[at].item<int32_t>() : -1);
      batch.weights.push_back(has_target ? weights[at].item<float>() : 0);
      if (has_target) batch.positions.push_back(at);
    }
  }
  return {batch, hidden_t, at::randn({n.vocab, n.features}, random), at::randn({n.vocab}, random), relu};
}

struct Result {
  double loss;
  at::Tensor weight, bias, hidden_t;  // gradients
};

OutputWeights weights_of(const Problem& p) {
  return {p.weight.const_data_ptr<float>(), p.bias.const_data_ptr<float>(), p.weight.size(0),
          p.weight.size(1), p.relu};
}

Result actual(OutputLoss& loss, const Problem& p, int threads = 1) {
  Result result{0, at::zeros_like(p.weight), at::zeros_like(p.bias), at::full_like(p.hidden_t, NAN)};
  const OutputGradients grads{result.weight.mutable_data_ptr<float>(), result.bias.mutable_data_ptr<float>(),
                              result.hidden_t.mutable_data_ptr<float>()};
  ThreadPool pool(threads);
  const float* hidden_t = p.hidden_t.const_data_ptr<float>();
  lead(pool, threads - 1, [&](SpinPool& pool) {
    result.loss = loss(weights_of(p), p.batch, hidden_t, &grads, pool);
    EXPECT_EQ(loss(weights_of(p), p.batch, hidden_t, nullptr, pool), result.loss);
  });
  return result;
}

Result expected(const Problem& p) {
  const at::Tensor hidden = p.hidden_t.to(at::kDouble).nan_to_num(0).requires_grad_();
  const at::Tensor weight = p.weight.to(at::kDouble).requires_grad_(),
                   bias = p.bias.to(at::kDouble).requires_grad_();
  at::Tensor logits = at::linear(hidden.transpose(1, 2), weight, bias);  // [time, width, vocab]
  if (p.relu) logits = logits.relu();
  const at::Tensor targets =
      at::tensor(p.batch.targets).to(at::kLong).clamp_min(0).view({p.batch.time, -1, 1});
  const at::Tensor nll = -at::log_softmax(logits, 2).gather(2, targets).squeeze(2);
  const at::Tensor loss = (nll * at::tensor(p.batch.weights).view({p.batch.time, -1})).sum();
  loss.backward();
  at::Tensor d_hidden = hidden.grad();
  for (int64_t t = 0; t < p.batch.time; t++) {
    d_hidden[t].narrow(1, p.batch.used[t], p.batch.width - p.batch.used[t]).fill_(0);
  }
  return {loss.item<double>(), weight.grad(), bias.grad(), d_hidden};
}

}  // namespace

TEST(output_loss, matches_the_dense_loss_and_gradients_at_every_boundary) {
  Buffer panels;
  OutputLoss loss(arithmetic(Precision::fp32), panels);  // shared by all sizes: its buffers are reused
  for (const Size& size : sizes) {
    for (const bool relu : {false, true}) {
      const Problem p = problem(size, relu);
      const Result is = actual(loss, p), should = expected(p);
      EXPECT(std::abs(is.loss / should.loss - 1) < 3e-7);
      EXPECT_CLOSE(is.weight, should.weight, 2e-5);
      EXPECT_CLOSE(is.bias, should.bias, 2e-5);
      EXPECT_CLOSE(is.hidden_t, should.hidden_t, 2e-5);
    }
  }
}

TEST(output_loss, bf16_differs_by_rounding) {
  if (!has_bf16()) return;
  Buffer panels;
  OutputLoss loss(arithmetic(Precision::bf16), panels);
  for (const Size& size : sizes) {
    for (const bool relu : {false, true}) {
      const Problem p = problem(size, relu);
      const Result is = actual(loss, p), should = expected(p);
      const double share = relu ? 0.1 : 0.01;  // rounding can decide whether ReLU cuts a logit off
      EXPECT(std::abs(is.loss / should.loss - 1) < share);
      EXPECT(close_in_norm(is.weight, should.weight, share));
      EXPECT(close_in_norm(is.bias, should.bias, share));
      EXPECT(close_in_norm(is.hidden_t, should.hidden_t, share));
    }
  }
}

TEST(output_loss, results_do_not_depend_on_the_number_of_threads) {
  for (const Precision precision : precisions()) {
    Buffer panels;
    OutputLoss loss(arithmetic(precision), panels);
    const Problem p = problem({12, 150, 37, 400}, false);
    const Result one = actual(loss, p);
    for (const int threads : {2, 3, 16}) {
      const Result many = actual(loss, p, threads);
      EXPECT_EQ(many.loss, one.loss);
      EXPECT(many.weight.equal(one.weight) && many.bias.equal(one.bias));
      EXPECT(many.hidden_t.equal(one.hidden_t));
    }
  }
}

}  // namespace tangshi::test
