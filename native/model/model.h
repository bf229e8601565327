// The network: Embedding -> LSTM | GRU | RNN -> Linear, as torch::nn modules under PyTorch's names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libtorch.h"
#include "model/model_config.h"

namespace tangshi {

// What the cells carry from one character to the next: h and, for the LSTM, c; each [layers, batch, hidden].
struct HiddenState {
  at::Tensor h, c;
};

class ModelImpl : public torch::nn::Module {
 public:
  // Weights are drawn from the generator: embedding U(-1, 1), cells U(-1/sqrt(H), 1/sqrt(H)), zero output
  // bias, and output weight U(-4/sqrt(H), 4/sqrt(H)) or Xavier; a tied embedding as the output weight it also
  // is.
  ModelImpl(const ModelConfig& config, const at::Device& device, at::Generator& generator);

  // ids: [time, batch] int64 -> hidden outputs of the last layer [time, batch, hidden]. `state` is read and
  // replaced. Dropout is applied when a generator is given. `running` says how many of the sequences, the
  // first ones, go on at each step; empty: all. What the others would give may be left out.
  at::Tensor forward(const at::Tensor& ids, HiddenState& state, const std::optional<at::Generator>& dropout,
                     const std::vector<int64_t>& running = {});

  HiddenState zero_state(int64_t batch) const;

  // hidden: [..., hidden] -> logits [..., vocab].
  at::Tensor logits(const at::Tensor& hidden) const;

  // [vocab, hidden] and [vocab].
  const at::Tensor& output_weight() const { return config_.tie_weights ? embedding_->weight : fc_->weight; }
  const at::Tensor& output_bias() const { return fc_->bias; }

  // [vocab, embedding].
  const at::Tensor& embedding_weight() const { return embedding_->weight; }
  // weight_ih [gates x H, in], weight_hh [gates x H, H], bias_ih, bias_hh.
  const std::vector<at::Tensor>& cell_weights(int64_t layer) const { return cell_weights_[layer]; }

  // Each distinct parameter once, in PyTorch's order; a tied output weight is not listed again.
  std::vector<std::pair<std::string, at::Tensor>> distinct_parameters() const;

  // To be called when the parameters have come to the place where they stay.
  void settle();

  const ModelConfig& config() const { return config_; }
  at::Device device() const { return fc_->bias.device(); }

 private:
  void initialize(at::Generator& generator);
  // Points fc.weight at the embedding's storage when the two are tied.
  void share_tied_weight();

  ModelConfig config_;
  bool fit_for_cudnn_ = false;  // all layers' weights, where they lie
  torch::nn::Embedding embedding_{nullptr};
  torch::nn::Linear fc_{nullptr};
  std::vector<std::vector<at::Tensor>> cell_weights_;
};
TORCH_MODULE(Model);

}  // namespace tangshi
