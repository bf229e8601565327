// A value of JavaScript's with its name in errors: every reading is checked. Throws Error, or Napi::Error
// where a getter of the caller throws.
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

// Threads of a session.
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
  uint64_t bits() const;  // of a bigint
  std::string string() const;

  // One of several words, as the value beside it.
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

  // A copy of a typed array's elements: nobody can change what was checked.
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

  // Of an Int32Array, each min <= id < vocab_size.
  std::vector<int32_t> ids(int32_t min, int64_t vocab_size) const;

  // Throws: `expected` is what this should have been.
  [[noreturn]] void refuse(const std::string& expected) const;
  // Throws unless an array has as many elements as its shape asks for.
  void check_length(size_t length, int64_t expected, const std::string& shape) const;
};

}  // namespace tangshi
