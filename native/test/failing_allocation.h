// Memory that runs out when a test wants it to.
#pragma once

#include <cstdint>

namespace tangshi::test {

// While it lives, one allocation of this thread fails: that which comes after `successes` others.
class FailingAllocation {
 public:
  explicit FailingAllocation(int64_t successes);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  // Counts an allocation. Throws std::bad_alloc if it is the one to fail. operator new calls it; allocators
  // of another kind may.
  static void count();
};

}  // namespace tangshi::test
