// The addon for training, for GPUs, and for what they need: the exports in a Node environment.
#include <system_error>
#include <utility>

#include "addon/addon_data.h"
#include "addon/environment.h"
#include "addon/file_lock.h"
#include "addon/training_session.h"
#include "cuda/cuda_sampler.h"

namespace tangshi {
namespace {

// Runs on a thread of Node's pool, since initializing the driver is slow. Deletes itself.
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

Napi::Value search_cuda(const Napi::CallbackInfo& info) {
  auto* search = new CudaSearch(info.Env());
  search->Queue();
  return search->promise();
}

// The lock of a file, as JavaScript sees it.
class FileLockObject : public Napi::ObjectWrap<FileLockObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    const auto constructor = DefineClass(
        env, "FileLock",
        {StaticMethod<&FileLockObject::take>("take"), InstanceMethod<&FileLockObject::release>("release")});
    AddonData::of(env).file_lock = Napi::Persistent(constructor);
    return constructor;
  }

  explicit FileLockObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), lock_(std::move(AddonData::taken<std::unique_ptr<FileLock>>(info.Env()))) {
    Ref();  // a lock is held until it is released or the process ends, even if it is garbage-collected
  }

 private:
  // (path, text) -> a FileLock; null if another process holds the lock; or the system's error number.
  static Napi::Value take(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!info[0].IsString() || !info[1].IsString()) throw Napi::TypeError::New(env, "expected two strings");
    try {
      auto lock = FileLock::take(info[0].As<Napi::String>(), info[1].As<Napi::String>());
      return lock ? AddonData::construct(env, &AddonData::file_lock, &lock) : env.Null();
    } catch (const std::system_error& error) {
      return Napi::Number::New(env, error.code().value());
    }
  }

  void release(const Napi::CallbackInfo&) {
    if (!lock_) return;
    lock_.reset();
    Unref();
  }

  std::unique_ptr<FileLock> lock_;
};

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  define_inference(env, exports, open_cuda_sampler);
  exports["torchVersion"] = TORCH_VERSION;
  exports["TrainingSession"] = TrainingSession::define(env);
  exports["FileLock"] = FileLockObject::define(env);
  exports["findCuda"] = Napi::Function::New(env, search_cuda, "findCuda");
  return exports;
}

}  // namespace
}  // namespace tangshi

using tangshi::initialize;
NODE_API_MODULE(tangshi, initialize)
