// One training step: forward, loss, backward, clip, update. Also the same forward for evaluation.
#pragma once

#include <functional>
#include <memory>

#include "cuda/precision.h"
#include "sample/network.h"
#include "train/optimizer.h"
#include "train/output_loss.h"

namespace tangshi {

// Poems as rows, padded at the end; padding has target -1 and any valid input.
struct Batch {
  std::vector<int32_t> inputs, targets;  // [rows x time], row-major
  std::vector<float> weights = {};       // [rows], or empty for the mean over real targets
  int64_t rows = 0, time = 0;

  int64_t tokens() const;
};

struct StepStats {
  double loss, grad_norm;
  int64_t tokens;
  double native_ms;
  bool captured = false;  // one graph of a GPU's, launched as a whole
};

// How steps on a GPU are done.
struct GpuConfig {
  Precision precision = Precision::tf32;
  bool graph = true;  // where that is possible
};

struct PackedBatch;
class CudaTrainStep;

OutputLayer output_layer(const ModelImpl& model);

// Hidden outputs of whole sequences: [time x rows, hidden]. inputs: [time, rows]; running: see ModelImpl.
at::Tensor outputs(ModelImpl& model, const at::Tensor& inputs, const std::optional<at::Generator>& dropout,
                   const std::vector<int64_t>& running = {});

struct TotalNll {
  double nll = 0;  // in nats
  int64_t tokens = 0;
};

// On the CPU each thread has a replica of the model, which shares the weights, and takes its rows of every
// batch; the gradients are added up once a step. Sums depend on how they are split, so results are bit-equal
// for equal thread counts only. Other devices have a queue.
class Trainer {
 public:
  Trainer(const ModelConfig& model, const OptimizerConfig& optimizer, const at::Device& device, uint64_t seed,
          int threads = 1, const GpuConfig& gpu = {});
  ~Trainer();

  // One step a batch, at its own learning rate, until it is canceled. Returns those that were done.
  std::vector<StepStats> train(const std::vector<Batch>& batches, const std::vector<double>& lrs,
                               double clip_norm, const std::function<bool()>& canceled);
  // On the CPU.
  StepStats step(const Batch& batch, double lr, double clip_norm);
  TotalNll evaluate(const Batch& batch);

  Model& model() { return replicas_[0].model; }
  Parameters& parameters() { return parameters_; }
  Optimizer& optimizer() { return optimizer_; }
  ThreadPool& shards() { return shards_; }
  const GpuConfig& gpu() const { return gpu_; }
  // The weights as they are now, for decoding.
  const Network& network();
  // To be called when the parameters were changed from outside.
  void forget_network() { network_.reset(); }
  // Drew the initial weights; seeds the dropout masks.
  at::Generator& generator() { return generator_; }

 private:
  struct Replica {
    Model model;
    ChunkedLoss loss;
  };

  static std::vector<Replica> make_replicas(const ModelConfig& config, const at::Device& device, int count,
                                            at::Generator& generator);
  // Adds the gradient of these positions to the replica's own. Returns their part of the loss.
  static double forward_backward(Replica& replica, const PackedBatch& positions, uint64_t dropout_seed);

  const GpuConfig gpu_;
  at::Generator generator_;
  std::vector<Replica> replicas_;
  Parameters parameters_;
  Optimizer optimizer_;
  ThreadPool shards_;
  std::unique_ptr<CudaTrainStep> queue_;  // of a device other than the CPU
  std::unique_ptr<Network> network_;      // made when it is asked for, gone when the weights change
};

}  // namespace tangshi
