// The addon that only generates poems: it does not need libtorch.
#include "addon/environment.h"

namespace tangshi {
namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  define_inference(env, exports, nullptr);
  return exports;
}

}  // namespace
}  // namespace tangshi

using tangshi::initialize;
NODE_API_MODULE(writer, initialize)
