// A JavaScript value with its name for error messages. Every access is checked. Throws Error, or Napi::Error
// if a getter of the caller throws.
#pragma once

#include <napi.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "error.h"

namespace tangshi {

// The largest size: beyond it, products of two sizes could overflow.
constexpr int64_t max_size = int64_t{1} << 30;

// Number of threads of a session.
constexpr int64_t max_threads = 1024;

inline Error invalid_argument(const std::string& message) { return {"ERR_TANGSHI_INVALID_ARG", message}; }
inline Error wrong_shape(const std::string& message) { return {"ERR_TANGSHI_SHAPE", message}; }

struct Field {
  Napi::Value value;
  std::string name;

  Field operator[](const char* key) const;
  Field item(uint32_t index) const;
  bool is_undefined() const { return value.IsUndefined(); }

  uint32_t array_length() const;
  double number(double min, double max) const;
  int64_t integer(int64_t min, int64_t max) const;
  bool boolean() const;
  uint64_t bits() const;  // from a bigint
  std::string string() const;

  // One of several strings, mapped to the value next to it.
  template <typename T>
  T word(std::initializer_list<std::pair<const char*, T>> words) const {
    const std::string given = value.IsString() ? string() : "";
    std::string all;
    for (const auto& [word, result] : words) {
      if (given == word) return result;
      all += (all.empty() ? "'" : " | '") + std::string(word) + "'";
    }
    refuse(all);
  }

  // Copies the elements of a typed array, so that they cannot change after they are checked.
  template <typename T>
  std::vector<T> elements(napi_typedarray_type type, const char* type_name) const {
    if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) {
      refuse(std::string("a ") + type_name);
    }
    const auto array = value.As<Napi::TypedArrayOf<T>>();
    std::vector<T> copy(array.ElementLength());
    if (!copy.empty()) std::memcpy(copy.data(), array.Data(), copy.size() * sizeof(T));
    return copy;
  }

  // The ids of an Int32Array, each min <= id < vocab_size.
  std::vector<int32_t> ids(int32_t min, int64_t vocab_size) const;

  // Throws; `expected` describes a valid value.
  [[noreturn]] void refuse(const std::string& expected) const;
  // Throws unless an array has the number of elements its shape requires.
  void check_length(size_t length, int64_t expected, const std::string& shape) const;
};

}  // namespace tangshi
