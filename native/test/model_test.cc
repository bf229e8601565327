#include "model/model.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

Parameters drawn(const ModelConfig& config, uint64_t seed = 1) {
  auto random = generator(seed);
  Parameters parameters = allocate_parameters(config, at::kFloat);
  draw_initial_weights(config, parameters, random);
  return parameters;
}

Model model(const ModelConfig& config) { return Model(config, drawn(config)); }

const at::Tensor ids = at::tensor({1, 2, 3, 4, 5, 6}, at::kLong).view({3, 2});  // [time, batch]

}  // namespace

TEST(model, names_match_pytorch) {
  const auto names = [](Cell cell) {
    std::string names;
    for (const auto& parameter : model(small_model(cell))->named_parameters()) names += parameter.key() + " ";
    return names;
  };
  EXPECT_EQ(names(Cell::lstm),
            "embedding.weight lstm.weight_ih_l0 lstm.weight_hh_l0 lstm.bias_ih_l0 lstm.bias_hh_l0 "
            "lstm.weight_ih_l1 lstm.weight_hh_l1 lstm.bias_ih_l1 lstm.bias_hh_l1 fc.weight fc.bias ");
  EXPECT(names(Cell::gru).find(" gru.weight_ih_l0 ") != std::string::npos);
  EXPECT(names(Cell::rnn).find(" rnn.weight_ih_l0 ") != std::string::npos);
}

TEST(model, the_modules_are_views_of_the_parameters) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const bool tied : {false, true}) {
      ModelConfig config = small_model(cell);
      config.tie_weights = tied;
      if (tied) config.embed_dim = config.hidden_dim;
      const Parameters parameters = drawn(config);
      const at::Tensor grads = allocate_gradients(parameters);
      Model m(config, parameters, grads);
      const auto named = m->named_parameters();
      EXPECT_EQ(named.size(), parameters.slices.size() + (tied ? 1 : 0));
      for (const ParameterSlice& slice : parameters.slices) {
        const at::Tensor& parameter = named[slice.name];
        EXPECT(parameter.sizes() == at::IntArrayRef(slice.shape));
        EXPECT(parameter.is_leaf() && parameter.requires_grad());
        EXPECT(parameter.data_ptr() == slice.of(parameters.values).data_ptr());
        EXPECT(parameter.grad().data_ptr() == slice.of(grads).data_ptr());
      }
    }
  }
}

TEST(model, each_parameter_is_aligned_and_its_padding_is_zero) {
  const Parameters parameters = drawn(small_model());
  const at::Tensor rest = parameters.values.clone();
  int64_t end = 0;
  for (const ParameterSlice& slice : parameters.slices) {
    EXPECT(slice.offset % 16 == 0 && slice.offset >= end);
    end = slice.offset + c10::multiply_integers(slice.shape);
    slice.of(rest).zero_();
  }
  EXPECT_EQ(end, parameters.values.numel());
  EXPECT_EQ(rest.count_nonzero().item<int64_t>(), 0);
}

TEST(model, a_layer_is_contiguous_on_another_device) {
  const Parameters parameters = allocate_parameters(small_model(), at::kMeta);
  for (size_t first = 1; first < 9; first += 4) {
    EXPECT_EQ(parameters.slices[first].offset % 16, 0);
    for (size_t i = first; i < first + 3; i++) {
      EXPECT_EQ(parameters.slices[i].offset + c10::multiply_integers(parameters.slices[i].shape),
                parameters.slices[i + 1].offset);
    }
  }
}

