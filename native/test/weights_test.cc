#include "sample/weights.h"

#include <cmath>

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

namespace {

// Each row as its largest magnitude / 127 times integers; vectors stay as they are.
TensorMap in_8_bits(TensorMap tensors) {
  TensorMap scales;
  for (auto& [name, tensor] : tensors) {
    if (tensor.shape.size() != 2) continue;
    const auto rows = static_cast<size_t>(tensor.shape[0]), columns = static_cast<size_t>(tensor.shape[1]);
    std::vector<float> values(rows * columns), scale(rows);
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
    tensor.dtype = "I8";
    tensor.data.resize(rows * columns);
    for (size_t i = 0; i < values.size(); i++)
      scale[i / columns] = std::max(scale[i / columns], std::abs(values[i]) / 127);
    for (size_t i = 0; i < values.size(); i++)
      tensor.data[i] = static_cast<uint8_t>(static_cast<int8_t>(std::lround(values[i] / scale[i / columns])));
    TensorBytes& bytes = scales[name + ".scale"];
    bytes = {"F32", {tensor.shape[0]}, std::vector<uint8_t>(rows * sizeof(float))};
    std::memcpy(bytes.data.data(), scale.data(), bytes.data.size());
  }
  tensors.merge(scales);
  return tensors;
}

}  // namespace

TEST(weights, rows_of_8_bits_are_multiplied_by_their_scales) {
  const TensorMap tensors = random_tensors(small_network()), small = in_8_bits(tensors);
  const Weights exact(small_network(), tensors), rounded(small_network(), small);
  const auto a = exact.floats("fc.weight"), b = rounded.floats("fc.weight");
  EXPECT_EQ(b.size(), a.size());
  const size_t columns = a.size() / 11;
  for (size_t row = 0; row < 11; row++) {
    float largest = 0;
    for (size_t i = row * columns; i < (row + 1) * columns; i++) largest = std::max(largest, std::abs(a[i]));
    for (size_t i = row * columns; i < (row + 1) * columns; i++)
      EXPECT(std::abs(a[i] - b[i]) <= largest / 127 * 0.5001f);
  }
  EXPECT(rounded.floats("fc.bias") == exact.floats("fc.bias"));
  Network(small_network(), small);
}

TEST(weights, rejects_8_bits_without_matching_scales) {
  const TensorMap good = in_8_bits(random_tensors(small_network()));
  const auto refuses = [&](const std::function<void(TensorMap&)>& change) {
    TensorMap bad = good;
    change(bad);
    EXPECT_THROWS(Network(small_network(), bad), std::invalid_argument);
  };
  refuses([](TensorMap& t) { t.erase("fc.weight.scale"); });
  refuses([](TensorMap& t) { t.at("fc.weight.scale").shape = {10}; });
  refuses([](TensorMap& t) { t.at("fc.weight.scale").data.pop_back(); });
  refuses([](TensorMap& t) { t.at("fc.weight.scale").dtype = "F16"; });
  refuses([](TensorMap& t) { t.at("fc.weight.scale").dtype = "I8"; });
  refuses([](TensorMap& t) { t.at("fc.weight").data.pop_back(); });
  refuses([](TensorMap& t) { t.emplace("fc.bias.scale", t.at("fc.weight.scale")); });
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
