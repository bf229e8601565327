#include "cuda/precision_guard.h"

#include "libtorch.h"

namespace tangshi {
namespace {

std::mutex mutex;

}  // namespace

PrecisionGuard::PrecisionGuard(Precision precision) : lock_(mutex) {
  const bool exact = precision == Precision::fp32;
  at::Context& context = at::globalContext();
  // The older of two APIs, which libtorch requires to agree. It also applies to the CPU; the next line
  // restores full precision there.
  context.setFloat32MatmulPrecision(exact ? "highest" : "high");
  context.setFloat32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL, at::Float32Precision::IEEE);
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::RNN,
                              exact ? at::Float32Precision::IEEE : at::Float32Precision::TF32);
}

}  // namespace tangshi
