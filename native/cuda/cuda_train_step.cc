#include "cuda/cuda_train_step.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "cuda/cudnn.h"
#include "cuda/precision_guard.h"

namespace tangshi {
namespace {

// Beyond this number of shapes, which texts of any length can reach, shapes are neither kept nor captured.
constexpr size_t max_shapes = 512;

// fp16 represents numbers from 6e-8 up; gradients of a mean over thousands of characters are smaller. With
// this factor it represents gradients up to 64, which clipping reduces to 1.
constexpr double fp16_grad_scale = 1024;

double grad_scale(Precision precision) { return precision == Precision::fp16 ? fp16_grad_scale : 1; }

at::ScalarType compute_type(Precision precision) {
  if (precision == Precision::bf16) return at::kBFloat16;
  return precision == Precision::fp16 ? at::kHalf : at::kFloat;
}

// A batch in host memory, time-major: position p = t x rows + r.
struct HostBatch {
  at::Tensor ids;      // [2, time, rows]
  at::Tensor weights;  // [time x rows]
};

// Pinned for a GPU, so that copies from it do not block. Reused when they are done.
at::Tensor host_memory(at::IntArrayRef sizes, at::ScalarType type, const at::Device& device) {
  return at::empty(sizes, at::TensorOptions(type).pinned_memory(device.is_cuda()));
}

HostBatch to_host_batch(const Batch& batch, const std::vector<float>& row_weights, const at::Device& device) {
  const HostBatch host{host_memory({2, batch.time, batch.rows}, at::kLong, device),
                       host_memory({batch.time * batch.rows}, at::kFloat, device)};
  int64_t* input = host.ids.mutable_data_ptr<int64_t>();
  int64_t* target = input + batch.time * batch.rows;
  float* weight = host.weights.mutable_data_ptr<float>();
  for (int64_t t = 0; t < batch.time; t++) {
    for (int64_t r = 0; r < batch.rows; r++) {
      const int64_t from = r * batch.time + t;
      const bool real = batch.targets[from] >= 0;
      *input++ = batch.inputs[from];
      *target++ = real ? batch.targets[from] : 0;
      *weight++ = real ? row_weights[r] : 0;
    }
  }
  return host;
}

at::Tensor host_rates(double lr, double clip_norm, const at::Device& device) {
  const at::Tensor rates = host_memory({2}, at::kFloat, device);
  rates.mutable_data_ptr<float>()[0] = static_cast<float>(lr);
  rates.mutable_data_ptr<float>()[1] = static_cast<float>(clip_norm);
  return rates;
}

c10::Event record_event(const at::Device& device) {
  c10::Event event(device.type(), c10::EventFlag::BACKEND_DEFAULT);  // with time
  event.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return event;
}

}  // namespace

CudaTrainStep::CudaTrainStep(const ModelConfig& config, Parameters& parameters, Optimizer& optimizer,
                             at::Generator& generator, Precision precision,
                             std::unique_ptr<GraphMaker> graphs)
    : config_(config),
      parameters_(parameters),
      optimizer_(optimizer),
      generator_(generator),
      device_(parameters.values.device()),
      precision_(precision),
      dropout_generator_(at::globalContext().defaultGenerator(device_).clone()),
      grads_(allocate_gradients(parameters)),
      model_(config, parameters, grads_, cuda_layer(config, parameters)),
      graphs_(std::move(graphs)) {
  if (compute_type(precision) == at::kFloat) return;
  const Parameters reduced =
      allocate_parameters(config, parameters.values.options().dtype(compute_type(precision)));
  const at::Tensor grads = allocate_gradients(reduced);
  reduced_ = {reduced, grads, Model(config, reduced, grads, cuda_layer(config, reduced))};
}

CudaTrainStep::StaticBuffers CudaTrainStep::allocate_buffers(const Batch& batch) const {
  const auto options = at::TensorOptions(device_);
  return {.ids = at::empty({2, batch.time, batch.rows}, options.dtype(at::kLong)),
          .weights = at::empty({batch.time * batch.rows}, options.dtype(at::kFloat)),
          .rates = at::empty({2}, options.dtype(at::kFloat)),
          .results = at::empty({2}, options.dtype(at::kDouble)),
          .graph = nullptr};
}

CudaTrainStep::StaticBuffers& CudaTrainStep::buffers_for(const Batch& batch,
                                                         std::optional<StaticBuffers>& temporary) {
  const std::pair shape(batch.time, batch.rows);
  const auto known = buffers_.find(shape);
  if (known != buffers_.end()) return known->second;
  if (buffers_.size() >= max_shapes) return temporary.emplace(allocate_buffers(batch));
  return buffers_.emplace(shape, allocate_buffers(batch)).first->second;
}

void CudaTrainStep::step(const Batch& batch, double lr, double clip_norm) {
  if (queued_.empty()) queue_start_ = std::chrono::steady_clock::now();
  std::optional<StaticBuffers> temporary;
  StaticBuffers& buffers = buffers_for(batch, temporary);
  const HostBatch host = to_host_batch(batch, batch.loss_weights(), device_);
  buffers.ids.copy_(host.ids, /*non_blocking=*/true);
  buffers.weights.copy_(host.weights, true);
  buffers.rates.copy_(host_rates(lr, clip_norm, device_), true);

  const PrecisionGuard guard(precision_);
  if (config_.dropout > 0) {
    dropout_generator_.set_current_seed(generator_.get<at::CPUGeneratorImpl>()->random64());
  }
  std::optional<c10::Event> begin;
  if (device_.is_cuda()) begin = record_event(device_);
  const bool captured = run(buffers);
  std::optional<Timing> timing;
  if (begin) timing.emplace(Timing{std::move(*begin), record_event(device_)});
  queued_.push_back({buffers.results.clone(), batch.tokens(), captured, std::move(timing)});
}

// Returns true if the step ran as a captured graph.
bool CudaTrainStep::run(StaticBuffers& buffers) {
  if (!buffers.graph && !(graphs_ && buffers.warmed_up && capture(buffers))) {
    compute(buffers);
    buffers.warmed_up = true;
    return false;
  }
  buffers.graph->replay();
  return true;
}

// Returns false if the step cannot be captured; from then on, no step of this session is. A failed capture
// may have freed memory that earlier graphs use, and leaves the generator in an undefined state, so neither
// is used again.
bool CudaTrainStep::capture(StaticBuffers& buffers) {
  auto graph = graphs_->make();
  try {
    graph->capture([&] { compute(buffers); }, dropout_generator_);
  } catch (const c10::Error& error) {
    TORCH_WARN("steps run without CUDA graphs from here on, since one could not be captured: ",
               error.what_without_backtrace());
    for (auto& [shape, other] : buffers_) other.graph.reset();
    graph.reset();
    graphs_.reset();
    dropout_generator_ = dropout_generator_.clone();
    return false;
  }
  buffers.graph = std::move(graph);
  return true;
}

void CudaTrainStep::compute(StaticBuffers& buffers) {
  const ModelImpl& model = reduced_ ? *reduced_->model : *model_;
  const double scale = grad_scale(precision_);
  if (reduced_) {
    reduced_->parameters.values.copy_(parameters_.values);
    reduced_->grads.zero_();
  } else {
    grads_.zero_();
  }
  const at::Tensor hidden = hidden_outputs(model, buffers.ids[0], dropout_generator_);
  const at::Tensor detached = hidden.detach();
  OutputGrads grads{at::empty_like(detached), model.output_weight().grad(), model.output_bias().grad()};
  const at::Tensor loss = tensor_output_loss(
      output_layer(model), {detached, buffers.ids[1].view(-1), buffers.weights}, &grads, scale);
  hidden.backward(grads.hidden);
  if (reduced_) grads_.copy_(reduced_->grads).div_(scale);
  const at::Tensor norm = optimizer_.clip_and_step(parameters_, grads_, buffers.rates[0], buffers.rates[1]);
  buffers.results[0].copy_(loss);
  buffers.results[1].copy_(norm);
}

std::vector<StepStats> CudaTrainStep::results() {
  if (queued_.empty()) return {};
  std::vector<at::Tensor> results;
  for (const QueuedStep& step : queued_) results.push_back(step.results);
  const at::Tensor read = at::stack(results).cpu();  // waits
  const double* number = read.const_data_ptr<double>();
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - queue_start_;
  std::vector<StepStats> stats;
  for (const QueuedStep& step : queued_) {
    const double ms =
        step.timing ? step.timing->begin.elapsedTime(step.timing->end) : elapsed.count() / queued_.size();
    stats.push_back({number[0], number[1], step.tokens, ms, step.captured});
    number += 2;
  }
  queued_.clear();
  return stats;
}

TotalNll CudaTrainStep::evaluate(const Batch& batch) {
  const at::NoGradGuard no_grad;
  const PrecisionGuard guard(precision_);
  const HostBatch host = to_host_batch(batch, std::vector<float>(batch.rows, 1.0f), device_);
  const at::Tensor ids = host.ids.to(device_, /*non_blocking=*/true);
  const at::Tensor weights = host.weights.to(device_, true);
  const at::Tensor hidden = hidden_outputs(*model_, ids[0], std::nullopt);
  const at::Tensor nll =
      tensor_output_loss(output_layer(*model_), {hidden, ids[1].view(-1), weights}, nullptr);
  return {nll.item<double>(), batch.tokens()};
}

}  // namespace tangshi