TEST(model, initial_weights_are_within_bounds_and_depend_on_the_seed) {
  ModelConfig config = small_model();
  config.vocab_size = 500;
  config.xavier_output = true;
  const Parameters parameters = drawn(config);
  const auto largest = [&](size_t i) {
    return parameters.slices[i].of(parameters.values).abs().max().item<double>();
  };
  EXPECT(largest(0) <= 1 && largest(0) > 0.95);                    // embedding: U(-1, 1)
  EXPECT(largest(1) <= 1 / std::sqrt(7.0) && largest(1) > 0.3);    // layers: U(-1/sqrt(H), 1/sqrt(H))
  EXPECT(largest(9) <= std::sqrt(6.0 / 507) && largest(9) > 0.1);  // output layer: Xavier
  EXPECT_EQ(largest(10), 0.0);                                     // bias: 0
  EXPECT(drawn(config).values.equal(parameters.values));
  EXPECT(!drawn(config, 2).values.equal(parameters.values));
  config.xavier_output = false;
  const double wide = model(config)->output_weight().abs().max().item<double>();
  EXPECT(wide <= 4 / std::sqrt(7.0) && wide > 1.4);
}

TEST(model, without_dropout_equals_the_chain_of_its_modules) {
  at::NoGradGuard no_grad;
  Model m = model(small_model());
  HiddenState state = m->zero_state(2);
  const at::Tensor hidden = m->forward(ids, state, std::nullopt);
  const auto modules = m->named_children();
  const at::Tensor embedded = modules["embedding"]->as<torch::nn::Embedding>()->forward(ids);
  const auto [out, last] = modules["lstm"]->as<torch::nn::LSTM>()->forward(embedded);
  EXPECT_CLOSE(hidden, out, 3e-7);
  EXPECT_CLOSE(state.h, std::get<0>(last), 3e-7);
  EXPECT_CLOSE(m->logits(hidden), modules["fc"]->as<torch::nn::Linear>()->forward(out), 3e-7);
}

TEST(model, one_character_at_a_time_equals_the_whole_sequence_at_once) {
  at::NoGradGuard no_grad;
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Model m = model(small_model(cell));
    HiddenState whole = m->zero_state(2), stepped = m->zero_state(2);
    const at::Tensor expected = m->forward(ids, whole, std::nullopt);
    for (int64_t t = 0; t < 3; t++) {
      const at::Tensor out = m->forward(ids.narrow(0, t, 1), stepped, std::nullopt);
      EXPECT_CLOSE(out[0], expected[t], 3e-7);
    }
    EXPECT_CLOSE(stepped.h, whole.h, 3e-7);
    EXPECT_EQ(whole.c.defined(), cell == Cell::lstm);
  }
}

TEST(model, dropout_follows_its_generator_and_is_off_without_one) {
  at::NoGradGuard no_grad;
  ModelConfig config = small_model();
  config.dropout = 0.5;
  Model m = model(config);
  const auto forward = [&](std::optional<at::Generator> dropout) {
    HiddenState state = m->zero_state(2);
    return m->forward(ids, state, dropout);
  };
  EXPECT(forward(generator(9)).equal(forward(generator(9))));
  EXPECT(!forward(generator(9)).equal(forward(generator(10))));
  EXPECT(forward(std::nullopt).equal(forward(std::nullopt)));
  const at::Tensor dropped = forward(generator(9));
  const int64_t zeros = dropped.eq(0).sum().item<int64_t>();
  EXPECT(zeros > 5 && zeros < dropped.numel() - 5);
  // One mask for all time steps, but not for all sequences.
  for (int64_t t = 1; t < dropped.size(0); t++) EXPECT(dropped[t].eq(0).equal(dropped[0].eq(0)));
  EXPECT(!dropped.select(1, 0).eq(0).equal(dropped.select(1, 1).eq(0)));
}

TEST(model, tied_weights_are_one_tensor) {
  ModelConfig config = small_model();
  config.embed_dim = config.hidden_dim;
  config.tie_weights = true;
  const Parameters parameters = drawn(config);
  Model m(config, parameters);
  EXPECT(m->output_weight().data_ptr() == parameters.slices[0].of(parameters.values).data_ptr());
  EXPECT(m->named_parameters()["fc.weight"].data_ptr() == m->output_weight().data_ptr());
  for (const ParameterSlice& slice : parameters.slices) EXPECT(slice.name != "fc.weight");
  config.embed_dim = 5;
  EXPECT_THROWS(drawn(config), c10::Error);
}

}  // namespace tangshi::test
