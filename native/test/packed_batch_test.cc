#include "train/packed_batch.h"

#include "expect.h"

namespace tangshi::test {
namespace {

// Rows of 2, 0, 4 and 3 real targets; the third has a masked target.
const Batch ragged = {.inputs = {1, 2, 0, 0, 3, 0, 0, 0, 4, 5, 6, 7, 8, 9, 1, 0},
                      .targets = {2, 3, -1, -1, -1, -1, -1, -1, 5, -1, 7, 8, 9, 1, 2, -1},
                      .rows = 4,
                      .time = 4};

// The first `count` of each time step.
template <typename T>
std::vector<T> first(const PackedBatch& batch, const std::vector<T>& values, int64_t count) {
  std::vector<T> out;
  for (int64_t t = 0; t < batch.time; t++) {
    for (int64_t r = 0; r < count; r++) out.push_back(values[t * batch.width + r]);
  }
  return out;
}

}  // namespace

TEST(packed_batch, rows_are_sorted_by_length_longest_first) {
  const PackedBatch packed = pack(ragged, {0.1f, 0.2f, 0.3f, 0.4f});
  EXPECT_EQ(packed.time, 4);
  EXPECT_EQ(packed.width, 16);
  EXPECT(first(packed, packed.inputs, 3) == (std::vector<int32_t>{4, 8, 1, 5, 9, 2, 6, 1, 0, 7, 0, 0}));
  EXPECT(first(packed, packed.targets, 4) ==
         (std::vector<int32_t>{5, 9, 2, -1, -1, 1, 3, -1, 7, 2, -1, -1, 8, -1, -1, -1}));
  EXPECT(first(packed, packed.weights, 4) ==
         (std::vector<float>{0.3f, 0.4f, 0.1f, 0, 0, 0.4f, 0.1f, 0, 0.3f, 0.4f, 0, 0, 0.3f, 0, 0, 0}));
}

TEST(packed_batch, lists_the_positions_of_the_targets) {
  const PackedBatch packed = pack(ragged, {1, 1, 1, 1});
  EXPECT(packed.positions == (std::vector<int64_t>{0, 1, 2, 17, 18, 32, 33, 48}));
}

TEST(packed_batch, the_sort_is_stable) {
  const Batch equal{.inputs = {1, 2, 3}, .targets = {4, 5, 6}, .rows = 3, .time = 1};
  const PackedBatch packed = pack(equal, {1, 1, 1});
  EXPECT(first(packed, packed.inputs, 3) == (std::vector<int32_t>{1, 2, 3}));
}

TEST(packed_batch, columns_of_ended_rows_are_left_out) {
  Batch batch{.rows = 33, .time = 3};
  for (int64_t row = 0; row < batch.rows; row++) {
    for (int64_t t = 0; t < batch.time; t++) {
      batch.inputs.push_back(1);
      batch.targets.push_back(t == 0 || (t == 1 && row < 17) || row < 3 ? 1 : -1);
    }
  }
  const PackedBatch packed = pack(batch, std::vector<float>(33, 1));
  EXPECT_EQ(packed.width, 48);
  EXPECT(packed.used == (std::vector<int64_t>{48, 32, 16}));
}

TEST(packed_batch, a_batch_of_padding_is_empty) {
  const PackedBatch packed = pack({.inputs = {1, 1}, .targets = {-1, -1}, .rows = 2, .time = 1}, {1, 1});
  EXPECT_EQ(packed.time, 0);
  EXPECT(packed.used.empty());
}

}  // namespace tangshi::test
