// An error with the code that JavaScript sees. Needs neither libtorch nor Node.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace tangshi {

class Error : public std::runtime_error {
 public:
  Error(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  std::string code;  // ERR_TANGSHI_…
};

}  // namespace tangshi
