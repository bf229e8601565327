#include "cuda/cuda_train_step.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>

#include "cuda/precision_guard.h"
#include "train/output_loss.h"

namespace tangshi {
namespace {

// Shapes beyond these, as texts of any length may have them, are neither kept nor captured.
constexpr size_t most_places = 512;

// 16 bits hold gradients from 6e-8 up, many of which are smaller: those of a mean over thousands of
// characters. The largest that are held are 64 then; clipping leaves 1.
constexpr double fp16_grad_scale = 1024;

double grad_scale(Precision precision) { return precision == Precision::fp16 ? fp16_grad_scale : 1; }

// A batch on its way to the device, time-major: position p = t x rows + r.
struct Staged {
  at::Tensor ids;      // [2, time, rows]
  at::Tensor weights;  // [time x rows]
};

// Copies from pinned memory go on by themselves; it is freed when they are done.
at::Tensor staging(at::IntArrayRef sizes, at::ScalarType type, const at::Device& device) {
  return at::empty(sizes, at::TensorOptions(type).pinned_memory(device.is_cuda()));
}

Staged stage(const Batch& batch, const std::vector<float>& row_weights, const at::Device& device) {
  const Staged staged{staging({2, batch.time, batch.rows}, at::kLong, device),
                      staging({batch.time * batch.rows}, at::kFloat, device)};
  int64_t* input = staged.ids.mutable_data_ptr<int64_t>();
  int64_t* target = input + batch.time * batch.rows;
  float* weight = staged.weights.mutable_data_ptr<float>();
  for (int64_t t = 0; t < batch.time; t++) {
    for (int64_t r = 0; r < batch.rows; r++) {
      const int64_t from = r * batch.time + t;
      const bool real = batch.targets[from] >= 0;
      *input++ = batch.inputs[from];
      *target++ = real ? batch.targets[from] : 0;
      *weight++ = real ? row_weights[r] : 0;
    }
  }
  return staged;
}

at::Tensor stage_rates(double lr, double clip_norm, const at::Device& device) {
  const at::Tensor rates = staging({2}, at::kFloat, device);
  rates.mutable_data_ptr<float>()[0] = static_cast<float>(lr);
  rates.mutable_data_ptr<float>()[1] = static_cast<float>(clip_norm);
  return rates;
}

c10::Event record(const at::Device& device) {
  c10::Event event(device.type(), c10::EventFlag::BACKEND_DEFAULT);  // keeps the time
  event.record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  return event;
}

}  // namespace

CudaTrainStep::CudaTrainStep(ModelImpl& model, Parameters& parameters, Optimizer& optimizer,
                             at::Generator& generator, Precision precision,
                             std::unique_ptr<GraphMaker> graphs)
    : model_(model),
      parameters_(parameters),
      optimizer_(optimizer),
      generator_(generator),
      masks_(at::globalContext().defaultGenerator(model.device()).clone()),
      precision_(precision),
      graphs_(std::move(graphs)) {
  if (compute_type(precision) == at::kFloat) return;
  at::Generator unused = generator.clone();  // the copy draws weights too, which are dropped
  Model copy(model.config(), model.device(), unused);
  copy->to(compute_type(precision));
  Parameters flat = flatten_parameters(*copy);
  copy_ = {std::move(copy), std::move(flat)};
}

CudaTrainStep::Place CudaTrainStep::place_for(const Batch& batch) const {
  const auto options = at::TensorOptions(model_.device());
  return {at::empty({2, batch.time, batch.rows}, options.dtype(at::kLong)),
          at::empty({batch.time * batch.rows}, options.dtype(at::kFloat)),
          at::empty({2}, options.dtype(at::kFloat)), at::empty({2}, options.dtype(at::kDouble)), nullptr};
}

void CudaTrainStep::train(const Batch& batch, double lr, double clip_norm) {
  if (queued_.empty()) begun_ = std::chrono::steady_clock::now();
  const at::Device device = model_.device();
  const int64_t tokens = batch.tokens();
  const std::vector<float> weights =
      batch.weights.empty()
          ? std::vector<float>(batch.rows, 1.0f / static_cast<float>(std::max<int64_t>(tokens, 1)))
          : batch.weights;
  const auto known = places_.find({batch.time, batch.rows});
  std::optional<Place> passing;
  Place& place = known != places_.end() ? known->second
                 : places_.size() < most_places
                     ? places_.emplace(std::pair(batch.time, batch.rows), place_for(batch)).first->second
                     : passing.emplace(place_for(batch));
  const Staged staged = stage(batch, weights, device);
  place.ids.copy_(staged.ids, /*non_blocking=*/true);
  place.weights.copy_(staged.weights, true);
  place.rates.copy_(stage_rates(lr, clip_norm, device), true);

  const PrecisionGuard turn(precision_);
  if (model_.config().dropout > 0) {
    masks_.set_current_seed(generator_.get<at::CPUGeneratorImpl>()->random64());
  }
  std::optional<c10::Event> begin;
  if (device.is_cuda()) begin = record(device);
  const bool captured = run(place);
  std::optional<Span> span;
  if (begin) span.emplace(std::move(*begin), record(device));
  queued_.push_back({place.results.clone(), tokens, captured, std::move(span)});
}

// True when the step was a graph's.
bool CudaTrainStep::run(Place& place) {
  if (!place.graph && !(graphs_ && place.warm && capture(place))) {
    step(place);
    place.warm = true;
    return false;
  }
  place.graph->replay();
  return true;
}

// False when it cannot be done here: then no step of this session is captured any more. A capture that failed
// may have let go of memory that graphs before it work in, and leaves the generator in the midst of it:
// neither is used again.
bool CudaTrainStep::capture(Place& place) {
  auto graph = graphs_->make();
  try {
    graph->capture([&] { step(place); }, masks_);
  } catch (const c10::Error& error) {
    TORCH_WARN("steps are done one by one from here on, since one could not be captured as a graph: ",
               error.what_without_backtrace());
    for (auto& [shape, other] : places_) other.graph.reset();
    graph.reset();
    graphs_.reset();
    masks_ = masks_.clone();
    return false;
  }
  place.graph = std::move(graph);
  return true;
}

void CudaTrainStep::step(Place& place) {
  ModelImpl& model = copy_ ? *copy_->model : model_;
  at::Tensor& grad = parameters_.grads[0];
  const double scale = grad_scale(precision_);
  if (copy_) {
    copy_->parameters.values.copy_(parameters_.values);
    copy_->parameters.grads[0].zero_();
  } else {
    grad.zero_();
  }
  const at::Tensor hidden = outputs(model, place.ids[0], masks_), flat = hidden.detach();
  OutputGrads grads{at::empty_like(flat), model.output_weight().grad(), model.output_bias().grad()};
  const at::Tensor loss =
      loss_by_tensors(output_layer(model), {flat, place.ids[1].view(-1), place.weights}, &grads, scale);
  hidden.backward(grads.hidden);
  if (copy_) grad.copy_(copy_->parameters.grads[0]).div_(scale);
  const at::Tensor norm = optimizer_.clip_and_step(parameters_, place.rates[0], place.rates[1]);
  place.results[0].copy_(loss);
  place.results[1].copy_(norm);
}

std::vector<StepStats> CudaTrainStep::results() {
  if (queued_.empty()) return {};
  std::vector<at::Tensor> numbers;
  for (const Queued& step : queued_) numbers.push_back(step.results);
  const at::Tensor read = at::stack(numbers).cpu();  // waits
  const double* number = read.const_data_ptr<double>();
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - begun_;
  std::vector<StepStats> stats;
  for (const Queued& step : queued_) {
    const double ms =
        step.span ? step.span->begin.elapsedTime(step.span->end) : elapsed.count() / queued_.size();
    stats.push_back({number[0], number[1], step.tokens, ms, step.captured});
    number += 2;
  }
  queued_.clear();
  return stats;
}

void CudaTrainStep::forget() { queued_.clear(); }

TotalNll CudaTrainStep::evaluate(const Batch& batch) {
  at::NoGradGuard no_grad;
  const PrecisionGuard turn(precision_);
  const Staged staged = stage(batch, std::vector<float>(batch.rows, 1.0f), model_.device());
  const at::Tensor ids = staged.ids.to(model_.device(), /*non_blocking=*/true);
  const at::Tensor weights = staged.weights.to(model_.device(), true);
  const at::Tensor hidden = outputs(model_, ids[0], std::nullopt);
  const at::Tensor nll = loss_by_tensors(output_layer(model_), {hidden, ids[1].view(-1), weights}, nullptr);
  return {nll.item<double>(), batch.tokens()};
}

}  // namespace tangshi
