// The loss with tensor operations against the same sum computed with autograd.
#include "train/tensor_output_loss.h"

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

TEST(tensor_output_loss, matches_the_dense_loss_and_gradients) {
  for (const Size& size : sizes) {
    for (const bool relu : {false, true}) {
      Problem p = problem(size, relu);
      OutputGrads grads{at::empty_like(p.input.hidden), at::zeros_like(p.layer.weight),
                        at::zeros_like(p.layer.bias)};
      const at::Tensor loss = tensor_output_loss(p.layer, p.input, &grads);
      EXPECT(tensor_output_loss(p.layer, p.input, nullptr).equal(loss));
      for (at::Tensor t : {p.input.hidden, p.layer.weight, p.layer.bias}) t.requires_grad_();
      const at::Tensor expected = reference(p);
      expected.backward();
      EXPECT_CLOSE(loss, expected.detach(), 3e-7);
      EXPECT_CLOSE(grads.hidden, p.input.hidden.grad(), 2e-5);
      EXPECT_CLOSE(grads.weight, p.layer.weight.grad(), 2e-5);
      EXPECT_CLOSE(grads.bias, p.layer.bias.grad(), 2e-5);
    }
  }
}

}  // namespace tangshi::test
