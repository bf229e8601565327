// A layer of the kernels against libtorch's in double precision.
#include "train/rnn_layer.h"

#include <cstring>

#include "expect_close.h"
#include "parallel/lead.h"
#include "precisions.h"
#include "train/batch_minor.h"

namespace tangshi::test {
namespace {

// Around the sizes of vectors, panels and summation blocks.
struct Size {
  int64_t time, batch, in, hidden;
};
const std::vector<Size> sizes = {{1, 1, 1, 1},   {3, 2, 5, 7},    {20, 16, 100, 64}, {9, 33, 17, 16},
                                 {5, 300, 4, 9}, {4, 20, 30, 97}, {3, 20, 13, 200}};

struct Problem {
  Cell cell;
  Size size;
  std::vector<int64_t> batch_sizes;  // [time]: number of sequences that have not ended
  at::Tensor x, d_out;               // [time, batch, features]
  std::vector<at::Tensor> weights;
};

Problem problem(Cell cell, const Size& n, std::vector<int64_t> batch_sizes = {}) {
  const auto random = at::make_generator<at::CPUGeneratorImpl>(5);
  if (batch_sizes.empty()) batch_sizes.assign(n.time, n.batch);
  const int64_t rows = (cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1) * n.hidden;
  at::Tensor d_out = at::randn({n.time, n.batch, n.hidden}, random);
  for (int64_t t = 0; t < n.time; t++) d_out[t].narrow(0, batch_sizes[t], n.batch - batch_sizes[t]).zero_();
  return {cell,
          n,
          batch_sizes,
          at::randn({n.time, n.batch, n.in}, random),
          d_out,
          {at::randn({rows, n.in}, random) * 0.3, at::randn({rows, n.hidden}, random) * 0.3,
           at::randn({rows}, random), at::randn({rows}, random)}};
}

const Arithmetic& single() { return arithmetic(Precision::fp32); }

struct Result {
  at::Tensor out, d_x;  // [time, batch, features]
  std::vector<at::Tensor> d_weights;
};

// The output where a sequence has not ended.
at::Tensor live(const Problem& p, const at::Tensor& out) { return out * p.d_out.ne(0); }

Result expected(const Problem& p) {
  std::vector<at::Tensor> weights;
  for (const at::Tensor& weight : p.weights) weights.push_back(weight.to(at::kDouble).requires_grad_());
  const at::Tensor x = p.x.to(at::kDouble).requires_grad_();
  const at::Tensor h = at::zeros({1, p.size.batch, p.size.hidden}, at::kDouble);
  const auto run = [&] {
    if (p.cell == Cell::lstm)
      return std::get<0>(at::lstm(x, {h, h}, weights, true, 1, 0.0, true, false, false));
    if (p.cell == Cell::gru) return std::get<0>(at::gru(x, h, weights, true, 1, 0.0, true, false, false));
    return std::get<0>(at::rnn_tanh(x, h, weights, true, 1, 0.0, true, false, false));
  };
  const at::Tensor out = run();
  out.backward(p.d_out.to(at::kDouble));
  Result result{live(p, out.detach()), x.grad(), {}};
  for (const at::Tensor& weight : weights) result.d_weights.push_back(weight.grad());
  return result;
}

// [time, batch, features] -> [time, features, width], with NaN beyond the columns that are computed.
at::Tensor to_batch_minor(const Problem& p, const at::Tensor& x, const PackedBatch& batch) {
  at::Tensor x_t = at::full({x.size(0), x.size(2), batch.width}, NAN);
  for (int64_t t = 0; t < x.size(0); t++) {
    x_t[t].narrow(1, 0, batch.used[t]).zero_();
    x_t[t].narrow(1, 0, p.size.batch).copy_(x[t].t());
    x_t[t].narrow(1, batch.used[t], batch.width - batch.used[t]).fill_(NAN);
  }
  return x_t;
}

// An input as words: of [time, features, width] and of its transposed matrices, with NaN beyond what is
// computed.
struct Words {
  at::Tensor t, rows;
};

Words to_words(const at::Tensor& x_t, const PackedBatch& batch, const Arithmetic& arithmetic) {
  const int64_t time = x_t.size(0), features = x_t.size(1), width = batch.width;
  Words words{at::full({time, arithmetic.words(features), width}, NAN),
              at::full({time, arithmetic.words(width), row_size(features)}, NAN)};
  for (int64_t t = 0; t < time; t++) {
    const float* from = x_t[t].const_data_ptr<float>();
    arithmetic.along_rows(from, width, features, batch.used[t], words.t[t].mutable_data_ptr<float>(), width);
    arithmetic.transpose(from, width, features, batch.used[t], words.rows[t].mutable_data_ptr<float>(),
                         row_size(features));
  }
  return words;
}

// Fills the memory of a layer with NaN, by a batch whose input is.
void leave_nan(RnnLayer& layer, const Problem& p, const PackedBatch& batch,
               const LayerWeights<const float>& weights, SpinPool& pool) {
  PackedBatch full = batch;
  full.used.assign(batch.time, batch.width);
  const auto nan = [&](at::IntArrayRef sizes) { return at::full(sizes, NAN); };
  at::Tensor x_t = nan({batch.time, p.size.in, batch.width}), d_x_t = x_t.clone();
  at::Tensor x_rows = nan({batch.time, batch.width, row_size(p.size.in)});
  at::Tensor d_out_t = nan({batch.time, p.size.hidden, batch.width});
  std::vector<at::Tensor> grads;
  for (const at::Tensor& weight : p.weights) grads.push_back(at::zeros_like(weight));
  const auto floats = [](at::Tensor& x) { return x.mutable_data_ptr<float>(); };
  layer.forward(full, weights, floats(x_t), pool);
  layer.backward(full, weights, {floats(grads[0]), floats(grads[1]), floats(grads[2]), floats(grads[3])},
                 floats(x_rows), floats(d_out_t), floats(d_x_t), pool);
}

// Those of the output at a time step.
void check_words(const RnnLayer& layer, const at::Tensor& out_t, int64_t t, const PackedBatch& batch,
                 const Arithmetic& arithmetic) {
  const Words words = to_words(out_t, batch, arithmetic);
  const auto equal = [&](const float* is, const at::Tensor& should, int64_t rows, int64_t columns) {
    const int64_t stride = should.size(2), first = t * should.size(1);
    const float* expected = should.const_data_ptr<float>();
    for (int64_t r = first; r < first + rows; r++) {
      if (std::memcmp(is + r * stride, expected + r * stride, columns * sizeof(float)) != 0) return false;
    }
    return true;
  };
  EXPECT(equal(layer.out_words_t(), words.t, words.t.size(1), batch.used[t]));
  EXPECT(equal(layer.out_words_rows(), words.rows, arithmetic.words(batch.used[t]), out_t.size(1)));
}

Result actual(const Problem& p, int threads, const Arithmetic& arithmetic = single()) {
  const Size& n = p.size;
  PackedBatch batch{.time = n.time, .width = padded_size(n.batch)};
  for (const int64_t size : p.batch_sizes) batch.used.push_back(padded_size(size));
  const at::Tensor x_t = to_batch_minor(p, p.x, batch);
  Words x = to_words(x_t, batch, arithmetic);
  at::Tensor d_out_t = to_batch_minor(p, p.d_out, batch), d_x_t = at::full_like(x_t, NAN);
  std::vector<at::Tensor> grads;
  for (const at::Tensor& weight : p.weights) grads.push_back(at::zeros_like(weight));
  const auto floats = [](at::Tensor& x) { return x.mutable_data_ptr<float>(); };
  const auto weight = [&](size_t i) { return p.weights[i].const_data_ptr<float>(); };
  const LayerWeights<const float> weights{weight(0), weight(1), weight(2), weight(3)};

  Buffer panels;
  RnnLayer layer(p.cell, n.in, n.hidden, arithmetic, panels);
  ThreadPool pool(threads);
  lead(pool, threads - 1, [&](SpinPool& pool) {
    leave_nan(layer, p, batch, weights, pool);
    layer.forward(batch, weights, floats(x.t), pool);
    layer.backward(batch, weights, {floats(grads[0]), floats(grads[1]), floats(grads[2]), floats(grads[3])},
                   floats(x.rows), floats(d_out_t), floats(d_x_t), pool);
  });
  const auto from = [&](const float* x, at::IntArrayRef sizes) {
    return at::from_blob(const_cast<float*>(x), sizes, at::kFloat).clone();
  };
  const at::Tensor out_t = from(layer.out_t(), {n.time, n.hidden, batch.width});
  Result result{at::zeros({n.time, n.batch, n.hidden}), at::zeros({n.time, n.batch, n.in}), grads};
  for (int64_t t = 0; t < n.time; t++) {
    const int64_t count = p.batch_sizes[t];
    const at::Tensor out = out_t[t].narrow(1, 0, count).t();
    check_words(layer, out_t, t, batch, arithmetic);
    result.out[t].narrow(0, 0, count).copy_(out);
    result.d_x[t].narrow(0, 0, count).copy_(d_x_t[t].narrow(1, 0, count).t());
  }
  result.out = live(p, result.out);
  return result;
}

const std::vector<Cell> cells = {Cell::lstm, Cell::gru, Cell::rnn};

}  // namespace

TEST(rnn_layer, outputs_and_gradients_match_libtorch) {
  for (const Cell cell : cells) {
    for (const Size& size : sizes) {
      const Problem p = problem(cell, size);
      const Result is = actual(p, 1), should = expected(p);
      // Over 20 steps, an RNN with these weights amplifies rounding.
      const double rounding = cell == Cell::rnn ? 10 : 1;
      EXPECT_CLOSE(is.out, should.out, 5e-6 * rounding);
      EXPECT_CLOSE(is.d_x, should.d_x, 1e-5 * rounding);
      for (size_t i = 0; i < 4; i++)
        EXPECT_CLOSE(is.d_weights[i], should.d_weights[i], 5e-6 * rounding, 3e-5 * rounding);
    }
  }
}

TEST(rnn_layer, bf16_differs_by_rounding) {
  if (!has_bf16()) return;
  for (const Cell cell : cells) {
    for (const Size& size : sizes) {
      if (cell == Cell::rnn && size.time > 10) continue;  // amplifies rounding
      const Problem p = problem(cell, size);
      const Result is = actual(p, 2, arithmetic(Precision::bf16)), should = expected(p);
      EXPECT(close_in_norm(is.out, should.out, 2e-2));
      EXPECT(close_in_norm(is.d_x, should.d_x, 3e-2));
      for (size_t i = 0; i < 4; i++) EXPECT(close_in_norm(is.d_weights[i], should.d_weights[i], 3e-2));
    }
  }
}

TEST(rnn_layer, ended_sequences_are_skipped) {
  // The memory for ended sequences has NaN, which would reach every weight.
  for (const Cell cell : cells) {
    const Problem p = problem(cell, {6, 40, 5, 7}, {40, 40, 33, 32, 17, 3});
    const Result is = actual(p, 2), should = expected(p);
    EXPECT_CLOSE(is.out, should.out, 5e-6);
    for (int64_t t = 0; t < p.size.time; t++) {
      const auto live = [&](const at::Tensor& d_x) { return d_x[t].narrow(0, 0, p.batch_sizes[t]); };
      EXPECT_CLOSE(live(is.d_x), live(should.d_x), 1e-5);
    }
    for (size_t i = 0; i < 4; i++) EXPECT_CLOSE(is.d_weights[i], should.d_weights[i], 5e-6, 3e-5);
    for (const Precision precision : precisions()) {
      const Result rounded = actual(p, 2, arithmetic(precision));
      for (size_t i = 0; i < 4; i++) EXPECT(close_in_norm(rounded.d_weights[i], should.d_weights[i], 3e-2));
    }
  }
}

TEST(rnn_layer, results_do_not_depend_on_the_number_of_threads) {
  for (const Cell cell : cells) {
    const Problem p = problem(cell, {7, 70, 33, 50}, {70, 66, 64, 40, 40, 17, 1});
    for (const Precision precision : precisions()) {
      const Result one = actual(p, 1, arithmetic(precision));
      for (const int threads : {2, 3, 16}) {
        const Result many = actual(p, threads, arithmetic(precision));
        EXPECT(many.out.equal(one.out) && many.d_x.equal(one.d_x));
        for (size_t i = 0; i < 4; i++) EXPECT(many.d_weights[i].equal(one.d_weights[i]));
      }
    }
  }
}

}  // namespace tangshi::test
