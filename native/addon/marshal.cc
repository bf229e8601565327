#include "addon/marshal.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <sstream>

namespace tangshi {
namespace {

// The longest any size may be: beyond it, products of two sizes could overflow.
constexpr int64_t max_size = int64_t{1} << 30;

std::string show(const Napi::Value& value) {
  if (value.IsString()) return "'" + value.As<Napi::String>().Utf8Value().substr(0, 80) + "'";
  if (value.IsNumber() || value.IsBoolean()) return value.ToString().Utf8Value();
  switch (value.Type()) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_bigint:
      return "a bigint";
    case napi_function:
      return "a function";
    case napi_symbol:
      return "a symbol";
    default:
      return "an object";
  }
}

[[noreturn]] void expected(const std::string& what, const std::string& where, const Napi::Value& got) {
  throw CodedError("EARG", "expected " + what + " for " + where + " but received " + show(got));
}

// A property of an object, with the name that errors give it.
struct Field {
  Napi::Value value;
  std::string where;

  Field operator[](const char* name) const {
    if (!value.IsObject()) expected("an object", where, value);
    return {value.As<Napi::Object>().Get(name), where + "." + name};
  }

  Field item(uint32_t index) const {
    return {value.As<Napi::Array>().Get(index), where + "[" + std::to_string(index) + "]"};
  }

  uint32_t array_length() const {
    if (!value.IsArray()) expected("an array", where, value);
    return value.As<Napi::Array>().Length();
  }

  double number(double min, double max) const {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= min && number <= max)) {
      std::ostringstream range;
      range << "a number from " << min << " to " << max;
      expected(range.str(), where, value);
    }
    return number;
  }

  double optional_number(double min, double max, double otherwise) const {
    return value.IsUndefined() ? otherwise : number(min, max);
  }

  int64_t integer(int64_t min, int64_t max) const {
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
    if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max)) ||
        std::floor(number) != number) {
      expected("an integer from " + std::to_string(min) + " to " + std::to_string(max), where, value);
    }
    return static_cast<int64_t>(number);
  }

  bool boolean() const {
    if (!value.IsBoolean()) expected("a boolean", where, value);
    return value.As<Napi::Boolean>();
  }

  uint64_t bits() const {
    if (!value.IsBigInt()) expected("a bigint", where, value);
    bool lossless;
    return value.As<Napi::BigInt>().Uint64Value(&lossless);
  }

  std::string string() const {
    if (!value.IsString()) expected("a string", where, value);
    return value.As<Napi::String>();
  }

  // One of several words, as the value that stands beside it.
  template <typename T>
  T word(std::initializer_list<std::pair<const char*, T>> words) const {
    const std::string given = value.IsString() ? string() : "";
    std::string all;
    for (const auto& [name, result] : words) {
      if (given == name) return result;
      all += (all.empty() ? "'" : " | '") + std::string(name) + "'";
    }
    expected(all, where, value);
  }

  // A copy of a typed array's elements; first copied, then looked at, so that nobody can change what was
  // checked.
  template <typename T>
  std::vector<T> elements(napi_typedarray_type type, const char* type_name) const {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
      expected(std::string("an ") + type_name, where, value);
    }
    const auto array = value.As<Napi::TypedArrayOf<T>>();
    const size_t length = array.ElementLength();
    std::vector<T> copy(length);
    if (length > 0) std::memcpy(copy.data(), array.Data(), length * sizeof(T));
    return copy;
  }

  std::vector<int32_t> ids(int32_t min, int64_t vocab_size) const {
    std::vector<int32_t> ids = elements<int32_t>(napi_int32_array, "Int32Array");
    for (size_t i = 0; i < ids.size(); i++) {
      if (ids[i] < min || ids[i] >= vocab_size) {
        throw CodedError("ESHAPE", "expected ids from " + std::to_string(min) + " to " +
                                       std::to_string(vocab_size - 1) + " in " + where + " but received " +
                                       std::to_string(ids[i]) + " at index " + std::to_string(i));
      }
    }
    return ids;
  }
};

