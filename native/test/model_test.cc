#include "model/model.h"

#include "fixture.h"

namespace tangshi::test {
namespace {

at::Generator generator(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

Model model(const ModelConfig& config, uint64_t seed = 1) {
  auto drawn = generator(seed);
  return Model(config, at::kCPU, drawn);
}

const at::Tensor ids = at::tensor({1, 2, 3, 4, 5, 6}, at::kLong).view({3, 2});  // [time, batch]

}  // namespace

TEST(model, names_are_pytorchs) {
  std::string names;
  for (const auto& [name, parameter] : model(small_model())->distinct_parameters()) names += name + " ";
  EXPECT_EQ(names,
            "embedding.weight lstm.weight_ih_l0 lstm.weight_hh_l0 lstm.bias_ih_l0 lstm.bias_hh_l0 "
            "lstm.weight_ih_l1 "
            "lstm.weight_hh_l1 lstm.bias_ih_l1 lstm.bias_hh_l1 fc.weight fc.bias ");
  EXPECT_EQ(model(small_model(Cell::gru))->distinct_parameters()[1].first, "gru.weight_ih_l0");
  EXPECT_EQ(model(small_model(Cell::rnn))->distinct_parameters()[1].first, "rnn.weight_ih_l0");
}

TEST(model, specs_are_those_of_the_modules) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    for (const bool tied : {false, true}) {
      ModelConfig config = small_model(cell);
      config.tie_weights = tied;
      if (tied) config.embed_dim = config.hidden_dim;
      const auto specs = parameter_specs(config);
      const auto parameters = model(config)->distinct_parameters();
      EXPECT_EQ(specs.size(), parameters.size());
      for (size_t i = 0; i < specs.size(); i++) {
        EXPECT_EQ(specs[i].name, parameters[i].first);
        EXPECT(specs[i].shape == parameters[i].second.sizes().vec());
      }
    }
  }
}

TEST(model, initial_weights_keep_their_bounds_and_follow_the_seed) {
  ModelConfig config = small_model();
  config.vocab_size = 500;
  config.xavier_output = true;
  Model a = model(config), b = model(config), other = model(config, 2);
  const auto weights = a->distinct_parameters();
  const auto largest = [&](size_t i) { return weights[i].second.abs().max().item<double>(); };
  EXPECT(largest(0) <= 1 && largest(0) > 0.95);                    // embedding: U(-1, 1)
  EXPECT(largest(1) <= 1 / std::sqrt(7.0) && largest(1) > 0.3);    // cells: U(-1/sqrt(H), 1/sqrt(H))
  EXPECT(largest(9) <= std::sqrt(6.0 / 507) && largest(9) > 0.1);  // output layer: Xavier
  EXPECT_EQ(largest(10), 0.0);                                     // zero bias
  for (size_t i = 0; i < weights.size(); i++) {
    EXPECT(weights[i].second.equal(b->distinct_parameters()[i].second));
  }
  config.xavier_output = false;
  const double wide = model(config)->output_weight().abs().max().item<double>();
  EXPECT(wide <= 4 / std::sqrt(7.0) && wide > 1.4);
  EXPECT(!weights[0].second.equal(other->distinct_parameters()[0].second));
}

TEST(model, one_character_at_a_time_is_the_whole_sequence_at_once) {
  at::NoGradGuard no_grad;
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Model m = model(small_model(cell));
    HiddenState whole = m->zero_state(2), stepped = m->zero_state(2);
    const at::Tensor expected = m->forward(ids, whole, std::nullopt);
    for (int64_t t = 0; t < 3; t++) {
      const at::Tensor out = m->forward(ids.narrow(0, t, 1), stepped, std::nullopt);
      EXPECT_CLOSE(out[0], expected[t], 1e-6);
    }
    EXPECT_CLOSE(stepped.h, whole.h, 1e-6);
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
}

TEST(model, tied_weights_are_one_tensor) {
  ModelConfig config = small_model();
  config.embed_dim = config.hidden_dim;
  config.tie_weights = true;
  Model m = model(config);
  const Parameters parameters = flatten_parameters(*m);
  EXPECT(m->output_weight().data_ptr() == m->distinct_parameters()[0].second.data_ptr());
  EXPECT(m->named_parameters()["fc.weight"].data_ptr() == m->output_weight().data_ptr());
  for (const ParameterSlice& slice : parameters.slices) EXPECT(slice.name != "fc.weight");
  config.embed_dim = 5;
  EXPECT_THROWS(model(config), c10::Error);
}

}  // namespace tangshi::test
