#include "train/packed_batch.h"

#include <algorithm>
#include <numeric>

namespace tangshi {
namespace {

// Number of time steps up to the last real target.
int64_t length(const Batch& batch, int64_t row) {
  const auto begin = batch.targets.begin() + row * batch.time;
  int64_t steps = batch.time;
  while (steps > 0 && begin[steps - 1] < 0) steps--;
  return steps;
}

template <typename T>
at::Tensor tensor(const std::vector<T>& values) {
  return at::tensor(at::ArrayRef<T>(values));
}

}  // namespace

std::vector<int64_t> sorted_indices(const Batch& batch) {
  std::vector<int64_t> lengths(batch.rows), indices(batch.rows);
  for (int64_t row = 0; row < batch.rows; row++) lengths[row] = length(batch, row);
  std::iota(indices.begin(), indices.end(), 0);
  std::stable_sort(indices.begin(), indices.end(),
                   [&](int64_t a, int64_t b) { return lengths[a] > lengths[b]; });
  return indices;
}

PackedBatch pack(const Batch& batch, const std::vector<int64_t>& indices, int share, int count,
                 const std::vector<float>& row_weights) {
  std::vector<int64_t> rows;
  for (size_t i = share; i < indices.size(); i += count) rows.push_back(indices[i]);
  std::vector<int64_t> lengths;
  for (const int64_t row : rows) lengths.push_back(length(batch, row));
  const int64_t time = rows.empty() ? 0 : lengths[0], width = static_cast<int64_t>(rows.size());

  std::vector<int64_t> inputs(time * width), batch_sizes(time), target_index, targets;
  std::vector<float> weights;
  for (int64_t t = 0; t < time; t++) {
    for (int64_t r = 0; r < width; r++) {
      const int64_t from = rows[r] * batch.time + t;
      inputs[t * width + r] = batch.inputs[from];
      if (t < lengths[r]) batch_sizes[t]++;
      if (batch.targets[from] < 0) continue;
      target_index.push_back(t * width + r);
      targets.push_back(batch.targets[from]);
      weights.push_back(row_weights[rows[r]]);
    }
  }
  return {tensor(inputs).view({time, width}), batch_sizes, tensor(target_index), tensor(targets),
          tensor(weights)};
}

}  // namespace tangshi
