#include "cuda/precision_guard.h"

namespace tangshi {
namespace {

std::mutex turns;

}  // namespace

PrecisionGuard::PrecisionGuard(Precision precision) : lock_(turns) {
  const bool exact = precision == Precision::fp32;
  at::Context& context = at::globalContext();
  // The older of two settings, which libtorch wants to agree; it speaks of the CPU as well.
  context.setFloat32MatmulPrecision(exact ? "highest" : "high");
  context.setFloat32Precision(at::Float32Backend::MKLDNN, at::Float32Op::MATMUL, at::Float32Precision::IEEE);
  context.setFloat32Precision(at::Float32Backend::CUDA, at::Float32Op::RNN,
                              exact ? at::Float32Precision::IEEE : at::Float32Precision::TF32);
}

}  // namespace tangshi
