// Between JavaScript values and plain structs. Everything is copied and checked; nothing here touches a
// tensor.
#pragma once

#include <napi.h>

#include <stdexcept>

#include "cuda/driver.h"
#include "model/snapshot.h"
#include "sample/generate.h"
#include "train/trainer.h"

namespace tangshi {

// An error with the code that JavaScript sees.
class CodedError : public std::runtime_error {
 public:
  CodedError(std::string code, const std::string& message)
      : std::runtime_error(message), code(std::move(code)) {}
  std::string code;
};

// The exception in flight, whatever it is, as one with a code. Call inside a catch block.
CodedError current_error();
Napi::Error to_js(Napi::Env env, const CodedError& error);

struct SessionConfig {
  ModelConfig model;
  OptimizerConfig optimizer;
  at::Device device = at::kCPU;
  uint64_t seed = 0;
  int threads = 1;
  GpuConfig gpu = {};
};

struct StepOptions {
  std::vector<double> lrs;  // of each batch
  double clip_norm;
};

// These throw CodedError (EARG, ESHAPE), or Napi::Error where a getter of the caller's throws.
SessionConfig to_session_config(const Napi::Value& value);
std::vector<Batch> to_batches(const Napi::Value& value, int64_t vocab_size);
StepOptions to_step_options(const Napi::Value& value, size_t batches);
std::vector<std::vector<int32_t>> to_prompts(const Napi::Value& value, int64_t vocab_size);
SampleOptions to_sample_options(const Napi::Value& value, int64_t vocab_size, size_t prompts);
State to_state(const Napi::Value& value);

Napi::Value to_js(Napi::Env env, const std::vector<StepStats>& stats);
Napi::Value to_js(Napi::Env env, const TotalNll& total);
Napi::Value to_js(Napi::Env env, const std::vector<Sample>& samples);
Napi::Value to_js(Napi::Env env, const State& state);
Napi::Value to_js(Napi::Env env, const CudaFacts& facts);

}  // namespace tangshi
