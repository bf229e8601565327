#include "train/cpu_train_step.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "parallel/lead.h"
#include "train/batch_minor.h"

namespace tangshi {

CpuTrainStep::CpuTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
                           at::Generator& generator, ThreadPool& pool, Precision precision)
    : config_(config),
      parameters_(parameters),
      optimizer_(optimizer),
      generator_(generator),
      pool_(pool),
      helpers_(static_cast<int>(std::min<int64_t>(
                   pool.count(),
                   std::max(panels_of(config.hidden_dim), OutputLoss::most_threads(config.vocab_size)))) -
               1),
      arithmetic_(arithmetic(precision)),
      inputs_(config.layers + 1),
      loss_(arithmetic_, panels_) {
  for (int64_t layer = 0; layer <= config.layers; layer++) {
    inputs_[layer].features = layer == 0 ? config.embed_dim : config.hidden_dim;
    if (layer < config.layers) {
      layers_.emplace_back(config.cell, inputs_[layer].features, config.hidden_dim, arithmetic_, panels_);
    }
  }
}

void CpuTrainStep::step(const Batch& batch, double lr, double clip_norm) {
  const auto start = std::chrono::steady_clock::now();
  if (!grads_.defined()) grads_ = allocate_gradients(parameters_);
  if (config_.dropout > 0) {
    for (Input& input : inputs_) input.dropout_key = generator_.get<at::CPUGeneratorImpl>()->random();
  }
  const PackedBatch packed = pack(batch, batch.loss_weights());
  double loss = 0;
  lead(pool_, helpers_, [&](SpinPool& pool) { loss = forward_backward(packed, pool); });
  const double norm = optimizer_.clip_and_step(parameters_, grads_, pool_, lr, clip_norm);

  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  results_.push_back({loss, norm, batch.tokens(), elapsed.count()});
}

std::vector<StepStats> CpuTrainStep::results() { return std::exchange(results_, {}); }

TotalNll CpuTrainStep::evaluate(const Batch& batch) {
  const PackedBatch packed = pack(batch, std::vector<float>(batch.rows, 1.0f));
  double nll = 0;
  lead(pool_, helpers_, [&](SpinPool& pool) {
    forward(packed, /*drops=*/false, pool);
    nll = loss_(output_weights(), packed, inputs_.back().t, nullptr, pool);
  });
  return {nll, batch.tokens()};
}

double CpuTrainStep::forward_backward(const PackedBatch& packed, SpinPool& pool) {
  float* grads = grads_.mutable_data_ptr<float>();
  each_range(pool, grads_.numel(),
             [&](int64_t first, int64_t end) { std::fill(grads + first, grads + end, 0.0f); });
  const bool drops = config_.dropout > 0;
  forward(packed, drops, pool);

  float* d_t = d_t_.reserve(std::max(config_.embed_dim, config_.hidden_dim) * packed.size());
  const OutputGradients output_grads{grad(output_name()), grad("fc.bias"), d_t};
  const double loss = loss_(output_weights(), packed, inputs_.back().t, &output_grads, pool);
  for (int64_t layer = config_.layers - 1; layer >= 0; layer--) {
    if (drops) drop_gradient(inputs_[layer + 1], d_t, packed, pool);
    layers_[layer].backward(packed, weights(layer), weight_grads(layer), inputs_[layer].words_rows, d_t, d_t,
                            pool);
  }
  if (drops) drop_gradient(inputs_[0], d_t, packed, pool);
  embedding_gradient(packed, d_t, pool);
  return loss;
}

void CpuTrainStep::forward(const PackedBatch& packed, bool drops, SpinPool& pool) {
  embed(packed, pool);
  for (int64_t layer = 0; layer <= config_.layers; layer++) {
    Input& input = inputs_[layer];
    if (layer > 0) {
      const RnnLayer& before = layers_[layer - 1];
      input.t = before.out_t();
      input.words_t = before.out_words_t();
      input.words_rows = before.out_words_rows();
    }
    if (drops) drop(input, packed, pool);
    if (layer == config_.layers) return;  // the output layer converts what it reads
    if (drops || (layer == 0 && arithmetic_.converts())) convert(input, packed, pool);
    layers_[layer].forward(packed, weights(layer), input.words_t, pool);
  }
}

