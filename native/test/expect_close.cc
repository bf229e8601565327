#include "expect_close.h"

#include <limits>
#include <sstream>

namespace tangshi::test {

std::string mismatch(const at::Tensor& actual, const at::Tensor& expected, double rtol, double atol) {
  std::ostringstream out;
  if (actual.sizes() != expected.sizes()) {
    out << "shape " << actual.sizes() << ", expected " << expected.sizes();
    return out.str();
  }
  if (expected.numel() == 0) return "";
  const auto flat = [](const at::Tensor& tensor) {
    return tensor.detach().cpu().to(at::kDouble).contiguous().view({-1});
  };
  const at::Tensor a = flat(actual), e = flat(expected);
  const at::Tensor difference = (a - e).abs().masked_fill_(a.eq(e), 0);  // equal infinities are close
  const at::Tensor excess = difference.div(e.abs().mul_(rtol).add_(atol))
                                .nan_to_num_(std::numeric_limits<double>::infinity())
                                .masked_fill_(a.eq(e), 0);
  const auto worst = excess.argmax().item<int64_t>();
  if (excess[worst].item<double>() <= 1) return "";
  std::vector<int64_t> index(expected.dim());
  for (int64_t dim = expected.dim() - 1, rest = worst; dim >= 0; rest /= expected.size(dim), dim--) {
    index[dim] = rest % expected.size(dim);
  }
  out << "element " << at::IntArrayRef(index) << " is " << a[worst].item<double>() << ", expected "
      << e[worst].item<double>() << ": " << excess[worst].item<double>() << " times the tolerance (rtol "
      << rtol << ", atol " << atol << ")";
  return out.str();
}

}  // namespace tangshi::test
