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
  // What the queue's thread works with, from opening to disposing.
  struct Core {
    explicit Core(Napi::Env env) : queue(std::make_shared<JobQueue>(env)) {}

    const std::shared_ptr<JobQueue> queue;
    int64_t vocab_size = 0;
    int threads = 1;
    std::unique_ptr<Trainer> trainer;
    std::unique_ptr<Network> network;  // of the current weights, for generate(); made when needed

    Generator generator();
  };

  static Napi::Value open(const Napi::CallbackInfo& info);
  Napi::Value train(const Napi::CallbackInfo& info);
  Napi::Value evaluate(const Napi::CallbackInfo& info);
  Napi::Value generate(const Napi::CallbackInfo& info);
  Napi::Value snapshot(const Napi::CallbackInfo& info);
  Napi::Value restore(const Napi::CallbackInfo& info);
  Napi::Value dispose(const Napi::CallbackInfo& info);

  // The work, on a thread that libtorch's settings are made for, with libtorch's errors as our own.
  template <typename Body>
  Work work(Body body) const;

  const std::shared_ptr<Core> core_;
};

}  // namespace tangshi
