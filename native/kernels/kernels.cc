#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tangshi {

namespace baseline {
extern const Kernels table;
}

#if defined(__x86_64__)
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}

namespace {

// Which levels the CPU supports, and the system too, which must save the registers. Read from the CPU:
// __builtin_cpu_supports("f16c") does not compile with clang 14, and with zig every feature is missing.
struct Support {
  bool avx2 = false, avx512 = false;
};

Support find_support() {
  const auto all = [](unsigned bits, unsigned needed) { return (bits & needed) == needed; };
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || !all(ecx, bit_OSXSAVE | bit_FMA | bit_F16C)) return {};
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if (!all(saved, 0x06) || __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return {};
#if defined(__APPLE__)
  saved |= 0xe0;  // macOS begins to save the registers of AVX-512 when a thread first uses them
#endif
  const bool avx2 = all(ebx, bit_AVX2);
  return {avx2,
          avx2 && all(saved, 0xe6) && all(ebx, bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL)};
}

}  // namespace

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables = {&baseline::table};
  const Support support = find_support();
  if (support.avx2) tables.push_back(&avx2::table);
  if (support.avx512) tables.push_back(&avx512::table);
  return tables;
}
#else
std::vector<const Kernels*> supported_kernels() { return {&baseline::table}; }
#endif

const Kernels& kernels() {
  static const Kernels& best = *supported_kernels().back();
  return best;
}

}  // namespace tangshi
