// Small models and batches that can be inspected, and larger batches.
#pragma once

#include "expect_close.h"
#include "train/trainer.h"

namespace tangshi::test {

inline ModelConfig small_model(Cell cell = Cell::lstm) {
  return {.cell = cell, .vocab_size = 11, .embed_dim = 5, .hidden_dim = 7, .layers = 2};
}

inline Trainer small_trainer(const ModelConfig& model = small_model(), const OptimizerConfig& optimizer = {},
                             uint64_t seed = 1, int threads = 1) {
  return Trainer(model, optimizer, at::kCPU, seed, threads);
}

// A model on a trainer's weights, computed with libtorch's operators.
inline Model model_of(const Trainer& trainer) { return Model(trainer.config(), trainer.parameters()); }

// Two rows of four positions; the second row has two real ones.
inline Batch small_batch() {
  return {.inputs = {1, 2, 3, 4, 5, 6, 0, 0}, .targets = {2, 3, 4, 9, 6, 10, -1, -1}, .rows = 2, .time = 4};
}

// 40 rows of 1 to 9 real targets. Some rows have none, and some have
// a masked target in the middle.
inline Batch many_rows(uint64_t seed = 1) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const auto below = [&](int64_t end) {
    return static_cast<int32_t>(at::randint(end, {}, generator, at::kLong).item<int64_t>());
  };
  Batch batch{.rows = 40, .time = 9};
  for (int64_t row = 0; row < batch.rows; row++) {
    const int64_t length = row % 10 == 0 ? 0 : 1 + below(batch.time);
    for (int64_t t = 0; t < batch.time; t++) {
      batch.inputs.push_back(below(11));
      batch.targets.push_back(t < length && below(10) != 0 ? below(11) : -1);
    }
  }
  return batch;
}

}  // namespace tangshi::test
