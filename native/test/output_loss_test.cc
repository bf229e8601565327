// The chunked loss against the same sum computed with autograd.
#include "train/output_loss.h"

#include "expect_close.h"

namespace tangshi::test {
namespace {

struct Problem {
  LossInput input;
  OutputLayer layer;
};

// Around the sizes of vectors, tiles, blocks and chunks.
struct Size {
  int64_t positions, features, vocab;
};
const std::vector<Size> sizes = {{600, 7, 13},   {1, 7, 13},     {255, 16, 128}, {256, 64, 129},
                                 {257, 70, 300}, {512, 33, 255}, {17, 128, 257}};

Problem problem(const Size& size, bool relu) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(3);
  return {{at::randn({size.positions, size.features}, generator),
           at::randint(0, size.vocab, {size.positions}, generator, at::kLong),
           at::rand({size.positions}, generator)},
          {at::randn({size.vocab, size.features}, generator), at::randn({size.vocab}, generator), relu}};
}

at::Tensor reference(const Problem& p) {
  at::Tensor logits = at::addmm(p.layer.bias, p.input.hidden, p.layer.weight.t());
  if (p.layer.relu_logits) logits = logits.relu();
  const at::Tensor nll = -at::log_softmax(logits, 1).gather(1, p.input.targets.unsqueeze(1)).squeeze(1);
  return (nll * p.input.weights).sum();
}

}  // namespace

TEST(output_loss, matches_the_dense_loss_and_gradients_at_every_boundary) {
  OutputLoss chunked;  // shared by all sizes: its buffers are reused
  for (const Size& size : sizes) {
    for (const bool relu : {false, true}) {
      Problem p = problem(size, relu);
      OutputGrads grads{at::empty_like(p.input.hidden), at::zeros_like(p.layer.weight),
                        at::zeros_like(p.layer.bias)};
      const double loss = chunked(p.layer, p.input, &grads);
      EXPECT_EQ(chunked(p.layer, p.input, nullptr), loss);

      for (at::Tensor t : {p.input.hidden, p.layer.weight, p.layer.bias}) t.requires_grad_();
      const at::Tensor expected = reference(p);
      expected.backward();
      EXPECT_CLOSE(at::scalar_tensor(loss), expected.detach(), 3e-7);
      EXPECT_CLOSE(grads.hidden, p.input.hidden.grad(), 2e-5);
      EXPECT_CLOSE(grads.weight, p.layer.weight.grad(), 2e-5);
      EXPECT_CLOSE(grads.bias, p.layer.bias.grad(), 2e-5);

      OutputGrads by_tensors{at::empty_like(grads.hidden), at::zeros_like(grads.weight),
                             at::zeros_like(grads.bias)};
      EXPECT_CLOSE(tensor_output_loss(p.layer, p.input, &by_tensors), expected.detach(), 3e-7);
      EXPECT_CLOSE(by_tensors.hidden, p.input.hidden.grad(), 2e-5);
      EXPECT_CLOSE(by_tensors.weight, p.layer.weight.grad(), 2e-5);
      EXPECT_CLOSE(by_tensors.bias, p.layer.bias.grad(), 2e-5);
    }
  }
}

TEST(output_loss, rows_of_weight_zero_have_no_effect) {
  const Problem p = problem({40, 7, 13}, false);
  LossInput padded = p.input;
  padded.weights = at::cat({p.input.weights.narrow(0, 0, 30), at::zeros({10})});
  OutputLoss chunked;
  OutputGrads grads{at::empty_like(padded.hidden), at::zeros_like(p.layer.weight),
                    at::zeros_like(p.layer.bias)};
  const double loss = chunked(p.layer, padded, &grads);
  const double without = chunked(p.layer, p.input.narrow(0, 30), nullptr);
  EXPECT(std::abs(loss - without) < 1e-5);
  EXPECT_EQ(grads.hidden.narrow(0, 30, 10).abs().max().item<float>(), 0.0f);
}

}  // namespace tangshi::test
