#include "train/train_step.h"

namespace tangshi {

OutputLayer output_layer(const ModelImpl& model) {
  return {model.output_weight(), model.output_bias(), model.config().relu_logits};
}

at::Tensor hidden_outputs(const ModelImpl& model, const at::Tensor& inputs,
                          const std::optional<at::Generator>& dropout,
                          const std::vector<int64_t>& batch_sizes) {
  HiddenState state = model.zero_state(inputs.size(1));
  const at::Tensor hidden = model.forward(inputs, state, dropout, batch_sizes);
  return hidden.reshape({-1, hidden.size(2)});
}

}  // namespace tangshi
