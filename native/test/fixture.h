// A network and a batch small enough to look at.
#pragma once

#include "expect.h"
#include "train/trainer.h"

namespace tangshi::test {

inline ModelConfig small_model(Cell cell = Cell::lstm) {
  return {.cell = cell, .vocab_size = 11, .embed_dim = 5, .hidden_dim = 7, .layers = 2};
}

inline Trainer small_trainer(const ModelConfig& model = small_model(), const OptimizerConfig& optimizer = {},
                             uint64_t seed = 1, int threads = 1) {
  return Trainer(model, optimizer, at::kCPU, seed, threads);
}

// Two rows of four positions; the second row has two real ones.
inline Batch small_batch() {
  return {.inputs = {1, 2, 3, 4, 5, 6, 0, 0}, .targets = {2, 3, 4, 9, 6, 10, -1, -1}, .rows = 2, .time = 4};
}

}  // namespace tangshi::test
