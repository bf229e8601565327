// Detects on any device what the capture of a CUDA graph would reject: operators whose result the host waits
// for, and copies between devices.
#pragma once

#include <string>
#include <vector>

#include "libtorch.h"

namespace tangshi::test {

// Watches the operators of the calling thread during its lifetime.
class HostSyncGuard {
 public:
  HostSyncGuard();
  ~HostSyncGuard();
  HostSyncGuard(const HostSyncGuard&) = delete;
  HostSyncGuard& operator=(const HostSyncGuard&) = delete;

  // Names of the operators that would be rejected.
  const std::vector<std::string>& refused() const { return refused_; }

 private:
  std::vector<std::string> refused_;
  const uint64_t callback_;
};

}  // namespace tangshi::test
