// What the addon keeps for each Node environment: the main thread and every worker have their own.
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
  // What a constructor wraps, while the addon itself calls it: from JavaScript they are not called.
  void* constructing = nullptr;

  static AddonData& of(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

  // An object of a class, which takes what it wraps by taken(). Throws std::bad_alloc.
  static Napi::Object construct(Napi::Env env, Napi::FunctionReference AddonData::* constructor,
                                void* content);
  // For a class's constructor. Throws TypeError when JavaScript called it.
  template <typename Content>
  static Content& taken(Napi::Env env) {
    return *static_cast<Content*>(take(env));
  }

 private:
  static void* take(Napi::Env env);
};

}  // namespace tangshi
