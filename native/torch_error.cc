#include "torch_error.h"

namespace tangshi {
namespace {

bool is_out_of_memory(const std::string& message) {
  return message.find("not enough memory") != std::string::npos ||
         message.find("can't allocate memory") != std::string::npos ||
         message.find("out of memory") != std::string::npos;
}

}  // namespace

Error torch_error(const c10::Error& error) {
  const std::string message = error.what_without_backtrace();
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    // Keeps the requested and the available size; PyTorch's advice on its settings follows.
    return {"ERR_TANGSHI_OUT_OF_MEMORY", message.substr(0, message.find(" Including non-PyTorch")) +
                                             " A smaller batch or model needs less."};
  }
  return {is_out_of_memory(message) ? "ERR_TANGSHI_OUT_OF_MEMORY" : "ERR_TANGSHI_LIBTORCH", message};
}

}  // namespace tangshi
