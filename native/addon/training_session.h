// A model with its optimizer, as JavaScript sees it.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/job_queue.h"
#include "addon/training_marshal.h"
#include "sample/generate.h"
#include "train/trainer.h"

namespace tangshi {

class TrainingSession : public Napi::ObjectWrap<TrainingSession> {
 public:
  // Defines the class of this environment.
  static Napi::Function define(Napi::Env env);

  explicit TrainingSession(const Napi::CallbackInfo& info);

 private:
  // Used by the thread of the queue, between opening and disposing.
  struct Core {
    explicit Core(Napi::Env env) : queue(std::make_shared<JobQueue>(env)) {}

    const std::shared_ptr<JobQueue> queue;
    int64_t vocab_size = 0;
    int threads = 1;
    std::unique_ptr<Trainer> trainer;
    std::unique_ptr<Network> network;  // a copy of the current weights for generate(), made on demand

    Generator generator();
  };

  static Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value snapshot(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  // Runs the work on a thread set up for libtorch, and converts libtorch's errors to our own.
  template <typename Body>
  Work work(Body body) const;

  const std::shared_ptr<Core> core_;
};

}  // namespace tangshi
