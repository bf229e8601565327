// The addon: what a Node environment gets when it loads the file. Each environment (the main thread, every
// worker) has its own data, and ends its own sessions when it ends.
#include "session.h"

namespace tangshi {
namespace {

void end_sessions(AddonData* addon) {
  for (Session* session : addon->sessions) session->tear_down();
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* addon = new AddonData;
  env.SetInstanceData(addon);
  env.AddCleanupHook(end_sessions, addon);
  exports["torchVersion"] = TORCH_VERSION;
  exports["openSession"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return Session::open(info.Env(), info[0]); }, "openSession");
  exports["cudaDeviceCount"] = Napi::Function::New(
      env,
      [](const Napi::CallbackInfo& info) {
        return Napi::Number::New(info.Env(), static_cast<double>(torch::cuda::device_count()));
      },
      "cudaDeviceCount");
  return exports;
}

}  // namespace
}  // namespace tangshi

using tangshi::initialize;
NODE_API_MODULE(tangshi, initialize)
