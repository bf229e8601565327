#include "kernels.h"

#include "cpu_features.h"

namespace tangshi {

namespace baseline {
extern const Kernels table;
}
namespace avx2 {
extern const Kernels table;
}
namespace avx512 {
extern const Kernels table;
}

std::vector<const Kernels*> supported_kernels() {
  std::vector<const Kernels*> tables = {&baseline::table};
#if defined(__x86_64__)
  const CpuFeatures features = cpu_features();
  if (features.avx2) tables.push_back(&avx2::table);
  if (features.avx512) tables.push_back(&avx512::table);
#endif
  return tables;
}

const Kernels& kernels() {
  static const Kernels& best = *supported_kernels().back();
  return best;
}

}  // namespace tangshi
