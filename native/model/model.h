// The model: Embedding -> LSTM | GRU | RNN -> Linear, as torch::nn modules under PyTorch's names.
#pragma once

#include <optional>
#include <vector>

#include "model/parameters.h"
#include "model/recurrent_layer.h"

namespace tangshi {

class ModelImpl : public torch::nn::Module {
 public:
  // The modules' parameters are views of parameters.values, and their gradients of `grads` if given:
  // backward() adds to it. Nothing is copied, so many models can share one set of parameters.
  ModelImpl(const ModelConfig& config, const Parameters& parameters, const at::Tensor& grads = {},
            LayerFunction run_layer = torch_layer);

  // ids: [time, batch] int64 -> outputs of the last layer [time, batch, hidden]. Reads and replaces `state`.
  // Applies dropout if a generator on the model's device is given. batch_sizes: see LayerFunction.
  at::Tensor forward(const at::Tensor& ids, HiddenState& state, const std::optional<at::Generator>& dropout,
                     const std::vector<int64_t>& batch_sizes = {}) const;

  HiddenState zero_state(int64_t batch) const;

  // hidden: [..., hidden] -> logits [..., vocab].
  at::Tensor logits(const at::Tensor& hidden) const;

  // Weight and bias of the output layer: [vocab, hidden] and [vocab].
  const at::Tensor& output_weight() const { return config_.tie_weights ? embedding_->weight : fc_->weight; }
  const at::Tensor& output_bias() const { return fc_->bias; }

  const ModelConfig& config() const { return config_; }
  at::Device device() const { return fc_->bias.device(); }

 private:
  void view(const Parameters& parameters, const at::Tensor& grads);

  const ModelConfig config_;
  const LayerFunction run_layer_;
  torch::nn::Embedding embedding_{nullptr};
  torch::nn::Linear fc_{nullptr};
  std::vector<std::vector<at::Tensor>> layer_weights_;
};
TORCH_MODULE(Model);

}  // namespace tangshi
