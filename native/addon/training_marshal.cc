#include "addon/training_marshal.h"

#include <cmath>

namespace tangshi {
namespace {

Batch to_batch(const Field& value, int64_t vocab_size) {
  Batch batch;
  batch.rows = value["rows"].integer(1, max_size);
  batch.time = value["time"].integer(1, max_size);
  batch.inputs = value["inputs"].ids(0, vocab_size);
  batch.targets = value["targets"].ids(-1, vocab_size);
  value["inputs"].check_length(batch.inputs.size(), batch.rows * batch.time, "rows x time");
  value["targets"].check_length(batch.targets.size(), batch.rows * batch.time, "rows x time");
  const Field weights = value["weights"];
  if (!weights.is_undefined()) {
    batch.weights = weights.elements<float>(napi_float32_array, "Float32Array");
    weights.check_length(batch.weights.size(), batch.rows, "rows");
  }
  return batch;
}

OptimizerConfig to_optimizer_config(const Field& optimizer) {
  OptimizerConfig config;
  config.kind = optimizer["kind"].word<OptimizerKind>(
      {{"rmsprop", OptimizerKind::rmsprop}, {"adam", OptimizerKind::adam}, {"adamw", OptimizerKind::adamw}});
  if (config.kind == OptimizerKind::rmsprop) {
    config.alpha = optimizer["alpha"].number(0, 1);
  } else {
    config.beta1 = optimizer["beta1"].number(0, 0.999999);
    config.beta2 = optimizer["beta2"].number(0, 0.999999);
  }
  config.eps = optimizer["eps"].number(0, 1);
  config.weight_decay = optimizer["weightDecay"].number(0, 1);
  return config;
}

Precision to_precision(const Field& precision) {
  return precision.word<Precision>({{"fp32", Precision::fp32},
                                    {"tf32", Precision::tf32},
                                    {"bf16", Precision::bf16},
                                    {"fp16", Precision::fp16}});
}

StepConfig to_step_config(const Field& config) {
  StepConfig out;
  const Field precision = config["precision"], graph = config["graph"];
  if (!precision.is_undefined()) out.precision = to_precision(precision);
  if (!graph.is_undefined()) out.graph = graph.boolean();
  return out;
}

}  // namespace

TrainingConfig to_training_config(const Napi::Value& value) {
  const Field config{value, "config"};
  TrainingConfig out;
  out.model = to_model_config(config["model"]);
  out.optimizer = to_optimizer_config(config["optimizer"]);
  out.device = to_device(config["device"]);
  out.seed = config["seed"].bits();
  out.threads = static_cast<int>(config["threads"].integer(1, max_threads));
  out.step = to_step_config(config);
  return out;
}

std::vector<Batch> to_batches(const Napi::Value& value, int64_t vocab_size) {
  const Field batches{value, "batches"};
  std::vector<Batch> out;
  const uint32_t count = batches.array_length();
  for (uint32_t i = 0; i < count; i++) out.push_back(to_batch(batches.item(i), vocab_size));
  return out;
}

StepOptions to_step_options(const Napi::Value& value, size_t batches) {
  constexpr double largest_lr = 1e6;
  const Field options{value, "options"}, lr = options["lr"];
  std::vector<double> lrs;
  if (lr.value.IsArray()) {
    const size_t count = lr.array_length();
    if (count != batches) {
      throw wrong_shape("expected a learning rate for each of " + std::to_string(batches) +
                        " batches but received " + std::to_string(count));
    }
    for (size_t i = 0; i < count; i++) lrs.push_back(lr.item(i).number(0, largest_lr));
  } else {
    lrs.assign(batches, lr.number(0, largest_lr));
  }
  return {lrs, options["clipNorm"].number(0, INFINITY)};
}

Napi::Value to_js(Napi::Env env, const std::vector<StepStats>& stats) {
  auto out = Napi::Array::New(env, stats.size());
  for (uint32_t i = 0; i < stats.size(); i++) {
    auto step = Napi::Object::New(env);
    step["loss"] = stats[i].loss;
    step["gradNorm"] = stats[i].grad_norm;
    step["tokens"] = static_cast<double>(stats[i].tokens);
    step["nativeMs"] = stats[i].native_ms;
    step["captured"] = stats[i].captured;
    out[i] = step;
  }
  return out;
}

Napi::Value to_js(Napi::Env env, const TotalNll& total) {
  auto out = Napi::Object::New(env);
  out["nll"] = total.nll;
  out["tokens"] = static_cast<double>(total.tokens);
  return out;
}

Napi::Value to_js(Napi::Env env, const CudaFacts& facts) {
  auto devices = Napi::Array::New(env, facts.devices.size());
  for (uint32_t i = 0; i < facts.devices.size(); i++) {
    auto device = Napi::Object::New(env);
    device["name"] = facts.devices[i].name;
    device["memory"] = static_cast<double>(facts.devices[i].memory);
    devices[i] = device;
  }
  auto out = Napi::Object::New(env);
  out["devices"] = devices;
  if (facts.driver > 0) {
    out["driver"] = std::to_string(facts.driver / 1000) + "." + std::to_string(facts.driver % 1000 / 10);
  }
  if (!facts.problem.empty()) out["problem"] = facts.problem;
  return out;
}

}  // namespace tangshi
