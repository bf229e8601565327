#include "trainer.h"

#include <algorithm>
#include <chrono>
#include <numeric>

namespace tangshi {
namespace {

// Rows of a batch on the model's device, positions in time-major order: p = t x rows + r.
struct Positions {
  at::Tensor inputs;   // [time, rows] int64
  at::Tensor targets;  // [time x rows] int64, 0 for padding
  at::Tensor weights;  // [time x rows], 0 for padding
};

// Time steps that some of the rows need.
int64_t longest(const Batch& batch, const Range& rows) {
  int64_t time = 0;
  for (int64_t r = rows.begin; r < rows.end; r++) {
    for (int64_t t = batch.time; t > time; t--) {
      if (batch.targets[r * batch.time + t - 1] >= 0) time = t;
    }
  }
  return time;
}

// `row_weight(r)` is the weight of each real target of row r.
template <typename RowWeight>
Positions to_positions(const Batch& batch, const Range& rows, const at::Device& device,
                       RowWeight row_weight) {
  const int64_t time = longest(batch, rows), count = rows.size();
  at::Tensor inputs = at::empty({time, count}, at::kLong);
  at::Tensor targets = at::zeros({time * count}, at::kLong);
  at::Tensor weights = at::zeros({time * count}, at::kFloat);
  int64_t* input = inputs.mutable_data_ptr<int64_t>();
  int64_t* target = targets.mutable_data_ptr<int64_t>();
  float* weight = weights.mutable_data_ptr<float>();
  for (int64_t r = 0; r < count; r++) {
    for (int64_t t = 0; t < time; t++) {
      const int64_t from = (rows.begin + r) * batch.time + t, to = t * count + r;
      input[to] = batch.inputs[from];
      if (batch.targets[from] < 0) continue;
      target[to] = batch.targets[from];
      weight[to] = row_weight(rows.begin + r);
    }
  }
  return {inputs.to(device), targets.to(device), weights.to(device)};
}

}  // namespace

int64_t Batch::tokens() const {
  return std::count_if(targets.begin(), targets.end(), [](int32_t target) { return target >= 0; });
}

Trainer::Trainer(const ModelConfig& model, const OptimizerConfig& optimizer, const at::Device& device,
                 uint64_t seed, int threads)
    : generator_(at::make_generator<at::CPUGeneratorImpl>(seed)),
      replicas_(make_replicas(model, device, device.is_cpu() ? threads : 1, generator_)),
      parameters_(flatten_parameters(*replicas_[0].model)),
      optimizer_(optimizer, parameters_),
      shards_(static_cast<int>(replicas_.size())) {
  for (size_t i = 1; i < replicas_.size(); i++) add_replica(parameters_, *replicas_[i].model);
}

std::vector<Trainer::Replica> Trainer::make_replicas(const ModelConfig& config, const at::Device& device,
                                                     int count, at::Generator& generator) {
  std::vector<Replica> replicas;
  replicas.push_back({Model(config, device, generator), {}});
  at::Generator unused = generator.clone();  // the others draw weights too, which are dropped
  while (static_cast<int>(replicas.size()) < count) replicas.push_back({Model(config, device, unused), {}});
  return replicas;
}

OutputLayer Trainer::output_layer(const Replica& replica) {
  const ModelImpl& model = *replica.model;
  return {model.output_weight(), model.output_bias(), model.config().relu_logits};
}

StepStats Trainer::step(const Batch& batch, double lr, double clip_norm) {
  const auto start = std::chrono::steady_clock::now();
  const int64_t tokens = batch.tokens();
  const float mean = 1.0f / static_cast<float>(std::max<int64_t>(tokens, 1));
  std::vector<uint64_t> dropout_seeds(shards_.count());
  if (model()->config().dropout > 0) {
    for (uint64_t& seed : dropout_seeds) seed = generator_.get<at::CPUGeneratorImpl>()->random64();
  }
  std::vector<double> losses(shards_.count());
  shards_.run([&](int shard) {
    parameters_.grads[shard].zero_();
    const Range rows = shards_.share(shard, batch.rows);
    losses[shard] = forward_backward(replicas_[shard], batch, rows, mean, dropout_seeds[shard]);
  });
  forget_decoder();
  const double norm = optimizer_.clip_and_step(parameters_, shards_, lr, clip_norm);

  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  return {std::accumulate(losses.begin(), losses.end(), 0.0), norm, tokens, elapsed.count()};
}

double Trainer::forward_backward(Replica& replica, const Batch& batch, const Range& rows, float mean,
                                 uint64_t dropout_seed) {
  ModelImpl& model = *replica.model;
  const Positions positions = to_positions(batch, rows, model.device(), [&](int64_t r) {
    return batch.weights.empty() ? mean : batch.weights[r];
  });
  if (positions.inputs.numel() == 0) return 0;  // more threads than rows, or nothing but padding
  HiddenState state = model.zero_state(rows.size());
  const auto dropout = at::make_generator<at::CPUGeneratorImpl>(dropout_seed);
  at::Tensor hidden = model.forward(positions.inputs, state, dropout);  // [time, rows, hidden]
  const at::Tensor flat = hidden.detach().view({-1, hidden.size(2)});
  // The output layer's gradients go straight to their place; autograd carries on from the hidden outputs.
  OutputGrads grads{at::empty_like(flat), model.output_weight().grad(), model.output_bias().grad()};
  const double loss =
      replica.loss(output_layer(replica), {flat, positions.targets, positions.weights}, &grads);
  hidden.backward(grads.hidden.view_as(hidden));
  return loss;
}

const Decoder& Trainer::decoder() {
  if (!decoder_) decoder_ = std::make_unique<Decoder>(*model());
  return *decoder_;
}

TotalNll Trainer::evaluate(const Batch& batch) {
  std::vector<double> nlls(shards_.count());
  shards_.run([&](int shard) {
    at::NoGradGuard no_grad;
    Replica& replica = replicas_[shard];
    const Range rows = shards_.share(shard, batch.rows);
    const Positions positions =
        to_positions(batch, rows, replica.model->device(), [](int64_t) { return 1.0f; });
    if (positions.inputs.numel() == 0) return;
    HiddenState state = replica.model->zero_state(rows.size());
    const at::Tensor hidden = replica.model->forward(positions.inputs, state, std::nullopt);
    const at::Tensor flat = hidden.view({-1, hidden.size(2)});
    nlls[shard] = replica.loss(output_layer(replica), {flat, positions.targets, positions.weights}, nullptr);
  });
  return {std::accumulate(nlls.begin(), nlls.end(), 0.0), batch.tokens()};
}

}  // namespace tangshi