void check_length(size_t length, int64_t expected_length, const std::string& where) {
  if (static_cast<int64_t>(length) == expected_length) return;
  throw CodedError("ESHAPE", "expected " + std::to_string(expected_length) + " elements for " + where +
                                 " but received " + std::to_string(length));
}

ModelConfig to_model_config(const Field& model) {
  ModelConfig config;
  config.cell = model["cell"].word<Cell>({{"lstm", Cell::lstm}, {"gru", Cell::gru}, {"rnn", Cell::rnn}});
  config.vocab_size = model["vocabSize"].integer(1, max_size);
  config.embed_dim = model["embedDim"].integer(1, max_size);
  config.hidden_dim = model["hiddenDim"].integer(1, max_size);
  config.layers = model["layers"].integer(1, 64);
  config.dropout = model["dropout"].number(0, 0.99);
  config.tie_weights = model["tieWeights"].boolean();
  config.relu_logits = model["reluLogits"].boolean();
  config.xavier_output = model["xavierOutput"].boolean();
  if (config.tie_weights && config.embed_dim != config.hidden_dim) {
    throw CodedError("ESHAPE", "tied weights need embedDim = hiddenDim, not " +
                                   std::to_string(config.embed_dim) + " and " +
                                   std::to_string(config.hidden_dim));
  }
  return config;
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

at::Device to_device(const Field& device) {
  const std::string name = device.string();
  if (name == "cpu") return at::kCPU;
  constexpr std::string_view cuda = "cuda:";
  int index = -1;
  const char *begin = name.data() + std::min(cuda.size(), name.size()), *end = name.data() + name.size();
  const bool is_cuda = name.starts_with(cuda) && std::from_chars(begin, end, index).ptr == end && index >= 0;
  if (!is_cuda) expected("'cpu' or 'cuda:N'", device.where, device.value);
  constexpr int most = std::numeric_limits<c10::DeviceIndex>::max();
  return {at::kCUDA, static_cast<c10::DeviceIndex>(std::min(index, most))};
}

GpuConfig to_gpu_config(const Field& gpu) {
  if (gpu.value.IsUndefined()) return {};
  const auto precision = gpu["precision"].word<Precision>({{"fp32", Precision::fp32},
                                                           {"tf32", Precision::tf32},
                                                           {"bf16", Precision::bf16},
                                                           {"fp16", Precision::fp16}});
  return {precision, gpu["graph"].boolean()};
}

Guide to_guide(const Field& value, int64_t vocab_size, size_t prompts) {
  Guide guide;
  guide.masks = value["masks"].elements<uint8_t>(napi_uint8_array, "Uint8Array");
  const size_t masks = guide.masks.size() / vocab_size;
  if (masks == 0 || guide.masks.size() % vocab_size != 0) {
    throw CodedError("ESHAPE", "expected a multiple of " + std::to_string(vocab_size) + " elements for " +
                                   value["masks"].where + " but received " +
                                   std::to_string(guide.masks.size()));
  }
  const std::vector<int32_t> groups = value["groups"].elements<int32_t>(napi_int32_array, "Int32Array");
  check_length(groups.size(), vocab_size, value["groups"].where + " (vocabSize)");
  guide.groups.assign(groups.begin(), groups.end());
  guide.allowed_groups = static_cast<uint32_t>(value["allowedGroups"].integer(0, UINT32_MAX));
  const Field plans = value["plans"];
  check_length(plans.array_length(), prompts, plans.where + " (prompts)");
  for (uint32_t i = 0; i < prompts; i++) {
    guide.plans.push_back(plans.item(i).elements<int32_t>(napi_int32_array, "Int32Array"));
    for (const int32_t entry : guide.plans.back()) {
      const int32_t mask = entry & ~Guide::rhymes;
      if (mask < 0 || mask >= static_cast<int32_t>(std::min<size_t>(masks, Guide::rhymes))) {
        throw CodedError("ESHAPE", "expected masks from 0 to " + std::to_string(masks - 1) + " in " +
                                       plans.item(i).where + " but received " + std::to_string(mask));
      }
    }
  }
  return guide;
}

Batch to_batch(const Field& value, int64_t vocab_size) {
  Batch batch;
  batch.rows = value["rows"].integer(1, max_size);
  batch.time = value["time"].integer(1, max_size);
  batch.inputs = value["inputs"].ids(0, vocab_size);
  batch.targets = value["targets"].ids(-1, vocab_size);
  check_length(batch.inputs.size(), batch.rows * batch.time, value.where + ".inputs (rows x time)");
  check_length(batch.targets.size(), batch.rows * batch.time, value.where + ".targets (rows x time)");
  const Field weights = value["weights"];
  if (!weights.value.IsUndefined()) {
    batch.weights = weights.elements<float>(napi_float32_array, "Float32Array");
    check_length(batch.weights.size(), batch.rows, weights.where + " (rows)");
  }
  return batch;
}

TensorBytes to_tensor_bytes(const Field& tensor) {
  TensorBytes bytes;
  bytes.dtype = tensor["dtype"].string();
  const Field shape = tensor["shape"];
  const uint32_t dimensions = shape.array_length();
  if (dimensions > 8) throw CodedError("ESHAPE", "expected at most 8 dimensions for " + shape.where);
  for (uint32_t i = 0; i < dimensions; i++) bytes.shape.push_back(shape.item(i).integer(0, max_size));
  bytes.data = tensor["data"].elements<uint8_t>(napi_uint8_array, "Uint8Array");
  return bytes;
}

Napi::TypedArray copy_to_js(Napi::Env env, const std::vector<int32_t>& values) {
  auto array = Napi::Int32Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(int32_t));
  return array;
}

