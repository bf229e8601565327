// One recurrent layer in training, over all time steps: LSTM, GRU or RNN, with its gradient. The threads
// share each matrix product; a sum is always computed by one of them and in the same order, so results do not
// depend on their number. What a product reads are words: see arithmetic.h.
#pragma once

#include "model/model_config.h"
#include "parallel/spin_pool.h"
#include "train/buffer.h"
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
  // panels: for the weights as forward or backward reads them; can be shared by layers. Must outlive it.
  RnnLayer(Cell cell, int64_t in, int64_t hidden, const Arithmetic& arithmetic, Buffer& panels);

  // x_t: [time, words(in), width].
  void forward(const PackedBatch& batch, const LayerWeights<const float>& weights, const float* x_t,
               SpinPool& pool);
  // After forward with the same weights. x_rows: [time, words(width), row_size(in)]. d_out_t: [time, hidden,
  // width]; what later time steps contribute is added to it. Adds to the gradients. d_x_t: [time, in, width],
  // overwritten in the columns used; may be the same memory.
  void backward(const PackedBatch& batch, const LayerWeights<const float>& weights,
                const LayerWeights<float>& grads, const float* x_rows, float* d_out_t, float* d_x_t,
                SpinPool& pool);

  // The outputs: [time, hidden, width]
  const float* out_t() const { return h_t_.get() + state_; }
  // Their words: [time, words(hidden), width] and [time, words(width), row_size(hidden)]
  const float* out_words_t() const { return h_words_at(1); }
  const float* out_words_rows() const { return h_rows_.get() + rows_; }

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
  // Their words along units, [words(hidden), width], and along sequences, [hidden, words(width)].
  const float* d_units_at(int64_t t, int64_t block) const;
  Scalars d_sequences_at(int64_t t, int64_t block, int64_t unit) const;
  float* h_at(int64_t t) const { return h_t_.get() + t * state_; }  // before time step t
  const float* h_words_at(int64_t t) const;
  float* c_at(int64_t t) const { return c_t_.get() + t * state_; }
  int64_t units_of(int64_t panel) const { return hh_.rows_of(panel); }

  void pack_forward(const LayerWeights<const float>& weights, SpinPool& pool);
  void pack_backward(const LayerWeights<const float>& weights, SpinPool& pool);
  void step(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel);
  void convert_derivatives(int64_t t, int64_t unit, int64_t units, int64_t used);
  void step_back(const PackedBatch& batch, int64_t t, int64_t first_panel, int64_t end_panel, float* d_out_t,
                 float* d_c);
  void input_gradient(const PackedBatch& batch, float* d_x_t, SpinPool& pool);
  void weight_gradients(const PackedBatch& batch, const LayerWeights<float>& grads, const float* x_rows,
                        SpinPool& pool);

  const Cell cell_;
  const Gates kind_;
  const int64_t in_, hidden_;
  const Arithmetic& arithmetic_;
  int64_t width_ = 0;
  int64_t state_ = 0;             // numbers of the hidden state of all sequences
  int64_t words_ = 0, rows_ = 0;  // words of it, in each layout
  Buffer& panels_;
  Panels ih_, hh_;            // rows are hidden units, blocks are PyTorch's gates
  Panels ih_back_, hh_back_;  // transposed: rows are inputs or hidden units; blocks are those of the cell
  Buffer start_;              // [blocks x hidden]: biases
  Buffer gates_t_;            // [time, blocks, hidden, width]: gates; later their derivatives
  Buffer h_t_, c_t_;          // [time + 1, hidden, width]: before the first and after each time step
  Buffer h_rows_;             // [time + 1, words(width), row_size(hidden)]
  Buffer d_c_t_;              // [hidden, width]
  // Unless words are the numbers themselves: of the derivatives along units, [time, blocks, words(hidden),
  // width], and along sequences, [time, blocks, hidden, words(width)]; of h, [time + 1, words(hidden),
  // width].
  Buffer d_units_, d_sequences_, h_words_t_;
};

}  // namespace tangshi