void CpuTrainStep::embed(const PackedBatch& packed, SpinPool& pool) {
  Input& input = inputs_[0];
  const int64_t n = input.features, row = row_size(n);
  const float* table = value("embedding.weight");
  float *x_t = input.own_t.reserve(n * packed.size()), *rows = input.own_rows.reserve(row * packed.size());
  pool.each(packed.time, [&](int64_t t) {
    const int64_t first = t * packed.width;
    for (int64_t r = first; r < first + packed.used[t]; r++)
      std::copy_n(table + packed.inputs[r] * n, n, rows + r * row);
    kernels().transpose(rows + first * row, row, packed.used[t], n, x_t + first * n, packed.width);
  });
  input.t = input.words_t = x_t;
  input.words_rows = rows;
}

// Applies dropout to the input, in a copy unless it is its own.
void CpuTrainStep::drop(Input& input, const PackedBatch& packed, SpinPool& pool) {
  const int64_t size = input.features * packed.width;
  float* x_t = input.own_t.reserve(size * packed.time);
  pool.each(packed.time, [&](int64_t t) {
    float* to = x_t + t * size;
    if (input.t != x_t) std::copy_n(input.t + t * size, size, to);
    drop_step(input, to, size);
  });
  input.t = x_t;
}

// The words of the input.
void CpuTrainStep::convert(Input& input, const PackedBatch& packed, SpinPool& pool) {
  const int64_t n = input.features, width = packed.width, words = arithmetic_.words(n) * width,
                rows = arithmetic_.words(width) * row_size(n);
  const bool converts = arithmetic_.converts();
  float* words_t = converts ? input.own_words_t.reserve(words * packed.time) : nullptr;
  float* words_rows = input.own_rows.reserve(rows * packed.time);
  pool.each(packed.time, [&](int64_t t) {
    const float* x_t = input.t + t * n * width;
    arithmetic_.transpose(x_t, width, n, packed.used[t], words_rows + t * rows, row_size(n));
    if (converts) arithmetic_.along_rows(x_t, width, n, packed.used[t], words_t + t * words, width);
  });
  input.words_t = converts ? words_t : input.t;
  input.words_rows = words_rows;
}

void CpuTrainStep::drop_gradient(const Input& input, float* d_t, const PackedBatch& packed,
                                 SpinPool& pool) const {
  const int64_t size = input.features * packed.width;
  pool.each(packed.time, [&](int64_t t) { drop_step(input, d_t + t * size, size); });
}

// One time step, [features, width]: the same mask at all of them.
void CpuTrainStep::drop_step(const Input& input, float* x, int64_t size) const {
  kernels().dropout(x, size, /*first=*/0, input.dropout_key, static_cast<uint32_t>(config_.dropout * 0x1p32),
                    static_cast<float>(1 / (1 - config_.dropout)));
}

void CpuTrainStep::embedding_gradient(const PackedBatch& packed, const float* d_x_t, SpinPool& pool) {
  const int64_t n = config_.embed_dim;
  float *rows = d_x_rows_.reserve(n * packed.size()), *grads = grad("embedding.weight");
  pool.each(packed.time, [&](int64_t t) {
    const int64_t first = t * packed.width;
    kernels().transpose(d_x_t + first * n, packed.width, n, packed.used[t], rows + first * n, n);
  });
  // Each piece has the ids with one remainder, so that no two write to the same row.
  const int64_t pieces = pool.threads();
  pool.each(pieces, [&](int64_t piece) {
    for (int64_t t = 0; t < packed.time; t++) {
      const int64_t first = t * packed.width;
      for (int64_t r = first; r < first + packed.used[t]; r++) {
        const int64_t id = packed.inputs[r];
        if (id % pieces == piece) kernels().add(grads + id * n, rows + r * n, n);
      }
    }
  });
}

const float* CpuTrainStep::value(const std::string& name) const {
  return parameters_.values.const_data_ptr<float>() + parameters_.offset(name);
}

float* CpuTrainStep::grad(const std::string& name) {
  return grads_.mutable_data_ptr<float>() + parameters_.offset(name);
}

LayerWeights<const float> CpuTrainStep::weights(int64_t layer) const {
  const auto named = [&](const char* kind, const char* part) {
    return value(layer_parameter(config_.cell, kind, part, layer));
  };
  return {named("weight", "ih"), named("weight", "hh"), named("bias", "ih"), named("bias", "hh")};
}

LayerWeights<float> CpuTrainStep::weight_grads(int64_t layer) {
  const auto named = [&](const char* kind, const char* part) {
    return grad(layer_parameter(config_.cell, kind, part, layer));
  };
  return {named("weight", "ih"), named("weight", "hh"), named("bias", "ih"), named("bias", "hh")};
}

OutputWeights CpuTrainStep::output_weights() const {
  return {value(output_name()), value("fc.bias"), config_.vocab_size, config_.hidden_dim,
          config_.relu_logits};
}

}  // namespace tangshi