bool is_out_of_memory(const std::string& message) {
  return message.find("not enough memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos ||
         message.find("out of memory") != std::string::npos;
}

}  // namespace

CodedError current_error() {
  try {
    throw;
  } catch (const CodedError& error) {
    return error;
  } catch (const NoDevice& error) {
    return {"EDEVICE", error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    // How much was asked for and how much there is; then come settings of PyTorch's.
    const std::string message = error.what_without_backtrace();
    return {"EOOM", message.substr(0, message.find(" Including non-PyTorch")) +
                        " A smaller batch or model needs less."};
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    return {is_out_of_memory(message) ? "EOOM" : "ETORCH", message};
  } catch (const std::bad_alloc&) {
    return {"EOOM", "out of memory"};
  } catch (const std::invalid_argument& error) {
    return {"ESHAPE", error.what()};
  } catch (const std::exception& error) {
    return {"ETORCH", error.what()};
  } catch (...) {
    return {"ETORCH", "an exception of unknown type"};
  }
}

Napi::Error to_js(Napi::Env env, const CodedError& error) {
  Napi::Error out = Napi::Error::New(env, error.what());
  out.Set("code", Napi::String::New(env, error.code));
  return out;
}

SessionConfig to_session_config(const Napi::Value& value) {
  const Field config{value, "config"};
  SessionConfig out;
  out.model = to_model_config(config["model"]);
  out.optimizer = to_optimizer_config(config["optimizer"]);
  out.device = to_device(config["device"]);
  out.seed = config["seed"].bits();
  out.threads = static_cast<int>(config["threads"].integer(1, 1024));
  out.gpu = to_gpu_config(config["gpu"]);
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
      throw CodedError("ESHAPE", "expected a learning rate for each of " + std::to_string(batches) +
                                     " batches but received " + std::to_string(count));
    }
    for (size_t i = 0; i < count; i++) lrs.push_back(lr.item(i).number(0, largest_lr));
  } else {
    lrs.assign(batches, lr.number(0, largest_lr));
  }
  return {lrs, options["clipNorm"].number(0, INFINITY)};
}

