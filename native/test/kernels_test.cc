// Every kernel level that this CPU supports, against libtorch in double precision.
#include "kernels/kernels.h"

#include <span>

#include "expect_close.h"
#include "sample/packed_linear.h"

namespace tangshi::test {
namespace {

const auto generator = [] { return at::make_generator<at::CPUGeneratorImpl>(11); };

float* data(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

PackedLinear pack(const at::Tensor& weight, const at::Tensor& bias, bool half) {
  const auto span = [](const at::Tensor& tensor) {
    return std::span(tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel()));
  };
  return PackedLinear(span(weight), span(bias), half);
}

// Sizes around the widths of vectors and blocks.
const std::vector<int64_t> sizes = {1, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 200};

}  // namespace

TEST(kernels, matmul_equals_a_linear_layer_for_any_number_of_rows) {
  for (const Kernels* level : supported_kernels()) {
    for (const bool half : {false, true}) {
      auto random = generator();
      const at::Tensor weight = at::randn({70, 33}, random), bias = at::randn({70}, random);
      const PackedLinear packed = pack(weight, bias, half);
      const at::Tensor kept = (half ? weight.to(at::kHalf) : weight).to(at::kDouble);
      const at::Tensor all = at::randn({13, 33}, random);
      at::Tensor together = at::empty({13, packed.width()});
      level->matmul(packed.view(), all.const_data_ptr<float>(), 33, 13, data(together), packed.width());
      EXPECT_CLOSE(together.narrow(1, 0, 70), at::linear(all.to(at::kDouble), kept, bias.to(at::kDouble)),
                   1e-6);
      for (int64_t rows = 1; rows < 13; rows++) {
        at::Tensor out = at::empty({rows, packed.width()});
        level->matmul(packed.view(), all.const_data_ptr<float>(), 33, rows, data(out), packed.width());
        EXPECT(out.equal(together.narrow(0, 0, rows)));
      }
    }
  }
}

TEST(kernels, half_precision_reads_every_finite_value) {
  at::Tensor halves = at::arange(0, 1 << 16, at::kInt).to(at::kShort).view(at::kHalf);
  halves = halves.index({halves.isfinite()});
  const int64_t count = halves.numel() / panel_width * panel_width;
  const at::Tensor values = halves.narrow(0, 0, count).to(at::kFloat);
  const PackedLinear packed = pack(values.unsqueeze(1), at::zeros({count}), true);
  const float one = 1;
  for (const Kernels* level : supported_kernels()) {
    at::Tensor out = at::empty({count});
    level->matmul(packed.view(), &one, 1, 1, data(out), count);
    EXPECT(out.equal(values));
  }
}

TEST(kernels, weights_too_large_for_half_precision_stay_in_single) {
  EXPECT(pack(at::full({1, 1}, 1e5f), at::zeros({1}), true).view().f32 != nullptr);
  EXPECT(pack(at::full({1, 1}, 6e4f), at::zeros({1}), true).view().f16 != nullptr);
}

TEST(kernels, multiply_is_a_matrix_product_for_any_strides) {
  auto random = generator();
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t rows : {1, 2, 5, 6, 7, 13}) {
      for (const int64_t columns : {1, 3, 16, 17, 31, 32, 33, 48, 50, 64, 65, 130}) {
        const int64_t blocks = 3, count = 5, readable = (columns + 15) / 16 * 16;
        const at::Tensor x = at::randn({blocks, count, rows}, random);  // rows are not contiguous
        const at::Tensor w = at::randn({blocks * count, readable}, random),
                         old = at::randn({rows, 140}, random);
        const at::Tensor start = at::randn({rows}, random);
        const at::Tensor product = at::mm(x.view({blocks * count, rows}).t().to(at::kDouble),
                                          w.narrow(1, 0, columns).to(at::kDouble));
        for (const bool adds : {false, true}) {
          at::Tensor out = old.clone();
          level->multiply({.x = {x.const_data_ptr<float>(), 1, rows, count * rows},
                           .w = {w.const_data_ptr<float>(), readable, count * readable},
                           .rows = rows,
                           .columns = columns,
                           .count = count,
                           .blocks = blocks,
                           .start = adds ? nullptr : start.const_data_ptr<float>(),
                           .out = data(out),
                           .out_stride = 140});
          const at::Tensor before = adds ? old.narrow(1, 0, columns) : start.unsqueeze(1);
          EXPECT_CLOSE(out.narrow(1, 0, columns), product + before, 1e-6);
          EXPECT(out.narrow(1, columns, 140 - columns).equal(old.narrow(1, columns, 140 - columns)));
        }
      }
    }
  }
}

