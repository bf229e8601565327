#include "parameters.h"

namespace tangshi {

at::Tensor ParameterSlice::of(const at::Tensor& flat) const {
  return flat.narrow(0, offset, c10::multiply_integers(shape)).view(shape);
}

Parameters flatten_parameters(ModelImpl& model) {
  constexpr int64_t alignment = 16;  // floats: a cache line, for vector loads
  at::NoGradGuard no_grad;
  Parameters parameters;
  int64_t size = 0;
  for (const auto& [name, parameter] : model.distinct_parameters()) {
    parameters.slices.push_back({name, parameter.sizes().vec(), size});
    size += (parameter.numel() + alignment - 1) / alignment * alignment;
  }
  const auto options = at::TensorOptions().dtype(at::kFloat).device(model.device());
  parameters.values = at::zeros({size}, options);
  parameters.grads = at::zeros({size}, options);
  auto named = model.distinct_parameters();
  for (size_t i = 0; i < named.size(); i++) {
    at::Tensor& parameter = named[i].second;
    at::Tensor value = parameters.slices[i].of(parameters.values);
    value.copy_(parameter);
    parameter.set_data(value);
    parameter.mutable_grad() = parameters.slices[i].of(parameters.grads);
  }
  model.share_tied_weight();
  return parameters;
}

}  // namespace tangshi
