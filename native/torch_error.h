// Conversion of libtorch's errors to our own.
#pragma once

#include <c10/util/Exception.h>

#include "error.h"

namespace tangshi {

// ERR_TANGSHI_OUT_OF_MEMORY or ERR_TANGSHI_LIBTORCH.
Error torch_error(const c10::Error& error);

// Calls the function and replaces a c10::Error by torch_error().
template <typename Function>
auto with_torch_errors(Function function) {
  try {
    return function();
  } catch (const c10::Error& error) {
    throw torch_error(error);
  }
}

}  // namespace tangshi
