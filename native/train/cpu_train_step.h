// Training steps on the CPU. All threads work on the whole batch and share each matrix product. Every sum is
// computed by one of them and in the same order, so results do not depend on the number of threads.
#pragma once

#include <functional>

#include "parallel/thread_pool.h"
#include "train/optimizer.h"
#include "train/output_loss.h"
#include "train/packed_batch.h"
#include "train/rnn_layer.h"
#include "train/train_step.h"

namespace tangshi {

class CpuTrainStep : public TrainStep {
 public:
  // The references must outlive it. generator: seeds the dropout masks. Throws ERR_TANGSHI_DEVICE if the CPU
  // cannot compute in this precision.
  CpuTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
               at::Generator& generator, ThreadPool& pool, Precision precision = Precision::fp32);

  void step(const Batch& batch, double lr, double clip_norm) override;
  std::vector<StepStats> results() override;
  void discard() override { results_.clear(); }
  TotalNll evaluate(const Batch& batch) override;

  // [n]: gradients of the last step, before clipping.
  const at::Tensor& gradients() const { return grads_; }

 private:
  // What a layer reads. Input 0 is that of the first layer; the last one is that of the output layer.
  struct Input {
    int64_t features;
    uint32_t dropout_key = 0;
    const float* t = nullptr;  // [time, features, width]
    // Its words: [time, words(features), width] and [time, words(width), row_size(features)].
    const float *words_t = nullptr, *words_rows = nullptr;
    Buffer own_t, own_words_t, own_rows;  // of the above, unless they are those of a layer
  };

  double forward_backward(const PackedBatch& packed, SpinPool& pool);
  void embed(const PackedBatch& packed, SpinPool& pool);
  void forward(const PackedBatch& packed, bool drops, SpinPool& pool);
  void drop(Input& input, const PackedBatch& packed, SpinPool& pool);
  void convert(Input& input, const PackedBatch& packed, SpinPool& pool);
  void drop_step(const Input& input, float* x, int64_t size) const;
  void drop_gradient(const Input& input, float* d_t, const PackedBatch& packed, SpinPool& pool) const;
  void embedding_gradient(const PackedBatch& packed, const float* d_x_t, SpinPool& pool);

  // A parameter by its name, and its gradient.
  const float* value(const std::string& name) const;
  float* grad(const std::string& name);
  LayerWeights<const float> weights(int64_t layer) const;
  LayerWeights<float> weight_grads(int64_t layer);
  std::string output_name() const { return config_.tie_weights ? "embedding.weight" : "fc.weight"; }
  OutputWeights output_weights() const;

  const ModelConfig config_;
  Parameters& parameters_;
  Optimizer& optimizer_;
  at::Generator& generator_;
  ThreadPool& pool_;
  const int helpers_;  // threads besides the leader's, but not more than can be of use
  const Arithmetic& arithmetic_;
  at::Tensor grads_;  // [n], allocated by the first step
  Buffer panels_;     // of the layer in progress
  std::vector<RnnLayer> layers_;
  std::vector<Input> inputs_;  // [layers + 1]
  OutputLoss loss_;
  Buffer d_t_;  // of the output of the layer in progress; then of its input
  Buffer d_x_rows_;
  std::vector<StepStats> results_;  // since the last call of results()
};

}  // namespace tangshi
