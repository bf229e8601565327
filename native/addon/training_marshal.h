// The arguments and results of a TrainingSession; see marshal.h.
#pragma once

#include "addon/marshal.h"
#include "cuda/driver.h"
#include "model/precision.h"
#include "train/batch.h"
#include "train/optimizer_config.h"

namespace tangshi {

struct TrainingConfig {
  ModelConfig model;
  OptimizerConfig optimizer;
  int device = -1;  // the index of a GPU, or -1 for the CPU
  uint64_t seed = 0;
  int threads = 1;
  StepConfig step = {};
};

struct StepOptions {
  std::vector<double> lrs;  // of each batch
  double clip_norm;
};

TrainingConfig to_training_config(const Napi::Value& value);
std::vector<Batch> to_batches(const Napi::Value& value, int64_t vocab_size);
StepOptions to_step_options(const Napi::Value& value, size_t batches);

Napi::Value to_js(Napi::Env env, const std::vector<StepStats>& stats);
Napi::Value to_js(Napi::Env env, const TotalNll& total);
Napi::Value to_js(Napi::Env env, const CudaFacts& facts);

}  // namespace tangshi
