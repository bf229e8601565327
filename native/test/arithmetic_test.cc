// Matrix products in bfloat16 against those of libtorch's rounded numbers in double precision. Without
// AVX512_BF16 only what is refused is tested.
#include "train/arithmetic.h"

#include "error.h"
#include "expect_close.h"
#include "precisions.h"

namespace tangshi::test {
namespace {

const auto generator = [] { return at::make_generator<at::CPUGeneratorImpl>(11); };

float* data(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
const float* data(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

constexpr float unused = 7;

at::Tensor rounded(const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kFloat); }

// The two numbers of each word, [rows, 2 x columns], of the first `columns`.
at::Tensor numbers(const at::Tensor& words, int64_t columns) {
  return words.narrow(1, 0, columns).contiguous().view(at::kBFloat16).to(at::kFloat);
}

// A matrix with a row or column of zeros after the last, if their number is odd.
at::Tensor even(const at::Tensor& x) { return at::constant_pad_nd(x, {0, x.size(1) % 2, 0, x.size(0) % 2}); }

const std::vector<int64_t> sizes = {1, 2, 3, 12, 15, 16, 17, 31, 32, 33, 48, 65};

}  // namespace

TEST(arithmetic, words_are_pairs_of_rounded_numbers) {
  if (!has_bf16()) return;
  const Arithmetic& pairs = arithmetic(Precision::bf16);
  auto random = generator();
  for (const int64_t rows : sizes) {
    for (const int64_t columns : sizes) {
      const at::Tensor all = at::randn({rows, columns + 3}, random), x = all.narrow(1, 0, columns);
      const at::Tensor expected = even(rounded(x));
      const int64_t half_rows = pairs.words(rows), half_columns = pairs.words(columns);

      at::Tensor along_rows = at::full({half_rows, columns + 1}, unused);
      pairs.along_rows(data(all), columns + 3, rows, columns, data(along_rows), columns + 1);
      const at::Tensor by_row = expected.narrow(1, 0, columns).view({half_rows, 2, columns}).transpose(1, 2);
      EXPECT(numbers(along_rows, columns).equal(by_row.reshape({half_rows, 2 * columns})));
      EXPECT(along_rows.narrow(1, columns, 1).eq(unused).all().item<bool>());

      at::Tensor along_columns = at::full({rows, half_columns + 1}, unused);
      pairs.along_columns(data(all), columns + 3, rows, columns, data(along_columns), half_columns + 1);
      const at::Tensor by_column = expected.narrow(0, 0, rows);
      EXPECT(numbers(along_columns, half_columns).equal(by_column));
      EXPECT(along_columns.narrow(1, half_columns, 1).eq(unused).all().item<bool>());

      at::Tensor across = at::full({half_columns, rows + 1}, unused);
      pairs.transpose(data(all), columns + 3, rows, columns, data(across), rows + 1);
      const at::Tensor transposed = by_column.view({rows, half_columns, 2}).transpose(0, 1);
      EXPECT(numbers(across, rows).equal(transposed.reshape({half_columns, 2 * rows})));
      EXPECT(across.narrow(1, rows, 1).eq(unused).all().item<bool>());

      at::Tensor in_place = x.contiguous();
      pairs.along_columns(data(in_place), columns, rows, columns, data(in_place), half_columns);
      EXPECT(in_place.view({-1})
                 .narrow(0, 0, rows * half_columns)
                 .view(at::kBFloat16)
                 .to(at::kFloat)
                 .equal(by_column.reshape({-1})));
    }
  }
}

TEST(arithmetic, rounding_is_to_nearest_even_and_keeps_infinity_and_nan) {
  if (!has_bf16()) return;
  const at::Tensor x = at::tensor({1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1p-8f, 1 + 0x1.01p-8f, 3e38f, 3.4e38f,
                                   -0.0f, INFINITY, -INFINITY, 0x1p-126f})
                           .view({1, 10});
  const at::Tensor nan = at::full({1, 2}, NAN);
  at::Tensor words = at::empty({1, 5}), of_nan = at::empty({1, 1});
  arithmetic(Precision::bf16).along_columns(data(x), 10, 1, 10, data(words), 5);
  arithmetic(Precision::bf16).along_columns(data(nan), 2, 1, 2, data(of_nan), 1);
  EXPECT(numbers(words, 5).equal(rounded(x)));
  EXPECT(numbers(of_nan, 1).isnan().all().item<bool>());
}

TEST(arithmetic, bf16_products_are_those_of_the_rounded_factors) {
  if (!has_bf16()) return;
  const Arithmetic& pairs = arithmetic(Precision::bf16);
  auto random = generator();
  for (const int64_t rows : {1, 2, 5, 6, 7, 13}) {
    for (const int64_t columns : {1, 3, 16, 17, 31, 32, 33, 48, 50, 64, 65, 130}) {
      for (const int64_t count : {1, 2, 7, 40}) {
        const int64_t blocks = 3, words = pairs.words(count), readable = (columns + 15) / 16 * 16;
        const at::Tensor x = at::randn({blocks, rows, count}, random);
        const at::Tensor w = at::randn({blocks, count, readable}, random),
                         old = at::randn({rows, 140}, random);
        const at::Tensor start = at::randn({rows}, random);
        at::Tensor x_words = at::empty({blocks, rows, words}), w_words = at::empty({blocks, words, readable});
        for (int64_t b = 0; b < blocks; b++) {
          at::Tensor x_block = x_words[b], w_block = w_words[b];
          pairs.along_columns(data(x[b]), count, rows, count, data(x_block), words);
          pairs.along_rows(data(w[b]), readable, count, readable, data(w_block), readable);
        }
        const at::Tensor product = at::matmul(rounded(x).to(at::kDouble), rounded(w).to(at::kDouble)).sum(0);
        for (const bool adds : {false, true}) {
          at::Tensor out = old.clone();
          pairs.multiply({.x = {data(x_words), words, 1, rows * words},
                          .w = {data(w_words), readable, words * readable},
                          .rows = rows,
                          .columns = columns,
                          .count = words,
                          .blocks = blocks,
                          .start = adds ? nullptr : data(start),
                          .out = data(out),
                          .out_stride = 140});
          const at::Tensor before = adds ? old.narrow(1, 0, columns) : start.unsqueeze(1);
          EXPECT_CLOSE(out.narrow(1, 0, columns), product.narrow(1, 0, columns) + before, 1e-5);
          EXPECT(out.narrow(1, columns, 140 - columns).equal(old.narrow(1, columns, 140 - columns)));
        }
      }
    }
  }
}

TEST(arithmetic, what_the_cpu_cannot_compute_is_refused) {
  EXPECT_THROWS(arithmetic(Precision::fp16), Error);
  EXPECT_THROWS(arithmetic(Precision::bf16, nullptr), Error);
  EXPECT_EQ(arithmetic(Precision::tf32).numbers, 1);
}

}  // namespace tangshi::test
