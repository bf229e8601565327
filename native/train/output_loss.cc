#include "train/output_loss.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "train/batch_minor.h"

namespace tangshi {
namespace {

// Sizes chosen so that what a thread works on stays in its cache: a chunk has up to 8 groups of 64 positions,
// and its logits are computed in blocks of 192 outputs.
constexpr int64_t group_size = 64, chunk_groups = 8, block_size = 192;
constexpr int64_t chunk_positions = chunk_groups * group_size, part_size = block_size * group_size;

// With fewer targets, packing the weight in single precision costs more than it saves.
constexpr int64_t fewest_to_pack = 256;

constexpr float zeros[panel_rows] = {};

int64_t blocks_of(int64_t vocab) { return (vocab + block_size - 1) / block_size; }

}  // namespace

int64_t OutputLoss::most_threads(int64_t vocab) { return blocks_of(vocab); }

// Up to 512 targets, in groups of 64: wherever they are in the batch, here they are side by side.
struct OutputLoss::Chunk {
  OutputLoss& own;
  const OutputWeights& layer;
  const PackedBatch& batch;
  const int64_t* positions;
  const int64_t size;
  const bool is_packed;
  SpinPool& pool;

  double forward(const float* hidden_t);
  void backward(const OutputGradients& grads);

 private:
  const Arithmetic& arithmetic() const { return own.arithmetic_; }
  int64_t vocab() const { return layer.vocab; }
  int64_t features() const { return layer.features; }
  int64_t groups() const { return (size + group_size - 1) / group_size; }
  // Number of positions of a group, and of columns, which are padded.
  int64_t count(int64_t g) const { return std::min(group_size, size - g * group_size); }
  int64_t columns(int64_t g) const { return padded_size(count(g)); }
  int64_t position(int64_t g, int64_t column) const { return positions[g * group_size + column]; }

  // The logits of a block of outputs for a group, [outputs, columns]; later their exp, then their
  // derivatives.
  float* part(int64_t block, int64_t g) const {
    return own.logits_.get() + (block * chunk_groups + g) * part_size;
  }
  // The words of these derivatives, [words(outputs), columns].
  float* derivative_words(int64_t block, int64_t g) const {
    return arithmetic().converts()
               ? own.derivative_words_.get() + (block * chunk_groups + g) * arithmetic().words(part_size)
               : part(block, g);
  }
  // Of a group.
  float* hidden_t(int64_t g) const { return own.hidden_t_.get() + g * group_size * features(); }
  float* hidden_words_t(int64_t g) const {
    return arithmetic().converts()
               ? own.hidden_words_t_.get() + g * group_size * arithmetic().words(features())
               : hidden_t(g);
  }
  float* d_hidden_t(int64_t g) const { return own.d_hidden_t_.get() + g * group_size * features(); }
  float* rows(int64_t g) const {
    return own.hidden_rows_.get() + g * arithmetic().words(group_size) * row_size(features());
  }
  float* maxima(int64_t block, int64_t g) const {
    return own.maxima_.get() + block * chunk_positions + g * group_size;
  }
  float* sums(int64_t block, int64_t g) const {
    return own.sums_.get() + block * chunk_positions + g * group_size;
  }
  float* of_positions(int64_t index, int64_t g) const {
    return own.positions_.get() + index * chunk_positions + g * group_size;
  }
  float* log_sum(int64_t g) const { return of_positions(0, g); }
  float* weights(int64_t g) const { return of_positions(1, g); }
  float* target_weights(int64_t g) const { return of_positions(2, g); }
  float* target_logits(int64_t g) const { return of_positions(3, g); }

  // Calls body(first column, columns, position of the first) for the columns of a group that are side by side
  // in the batch, too.
  template <typename Body>
  void each_run(int64_t g, Body body) const {
    for (int64_t c = 0, end; c < count(g); c = end) {
      const int64_t first = position(g, c);
      for (end = c + 1;
           end < count(g) && position(g, end) == first + end - c && position(g, end) % batch.width != 0;)
        end++;
      body(c, end - c, first);
    }
  }

