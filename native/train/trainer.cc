#include "train/trainer.h"

#include <algorithm>
#include <chrono>
#include <numeric>

#include "cuda/cuda_train_step.h"
#include "cuda/driver.h"
#include "train/packed_batch.h"

namespace tangshi {

int64_t Batch::tokens() const {
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

OutputLayer output_layer(const ModelImpl& model) {
  return {model.output_weight(), model.output_bias(), model.config().relu_logits};
}

at::Tensor outputs(ModelImpl& model, const at::Tensor& inputs, const std::optional<at::Generator>& dropout,
                   const std::vector<int64_t>& running) {
  HiddenState state = model.zero_state(inputs.size(1));
  const at::Tensor hidden = model.forward(inputs, state, dropout, running);
  return hidden.reshape({-1, hidden.size(2)});
}

Trainer::Trainer(const ModelConfig& model, const OptimizerConfig& optimizer, const at::Device& device,
                 uint64_t seed, int threads, const GpuConfig& gpu)
    : gpu_(gpu),
      generator_(at::make_generator<at::CPUGeneratorImpl>(seed)),
      replicas_(make_replicas(model, device, device.is_cpu() ? threads : 1, generator_)),
      parameters_(flatten_parameters(*replicas_[0].model)),
      optimizer_(optimizer, parameters_),
      shards_(threads) {
  for (size_t i = 1; i < replicas_.size(); i++) add_replica(parameters_, *replicas_[i].model);
  if (!device.is_cpu()) {
    queue_ = std::make_unique<CudaTrainStep>(*replicas_[0].model, parameters_, optimizer_, generator_,
                                             gpu.precision, gpu.graph ? graph_maker() : nullptr);
  }
}

Trainer::~Trainer() = default;

std::vector<Trainer::Replica> Trainer::make_replicas(const ModelConfig& config, const at::Device& device,
                                                     int count, at::Generator& generator) {
  std::vector<Replica> replicas;
  replicas.push_back({Model(config, device, generator), {}});
  at::Generator unused = generator.clone();  // the others draw weights too, which are dropped
  while (static_cast<int>(replicas.size()) < count) replicas.push_back({Model(config, device, unused), {}});
  return replicas;
}

std::vector<StepStats> Trainer::train(const std::vector<Batch>& batches, const std::vector<double>& lrs,
                                      double clip_norm, const std::function<bool()>& canceled) {
  std::vector<StepStats> stats;
  forget_network();
  try {
    for (size_t i = 0; i < batches.size() && !canceled(); i++) {
      if (queue_) {
        queue_->train(batches[i], lrs[i], clip_norm);
      } else {
        stats.push_back(step(batches[i], lrs[i], clip_norm));
      }
    }
    return queue_ ? queue_->results() : stats;
  } catch (...) {
    if (queue_) queue_->forget();
    throw;
  }
}

StepStats Trainer::step(const Batch& batch, double lr, double clip_norm) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t tokens = batch.tokens();
  const float mean = 1.0f / static_cast<float>(std::max<int64_t>(tokens, 1));
  std::vector<uint64_t> dropout_seeds(shards_.count());
  if (model()->config().dropout > 0) {
    for (uint64_t& seed : dropout_seeds) seed = generator_.get<at::CPUGeneratorImpl>()->random64();
  }
  const std::vector<float> weights =
      batch.weights.empty() ? std::vector<float>(batch.rows, mean) : batch.weights;
  const std::vector<int64_t> order = longest_first(batch);
  std::vector<double> losses(shards_.count());
  shards_.run([&](int shard) {
    parameters_.grads[shard].zero_();
    const PackedBatch positions = positions_of(batch, order, shard, shards_.count(), weights);
    losses[shard] = forward_backward(replicas_[shard], positions, dropout_seeds[shard]);
  });
  forget_network();
  const double norm = optimizer_.clip_and_step(parameters_, shards_, lr, clip_norm);

  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  return {std::accumulate(losses.begin(), losses.end(), 0.0), norm, tokens, elapsed.count()};
}

double Trainer::forward_backward(Replica& replica, const PackedBatch& positions, uint64_t dropout_seed) {
  if (positions.targets.numel() == 0) return 0;  // more threads than rows, or nothing but padding
  ModelImpl& model = *replica.model;
  const auto dropout = at::make_generator<at::CPUGeneratorImpl>(dropout_seed);
  const at::Tensor hidden =
      outputs(model, positions.inputs, dropout, positions.running);  // [time x rows, hidden]
  const at::Tensor real = hidden.detach().index_select(0, positions.places);
  // The output layer's gradients go straight to their place; autograd carries on from the hidden outputs.
  OutputGrads grads{at::empty_like(real), model.output_weight().grad(), model.output_bias().grad()};
  const double loss = replica.loss(output_layer(model), {real, positions.targets, positions.weights}, &grads);
  hidden.backward(at::zeros_like(hidden).index_copy_(0, positions.places, grads.hidden));
  return loss;
}

const Network& Trainer::network() {
  if (!network_) network_ = std::make_unique<Network>(*model());
  return *network_;
}

TotalNll Trainer::evaluate(const Batch& batch) {
  if (queue_) return queue_->evaluate(batch);
  const std::vector<float> weights(batch.rows, 1.0f);
  const std::vector<int64_t> order = longest_first(batch);
  std::vector<double> nlls(shards_.count());
  shards_.run([&](int shard) {
    at::NoGradGuard no_grad;
    Replica& replica = replicas_[shard];
    const PackedBatch positions = positions_of(batch, order, shard, shards_.count(), weights);
    if (positions.targets.numel() == 0) return;
    const at::Tensor hidden = outputs(*replica.model, positions.inputs, std::nullopt, positions.running);
    const at::Tensor real = hidden.index_select(0, positions.places);
    nlls[shard] =
        replica.loss(output_layer(*replica.model), {real, positions.targets, positions.weights}, nullptr);
  });
  return {std::accumulate(nlls.begin(), nlls.end(), 0.0), batch.tokens()};
}

}  // namespace tangshi
