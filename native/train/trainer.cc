#include "train/trainer.h"

#include "cuda/cuda_train_step.h"
#include "cuda/driver.h"
#include "train/cpu_train_step.h"

namespace tangshi {
namespace {

Parameters initial_parameters(const ModelConfig& config, const at::Device& device, at::Generator& generator) {
  Parameters parameters = allocate_parameters(config, device);
  draw_initial_weights(config, parameters, generator);
  return parameters;
}

std::unique_ptr<TrainStep> make_train_step(const ModelConfig& config, Parameters& parameters,
                                           Optimizer& optimizer, at::Generator& generator, ThreadPool& pool,
                                           const StepConfig& step) {
  if (parameters.values.is_cpu()) {
    return std::make_unique<CpuTrainStep>(config, parameters, optimizer, generator, pool, step.precision);
  }
  return std::make_unique<CudaTrainStep>(config, parameters, optimizer, generator, step.precision,
                                         step.graph ? graph_maker() : nullptr);
}

}  // namespace

Trainer::Trainer(const ModelConfig& config, const OptimizerConfig& optimizer, const at::Device& device,
                 uint64_t seed, int threads, const StepConfig& step)
    : config_(config),
      generator_(at::make_generator<at::CPUGeneratorImpl>(seed)),
      parameters_(initial_parameters(config, device, generator_)),
      optimizer_(optimizer, parameters_),
      pool_(threads),
      train_step_(make_train_step(config_, parameters_, optimizer_, generator_, pool_, step)) {}

std::vector<StepStats> Trainer::train(const std::vector<Batch>& batches, const std::vector<double>& lrs,
                                      double clip_norm, const std::function<bool()>& canceled) {
  try {
    for (size_t i = 0; i < batches.size() && !canceled(); i++) {
      train_step_->step(batches[i], lrs[i], clip_norm);
    }
    return train_step_->results();
  } catch (...) {
    train_step_->discard();
    throw;
  }
}

StepStats Trainer::step(const Batch& batch, double lr, double clip_norm) {
  return train({batch}, {lr}, clip_norm, [] { return false; }).front();
}

}  // namespace tangshi