  void gather(int64_t g, const float* from);
  void logits_of(int64_t block, int64_t g);
  double loss_of(int64_t g);
  void derivatives_of(int64_t block, const OutputGradients& grads);
  void hidden_gradient(int64_t g, int64_t first_panel, int64_t end_panel);
  void scatter(int64_t g, const OutputGradients& grads);
};

double OutputLoss::Chunk::forward(const float* hidden_t) {
  pool.each(groups(), [&](int64_t g) { gather(g, hidden_t); });
  each_range(pool, blocks_of(vocab()) * groups(), [&](int64_t first, int64_t end) {
    for (int64_t i = first; i < end; i++) logits_of(i / groups(), i % groups());
  });
  double losses[chunk_groups];
  pool.each(groups(), [&](int64_t g) { losses[g] = loss_of(g); });
  return std::accumulate(losses, losses + groups(), 0.0);
}

void OutputLoss::Chunk::gather(int64_t g, const float* from) {
  const int64_t width = columns(g);
  if (count(g) < width) std::fill_n(hidden_t(g), features() * width, 0.0f);
  each_run(g, [&](int64_t c, int64_t n, int64_t first) {
    const float* run = from + first / batch.width * batch.width * features() + first % batch.width;
    for (int64_t f = 0; f < features(); f++)
      std::copy_n(run + f * batch.width, n, hidden_t(g) + f * width + c);
  });
  if (arithmetic().converts())
    arithmetic().along_rows(hidden_t(g), width, features(), width, hidden_words_t(g), width);
  arithmetic().transpose(hidden_t(g), width, features(), width, rows(g), row_size(features()));
}

// The opposite, for the gradient.
void OutputLoss::Chunk::scatter(int64_t g, const OutputGradients& grads) {
  each_run(g, [&](int64_t c, int64_t n, int64_t first) {
    float* to = grads.hidden_t + first / batch.width * batch.width * features() + first % batch.width;
    for (int64_t f = 0; f < features(); f++)
      std::copy_n(d_hidden_t(g) + f * columns(g) + c, n, to + f * batch.width);
  });
}

void OutputLoss::Chunk::logits_of(int64_t block, int64_t g) {
  const int64_t first = block * block_size, outputs = std::min(block_size, vocab() - first);
  const float* weight = arithmetic().converts() ? own.weight_words_.get() : layer.weight;
  const int64_t inputs = arithmetic().words(features());
  arithmetic().multiply({.x = {weight + first * inputs, inputs, 1},
                         .w = {hidden_words_t(g), columns(g)},
                         .rows = outputs,
                         .columns = columns(g),
                         .count = inputs,
                         .start = layer.bias + first,
                         .out = part(block, g),
                         .out_stride = columns(g)});
  for (int64_t c = 0; c < count(g); c++) {
    const int64_t output = batch.targets[position(g, c)] - first;
    if (output < 0 || output >= outputs) continue;
    target_logits(g)[c] = part(block, g)[output * columns(g) + c];
  }
  kernels().exp_logits(part(block, g), outputs, columns(g), layer.relu_logits, maxima(block, g),
                       sums(block, g));
}

// The loss of a group, and what its gradient needs.
double OutputLoss::Chunk::loss_of(int64_t g) {
  alignas(64) float largest[group_size], total[group_size];
  kernels().merge_softmax(maxima(0, g), sums(0, g), blocks_of(vocab()), chunk_positions, columns(g), largest,
                          total);
  std::fill_n(weights(g), columns(g), 0.0f);
  std::fill_n(log_sum(g), columns(g), 0.0f);
  double loss = 0;
  for (int64_t c = 0; c < count(g); c++) {
    const double logarithm = largest[c] + std::log(static_cast<double>(total[c]));
    const float weight = batch.weights[position(g, c)], logit = target_logits(g)[c];
    const bool is_cut = layer.relu_logits && !(logit > 0);  // by ReLU: no gradient
    log_sum(g)[c] = static_cast<float>(logarithm);
    weights(g)[c] = weight;
    target_weights(g)[c] = is_cut ? 0 : weight;
    loss += weight * (logarithm - (is_cut ? 0 : logit));
  }
  return loss;
}

void OutputLoss::Chunk::backward(const OutputGradients& grads) {
  pool.each(blocks_of(vocab()), [&](int64_t block) { derivatives_of(block, grads); });
  const int64_t panels = panels_of(features());
  each_range(pool, groups() * panels, [&](int64_t first, int64_t end) {
    for (int64_t i = first, next; i < end; i = next) {
      const int64_t g = i / panels;
      next = std::min(end, (g + 1) * panels);
      hidden_gradient(g, i - g * panels, next - g * panels);
    }
  });
  pool.each(groups(), [&](int64_t g) { scatter(g, grads); });
}

// Replaces the exp of a block's logits by their derivatives, then by the words of these along positions, and
// adds to the gradients of its weights.
void OutputLoss::Chunk::derivatives_of(int64_t block, const OutputGradients& grads) {
  const int64_t first = block * block_size, outputs = std::min(block_size, vocab() - first);
  for (int64_t g = 0; g < groups(); g++) {
    alignas(64) float factor[group_size];
    kernels().exp_factors(maxima(block, g), log_sum(g), weights(g), columns(g), factor);
    kernels().scale_exps(part(block, g), outputs, columns(g), factor);
    for (int64_t c = 0; c < count(g); c++) {
      const int64_t output = batch.targets[position(g, c)] - first;
      if (output < 0 || output >= outputs) continue;
      part(block, g)[output * columns(g) + c] -= target_weights(g)[c];
    }
    kernels().add_row_sums(part(block, g), columns(g), outputs, columns(g), grads.bias + first);
    if (arithmetic().converts()) {
      arithmetic().along_rows(part(block, g), columns(g), outputs, columns(g), derivative_words(block, g),
                              columns(g));
      arithmetic().along_columns(part(block, g), columns(g), outputs, columns(g), part(block, g),
                                 arithmetic().words(columns(g)));
    }
  }
  for (int64_t g = 0, end; g < groups(); g = end) {  // groups of equal size are summed at once
    for (end = g + 1; end < groups() && columns(end) == columns(g);) end++;
    const int64_t positions = arithmetic().words(columns(g)), row = row_size(features());
    arithmetic().multiply({.x = {part(block, g), positions, 1, part_size},
                           .w = {rows(g), row, arithmetic().words(group_size) * row},
                           .rows = outputs,
                           .columns = features(),
                           .count = positions,
                           .blocks = end - g,
                           .start = nullptr,
                           .out = grads.weight + first * features(),
                           .out_stride = features()});
  }
}

void OutputLoss::Chunk::hidden_gradient(int64_t g, int64_t first_panel, int64_t end_panel) {
  for (int64_t block = 0; block < blocks_of(vocab()); block++) {
    const int64_t first = block * block_size, outputs = std::min(block_size, vocab() - first);
    for (int64_t panel = first_panel; panel < end_panel; panel++) {
      const float* weight = layer.weight + first * features() + panel * panel_rows;
      arithmetic().multiply(
          {.x = is_packed ? own.weight_back_.scalars(panel, block) : Scalars{weight, 1, features()},
           .w = {derivative_words(block, g), columns(g)},
           .rows = std::min(panel_rows, features() - panel * panel_rows),
           .columns = columns(g),
           .count = arithmetic().words(outputs),
           .start = block == 0 ? zeros : nullptr,
           .out = d_hidden_t(g) + panel * panel_rows * columns(g),
           .out_stride = columns(g)});
    }
  }
}

void OutputLoss::reserve(const OutputWeights& layer, bool for_gradient, bool is_packed) {
  const int64_t blocks = blocks_of(layer.vocab);
  logits_.reserve(blocks * chunk_groups * part_size);
  hidden_t_.reserve(chunk_positions * layer.features);
  hidden_rows_.reserve(arithmetic_.words(chunk_positions) * row_size(layer.features));
  maxima_.reserve(blocks * chunk_positions);
  sums_.reserve(blocks * chunk_positions);
  positions_.reserve(4 * chunk_positions);
  if (for_gradient) d_hidden_t_.reserve(chunk_positions * layer.features);
  if (is_packed) {
    float* memory = panels_.reserve(weight_back_.size(layer.features, blocks, block_size));
    weight_back_.lay_out(memory, layer.features, blocks, block_size);
  }
  if (arithmetic_.converts()) {
    hidden_words_t_.reserve(chunk_positions * arithmetic_.words(layer.features));
    weight_words_.reserve(layer.vocab * arithmetic_.words(layer.features));
    if (for_gradient) derivative_words_.reserve(blocks * chunk_groups * arithmetic_.words(part_size));
  }
}

void OutputLoss::pack(const OutputWeights& layer, bool is_packed, SpinPool& pool) {
  const int64_t features = layer.features, words = arithmetic_.words(features);
  pool.each(blocks_of(layer.vocab), [&](int64_t block) {
    const int64_t first = block * block_size, outputs = std::min(block_size, layer.vocab - first);
    const float* weight = layer.weight + first * features;
    for (int64_t panel = 0; is_packed && panel < panels_of(features); panel++)
      weight_back_.pack_transposed(panel, block, outputs, weight, features);
    if (arithmetic_.converts())
      arithmetic_.along_columns(weight, features, outputs, features, weight_words_.get() + first * words,
                                words);
  });
}

double OutputLoss::operator()(const OutputWeights& layer, const PackedBatch& batch, const float* hidden_t,
                              const OutputGradients* grads, SpinPool& pool) {
  const auto all = static_cast<int64_t>(batch.positions.size());
  const bool is_packed = grads != nullptr && (all >= fewest_to_pack || arithmetic_.converts());
  reserve(layer, grads != nullptr, is_packed);
  if (is_packed || arithmetic_.converts()) pack(layer, is_packed, pool);
  if (grads != nullptr) {
    const int64_t step = layer.features * batch.width;
    pool.each(batch.time, [&](int64_t t) { std::fill_n(grads->hidden_t + t * step, step, 0.0f); });
  }
  double loss = 0;
  for (int64_t first = 0; first < all; first += chunk_positions) {
    const int64_t size = std::min(chunk_positions, all - first);
    Chunk chunk{*this, layer, batch, batch.positions.data() + first, size, is_packed, pool};
    loss += chunk.forward(hidden_t);
    if (grads != nullptr) chunk.backward(*grads);
  }
  return loss;
}

}  // namespace tangshi
