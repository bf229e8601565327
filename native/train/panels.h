// A weight matrix as the kernels read it, one number at a time: in panels of 12 rows, whose numbers lie in
// the order in which they are needed. Read where it is, a matrix whose rows are 4 KB apart would always hit
// the same few sets of the cache.
#pragma once

#include <cstdint>

#include "kernels/kernels.h"
#include "train/buffer.h"

namespace tangshi {

constexpr int64_t panel_rows = 12;  // two tiles of the kernels

constexpr int64_t panels_of(int64_t rows) { return (rows + panel_rows - 1) / panel_rows; }

class Panels {
 public:
  // A matrix of rows x count, both without padding.
  void reserve(int64_t rows, int64_t count) {
    rows_ = rows;
    count_ = count;
    buffer_.reserve(panels_of(rows) * panel_rows * count);
  }

  // Copies one panel's numbers k = first … first + n - 1. source[r * row + k * step] is number k of row r.
  void pack(int64_t panel, int64_t first, int64_t n, const float* source, int64_t row, int64_t step) {
    float* to = buffer_.get() + (panel * count_ + first) * panel_rows;
    const int64_t rows = rows_of(panel);
    source += panel * panel_rows * row;
    for (int64_t k = 0; k < n; k++) {
      for (int64_t r = 0; r < rows; r++) to[k * panel_rows + r] = source[r * row + k * step];
    }
  }

  // Number of rows of a panel.
  int64_t rows_of(int64_t panel) const {
    const int64_t left = rows_ - panel * panel_rows;
    return left < panel_rows ? left : panel_rows;
  }

  // The numbers from k = first on, for a product.
  Scalars scalars(int64_t panel, int64_t first = 0) const {
    return {buffer_.get() + (panel * count_ + first) * panel_rows, 1, panel_rows};
  }

 private:
  Buffer buffer_;  // [panels, count, 12]
  int64_t rows_ = 0, count_ = 0;
};

}  // namespace tangshi
