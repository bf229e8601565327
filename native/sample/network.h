// The network on the CPU, one character at a time, with its weights in a layout optimized for that.
#pragma once

#include <span>
#include <vector>

#include "sample/packed_linear.h"
#include "sample/weights.h"

namespace tangshi {

// Immutable: many threads may read it at once.
class Network {
 public:
  // Throws std::invalid_argument if the tensors do not match the model; see Weights.
  Network(const ModelConfig& config, const TensorMap& tensors);

  const ModelConfig& config() const { return config_; }
  int64_t parameter_count() const;

  // The hidden state of several sequences, and scratch memory.
  class State {
   public:
    State(const Network& network, int64_t rows, SpinPool& pool);

    // ids: [rows], the next character of each.
    void advance(std::span<const int32_t> ids);
    // Computes the logits of the next character of each.
    void predict();
    // [vocab], from the last call; may be overwritten.
    std::span<float> logits(int64_t row);
    // Continues with these rows, in this order. Rows may be dropped or repeated, but their number may not
    // exceed the initial one.
    void select(std::span<const int64_t> rows);

   private:
    float* h(int64_t layer, int64_t row = 0) { return h_.data() + (layer * capacity_ + row) * hidden_; }
    float* c(int64_t layer, int64_t row = 0) { return c_.data() + (layer * capacity_ + row) * hidden_; }
    void run_cells(int64_t layer);

    const Network& network_;
    SpinPool& pool_;
    const int64_t hidden_, capacity_;
    int64_t rows_;
    AlignedVector<float> h_, c_;  // [layers, capacity, hidden]
    AlignedVector<float> input_;  // [capacity, embedding]
    AlignedVector<float> from_input_, from_hidden_, logits_;
  };

 private:
  struct Layer {
    PackedLinear input, hidden;
  };

  Network(const ModelConfig& config, const Weights& weights);

  const ModelConfig config_;
  const std::vector<float> embedding_;  // [vocab, embedding]
  std::vector<Layer> layers_;
  PackedLinear output_;
};

}  // namespace tangshi
