#include "train/cpu_train_step.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <utility>

#include "train/lstm_layer.h"

namespace tangshi {
namespace {

// With fewer sequences, most lanes of the kernels' vectors would be empty.
constexpr int64_t fewest_for_kernels = 8;

void run_operators_on_one_thread() {
  if (at::get_num_threads() != 1) at::set_num_threads(1);
}

// Limits operators on the calling thread to one thread during its lifetime: small matrix products split over
// threads spend more time waiting than computing. libtorch sets thread counts per calling thread, MKL per
// process.
class SingleThreadedOperators {
 public:
  SingleThreadedOperators() : before_(at::get_num_threads()) { run_operators_on_one_thread(); }
  ~SingleThreadedOperators() {
    if (before_ != 1) at::set_num_threads(before_);
  }

 private:
  const int before_;
};

}  // namespace

LayerOutput cpu_layer(Cell cell, const at::Tensor& x, const HiddenState& state, at::TensorList weights,
                      const std::vector<int64_t>& batch_sizes) {
  if (cell == Cell::lstm && x.size(1) >= fewest_for_kernels)
    return lstm_layer(x, state, weights, batch_sizes);
  return torch_layer(cell, x, state, weights, batch_sizes);
}

CpuTrainStep::CpuTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
                           at::Generator& generator, ThreadPool& pool)
    : config_(config),
      parameters_(parameters),
      optimizer_(optimizer),
      generator_(generator),
      pool_(pool),
      replicas_(pool.count()) {}

CpuTrainStep::Replica& CpuTrainStep::replica(int thread) {
  std::optional<Replica>& replica = replicas_[thread];
  if (!replica) {
    const at::Tensor grads = allocate_gradients(parameters_);
    replica.emplace(Replica{grads, Model(config_, parameters_, grads, cpu_layer), OutputLoss()});
  }
  return *replica;
}

int CpuTrainStep::shares(const Batch& batch) const {
  return static_cast<int>(std::clamp<int64_t>(batch.rows, 1, pool_.count()));
}

double CpuTrainStep::each_share(const Batch& batch, const std::vector<float>& row_weights,
                                const std::function<double(int share, const PackedBatch&)>& work) {
  const SingleThreadedOperators single_threaded;
  const std::vector<int64_t> indices = sorted_indices(batch);
  std::vector<double> results(shares(batch));
  pool_.run([&](int share) {
    if (share >= shares(batch)) return;
    run_operators_on_one_thread();
    results[share] = work(share, pack(batch, indices, share, pool_.count(), row_weights));
  });
  return std::accumulate(results.begin(), results.end(), 0.0);
}

void CpuTrainStep::step(const Batch& batch, double lr, double clip_norm) {
  const auto start = std::chrono::steady_clock::now();
  // One for each thread, used or not, so that the generator advances by the same amount for every batch.
  std::vector<uint64_t> dropout_seeds(pool_.count());
  if (config_.dropout > 0) {
    for (uint64_t& seed : dropout_seeds) seed = generator_.get<at::CPUGeneratorImpl>()->random64();
  }
  const double loss = each_share(batch, batch.loss_weights(), [&](int share, const PackedBatch& packed) {
    return forward_backward(replica(share), packed, dropout_seeds[share]);
  });
  std::vector<at::Tensor> grads;
  for (int share = 0; share < shares(batch); share++) grads.push_back(replica(share).grads);
  const double norm = optimizer_.clip_and_step(parameters_, grads, pool_, lr, clip_norm);

  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  results_.push_back({loss, norm, batch.tokens(), elapsed.count()});
}

double CpuTrainStep::forward_backward(Replica& replica, const PackedBatch& packed, uint64_t dropout_seed) {
  replica.grads.zero_();
  if (packed.targets.numel() == 0) return 0;  // nothing but padding
  const ModelImpl& model = *replica.model;
  const auto dropout = at::make_generator<at::CPUGeneratorImpl>(dropout_seed);
  const at::Tensor hidden =
      hidden_outputs(model, packed.inputs, dropout, packed.batch_sizes);  // [time x rows, hidden]
  const at::Tensor real = hidden.detach().index_select(0, packed.target_index);
  // The loss adds the output layer's gradients itself; autograd continues from the hidden outputs.
  OutputGrads grads{at::empty_like(real), model.output_weight().grad(), model.output_bias().grad()};
  const double loss = replica.loss(output_layer(model), {real, packed.targets, packed.weights}, &grads);
  hidden.backward(at::zeros_like(hidden).index_copy_(0, packed.target_index, grads.hidden));
  return loss;
}

std::vector<StepStats> CpuTrainStep::results() { return std::exchange(results_, {}); }

TotalNll CpuTrainStep::evaluate(const Batch& batch) {
  const std::vector<float> weights(batch.rows, 1.0f);
  const double nll = each_share(batch, weights, [&](int share, const PackedBatch& packed) {
    const at::NoGradGuard no_grad;
    if (packed.targets.numel() == 0) return 0.0;
    Replica& replica = this->replica(share);
    const at::Tensor hidden = hidden_outputs(*replica.model, packed.inputs, std::nullopt, packed.batch_sizes);
    const at::Tensor real = hidden.index_select(0, packed.target_index);
    return replica.loss(output_layer(*replica.model), {real, packed.targets, packed.weights}, nullptr);
  });
  return {nll, batch.tokens()};
}

}  // namespace tangshi
