// The chunked loss against the same sum written out for autograd.
#include "loss.h"

#include "expect.h"

namespace tangshi::test {
namespace {

struct Problem {
  at::Tensor hidden, targets, weights;
  OutputLayer layer;
};

Problem problem(int64_t rows, bool relu) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  return {at::randn({rows, 7}, generator),
          at::randint(0, 13, {rows}, generator, at::kLong),
          at::rand({rows}, generator),
          {at::randn({13, 7}, generator), at::randn({13}, generator), relu}};
}

at::Tensor reference(const Problem& p) {
  at::Tensor logits = at::addmm(p.layer.bias, p.hidden, p.layer.weight.t());
  if (p.layer.relu_logits) logits = logits.relu();
  const at::Tensor nll = -at::log_softmax(logits, 1).gather(1, p.targets.unsqueeze(1)).squeeze(1);
  return (nll * p.weights).sum();
}

}  // namespace

TEST(loss, equals_the_dense_loss_and_gradients_at_every_chunk_edge) {
  ChunkedLoss chunked;  // one for all sizes: its buffers are reused
  for (const int64_t rows : {600, 1, 255, 256, 257, 512}) {
    for (const bool relu : {false, true}) {
      Problem p = problem(rows, relu);
      OutputGrads grads{at::empty_like(p.hidden), at::zeros_like(p.layer.weight),
                        at::zeros_like(p.layer.bias)};
      const double loss = chunked(p.layer, p.hidden, p.targets, p.weights, &grads);
      EXPECT_EQ(chunked(p.layer, p.hidden, p.targets, p.weights, nullptr), loss);

      for (at::Tensor t : {p.hidden, p.layer.weight, p.layer.bias}) t.requires_grad_();
      const at::Tensor expected = reference(p);
      expected.backward();
      EXPECT_CLOSE(at::scalar_tensor(loss), expected.detach(), 1e-6);
      EXPECT_CLOSE(grads.hidden, p.hidden.grad(), 1e-5);
      EXPECT_CLOSE(grads.weight, p.layer.weight.grad(), 1e-5);
      EXPECT_CLOSE(grads.bias, p.layer.bias.grad(), 1e-5);
    }
  }
}

TEST(loss, rows_of_weight_zero_count_for_nothing) {
  const Problem p = problem(40, false);
  const at::Tensor real = p.weights.narrow(0, 0, 30);
  const at::Tensor padded = at::cat({real, at::zeros({10})});
  ChunkedLoss chunked;
  OutputGrads grads{at::empty_like(p.hidden), at::zeros_like(p.layer.weight), at::zeros_like(p.layer.bias)};
  const double loss = chunked(p.layer, p.hidden, p.targets, padded, &grads);
  const double without =
      chunked(p.layer, p.hidden.narrow(0, 0, 30), p.targets.narrow(0, 0, 30), real, nullptr);
  EXPECT(std::abs(loss - without) < 1e-5);
  EXPECT_EQ(grads.hidden.narrow(0, 30, 10).abs().max().item<float>(), 0.0f);
}

}  // namespace tangshi::test
