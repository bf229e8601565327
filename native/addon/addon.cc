// The addon: what a Node environment gets when it loads the file. Each environment (the main thread, every
// worker) has its own data, and ends its own sessions when it ends.
#include <system_error>
#include <utility>

#include "addon/file_lock.h"
#include "addon/session.h"
#include "kernels/kernels.h"

namespace tangshi {
namespace {

void end_sessions(AddonData* addon) {
  addon->ended = true;
  for (Session* session : std::exchange(addon->sessions, {})) session->tear_down();
}

// On a thread of Node's pool, since the driver takes its time. Deletes itself.
class CudaSearch : public Napi::AsyncWorker {
 public:
  explicit CudaSearch(Napi::Env env)
      : Napi::AsyncWorker(env, "tangshi findCuda"), deferred_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return deferred_.Promise(); }

 private:
  void Execute() override { facts_ = find_cuda(); }
  void OnOK() override { deferred_.Resolve(to_js(Env(), facts_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

  Napi::Promise::Deferred deferred_;
  CudaFacts facts_;
};

// (path, text) -> a lock with release(), null when another holds it, or the number of the system's error.
Napi::Value lock_file(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsString() || !info[1].IsString()) throw Napi::TypeError::New(env, "expected two strings");
  std::shared_ptr<FileLock> lock;
  try {
    lock = FileLock::take(info[0].As<Napi::String>(), info[1].As<Napi::String>());
  } catch (const std::system_error& error) {
    return Napi::Number::New(env, error.code().value());
  }
  if (!lock) return env.Null();
  auto object = Napi::Object::New(env);
  object["release"] =
      Napi::Function::New(env, [lock](const Napi::CallbackInfo&) mutable { lock.reset(); }, "release");
  return object;
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
  exports["kernels"] = kernels().level;
  exports["openSession"] = Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return Session::open(info.Env(), info[0]); }, "openSession");
  exports["findCuda"] = Napi::Function::New(
      env,
      [](const Napi::CallbackInfo& info) {
        auto* search = new CudaSearch(info.Env());
        search->Queue();
        return search->promise();
      },
      "findCuda");
  exports["lockFile"] = Napi::Function::New(env, lock_file, "lockFile");
  return exports;
}

}  // namespace
}  // namespace tangshi

using tangshi::initialize;
NODE_API_MODULE(tangshi, initialize)
