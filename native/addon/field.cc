#include "addon/field.h"

#include <cmath>
#include <sstream>

namespace tangshi {
namespace {

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

}  // namespace

void Field::refuse(const std::string& expected) const {
  throw invalid_argument("expected " + expected + " for " + name + " but received " + show(value));
}

Field Field::operator[](const char* key) const {
  if (!value.IsObject()) refuse("an object");
  return {value.As<Napi::Object>().Get(key), name + "." + key};
}

Field Field::item(uint32_t index) const {
  return {value.As<Napi::Array>().Get(index), name + "[" + std::to_string(index) + "]"};
}

uint32_t Field::array_length() const {
  if (!value.IsArray()) refuse("an array");
  return value.As<Napi::Array>().Length();
}

double Field::number(double min, double max) const {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= min && number <= max)) {
    std::ostringstream range;
    range << "a number from " << min << " to " << max;
    refuse(range.str());
  }
  return number;
}

int64_t Field::integer(int64_t min, int64_t max) const {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : NAN;
  if (!(number >= static_cast<double>(min) && number <= static_cast<double>(max)) ||
      std::floor(number) != number) {
    refuse("an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  return static_cast<int64_t>(number);
}

bool Field::boolean() const {
  if (!value.IsBoolean()) refuse("a boolean");
  return value.As<Napi::Boolean>();
}

uint64_t Field::bits() const {
  if (!value.IsBigInt()) refuse("a bigint");
  bool lossless;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

std::string Field::string() const {
  if (!value.IsString()) refuse("a string");
  return value.As<Napi::String>();
}

std::vector<int32_t> Field::ids(int32_t min, int64_t vocab_size) const {
  std::vector<int32_t> ids = elements<int32_t>(napi_int32_array, "Int32Array");
  for (size_t i = 0; i < ids.size(); i++) {
    if (ids[i] < min || ids[i] >= vocab_size) {
      throw wrong_shape("expected ids from " + std::to_string(min) + " to " + std::to_string(vocab_size - 1) +
                        " in " + name + " but received " + std::to_string(ids[i]) + " at index " +
                        std::to_string(i));
    }
  }
  return ids;
}

void Field::check_length(size_t length, int64_t expected, const std::string& shape) const {
  if (static_cast<int64_t>(length) == expected) return;
  throw wrong_shape("expected " + std::to_string(expected) + " elements for " + name + " (" + shape +
                    ") but received " + std::to_string(length));
}

}  // namespace tangshi
