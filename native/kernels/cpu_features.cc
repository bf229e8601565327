#include "cpu_features.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tangshi {

#if defined(__x86_64__)
// Read from the CPU: __builtin_cpu_supports("f16c") does not compile with clang 14, and with zig every
// feature is missing.
CpuFeatures cpu_features() {
  constexpr unsigned has_bf16 = 1 << 5;  // not in every compiler's header
  const auto all = [](unsigned bits, unsigned needed) { return (bits & needed) == needed; };
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || !all(ecx, bit_OSXSAVE | bit_FMA | bit_F16C)) return {};
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if (!all(saved, 0x06) || __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0) return {};
#if defined(__APPLE__)
  saved |= 0xe0;  // macOS begins to save the registers of AVX-512 when a thread first uses them
#endif
  const unsigned subleaves = eax;
  const bool avx2 = all(ebx, bit_AVX2);
  const bool avx512 =
      avx2 && all(saved, 0xe6) && all(ebx, bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL);
  const bool bf16 =
      avx512 && subleaves > 0 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && all(eax, has_bf16);
  return {avx2, avx512, bf16};
}
#else
CpuFeatures cpu_features() { return {}; }
#endif

}  // namespace tangshi
