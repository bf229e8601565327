#include "sample/weights.h"

#include "inference_fixture.h"
#include "sample/half.h"

namespace tangshi::test {
namespace {

TensorMap in_half_precision(TensorMap tensors) {
  for (auto& [name, tensor] : tensors) {
    std::vector<uint8_t> halves(tensor.data.size() / 2);
    for (size_t i = 0; i < halves.size() / 2; i++) {
      float value;
      std::memcpy(&value, tensor.data.data() + 4 * i, 4);
      const uint16_t half = float_to_half(value);
      std::memcpy(halves.data() + 2 * i, &half, 2);
    }
    tensor.dtype = "F16";
    tensor.data = std::move(halves);
  }
  return tensors;
}

}  // namespace

TEST(weights, half_precision_is_read_as_stored) {
  const TensorMap tensors = random_tensors(small_network()), halves = in_half_precision(tensors);
  const Weights exact(small_network(), tensors), rounded(small_network(), halves);
  const auto a = exact.floats("fc.weight"), b = rounded.floats("fc.weight");
  EXPECT_EQ(a.size(), 77u);
  EXPECT_EQ(b.size(), 77u);
  for (size_t i = 0; i < a.size(); i++) EXPECT_EQ(b[i], half_to_float(float_to_half(a[i])));
}

TEST(weights, rejects_tensors_of_another_model) {
  const ModelConfig config = small_network();
  const TensorMap good = random_tensors(config);
  std::vector<TensorMap> bad;
  const auto spoil = [&](const std::function<void(TensorMap&)>& change) {
    bad.push_back(good);
    change(bad.back());
  };
  spoil([](TensorMap& t) { t.erase("fc.bias"); });
  spoil([](TensorMap& t) { t.at("fc.bias").shape = {12}; });
  spoil([](TensorMap& t) { t.at("fc.bias").shape = {11, 1}; });
  spoil([](TensorMap& t) { t.at("fc.bias").dtype = "I64"; });
  spoil([](TensorMap& t) { t.at("fc.bias").dtype = "F16"; });
  spoil([](TensorMap& t) { t.at("fc.bias").data.pop_back(); });
  spoil([](TensorMap& t) { t.at("fc.bias").data.clear(); });
  spoil([](TensorMap& t) { t.emplace("fc.extra", t.at("fc.bias")); });
  for (const TensorMap& tensors : bad) EXPECT_THROWS(Network(config, tensors), std::invalid_argument);
  ModelConfig tied = config;
  tied.embed_dim = tied.hidden_dim;
  tied.tie_weights = true;
  EXPECT_THROWS(Network(tied, good), std::invalid_argument);
  Network(tied, random_tensors(tied));
}

}  // namespace tangshi::test
