#include "kernels.h"

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

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables = {&baseline::table};
  const bool has_avx2 =
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
  if (!has_avx2) return tables;
  tables.push_back(&avx2::table);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    tables.push_back(&avx512::table);
  }
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
