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

TEST(kernels, softmax_of_columns_in_several_chunks_of_rows) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t rows : {2, 7, 64}) {
      for (const bool relu : {false, true}) {
        auto random = generator();
        const at::Tensor raw = at::randn({rows, 32}, random) * 20, weight = at::rand({32}, random);
        at::Tensor logits = raw.clone();
        if (relu) level->relu(data(logits), logits.numel());
        at::Tensor largest = at::full({32}, -INFINITY), total = at::zeros({32});
        level->track_softmax(data(logits), 1, 32, data(largest), data(total));
        level->track_softmax(data(logits) + 32, rows - 1, 32, data(largest), data(total));
        const at::Tensor expected = (relu ? raw.relu() : raw).to(at::kDouble);
        at::Tensor log_total = (largest + total.log()).contiguous();
        EXPECT_CLOSE(log_total, expected.logsumexp(0), 1e-6);
        level->softmax(data(logits), rows, 32, data(log_total), weight.const_data_ptr<float>(), relu);
        at::Tensor grad = expected.softmax(0) * weight;
        if (relu) grad = grad * raw.gt(0);
        EXPECT((logits - grad).abs().max().item<double>() < 1e-5);
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

TEST(kernels, lstm_in_training_matches_its_cell_and_autograd) {
  constexpr int64_t hidden = 5;
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t lanes : sizes) {
      for (const int64_t used : {lanes, (lanes + 1) / 2}) {
        auto random = generator();
        const at::Tensor raw = at::randn({4, hidden, lanes}, random) * 3,
                         old_c = at::randn({hidden, lanes}, random);
        const at::Tensor d_h = at::randn({hidden, lanes}, random),
                         d_next = at::randn({hidden, lanes}, random);
        at::Tensor gates = raw.to(at::kDouble).requires_grad_(),
                   before = old_c.to(at::kDouble).requires_grad_();
        const at::Tensor next = gates[1].sigmoid() * before + gates[0].sigmoid() * gates[2].tanh();
        const at::Tensor shown = gates[3].sigmoid() * next.tanh();
        (shown * d_h + next * d_next).sum().backward();

        at::Tensor work = raw.clone(), c = at::full({hidden, lanes}, 7.0f), h = c.clone(),
                   d_c = d_next.clone();
        const auto first = [&](const at::Tensor& x) { return x.narrow(-1, 0, used); };
        const auto others = [&](const at::Tensor& x) { return x.narrow(-1, used, lanes - used); };
        level->lstm_forward(data(work), old_c.const_data_ptr<float>(), hidden, lanes, used, data(c), data(h));
        EXPECT_CLOSE(first(c), first(next.detach()), 1e-6);
        EXPECT_CLOSE(first(h), first(shown.detach()), 1e-6);
        EXPECT(others(c).eq(7).all().item<bool>() && others(h).eq(7).all().item<bool>());
        level->lstm_backward(data(work), old_c.const_data_ptr<float>(), data(c), d_h.const_data_ptr<float>(),
                             hidden, lanes, used, data(d_c));
        EXPECT((first(work) - first(gates.grad())).abs().max().item<double>() < 1e-6);
        EXPECT((first(d_c) - first(before.grad())).abs().max().item<double>() < 1e-6);
        EXPECT(others(work).equal(others(raw)) && others(d_c).equal(others(d_next)));
      }
    }
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
