#include "bf16.h"

#include "cpu_features.h"

namespace tangshi {

#if defined(__x86_64__)
namespace avx512_bf16 {
extern const Bf16Kernels table;
}

const Bf16Kernels* bf16_kernels() {
  static const bool supported = cpu_features().avx512_bf16;
  return supported ? &avx512_bf16::table : nullptr;
}
#else
const Bf16Kernels* bf16_kernels() { return nullptr; }
#endif

}  // namespace tangshi
