// Data of the addon that each Node environment (the main thread, every worker) has separately.
#pragma once

#include <napi.h>

#include <set>

#include "addon/job_queue.h"

namespace tangshi {

struct AddonData {
  std::set<JobQueue*> queues;
  JobQueue::Jobs ended_jobs;  // of queues that were torn down: calls for them may still be queued
  bool ended = false;
  Napi::FunctionReference job, inference_session, training_session, file_lock;  // constructors
  // What a constructor wraps, while the addon itself calls it. JavaScript cannot call these constructors.
  void* constructing = nullptr;

  static AddonData& of(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

  // Creates an object of a class; its constructor gets what it wraps from taken(). Throws std::bad_alloc.
  static Napi::Object construct(Napi::Env env, Napi::FunctionReference AddonData::* constructor,
                                void* content);
  // For the constructor of a class. Throws TypeError if JavaScript called it.
  template <typename Content>
  static Content& taken(Napi::Env env) {
    return *static_cast<Content*>(take(env));
  }

 private:
  static void* take(Napi::Env env);
};

}  // namespace tangshi
