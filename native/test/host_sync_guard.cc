#include "host_sync_guard.h"

#include <ATen/record_function.h>

#include <algorithm>
#include <set>

namespace tangshi::test {
namespace {

thread_local std::vector<std::string>* found = nullptr;

// The host reads a value, or the size of the result depends on values.
bool waits(const std::string& name) {
  static const std::set<std::string> names = {"aten::_local_scalar_dense",
                                              "aten::item",
                                              "aten::is_nonzero",
                                              "aten::equal",
                                              "aten::allclose",
                                              "aten::nonzero",
                                              "aten::nonzero_static",
                                              "aten::argwhere",
                                              "aten::masked_select",
                                              "aten::_unique",
                                              "aten::_unique2",
                                              "aten::unique_dim",
                                              "aten::unique_consecutive",
                                              "aten::bincount",
                                              "aten::_pack_padded_sequence",
                                              "aten::repeat_interleave"};
  return names.contains(name);
}

bool copies(const std::string& name) {
  return name == "aten::copy_" || name == "aten::to" || name == "aten::_to_copy";
}

bool across_devices(c10::ArrayRef<const c10::IValue> inputs) {
  std::set<c10::DeviceType> devices;
  for (const c10::IValue& input : inputs) {
    if (input.isTensor() && input.toTensor().defined()) devices.insert(input.toTensor().device().type());
    if (input.isDevice()) devices.insert(input.toDevice().type());
  }
  return devices.size() > 1;
}

// where() creates a tensor from a number on the host and copies it.
bool copies_a_number(const std::string& name, c10::ArrayRef<const c10::IValue> inputs) {
  return name == "aten::where" &&
         std::any_of(inputs.begin(), inputs.end(), [](const c10::IValue& input) { return input.isScalar(); });
}

std::unique_ptr<at::ObserverContext> observe(const at::RecordFunction& call) {
  const std::string name = call.name();
  if (waits(name) || (copies(name) && across_devices(call.inputs())) ||
      copies_a_number(name, call.inputs())) {
    found->push_back(name);
  }
  return nullptr;
}

}  // namespace

HostSyncGuard::HostSyncGuard()
    : callback_(at::addThreadLocalCallback(at::RecordFunctionCallback(observe).needsInputs(true))) {
  found = &refused_;
}

HostSyncGuard::~HostSyncGuard() {
  at::removeCallback(callback_);
  found = nullptr;
}

}  // namespace tangshi::test
