// A small network with random weights, for generation without libtorch.
#pragma once

#include <cstring>
#include <memory>
#include <numeric>

#include "expect.h"
#include "sample/generate.h"

namespace tangshi::test {

inline ModelConfig small_network(Cell cell = Cell::lstm) {
  return {.cell = cell, .vocab_size = 11, .embed_dim = 5, .hidden_dim = 7, .layers = 2};
}

// Weights from U(-scale, scale).
inline TensorMap random_tensors(const ModelConfig& config, uint64_t seed = 1, double scale = 0.8) {
  Random random(seed, 0);
  TensorMap tensors;
  for (const ParameterSpec& spec : parameter_specs(config)) {
    std::vector<float> values(
        std::accumulate(spec.shape.begin(), spec.shape.end(), int64_t{1}, std::multiplies<int64_t>()));
    for (float& value : values) value = static_cast<float>((2 * random.uniform() - 1) * scale);
    TensorBytes bytes{"F32", spec.shape, std::vector<uint8_t>(values.size() * sizeof(float))};
    std::memcpy(bytes.data.data(), values.data(), bytes.data.size());
    tensors.emplace(spec.name, std::move(bytes));
  }
  return tensors;
}

// Everything needed to generate in tests.
struct Writer {
  explicit Writer(const ModelConfig& config = small_network(), int threads = 1)
      : network(config, random_tensors(config)), threads(threads) {}
  Writer(const ModelConfig& config, const TensorMap& tensors) : network(config, tensors), threads(1) {}

  std::vector<Sample> operator()(
      const std::vector<std::vector<int32_t>>& prompts, GenerateOptions options,
      const std::function<bool()>& canceled = [] { return false; }, const OnToken& on_token = nullptr) {
    // By default, sequence i is drawn from stream i of seed 7.
    if (options.seeds.empty()) options.seeds.assign(prompts.size(), 7);
    for (size_t i = options.streams.size(); i < prompts.size(); i++) options.streams.push_back(i);
    return generate({network, threads}, prompts, options, canceled, on_token);
  }

  Network network;
  ThreadPool threads;
};

}  // namespace tangshi::test
