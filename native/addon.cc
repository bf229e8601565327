// The addon: what a Node environment gets when it loads the file. Each environment (the main thread, every
// worker) has its own data, and ends its own sessions when it ends.
#include <utility>

#include "session.h"

namespace tangshi {
namespace {

void end_sessions(AddonData* addon) {
  addon->ended = true;
  for (Session* session : std::exchange(addon->sessions, {})) session->tear_down();
}

// process.exit runs no cleanup hook, and a step must not outlive libtorch's own globals.
void end_sessions_on_exit(Napi::Env env, AddonData* addon) {
  const auto process = env.Global().Get("process").As<Napi::Object>();
  const auto listener = Napi::Function::New(env, [addon](const Napi::CallbackInfo&) { end_sessions(addon); });
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
}

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  auto* addon = new AddonData;
  env.SetInstanceData(addon);
  env.AddCleanupHook(end_sessions, addon);
  end_sessions_on_exit(env, addon);
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
