// One recurrent layer in training, over all time steps: LSTM, GRU or RNN, with its gradient. The threads
// share each matrix product; a sum is always computed by one of them and in the same order, so results do not
// depend on their number.
#pragma once

#include "kernels/kernels.h"
#include "model/model_config.h"
#include "parallel/spin_pool.h"
#include "train/packed_batch.h"
#include "train/panels.h"

namespace tangshi {

// Weights of a layer or their gradients, in PyTorch's shapes: ih [gates x hidden, in], hh [gates x hidden,
// hidden], biases [gates x hidden].
template <typename Float>
struct LayerWeights {
  Float *ih, *hh, *bias_ih, *bias_hh;
};

class RnnLayer {
 public:
  RnnLayer(Cell cell, int64_t in, int64_t hidden);

  // x_t: [time, in, width]. The outputs are out_t() and out_rows().
  void forward(const PackedBatch& batch, const LayerWeights<const float>& weights, const float* x_t,
               SpinPool& pool);
  // After forward with the same weights. x_rows: the input as rows. d_out_t: [time, hidden, width];
  // what later time steps contribute is added to it. Adds to the gradients. d_x_t: [time, in, width],
  // overwritten in the columns used.
  void backward(const PackedBatch& batch, const LayerWeights<const float>& weights,
                const LayerWeights<float>& grads, const float* x_rows, float* d_out_t, float* d_x_t,
                SpinPool& pool);

  // [time, hidden, width]
  const float* out_t() const { return h_t_.get() + state_; }
  // [time, width, row_size(hidden)]
  const float* out_rows() const { return h_rows_.get() + rows_; }

 private:
  // The gates of a cell, and where the kernels have them: see CellStep.
  struct Gates {
    int64_t gates, blocks;
    int64_t input_block[4];  // for each gate of PyTorch, the block that the input is added to
    int64_t hidden_block;  // the block of the first gate that the hidden state is added to; the others follow
  };
  static Gates gates_of(Cell cell);

  float* gates_at(int64_t t, int64_t block = 0) const {
    return gates_t_.get() + (t * kind_.blocks + block) * state_;
  }
  float* h_at(int64_t t) const { return h_t_.get() + t * state_; }  // before time step t
  float* c_at(int64_t t) const { return c_t_.get() + t * state_; }
  int64_t units_of(int64_t panel) const;

  void pack_forward(const LayerWeights<const float>& weights, SpinPool& pool);
  void pack_backward(const LayerWeights<const float>& weights, SpinPool& pool);
  void step(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel);
  void step_back(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel, float* d_out_t,
                 float* d_c);
  void input_gradient(const PackedBatch& batch, float* d_x_t, SpinPool& pool);
  void weight_gradients(const PackedBatch& batch, const LayerWeights<float>& grads, const float* x_rows,
                        SpinPool& pool);

  const Cell cell_;
  const Gates kind_;
  const int64_t in_, hidden_;
  int64_t width_ = 0, state_ = 0, rows_ = 0;  // floats of the hidden state of all sequences, in each layout
  // For each panel of hidden units, their rows in each gate.
  Panels ih_[4], hh_[4];
  // Transposed: rows are inputs or hidden units, numbers are gates x hidden, in the order of the blocks.
  Panels ih_back_, hh_back_;
  Buffer start_;      // [blocks x hidden]: biases
  Buffer gates_t_;    // [time, blocks, hidden, width]
  Buffer h_t_, c_t_;  // [time + 1, hidden, width]: before the first and after each time step
  Buffer h_rows_;     // [time + 1, width, row_size(hidden)]
  Buffer d_c_t_;      // [hidden, width]
};

}  // namespace tangshi
