// The jobs of one JavaScript object: queued on a thread of its own, their promises settled, each exactly
// once, on JavaScript's thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <deque>
#include <functional>
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
// Reads the arguments of a call, on JavaScript's thread, and returns the work. May throw.
using Prepare = std::function<Work()>;

// The result of a job that has none.
ToJs nothing();

// Throws an abort error.
void throw_if(const std::atomic<bool>& canceled);

struct AddonData;

class JobQueue : public std::enable_shared_from_this<JobQueue> {
 public:
  explicit JobQueue(Napi::Env env);
  ~JobQueue();
  JobQueue(const JobQueue&) = delete;
  JobQueue& operator=(const JobQueue&) = delete;

  // A promise of the result. Never throws.
  Napi::Value promise(Napi::Env env, const Prepare& prepare);
  // A Job: { done: a promise of the result, cancel() }. Never throws.
  Napi::Value job(Napi::Env env, const Prepare& prepare);
  // Cancels what is queued, calls `free` on the queue's thread after the job in progress, and ends the
  // thread. May be called again.
  Napi::Value dispose(Napi::Env env, std::function<void()> free);

  // When the environment ends: cancels, waits for the job in progress, joins. No promise settles after that.
  void tear_down();

 private:
  friend class JobObject;
  struct Job;

  std::shared_ptr<Job> start(Napi::Env env, const Prepare& prepare);
  void perform(Job& job);
  void notify();
  void settle_finished(Napi::Env env);
  void settle(Napi::Env env, Job& job);
  // Joins the thread, which has nothing left to do or nobody to do it for.
  void end();
  static void settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, JobQueue* queue);
  using Settle = Napi::TypedThreadSafeFunction<std::nullptr_t, JobQueue, settle_on_js_thread>;

  AddonData& addon_;
  Settle settle_;
  std::deque<std::shared_ptr<Job>> pending_;        // oldest first, as they finish
  std::vector<Napi::Promise::Deferred> disposing_;  // promises of dispose(), settled together
  enum class Life { live, disposing, ended } life_ = Life::live;
  bool closing_ = false;  // the environment ends: nobody waits any more; touched on the queue's thread only
  Executor executor_;     // last: it uses the others
};

// Defines the class Job of this environment.
void define_job(Napi::Env env);

}  // namespace tangshi
