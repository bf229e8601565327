// Every level of the kernels that this processor can run, against libtorch in double precision.
#include "kernels/kernels.h"

#include "expect.h"
#include "packed.h"

namespace tangshi::test {
namespace {

const auto generator = [] { return at::make_generator<at::CPUGeneratorImpl>(11); };

float* data(at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }

// Sizes around the widths of vectors and blocks.
const std::vector<int64_t> sizes = {1, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 200};

}  // namespace

TEST(kernels, matmul_is_a_linear_layer_for_any_number_of_rows) {
  for (const Kernels* level : supported_kernels()) {
    for (const bool half : {false, true}) {
      auto random = generator();
      const at::Tensor weight = at::randn({70, 33}, random), bias = at::randn({70}, random);
      const PackedLinear packed(weight, bias, half);
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
  const PackedLinear packed(values.unsqueeze(1), at::zeros({count}), true);
  const float one = 1;
  for (const Kernels* level : supported_kernels()) {
    at::Tensor out = at::empty({count});
    level->matmul(packed.view(), &one, 1, 1, data(out), count);
    EXPECT(out.equal(values));
  }
}

TEST(kernels, weights_too_large_for_half_precision_stay_single) {
  EXPECT(PackedLinear(at::full({1, 1}, 1e5f), at::zeros({1}), true).view().f32 != nullptr);
  EXPECT(PackedLinear(at::full({1, 1}, 6e4f), at::zeros({1}), true).view().f16 != nullptr);
}

TEST(kernels, nll_row_is_log_softmax_and_its_gradient) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t vocab : sizes) {
      for (const bool relu : {false, true}) {
        auto random = generator();
        const at::Tensor raw = at::randn({vocab}, random) * 5, bias = at::randn({vocab}, random);
        const int64_t target = vocab / 2;
        at::Tensor reference = (raw + bias).to(at::kDouble).requires_grad_();
        const at::Tensor cut = relu ? reference.relu() : reference;
        const at::Tensor nll = -at::log_softmax(cut, 0)[target];
        (nll * 0.5).backward();
        at::Tensor logits = raw.clone(), bias_grad = at::ones({vocab});
        const double value = level->nll_row(data(logits), bias.const_data_ptr<float>(), vocab, target, 0.5,
                                            relu, data(bias_grad));
        EXPECT(std::abs(value - nll.item<double>()) < 1e-5);
        EXPECT((logits - reference.grad()).abs().max().item<double>() < 1e-6);
        EXPECT((bias_grad - 1 - reference.grad()).abs().max().item<double>() < 1e-6);
      }
    }
  }
}

TEST(kernels, largest_and_weights_of_a_draw) {
  for (const Kernels* level : supported_kernels()) {
    for (const int64_t n : sizes) {
      auto random = generator();
      at::Tensor x = at::randn({n}, random) * 30;
      x[n / 2] = -INFINITY;  // never drawn
      if (n == 1) x[0] = 2;
      const float largest = level->max(data(x), n);
      EXPECT_EQ(largest, x.max().item<float>());
      const at::Tensor expected = at::exp((x.to(at::kDouble) - largest) * 0.8);
      at::Tensor sums = at::empty({(n + 63) / 64});
      level->exp_weights(data(x), n, largest, 0.8f, data(sums));
      EXPECT((x - expected).abs().max().item<double>() < 1e-6);
      if (n > 1) EXPECT_EQ(x[n / 2].item<float>(), 0.0f);
      EXPECT_CLOSE(sums.sum(), expected.sum(), 1e-6);
      x[n - 1] = NAN;
      EXPECT(std::isnan(level->max(data(x), n)));
    }
  }
}

TEST(kernels, cells_are_libtorchs) {
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

TEST(kernels, updates_are_the_same_at_every_level) {
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
