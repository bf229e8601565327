#include "sample/weights.h"

#include <cstring>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>

#include "sample/half.h"

namespace tangshi {
namespace {

constexpr const char* scale_suffix = ".scale";

size_t bytes_per_element(const std::string& dtype) { return dtype == "I8" ? 1 : dtype == "F16" ? 2 : 4; }

// Formats a dtype and shape: F32 [6000, 256]
std::string describe(const std::string& dtype, const std::vector<int64_t>& shape) {
  std::string text = dtype + " [";
  for (size_t i = 0; i < shape.size(); i++) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

void check(const ParameterSpec& spec, const TensorBytes& tensor) {
  if ((tensor.dtype != "F32" && tensor.dtype != "F16" && tensor.dtype != "I8") ||
      tensor.shape != spec.shape) {
    throw std::invalid_argument("expected " + describe("F32", spec.shape) + " for tensor '" + spec.name +
                                "' but received " + describe(tensor.dtype, tensor.shape));
  }
  const auto elements =
      std::accumulate(spec.shape.begin(), spec.shape.end(), size_t{1}, std::multiplies<size_t>());
  const size_t bytes = elements * bytes_per_element(tensor.dtype);
  if (tensor.data.size() != bytes) {
    throw std::invalid_argument("expected " + std::to_string(bytes) + " bytes for tensor '" + spec.name +
                                "' but received " + std::to_string(tensor.data.size()));
  }
}

// The scales of a parameter of 8 bits.
ParameterSpec scale_spec(const ParameterSpec& spec) { return {spec.name + scale_suffix, {spec.shape.at(0)}}; }

}  // namespace

Weights::Weights(const ModelConfig& config, const TensorMap& tensors) : tensors_(tensors) {
  std::set<std::string> known;
  const auto find = [&](const ParameterSpec& spec) -> const TensorBytes& {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end()) throw std::invalid_argument("tensor '" + spec.name + "' is missing");
    check(spec, found->second);
    known.insert(spec.name);
    return found->second;
  };
  for (const ParameterSpec& spec : parameter_specs(config)) {
    if (find(spec).dtype != "I8") continue;
    const TensorBytes& scale = find(scale_spec(spec));
    if (scale.dtype == "F32") continue;
    throw std::invalid_argument("expected F32 for tensor '" + spec.name + scale_suffix + "' but received " +
                                scale.dtype);
  }
  for (const auto& [name, tensor] : tensors) {
    if (known.contains(name)) continue;
    throw std::invalid_argument("tensor '" + name + "' does not belong to this model");
  }
}

std::vector<float> Weights::floats(const std::string& name) const {
  const TensorBytes& tensor = tensors_.at(name);
  std::vector<float> values(tensor.data.size() / bytes_per_element(tensor.dtype));
  if (tensor.dtype == "F32") {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  } else if (tensor.dtype == "F16") {
    for (size_t i = 0; i < values.size(); i++) {
      uint16_t half;
      std::memcpy(&half, tensor.data.data() + i * sizeof half, sizeof half);
      values[i] = half_to_float(half);
    }
  } else {
    const std::vector<float> scales = floats(name + scale_suffix);
    const size_t columns = scales.empty() ? 0 : values.size() / scales.size();
    for (size_t i = 0; i < values.size(); i++)
      values[i] = static_cast<float>(static_cast<int8_t>(tensor.data[i])) * scales[i / columns];
  }
  return values;
}

}  // namespace tangshi
