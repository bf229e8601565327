#include "train/packed_batch.h"

#include <algorithm>
#include <numeric>

#include "train/batch_minor.h"

namespace tangshi {
namespace {

// Number of time steps up to the last real target.
int64_t length(const Batch& batch, int64_t row) {
  const auto begin = batch.targets.begin() + row * batch.time;
  int64_t steps = batch.time;
  while (steps > 0 && begin[steps - 1] < 0) steps--;
  return steps;
}

}  // namespace

PackedBatch pack(const Batch& batch, const std::vector<float>& row_weights) {
  std::vector<int64_t> lengths(batch.rows), rows(batch.rows);
  for (int64_t row = 0; row < batch.rows; row++) lengths[row] = length(batch, row);
  std::iota(rows.begin(), rows.end(), 0);
  std::stable_sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });

  PackedBatch packed{.time = rows.empty() ? 0 : lengths[rows[0]], .width = padded_size(batch.rows)};
  packed.inputs.resize(packed.size());
  packed.targets.resize(packed.size(), -1);
  packed.weights.resize(packed.size());
  for (int64_t t = 0, live = batch.rows; t < packed.time; t++) {
    while (lengths[rows[live - 1]] <= t) live--;
    packed.used.push_back(padded_size(live));
    for (int64_t r = 0; r < live; r++) {
      const int64_t from = rows[r] * batch.time + t, to = t * packed.width + r;
      packed.inputs[to] = batch.inputs[from];
      packed.targets[to] = batch.targets[from];
      if (batch.targets[from] < 0) continue;
      packed.weights[to] = row_weights[rows[r]];
      packed.positions.push_back(to);
    }
  }
  return packed;
}

}  // namespace tangshi
