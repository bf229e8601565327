#include "sample/weights.h"

#include <cstring>
#include <functional>
#include <numeric>
#include <set>
#include <stdexcept>

#include "sample/half.h"

namespace tangshi {
namespace {

size_t bytes_per_element(const std::string& dtype) { return dtype == "F16" ? 2 : 4; }

// Formats a dtype and shape: F32 [6000, 256]
std::string describe(const std::string& dtype, const std::vector<int64_t>& shape) {
  std::string text = dtype + " [";
  for (size_t i = 0; i < shape.size(); i++) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

void check(const ParameterSpec& spec, const TensorBytes& tensor) {
  if ((tensor.dtype != "F32" && tensor.dtype != "F16") || tensor.shape != spec.shape) {
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

}  // namespace

Weights::Weights(const ModelConfig& config, const TensorMap& tensors) : tensors_(tensors) {
  const std::vector<ParameterSpec> specs = parameter_specs(config);
  for (const ParameterSpec& spec : specs) {
    const auto found = tensors.find(spec.name);
    if (found == tensors.end()) throw std::invalid_argument("tensor '" + spec.name + "' is missing");
    check(spec, found->second);
  }
  std::set<std::string> known;
  for (const ParameterSpec& spec : specs) known.insert(spec.name);
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
    return values;
  }
  for (size_t i = 0; i < values.size(); i++) {
    uint16_t half;
    std::memcpy(&half, tensor.data.data() + i * sizeof half, sizeof half);
    values[i] = half_to_float(half);
  }
  return values;
}

}  // namespace tangshi
