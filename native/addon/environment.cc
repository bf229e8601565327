#include "addon/environment.h"

#include <utility>

#include "addon/addon_data.h"
#include "kernels/kernels.h"

namespace tangshi {
namespace {

void end_jobs(AddonData* data) {
  data->ended = true;
  for (JobQueue* queue : std::exchange(data->queues, {})) queue->tear_down();
}

// process.exit runs no cleanup hook, but no step may run after the process's globals are destroyed.
void end_jobs_on_exit(Napi::Env env, AddonData* data) {
  const auto process = env.Global().Get("process").As<Napi::Object>();
  const auto listener = Napi::Function::New(env, [data](const Napi::CallbackInfo&) { end_jobs(data); });
  process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
}

}  // namespace

void define_inference(Napi::Env env, Napi::Object exports,
                      InferenceSession::OpenAccelerator open_accelerator) {
  auto* data = new AddonData;
  env.SetInstanceData(data);
  env.AddCleanupHook(end_jobs, data);
  end_jobs_on_exit(env, data);
  define_job(env);
  exports["kernels"] = kernels().level;
  exports["InferenceSession"] = InferenceSession::define(env, open_accelerator);
}

}  // namespace tangshi