std::vector<std::vector<int32_t>> to_prompts(const Napi::Value& value, int64_t vocab_size) {
  const Field prompts{value, "prompts"};
  std::vector<std::vector<int32_t>> out;
  const uint32_t count = prompts.array_length();
  for (uint32_t i = 0; i < count; i++) {
    out.push_back(prompts.item(i).ids(0, vocab_size));
    if (out.back().empty()) expected("at least one id", prompts.item(i).where, prompts.item(i).value);
  }
  return out;
}

SampleOptions to_sample_options(const Napi::Value& value, int64_t vocab_size, size_t prompts) {
  const Field options{value, "options"};
  SampleOptions out;
  out.max_new_tokens = options["maxNewTokens"].integer(0, max_size);
  out.end_id = static_cast<int32_t>(options["endId"].integer(0, vocab_size - 1));
  out.draw.banned = options["banned"].ids(0, vocab_size);
  out.draw.temperature = options["temperature"].number(0, 1e6);
  out.draw.top_k = options["topK"].integer(0, max_size);
  out.draw.top_p = options["topP"].number(0, 1);
  out.seed = options["seed"].bits();
  const Field preface = options["preface"];
  if (!preface.value.IsUndefined()) out.preface = preface.integer(1, max_size);
  out.repetition_penalty = options["repetitionPenalty"].optional_number(0, 100, 0);
  const Field repeatable = options["repeatable"];
  if (!repeatable.value.IsUndefined()) out.repeatable = repeatable.ids(0, vocab_size);
  std::sort(out.repeatable.begin(), out.repeatable.end());
  const Field beam = options["beam"];
  if (!beam.value.IsUndefined()) out.beam = beam.integer(1, 1000);
  const Field score = options["score"];
  if (!score.value.IsUndefined()) out.score = score.boolean();
  const Field guide = options["guide"];
  if (!guide.value.IsUndefined()) out.guide = to_guide(guide, vocab_size, prompts);
  std::vector<bool> banned(vocab_size, false);
  for (const int32_t id : out.draw.banned) banned[id] = true;
  if (std::find(banned.begin(), banned.end(), false) == banned.end()) {
    throw CodedError("EARG", "options.banned leaves no id to draw");
  }
  return out;
}

State to_state(const Napi::Value& value) {
  if (!value.IsObject()) expected("an object", "tensors", value);
  const Field tensors{value, "tensors"};
  const Napi::Array names = value.As<Napi::Object>().GetPropertyNames();
  State state;
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).ToString();
    state.emplace(name, to_tensor_bytes(tensors[name.c_str()]));
  }
  return state;
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

Napi::Value to_js(Napi::Env env, const std::vector<Sample>& samples) {
  auto out = Napi::Array::New(env, samples.size());
  for (uint32_t i = 0; i < samples.size(); i++) {
    auto sample = Napi::Object::New(env);
    sample["ids"] = copy_to_js(env, samples[i].ids);
    sample["ended"] = samples[i].ended;
    sample["logProb"] = samples[i].log_prob;
    out[i] = sample;
  }
  return out;
}

Napi::Value to_js(Napi::Env env, const State& state) {
  auto out = Napi::Object::New(env);
  for (const auto& [name, bytes] : state) {
    auto shape = Napi::Array::New(env, bytes.shape.size());
    for (uint32_t i = 0; i < bytes.shape.size(); i++) shape[i] = static_cast<double>(bytes.shape[i]);
    auto data = Napi::Uint8Array::New(env, bytes.data.size());
    if (!bytes.data.empty()) std::memcpy(data.Data(), bytes.data.data(), bytes.data.size());
    auto tensor = Napi::Object::New(env);
    tensor["dtype"] = bytes.dtype;
    tensor["shape"] = shape;
    tensor["data"] = data;
    out[name] = tensor;
  }
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