TEST(kernels, softmax_of_columns_in_blocks_of_rows) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t rows : {2, 7, 64}) {
      for (const bool relu : {false, true}) {
        auto random = generator();
        const at::Tensor raw = at::randn({rows, 32}, random) * 20, weight = at::rand({32}, random);
        at::Tensor exps = raw.clone(), largest = at::empty({2, 32}), total = at::empty({2, 32});
        const auto block = [&](int64_t i) { return data(exps) + 32 * i; };  // of one row, and of the others
        level->exp_logits(block(0), 1, 32, relu, data(largest), data(total));
        level->exp_logits(block(1), rows - 1, 32, relu, data(largest) + 32, data(total) + 32);
        at::Tensor top = at::empty({32}), sum = at::empty({32}), factor = at::empty({32});
        level->merge_softmax(data(largest), data(total), 2, 32, 32, data(top), data(sum));
        const at::Tensor expected = (relu ? raw.relu() : raw).to(at::kDouble);
        const at::Tensor log_total = (top + sum.log()).contiguous();
        EXPECT_CLOSE(log_total, expected.logsumexp(0), 1e-6);
        for (int i = 0; i < 2; i++) {
          level->exp_factors(data(largest) + 32 * i, log_total.const_data_ptr<float>(),
                             weight.const_data_ptr<float>(), 32, data(factor));
          level->scale_exps(block(i), i == 0 ? 1 : rows - 1, 32, data(factor));
        }
        at::Tensor grad = expected.softmax(0) * weight;
        if (relu) grad = grad * raw.gt(0);
        EXPECT((exps - grad).abs().max().item<double>() < 1e-5);
      }
    }
  }
}

TEST(kernels, row_sums_and_transposes) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t n : sizes) {
      auto random = generator();
      const at::Tensor x = at::randn({5, n}, random), old = at::randn({5}, random);
      at::Tensor sums = old.clone(), across = at::zeros({n, 8});
      level->add_row_sums(x.const_data_ptr<float>(), n, 5, n, data(sums));
      EXPECT_CLOSE(sums, x.sum(1) + old, 1e-5);
      level->transpose(x.const_data_ptr<float>(), n, 5, n, data(across), 8);
      EXPECT(across.narrow(1, 0, 5).equal(x.t()) && across.narrow(1, 5, 3).eq(0).all().item<bool>());
    }
  }
}

TEST(kernels, maximum_and_weights_for_sampling) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t n : sizes) {
      auto random = generator();
      at::Tensor x = at::randn({n}, random) * 30;
      x[n / 2] = -INFINITY;  // never drawn
      if (n == 1) x[0] = 2;
      const float largest = level->max(data(x), n);
      EXPECT_EQ(largest, x.max().item<float>());
      const at::Tensor expected = at::exp((x.to(at::kDouble) - largest) * 0.8);
      EXPECT_CLOSE(at::scalar_tensor(level->sum_exp(data(x), n, largest), at::kDouble),
                   at::exp(x.to(at::kDouble) - largest).sum(), 1e-6);
      at::Tensor sums = at::empty({(n + 63) / 64}), copy = at::empty({n});
      const double unscaled = level->sum_exp(data(x), n, largest);
      double total = 0;
      level->exp_weights(x.const_data_ptr<float>(), n, largest, 1, data(copy), data(sums), &total);
      EXPECT(std::abs(total / unscaled - 1) < 1e-6);
      EXPECT(std::abs(sums.sum().item<double>() / unscaled - 1) < 1e-6);
      level->exp_weights(x.const_data_ptr<float>(), n, largest, 0.8f, data(x), data(sums), &total);
      EXPECT(std::abs(total / unscaled - 1) < 1e-6);
      EXPECT((x - expected).abs().max().item<double>() < 1e-6);
      if (n > 1) EXPECT_EQ(x[n / 2].item<float>(), 0.0f);
      EXPECT_CLOSE(sums.sum(), expected.sum(), 1e-6);
      x[n - 1] = NAN;
      EXPECT(std::isnan(level->max(data(x), n)));
    }
  }
}

TEST(kernels, tanh_is_accurate_near_zero) {
  for (const Kernels* level : supported_kernels()) {
    for (const float magnitude : {1e-30f, 1e-8f, 1e-4f, 1e-2f, 0.1f, 0.6f, 0.65f, 1.0f, 9.0f, 100.0f}) {
      std::vector<float> input = {magnitude, -magnitude, 0.9f * magnitude, 1.1f * magnitude}, zero(4), h(4);
      level->rnn_cell(input.data(), zero.data(), 4, h.data());
      for (int i = 0; i < 4; i++) {
        const double expected = std::tanh(static_cast<double>(input[i]));
        EXPECT(std::abs(h[i] / expected - 1) < 5e-7);
      }
    }
  }
}

