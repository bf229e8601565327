// EXPECT_CLOSE, for tensors.
#pragma once

#include <string>

#include "expect.h"
#include "libtorch.h"

namespace tangshi::test {

// Empty if |actual - expected| <= atol + rtol |expected| for each element, as numpy.allclose defines it; NaN
// is close to nothing. Otherwise describes the element that exceeds its tolerance the most.
std::string mismatch(const at::Tensor& actual, const at::Tensor& expected, double rtol, double atol);

// One tolerance for both, for elements on the order of 1.
inline std::string mismatch(const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  return mismatch(actual, expected, tolerance, tolerance);
}

// Whether |actual - expected| <= share x |expected| in the 2-norm.
inline bool close_in_norm(const at::Tensor& actual, const at::Tensor& expected, double share) {
  return (actual - expected).norm().item<double>() <= share * expected.norm().item<double>();
}

}  // namespace tangshi::test

// EXPECT_CLOSE(actual, expected, rtol, atol) or EXPECT_CLOSE(actual, expected, tolerance): see mismatch().
#define EXPECT_CLOSE(actual, expected, ...)                                                   \
  if (const std::string mismatch_ = ::tangshi::test::mismatch(actual, expected, __VA_ARGS__); \
      !mismatch_.empty())                                                                     \
  ::tangshi::test::fail(__FILE__, __LINE__, #actual " is not close to " #expected ": ", mismatch_)
