// A weight matrix as the kernels read it, one word at a time: in panels of 12 rows, whose words lie in the
// order in which they are needed. Read where it is, a matrix whose rows are 4 KB apart would always hit the
// same few sets of the cache.
#pragma once

#include <cstdint>

#include "train/arithmetic.h"

namespace tangshi {

constexpr int64_t panel_rows = 12;  // two tiles of the kernels

constexpr int64_t panels_of(int64_t rows) { return (rows + panel_rows - 1) / panel_rows; }

class Panels {
 public:
  explicit Panels(const Arithmetic& arithmetic) : arithmetic_(arithmetic) {}

  // Number of words of a matrix of rows x blocks x count numbers.
  int64_t size(int64_t rows, int64_t blocks, int64_t count) const {
    return panels_of(rows) * panel_rows * blocks * arithmetic_.words(count);
  }
  // Such a matrix, in memory of that size.
  void lay_out(float* memory, int64_t rows, int64_t blocks, int64_t count) {
    memory_ = memory;
    rows_ = rows;
    block_ = arithmetic_.words(count) * panel_rows;
    panel_ = block_ * blocks;
  }

  // Copies up to `count` numbers of a block of one panel. source: [rows, n], or with `stride` between its
  // rows.
  void pack(int64_t panel, int64_t block, int64_t n, const float* source, int64_t stride) {
    arithmetic_.transpose(source + panel * panel_rows * stride, stride, rows_of(panel), n, at(panel, block),
                          panel_rows);
  }
  // The same from the transposed matrix: [n, rows].
  void pack_transposed(int64_t panel, int64_t block, int64_t n, const float* source, int64_t stride) {
    arithmetic_.along_rows(source + panel * panel_rows, stride, n, rows_of(panel), at(panel, block),
                           panel_rows);
  }

  // Number of rows of a panel.
  int64_t rows_of(int64_t panel) const {
    const int64_t left = rows_ - panel * panel_rows;
    return left < panel_rows ? left : panel_rows;
  }

  // The words of a block, for a product.
  Scalars scalars(int64_t panel, int64_t block = 0) const { return {at(panel, block), 1, panel_rows}; }

 private:
  float* at(int64_t panel, int64_t block) const { return memory_ + panel * panel_ + block * block_; }

  const Arithmetic& arithmetic_;
  float* memory_ = nullptr;  // [panels, blocks, words, 12]
  int64_t rows_ = 0, block_ = 0, panel_ = 0;
};

}  // namespace tangshi