TEST(kernels, cells_match_libtorch) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t hidden : sizes) {
      auto random = generator();
      const at::Tensor input = at::randn({4, hidden}, random) * 3,
                       carried = at::randn({4, hidden}, random) * 3;
      const at::Tensor old_h = at::randn({hidden}, random), old_c = at::randn({hidden}, random);
      const float *from_input = input.const_data_ptr<float>(), *from_hidden = carried.const_data_ptr<float>();

      at::Tensor h = old_h.clone(), c = old_c.clone();
      level->lstm_cell(from_input, from_hidden, hidden, data(h), data(c));
      const at::Tensor gates = (input + carried).to(at::kDouble);
      const at::Tensor next = gates[1].sigmoid() * old_c + gates[0].sigmoid() * gates[2].tanh();
      EXPECT_CLOSE(c, next, 1e-6);
      EXPECT_CLOSE(h, gates[3].sigmoid() * next.tanh(), 1e-6);

      h = old_h.clone();
      level->gru_cell(from_input, from_hidden, hidden, data(h));
      const at::Tensor fresh = (input[2] + gates[0].sigmoid() * carried[2]).tanh();
      EXPECT_CLOSE(h, (1 - gates[1].sigmoid()) * fresh + gates[1].sigmoid() * old_h, 1e-6);

      h = old_h.clone();
      level->rnn_cell(from_input, from_hidden, hidden, data(h));
      EXPECT_CLOSE(h, gates[0].tanh(), 1e-6);
    }
  }
}

// A cell in training: its gates as in CellStep, its function in terms of them.
struct TrainingCell {
  int64_t gates;
  void (*Kernels::*forward)(const CellStep&);
  void (*Kernels::*backward)(const CellGradient&);
  // gates: [gates, units, lanes]; returns h and c.
  std::pair<at::Tensor, at::Tensor> (*reference)(const at::Tensor& gates, const at::Tensor& old_h,
                                                 const at::Tensor& old_c);
};

const std::vector<TrainingCell> training_cells = {
    {4, &Kernels::lstm_forward, &Kernels::lstm_backward,
     [](const at::Tensor& gates, const at::Tensor&, const at::Tensor& old_c) {
       const at::Tensor c = gates[1].sigmoid() * old_c + gates[0].sigmoid() * gates[2].tanh();
       return std::pair(gates[3].sigmoid() * c.tanh(), c);
     }},
    {4, &Kernels::gru_forward, &Kernels::gru_backward,
     [](const at::Tensor& gates, const at::Tensor& old_h, const at::Tensor&) {
       const at::Tensor fresh = (gates[0] + gates[1].sigmoid() * gates[3]).tanh();
       const at::Tensor h = (1 - gates[2].sigmoid()) * fresh + gates[2].sigmoid() * old_h;
       return std::pair(h, at::zeros_like(h));
     }},
    {1, &Kernels::rnn_forward, &Kernels::rnn_backward,
     [](const at::Tensor& gates, const at::Tensor&, const at::Tensor&) {
       return std::pair(gates[0].tanh(), at::zeros_like(gates[0]));
     }}};

TEST(kernels, cells_in_training_match_autograd) {
  constexpr int64_t units = 5;
  for (const Kernels* level : supported_kernels()) {
    for (const TrainingCell& cell : training_cells) {
      for (const int64_t lanes : sizes) {
        for (const int64_t used : {lanes, (lanes + 1) / 2}) {
          auto random = generator();
          const auto draw = [&] { return at::randn({units, lanes}, random); };
          const at::Tensor raw = at::randn({cell.gates, units, lanes}, random) * 3;
          const at::Tensor old_h = draw(), old_c = draw(), d_h = draw(), d_c = draw(), d_direct = draw();
          const auto leaf = [](const at::Tensor& x) { return x.to(at::kDouble).requires_grad_(); };
          const at::Tensor gates = leaf(raw), before_h = leaf(old_h), before_c = leaf(old_c);
          const auto [h, c] = cell.reference(gates, before_h, before_c);
          (h * d_h + c * d_c).sum().backward();

          const auto floats = [](const at::Tensor& x) { return x.const_data_ptr<float>(); };
          const auto first = [&](const at::Tensor& x) { return x.narrow(-1, 0, used); };
          const auto others = [&](const at::Tensor& x) { return x.narrow(-1, used, lanes - used); };
          at::Tensor work = raw.clone(), own_h = at::full({units, lanes}, 7.0f), own_c = own_h.clone();
          (level->*cell.forward)({data(work), units * lanes, floats(old_h), floats(old_c), data(own_h),
                                  data(own_c), units, lanes, used});
          EXPECT_CLOSE(first(own_h), first(h.detach()), 1e-6);
          EXPECT(others(own_h).eq(7).all().item<bool>());
          at::Tensor own_d_c = d_c.clone(), own_d_old_h = d_direct.clone();
          (level->*cell.backward)({data(work), units * lanes, floats(old_h), floats(old_c), data(own_c),
                                   floats(d_h), data(own_d_c), data(own_d_old_h), units, lanes, used});
          EXPECT((first(work) - first(gates.grad())).abs().max().item<double>() < 2e-6);
          EXPECT(others(work).equal(others(raw)));
          if (before_c.grad().defined())
            EXPECT((first(own_d_c) - first(before_c.grad())).abs().max().item<double>() < 1e-6);
          if (before_h.grad().defined())
            EXPECT(
                (first(own_d_old_h) - first(d_direct) - first(before_h.grad())).abs().max().item<double>() <
                1e-6);
        }
      }
    }
  }
}

