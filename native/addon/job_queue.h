// The jobs of one JavaScript object: they run in order on a separate thread, and each of their promises
// settles exactly once, on JavaScript's thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "addon/executor.h"
#include "error.h"

namespace tangshi {

// Converts the result of a job, on JavaScript's thread.
using ToJs = std::function<Napi::Value(Napi::Env)>;
// The work of a job, on the queue's thread.
using Work = std::function<ToJs(const std::atomic<bool>& canceled)>;

// Reads the arguments of a call, on JavaScript's thread, and returns the work; may throw. A reference to a
// function, because storing one allocates memory, and a call must not throw before it has a promise.
class Prepare {
 public:
  template <typename Function>
  Prepare(const Function& function)
      : call_([](const void* body) -> Work { return (*static_cast<const Function*>(body))(); }),
        body_(&function) {}
  Work operator()() const { return call_(body_); }

 private:
  Work (*call_)(const void* body);
  const void* body_;
};

// The result of a job without one.
ToJs nothing();

// Throws an abort error.
void throw_if(const std::atomic<bool>& canceled);

struct AddonData;

class JobQueue : public std::enable_shared_from_this<JobQueue> {
 public:
  struct Job;
  using Jobs = std::list<std::shared_ptr<Job>>;  // moves between lists without allocating memory

  explicit JobQueue(Napi::Env env);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // A promise of the result. Never throws.
  Napi::Value promise(Napi::Env env, const Prepare& prepare);
  // A Job: { done: a promise of the result, cancel() }. Never throws.
  Napi::Value job(Napi::Env env, const Prepare& prepare);
  // Cancels the queued jobs, runs `free` after the job in progress, and ends the thread. May be called again.
  // Never throws.
  Napi::Value dispose(Napi::Env env, const Prepare& free);

  // When the environment ends: cancels, waits for the job in progress, joins. No promise settles afterwards.
  void tear_down();

 private:
  // Returns a promise and its job; the job is null if the call was rejected.
  struct Started {
    Napi::Promise promise;
    std::shared_ptr<Job> job;
  };
  Started start(Napi::Env env, const Prepare& prepare);
  void perform(Job& job);
  void notify(Job& job);
  void settle_oldest(Napi::Env env);
  void settle(Napi::Env env, Job& job);
  // Joins the thread once it has nothing left to do, or nobody is waiting.
  void end();
  static void settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job);
  using Settle = Napi::TypedThreadSafeFunction<std::nullptr_t, Job, settle_on_js_thread>;

  AddonData& addon_;
  Settle settle_;
  Jobs pending_;                                    // in order of completion; each is settled by one call
  std::vector<Napi::Promise::Deferred> disposing_;  // promises of dispose(), settled together
  enum class Life { live, disposing, ended } life_ = Life::live;
  bool closing_ = false;  // the environment ends; accessed only on the queue's thread
  Executor executor_;     // last: it uses the others
};

// Defines the class Job of this environment.
void define_job(Napi::Env env);

}  // namespace tangshi
