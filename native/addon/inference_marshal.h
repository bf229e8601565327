// The arguments and results of an InferenceSession; see marshal.h.
#pragma once

#include "addon/marshal.h"
#include "model/precision.h"
#include "sample/generate.h"

namespace tangshi {

struct InferenceConfig {
  ModelConfig model;
  int device = -1;  // the index of a GPU for large numbers of sequences, or -1 for the CPU only
  Precision precision = Precision::tf32;  // of a GPU
  int threads = 1;
};

InferenceConfig to_inference_config(const Napi::Value& value);
// Sequences of ids, each with at least one.
std::vector<std::vector<int32_t>> to_sequences(const Field& sequences, int64_t vocab_size);
GenerateOptions to_generate_options(const Field& options, int64_t vocab_size,
                                    const std::vector<std::vector<int32_t>>& prompts);

Napi::Value to_js(Napi::Env env, const std::vector<Sample>& samples);

}  // namespace tangshi