TEST(kernels, a_logit_that_is_nan_reaches_the_sum) {
  for (const Kernels* level : supported_kernels()) {
    for (const bool relu : {false, true}) {
      for (const int64_t row : {0, 3, 6}) {
        at::Tensor logits = at::arange(7 * 16, at::kFloat).view({7, 16}) - 50;
        logits[row].fill_(NAN);
        at::Tensor largest = at::empty({16}), total = at::empty({16});
        level->exp_logits(data(logits), 7, 16, relu, data(largest), data(total));
        EXPECT(total.isnan().all().item<bool>());
      }
    }
  }
}

TEST(kernels, dropout_is_the_same_at_every_level_and_drops_the_given_share) {
  constexpr int64_t n = 100'000;
  at::Tensor expected;
  for (const Kernels* level : supported_kernels()) {
    at::Tensor x = at::ones({n});
    level->dropout(data(x), 1000, 7, 42, 0x40000000, 1.5f);  // in two parts
    level->dropout(data(x) + 1000, n - 1000, 1007, 42, 0x40000000, 1.5f);
    if (!expected.defined()) expected = x;
    EXPECT(x.equal(expected));
    EXPECT(x.eq(0).logical_or(x.eq(1.5f)).all().item<bool>());
    EXPECT(std::abs(x.eq(0).to(at::kFloat).mean().item<double>() - 0.25) < 0.01);
  }
}

TEST(kernels, statistics_of_blocks_are_merged) {
  for (const Kernels* level : supported_kernels()) {
    auto random = generator();
    const at::Tensor logits = at::randn({5, 9, 32}, random) * 20;  // [blocks, rows, columns]
    const at::Tensor maxima = std::get<0>(logits.max(1));
    const at::Tensor sums = (logits - maxima.unsqueeze(1)).exp().sum(1);
    at::Tensor largest = at::empty({32}), total = at::empty({32});
    level->merge_softmax(maxima.const_data_ptr<float>(), sums.const_data_ptr<float>(), 5, 32, 32,
                         data(largest), data(total));
    EXPECT(largest.equal(std::get<0>(maxima.max(0))));
    EXPECT_CLOSE(largest + total.log(), logits.view({45, 32}).to(at::kDouble).logsumexp(0), 1e-6);
  }
}

TEST(kernels, updates_are_identical_at_every_level) {
  for (const int64_t n : sizes) {
    auto random = generator();
    const at::Tensor grad = at::randn({n}, random), start = at::randn({n}, random);
    const auto run = [&](const Kernels& level) {
      at::Tensor value = start.clone(), first = at::ones({n}), second = at::ones({n});
      const Update update{data(value), grad.const_data_ptr<float>(), n, 0.5f, 0.01f, 1e-8f, 0.1f, 0.99f};
      level.adam(update, data(first), data(second), {0.9f, 0.1f}, {0.999f, 0.001f}, 0.1f, 0.03f);
      level.rmsprop(update, data(second), {0.99f, 0.01f});
      at::Tensor sum = value.clone();
      level.add(data(sum), grad.const_data_ptr<float>(), n);
      return at::cat({value, first, second, sum, at::full({1}, level.sum_of_squares(data(sum), n))});
    };
    const at::Tensor expected = run(*supported_kernels().front());
    for (const Kernels* level : supported_kernels()) EXPECT_CLOSE(run(*level), expected, 1e-6);
  }
}

}  // namespace tangshi::test
