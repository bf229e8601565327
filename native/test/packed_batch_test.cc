#include "train/packed_batch.h"

#include "expect_close.h"

namespace tangshi::test {
namespace {

// Rows of 2, 0, 4 and 3 real targets; the third has a masked target.
const Batch ragged = {.inputs = {1, 2, 0, 0, 3, 0, 0, 0, 4, 5, 6, 7, 8, 9, 1, 0},
                      .targets = {2, 3, -1, -1, -1, -1, -1, -1, 5, -1, 7, 8, 9, 1, 2, -1},
                      .rows = 4,
                      .time = 4};
const std::vector<float> row_weights = {0.1f, 0.2f, 0.3f, 0.4f};

at::Tensor ids(std::vector<int64_t> values) { return at::tensor(values); }

}  // namespace

TEST(packed_batch, rows_are_sorted_by_length_and_the_sort_is_stable) {
  EXPECT(sorted_indices(ragged) == (std::vector<int64_t>{2, 3, 0, 1}));
  EXPECT(sorted_indices({.inputs = {1, 1}, .targets = {1, 1}, .rows = 2, .time = 1}) ==
         (std::vector<int64_t>{0, 1}));
}

TEST(packed_batch, holds_inputs_and_the_positions_of_real_targets) {
  const PackedBatch packed = pack(ragged, {2, 3, 0, 1}, 0, 1, row_weights);
  EXPECT(packed.inputs.equal(ids({4, 8, 1, 3, 5, 9, 2, 0, 6, 1, 0, 0, 7, 0, 0, 0}).view({4, 4})));
  EXPECT(packed.batch_sizes == (std::vector<int64_t>{3, 3, 2, 1}));
  EXPECT(packed.target_index.equal(ids({0, 1, 2, 5, 6, 8, 9, 12})));
  EXPECT(packed.targets.equal(ids({5, 9, 2, 1, 3, 7, 2, 8})));
  EXPECT(packed.weights.equal(at::tensor({0.3f, 0.4f, 0.1f, 0.4f, 0.1f, 0.3f, 0.4f, 0.3f})));
}

TEST(packed_batch, shares_take_every_second_row_and_their_time_is_that_of_their_longest) {
  const PackedBatch packed = pack(ragged, {2, 3, 0, 1}, 1, 2, row_weights);
  EXPECT(packed.inputs.equal(ids({8, 3, 9, 0, 1, 0}).view({3, 2})));
  EXPECT(packed.batch_sizes == (std::vector<int64_t>{1, 1, 1}));
  EXPECT(packed.targets.equal(ids({9, 1, 2})));
}

TEST(packed_batch, a_share_without_rows_is_empty) {
  const PackedBatch packed = pack(ragged, {2, 3, 0, 1}, 4, 5, row_weights);
  EXPECT_EQ(packed.inputs.numel(), 0);
  EXPECT_EQ(packed.targets.numel(), 0);
}

}  // namespace tangshi::test
