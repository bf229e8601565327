#include "addon/marshal.h"

#include <charconv>
#include <limits>
#include <new>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace tangshi {
namespace {

TensorBytes to_tensor_bytes(const Field& tensor) {
  TensorBytes bytes;
  bytes.dtype = tensor["dtype"].string();
  const Field shape = tensor["shape"];
  const uint32_t dimensions = shape.array_length();
  if (dimensions > 8) throw wrong_shape("expected at most 8 dimensions for " + shape.name);
  for (uint32_t i = 0; i < dimensions; i++) bytes.shape.push_back(shape.item(i).integer(0, max_size));
  bytes.data = tensor["data"].elements<uint8_t>(napi_uint8_array, "Uint8Array");
  return bytes;
}

}  // namespace

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::system_error& error) {  // a thread could not be created
    return {"ERR_TANGSHI_OUT_OF_MEMORY", std::string("no thread can be created: ") + error.what()};
  } catch (const std::bad_alloc&) {
    return {"ERR_TANGSHI_OUT_OF_MEMORY", "out of memory"};
  } catch (const std::length_error&) {
    return {"ERR_TANGSHI_OUT_OF_MEMORY", "out of memory"};
  } catch (const std::invalid_argument& error) {
    return wrong_shape(error.what());
  } catch (const std::exception& error) {
    return {"ERR_TANGSHI_LIBTORCH", error.what()};
  } catch (...) {
    return {"ERR_TANGSHI_LIBTORCH", "an exception of unknown type"};
  }
}

Napi::Error to_js(Napi::Env env, const Error& error) {
  Napi::Error out = Napi::Error::New(env, error.what());
  out.Set("code", Napi::String::New(env, error.code));
  return out;
}

Napi::Value rejected_promise(Napi::Env env) {
  auto deferred = Napi::Promise::Deferred::New(env);
  try {
    throw;
  } catch (const Napi::Error& error) {
    deferred.Reject(error.Value());
  } catch (...) {
    deferred.Reject(to_js(env, current_error()).Value());
  }
  return deferred.Promise();
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
    throw wrong_shape("tied weights need embedDim = hiddenDim, not " + std::to_string(config.embed_dim) +
                      " and " + std::to_string(config.hidden_dim));
  }
  return config;
}

TensorMap to_tensors(const Field& tensors) {
  if (!tensors.value.IsObject()) tensors.refuse("an object");
  const Napi::Array names = tensors.value.As<Napi::Object>().GetPropertyNames();
  TensorMap state;
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).ToString();
    state.emplace(name, to_tensor_bytes(tensors[name.c_str()]));
  }
  return state;
}

int to_device(const Field& device) {
  const std::string name = device.string();
  if (name == "cpu") return -1;
  constexpr std::string_view cuda = "cuda:";
  int index = -1;
  const char *begin = name.data() + std::min(cuda.size(), name.size()), *end = name.data() + name.size();
  const bool is_cuda = name.starts_with(cuda) && std::from_chars(begin, end, index).ptr == end && index >= 0;
  if (!is_cuda) device.refuse("'cpu' or 'cuda:N'");
  constexpr int most = std::numeric_limits<int8_t>::max();  // libtorch's type for device indices
  return std::min(index, most);
}

Napi::Value to_js(Napi::Env env, const TensorMap& tensors) {
  auto out = Napi::Object::New(env);
  for (const auto& [name, bytes] : tensors) {
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

}  // namespace tangshi
