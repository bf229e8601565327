#include "expect_close.h"

namespace tangshi::test {
namespace {

bool close(const at::Tensor& actual, const at::Tensor& expected, double rtol, double atol) {
  return mismatch(actual, expected, rtol, atol).empty();
}

}  // namespace

TEST(expect_close, elements_are_close_within_atol_plus_rtol_times_the_expected_one) {
  const at::Tensor expected = at::tensor({100.0, 0.0, -1.0}, at::kDouble);
  const auto off = [&](double first, double second) {
    return expected + at::tensor({first, second, 0.0}, at::kDouble);
  };
  EXPECT(close(off(1.0, 0.0), expected, 0.01, 0.0));
  EXPECT(!close(off(1.1, 0.0), expected, 0.01, 0.0));
  EXPECT(close(off(1.1, 0.1), expected, 0.01, 0.1));
  EXPECT(!close(off(0.0, 0.2), expected, 0.01, 0.1));  // however large the other elements are
  EXPECT(close(expected, expected, 0, 0));
}

TEST(expect_close, nan_is_close_to_nothing_and_infinity_only_to_itself) {
  const at::Tensor nan = at::tensor({1.0f, NAN}), inf = at::tensor({1.0f, INFINITY});
  EXPECT(!close(nan, at::ones({2}), 1, 1));
  EXPECT(!close(at::ones({2}), nan, 1, 1));
  EXPECT(!close(nan, nan, 1, 1));
  EXPECT(close(inf, inf, 0, 0));
  EXPECT(!close(inf, -inf, 1, 1));
  EXPECT(!close(at::ones({2}), inf, 0, 1));
}

TEST(expect_close, names_the_worst_element) {
  at::Tensor actual = at::zeros({2, 3, 4});
  actual[0][0][0] = 1;
  actual[1][0][2] = -2;
  const std::string message = mismatch(actual, at::zeros({2, 3, 4}), 0.5, 0.5);
  EXPECT(message.starts_with("element [1, 0, 2] is -2, expected 0: 4 times the tolerance"));
  EXPECT(mismatch(at::ones({2}), at::ones({3}), 1, 1) == "shape [2], expected [3]");
}

}  // namespace tangshi::test
