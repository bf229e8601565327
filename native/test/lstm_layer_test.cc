// The LSTM layer of the kernels against libtorch's in double precision.
#include "train/lstm_layer.h"

#include "expect_close.h"

namespace tangshi::test {
namespace {

// Around the sizes of vectors, tiles and summation blocks.
struct Size {
  int64_t time, batch, in, hidden;
};
const std::vector<Size> sizes = {
    {1, 1, 1, 1}, {3, 2, 5, 7}, {20, 16, 100, 64}, {9, 33, 17, 16}, {5, 300, 4, 9}};

struct Problem {
  at::Tensor x, h, c;
  std::vector<at::Tensor> weights;
};

Problem problem(const Size& n) {
  const auto random = at::make_generator<at::CPUGeneratorImpl>(5);
  return {at::randn({n.time, n.batch, n.in}, random),
          at::randn({1, n.batch, n.hidden}, random),
          at::randn({1, n.batch, n.hidden}, random),
          {at::randn({4 * n.hidden, n.in}, random) * 0.3, at::randn({4 * n.hidden, n.hidden}, random) * 0.3,
           at::randn({4 * n.hidden}, random), at::randn({4 * n.hidden}, random)}};
}

at::Tensor leaf(const at::Tensor& tensor, at::ScalarType type) { return tensor.to(type).requires_grad_(); }

}  // namespace

TEST(lstm_layer, output_state_and_gradients_match_libtorch) {
  for (const Size& size : sizes) {
    const Problem p = problem(size);
    at::Tensor x = leaf(p.x.clone(), at::kFloat), exact_x = leaf(p.x, at::kDouble);
    std::vector<at::Tensor> weights, exact;
    for (const at::Tensor& weight : p.weights) {
      weights.push_back(leaf(weight.clone(), at::kFloat));
      exact.push_back(leaf(weight, at::kDouble));
    }
    const LayerOutput actual = lstm_layer(x, {p.h, p.c}, weights);
    const auto [out, h, c] = at::lstm(exact_x, {p.h.to(at::kDouble), p.c.to(at::kDouble)}, exact, true, 1,
                                      0.0, true, false, false);
    EXPECT_CLOSE(actual.out.detach(), out.detach(), 5e-6);
    EXPECT_CLOSE(actual.state.h, h.detach(), 5e-6);
    EXPECT_CLOSE(actual.state.c, c.detach(), 5e-6);

    const at::Tensor d_out = at::randn(out.sizes(), at::make_generator<at::CPUGeneratorImpl>(6));
    actual.out.backward(d_out);
    out.backward(d_out.to(at::kDouble));
    EXPECT_CLOSE(x.grad(), exact_x.grad(), 5e-6);
    for (size_t i = 0; i < weights.size(); i++) EXPECT_CLOSE(weights[i].grad(), exact[i].grad(), 5e-6, 3e-5);
  }
}

TEST(lstm_layer, ended_sequences_are_skipped) {
  const Problem p = problem({6, 40, 5, 7});
  const std::vector<int64_t> batch_sizes = {40, 40, 33, 32, 17, 3};
  at::Tensor d_out = at::randn({6, 40, 7}, at::make_generator<at::CPUGeneratorImpl>(6));
  for (int64_t t = 0; t < 6; t++) d_out[t].narrow(0, batch_sizes[t], 40 - batch_sizes[t]).zero_();
  const auto run = [&](const std::vector<int64_t>& batch_sizes) {
    std::vector<at::Tensor> results = {leaf(p.x.clone(), at::kFloat)};
    for (const at::Tensor& weight : p.weights) results.push_back(leaf(weight.clone(), at::kFloat));
    const auto weights = at::TensorList(results).slice(1);
    const at::Tensor out = lstm_layer(results[0], {p.h, p.c}, weights, batch_sizes).out;
    out.backward(d_out);
    for (at::Tensor& result : results) result = result.grad();
    results.push_back(out.detach() * d_out.ne(0));
    EXPECT(out.isfinite().all().item<bool>());
    return results;
  };
  const auto whole = run({}), less = run(batch_sizes);
  for (size_t i = 0; i < whole.size(); i++) EXPECT_CLOSE(less[i], whole[i], 1e-6);
}

TEST(lstm_layer, rejects_what_it_does_not_support) {
  const Problem p = problem({3, 2, 5, 7});
  std::vector<at::Tensor> weights = p.weights;
  weights[0].requires_grad_();
  EXPECT_THROWS((lstm_layer(p.x, {leaf(p.h.clone(), at::kFloat), p.c}, weights)), c10::Error);
  const at::Tensor sum = lstm_layer(p.x, {p.h, p.c}, weights).out.sum();
  sum.backward({}, /*retain_graph=*/true);
  EXPECT_THROWS(sum.backward(), std::exception);
}

TEST(lstm_layer, columns_without_a_sequence_are_zero) {
  // They do not keep the old content of the memory, where a NaN would reach the weights.
  const Problem p = problem({4, 3, 5, 7});
  std::vector<at::Tensor> weights = p.weights;
  for (at::Tensor& weight : weights) weight.requires_grad_();
  for (int round = 0; round < 3; round++) {
    at::full({1 << 16}, NAN);  // freed at once
    lstm_layer(p.x, {p.h, p.c}, weights).out.sum().backward();
    for (const at::Tensor& weight : weights) EXPECT(weight.grad().isfinite().all().item<bool>());
  }
}

}  // namespace tangshi::test
