#include "model/parameters.h"

namespace tangshi {

at::Tensor ParameterSlice::of(const at::Tensor& flat) const {
  return flat.narrow(0, offset, c10::multiply_integers(shape)).view(shape);
}

namespace {

// Tensors of a layer after its first. cuDNN wants a layer's tensors without a gap, see fit_for_cudnn.
bool continues_a_layer(const std::string& name) {
  return name.find(".weight_hh_") != std::string::npos || name.find(".bias_ih_") != std::string::npos ||
         name.find(".bias_hh_") != std::string::npos;
}

}  // namespace

Parameters flatten_parameters(ModelImpl& model) {
  constexpr int64_t alignment = 16;  // of 32-bit numbers, a cache line: for vector loads
  at::NoGradGuard no_grad;
  Parameters parameters;
  int64_t size = 0;
  for (const auto& [name, parameter] : model.distinct_parameters()) {
    const bool close_up = !model.device().is_cpu() && continues_a_layer(name);
    if (!close_up) size = (size + alignment - 1) / alignment * alignment;
    parameters.slices.push_back({name, parameter.sizes().vec(), size});
    size += parameter.numel();
  }
  parameters.values = at::zeros({size}, model.output_bias().options().requires_grad(false));
  const auto named = model.distinct_parameters();
  for (size_t i = 0; i < named.size(); i++) parameters.slices[i].of(parameters.values).copy_(named[i].second);
  add_replica(parameters, model);
  return parameters;
}

void add_replica(Parameters& parameters, ModelImpl& model) {
  const at::Tensor& grads = parameters.grads.emplace_back(at::zeros_like(parameters.values));
  auto named = model.distinct_parameters();
  for (size_t i = 0; i < named.size(); i++) {
    at::Tensor& parameter = named[i].second;
    parameter.set_data(parameters.slices[i].of(parameters.values));
    parameter.mutable_grad() = parameters.slices[i].of(grads);
  }
  model.settle();
}

}  // namespace tangshi
