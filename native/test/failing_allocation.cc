#include "failing_allocation.h"

#include <cstdlib>
#include <new>

namespace tangshi::test {
namespace {

thread_local int64_t left = -1;  // allocations that succeed before the one that fails; below 0, none fails

}  // namespace

FailingAllocation::FailingAllocation(int64_t successes) { left = successes; }

FailingAllocation::~FailingAllocation() { left = -1; }

void FailingAllocation::count() {
  if (left >= 0 && left-- == 0) throw std::bad_alloc();
}

}  // namespace tangshi::test

// Replaces them in the whole program, libtorch included. The other forms of new and delete call these.
void* operator new(std::size_t size) {
  tangshi::test::FailingAllocation::count();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
