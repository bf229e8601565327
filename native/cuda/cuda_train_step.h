// Training steps for a device that works through a queue, as a GPU does: batches go up without waiting, and
// nothing comes back before the results are asked for. By tensor operations on one replica.
#pragma once

#include <c10/core/Event.h>

#include <chrono>
#include <map>
#include <vector>

#include "cuda/graph.h"
#include "cuda/precision.h"
#include "train/trainer.h"

namespace tangshi {

class CudaTrainStep {
 public:
  // Of the trainer's own; generator: seeds the dropout masks. graphs: for steps that are captured, else null.
  CudaTrainStep(ModelImpl& model, Parameters& parameters, Optimizer& optimizer, at::Generator& generator,
                Precision precision, std::unique_ptr<GraphMaker> graphs);

  void train(const Batch& batch, double lr, double clip_norm);
  // Of the steps since the last call, when they are done.
  std::vector<StepStats> results();
  // What was queued is forgotten: a step failed.
  void forget();

  TotalNll evaluate(const Batch& batch);

 private:
  // Where batches of one shape lie on the device and what their steps give: at the same place each time, as a
  // graph wants it.
  struct Place {
    at::Tensor ids;      // [2, time, rows]: inputs and targets, 0 for padding
    at::Tensor weights;  // [time x rows], 0 for padding
    at::Tensor rates;    // [2]: learning rate and clip norm
    at::Tensor results;  // [2], double: loss and gradient norm
    std::unique_ptr<Graph> graph;
    bool warm = false;  // a step was done here, so that all is loaded that it needs
  };

  // A step's beginning and end by the device's own clock.
  struct Span {
    c10::Event begin, end;
  };

  struct Queued {
    at::Tensor results;
    int64_t tokens;
    bool captured;
    std::optional<Span> span;  // of a GPU
  };

  // The model that steps compute with, where it is not the trainer's own: a copy in 16 bits.
  struct Copy {
    Model model;
    Parameters parameters;
  };

  Place place_for(const Batch& batch) const;
  bool run(Place& place);
  bool capture(Place& place);
  void step(Place& place);

  ModelImpl& model_;
  Parameters& parameters_;
  Optimizer& optimizer_;
  at::Generator& generator_;
  at::Generator masks_;  // of the device: draws the dropout masks, by a seed of its own for each step
  const Precision precision_;
  std::optional<Copy> copy_;
  std::unique_ptr<GraphMaker> graphs_;
  std::map<std::pair<int64_t, int64_t>, Place> places_;  // by time and rows
  std::vector<Queued> queued_;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace tangshi
