// Training steps on the CPU. Each thread computes its share of the rows with its own replica of the model.
// Replicas share the weights and have separate gradients, which are summed at the end of the step. The sums
// depend on how a batch is split, so results are bitwise identical only for equal thread counts.
#pragma once

#include <functional>
#include <optional>

#include "parallel/thread_pool.h"
#include "train/optimizer.h"
#include "train/packed_batch.h"
#include "train/train_step.h"

namespace tangshi {

class CpuTrainStep : public TrainStep {
 public:
  // The references must outlive it. generator: seeds the dropout masks.
  CpuTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
               at::Generator& generator, ThreadPool& pool);

  void step(const Batch& batch, double lr, double clip_norm) override;
  std::vector<StepStats> results() override;
  void discard() override { results_.clear(); }
  TotalNll evaluate(const Batch& batch) override;

  // [n]: gradients of the last step, before clipping.
  const at::Tensor& gradients() const { return replicas_[0]->grads; }

 private:
  struct Replica {
    at::Tensor grads;  // [n]
    Model model;
    OutputLoss loss;
  };

  Replica& replica(int thread);
  // Number of shares a batch is split into: one per thread, but at most one per row.
  int shares(const Batch& batch) const;
  // Runs work(share, its rows) for all shares in parallel and returns the sum of the results.
  double each_share(const Batch& batch, const std::vector<float>& row_weights,
                    const std::function<double(int share, const PackedBatch&)>& work);
  // Overwrites the replica's gradients. Returns the loss of these rows.
  static double forward_backward(Replica& replica, const PackedBatch& packed, uint64_t dropout_seed);

  const ModelConfig config_;
  Parameters& parameters_;
  Optimizer& optimizer_;
  at::Generator& generator_;
  ThreadPool& pool_;
  std::vector<std::optional<Replica>> replicas_;  // one per thread, created when it first gets rows
  std::vector<StepStats> results_;                // since the last call of results()
};

// Uses the kernels if they support the layer, otherwise libtorch's operators.
LayerOutput cpu_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                      const std::vector<int64_t>& batch_sizes);

}  // namespace tangshi
