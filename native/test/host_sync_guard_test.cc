#include "host_sync_guard.h"

#include "expect_close.h"

namespace tangshi::test {
namespace {

template <typename Work>
std::vector<std::string> refused(const Work& work) {
  const HostSyncGuard guard;
  work();
  return guard.refused();
}

bool refuses(const std::string& name, const std::vector<std::string>& refused) {
  return std::find(refused.begin(), refused.end(), name) != refused.end();
}

// Tensors on a device other than the host, available in every build.
at::Tensor on_meta(at::IntArrayRef sizes) { return at::zeros(sizes, at::kMeta); }

}  // namespace

TEST(host_sync_guard, detects_reads_by_the_host) {
  const at::Tensor x = at::ones({3});
  EXPECT(refuses("aten::_local_scalar_dense", refused([&] { x[0].item<float>(); })));
  EXPECT(refuses("aten::is_nonzero", refused([&] { (x[0] > 0).is_nonzero(); })));
  EXPECT(refuses("aten::equal", refused([&] { x.equal(x); })));
  EXPECT(refuses("aten::nonzero", refused([&] { x.index({x > 0}); })));
  EXPECT(refuses("aten::masked_select", refused([&] { x.masked_select(x > 0); })));
}

TEST(host_sync_guard, detects_reads_in_a_backward_pass) {
  const at::Tensor x = at::ones({3}).requires_grad_();
  const at::Tensor y = x * 2;
  x.register_hook([](const at::Tensor& grad) {
    grad[0].item<float>();
    return grad;
  });
  EXPECT(refuses("aten::_local_scalar_dense", refused([&] { y.backward(at::ones({3})); })));
}

TEST(host_sync_guard, detects_copies_between_devices) {
  const at::Tensor host = at::ones({3}), device = on_meta({3});
  EXPECT(refuses("aten::to", refused([&] { host.to(at::kMeta); })));
  EXPECT(refuses("aten::copy_", refused([&] { device.copy_(host); })));
}

TEST(host_sync_guard, detects_numbers_that_where_copies_to_the_device) {
  const at::Tensor x = at::ones({3});
  EXPECT(refuses("aten::where", refused([&] { at::where(x > 0, x, 0); })));
  EXPECT(refused([&] { at::where(x > 0, x, at::zeros({})); }).empty());
}

TEST(host_sync_guard, accepts_work_that_stays_on_the_device) {
  for (const at::Tensor& x : {at::ones({3}), on_meta({3})}) {
    EXPECT(refused([&] { x.copy_((x * 2 + 1).to(at::kDouble)); }).empty());
  }
}

}  // namespace tangshi::test
