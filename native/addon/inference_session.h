// A model for generation, as JavaScript sees it. Its weights are in memory once, whatever the number of
// threads. Does not need libtorch.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

#include "addon/inference_marshal.h"
#include "addon/job_queue.h"
#include "sample/accelerator.h"

namespace tangshi {

class InferenceSession : public Napi::ObjectWrap<InferenceSession> {
 public:
  // Opens a device other than the CPU.
  using OpenAccelerator = std::unique_ptr<Accelerator> (*)(const ModelConfig&, const TensorMap&, int device,
                                                           Precision);

  // Defines the class of this environment. Without `open_accelerator`, every device except the CPU is
  // rejected.
  static Napi::Function define(Napi::Env env, OpenAccelerator open_accelerator);

  explicit InferenceSession(const Napi::CallbackInfo& info);

 private:
  // Used by the thread of the queue; `ready` between opening and disposing.
  struct Ready {
    Ready(const InferenceConfig& config, const TensorMap& tensors, std::unique_ptr<Accelerator> accelerator)
        : network(config.model, tensors), threads(config.threads), accelerator(std::move(accelerator)) {}

    Network network;
    ThreadPool threads;
    std::unique_ptr<Accelerator> accelerator;

    Generator generator() { return {network, threads, accelerator.get()}; }
  };
  struct Core {
    explicit Core(Napi::Env env) : queue(std::make_shared<JobQueue>(env)) {}

    const std::shared_ptr<JobQueue> queue;
    int64_t vocab_size = 0;
    std::unique_ptr<Ready> ready;
  };

  static Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value score(const Napi::CallbackInfo& info);
  Napi::Value next(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  const std::shared_ptr<Core> core_;
};

}  // namespace tangshi
