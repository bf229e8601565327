// Training steps on a GPU, with tensor operations. Batches are uploaded and steps queued without waiting;
// results are read on request. A step on a batch of a shape seen before runs as a captured CUDA graph.
#pragma once

#include <c10/core/Event.h>

#include <chrono>
#include <map>
#include <memory>

#include "cuda/graph.h"
#include "model/precision.h"
#include "train/optimizer.h"
#include "train/train_step.h"

namespace tangshi {

class CudaTrainStep : public TrainStep {
 public:
  // The references must outlive it. generator: seeds the dropout masks. graphs: null if steps are not
  // captured.
  CudaTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
                at::Generator& generator, Precision precision, std::unique_ptr<GraphMaker> graphs);

  void step(const Batch& batch, double lr, double clip_norm) override;
  std::vector<StepStats> results() override;
  void discard() override { queued_.clear(); }
  TotalNll evaluate(const Batch& batch) override;

 private:
  // Inputs and outputs of a step for batches of one shape: always the same memory, as a graph requires.
  struct StaticBuffers {
    at::Tensor ids;      // [2, time, rows]: inputs and targets, 0 for padding
    at::Tensor weights;  // [time x rows], 0 for padding
    at::Tensor rates;    // [2]: learning rate and clip norm
    at::Tensor results;  // [2], double: loss and gradient norm
    std::unique_ptr<Graph> graph;
    bool warmed_up = false;  // true if a step has run with this shape, so that everything it needs is loaded
  };

  // Start and end of a step, measured on the device.
  struct Timing {
    c10::Event begin, end;
  };

  struct QueuedStep {
    at::Tensor results;
    int64_t tokens;
    bool captured;
    std::optional<Timing> timing;  // on a GPU
  };

  // 16-bit copies of the parameters, made for each step, and the model on them.
  struct ReducedPrecision {
    Parameters parameters;
    at::Tensor grads;
    Model model;
  };

  StaticBuffers allocate_buffers(const Batch& batch) const;
  // For the shape of the batch. Held by `temporary` if there are too many shapes to keep.
  StaticBuffers& buffers_for(const Batch& batch, std::optional<StaticBuffers>& temporary);
  bool run(StaticBuffers& buffers);
  bool capture(StaticBuffers& buffers);
  void compute(StaticBuffers& buffers);

  const ModelConfig config_;
  Parameters& parameters_;
  Optimizer& optimizer_;
  at::Generator& generator_;
  const at::Device device_;
  const Precision precision_;
  at::Generator dropout_generator_;  // on the device; gets a new seed for each step
  at::Tensor grads_;                 // [n]
  Model model_;
  std::optional<ReducedPrecision> reduced_;
  std::unique_ptr<GraphMaker> graphs_;
  std::map<std::pair<int64_t, int64_t>, StaticBuffers> buffers_;  // by time and rows
  std::vector<QueuedStep> queued_;
  std::chrono::steady_clock::time_point queue_start_;
};

}  // namespace tangshi
