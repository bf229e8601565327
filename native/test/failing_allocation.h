// Simulates running out of memory.
#pragma once

#include <cstdint>

namespace tangshi::test {

// While it exists, one allocation of this thread fails: the one after `successes` others.
class FailingAllocation {
 public:
  explicit FailingAllocation(int64_t successes);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  // Counts an allocation; throws std::bad_alloc if it is the one to fail. Called by operator new, and
  // optionally by other allocators.
  static void count();
};

}  // namespace tangshi::test
