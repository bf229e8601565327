// The network for one character at a time, on the CPU: its weights laid out for that.
#pragma once

#include <span>
#include <vector>

#include "model/model.h"
#include "sample/packed_linear.h"

namespace tangshi {

// A model's weights as they were when it was made; many threads may read it at once.
class Network {
 public:
  explicit Network(const ModelImpl& model);

  // What some sequences carry from character to character, and room to work.
  class State {
   public:
    State(const Network& network, int64_t rows, SpinPool& team);

    // ids: [rows], the next character of each.
    void advance(std::span<const int32_t> ids);
    // Computes the logits of the next character of each.
    void predict();
    // [vocab], as predicted last; may be overwritten.
    std::span<float> logits(int64_t row);
    // Goes on with these rows, in this order: some may be dropped, others doubled, but there may not be more
    // than at first.
    void select(std::span<const int64_t> rows);

   private:
    float* h(int64_t layer, int64_t row = 0) { return h_.data() + (layer * capacity_ + row) * hidden_; }
    float* c(int64_t layer, int64_t row = 0) { return c_.data() + (layer * capacity_ + row) * hidden_; }
    void run_cells(int64_t layer);

    const Network& network_;
    SpinPool& team_;
    const int64_t hidden_, capacity_;
    int64_t rows_;
    std::vector<float> h_, c_;  // [layers, capacity, hidden]
    std::vector<float> input_;  // [capacity, embedding]
    std::vector<float> from_input_, from_hidden_, logits_;
  };

 private:
  struct Layer {
    PackedLinear input, hidden;
  };

  const ModelConfig config_;
  const at::Tensor embedding_;  // [vocab, embedding]
  std::vector<Layer> layers_;
  PackedLinear output_;
};

}  // namespace tangshi
