// Conversion between JavaScript values and plain structs, for inference and training. Everything is copied
// and validated.
#pragma once

#include "addon/field.h"
#include "model/model_config.h"
#include "model/tensor_bytes.h"

namespace tangshi {

// The current exception, of any type, as an Error with a code. Call inside a catch block.
Error current_error();
Napi::Error to_js(Napi::Env env, const Error& error);

// A promise rejected with the current exception, including a Napi::Error. Call inside a catch block.
Napi::Value rejected_promise(Napi::Env env);

ModelConfig to_model_config(const Field& model);
TensorMap to_tensors(const Field& tensors);
// The index of a GPU, or -1 for the CPU, from the name: cpu or cuda:N.
int to_device(const Field& device);

Napi::Value to_js(Napi::Env env, const TensorMap& tensors);
template <typename T, typename Array>
Array copy_to_js(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

}  // namespace tangshi
