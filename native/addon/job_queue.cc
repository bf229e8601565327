#include "addon/job_queue.h"

#include <chrono>
#include <thread>
#include <utility>

#include "addon/addon_data.h"
#include "addon/marshal.h"

namespace tangshi {

struct JobQueue::Job {
  Job(std::shared_ptr<JobQueue> queue, const Napi::Promise::Deferred& deferred, Work work)
      : queue(std::move(queue)), deferred(deferred), work(std::move(work)) {}

  const std::shared_ptr<JobQueue> queue;  // a queue stays alive while it has work
  const Napi::Promise::Deferred deferred;
  Work work;
  std::atomic<bool> canceled = false;
  ToJs result;
  std::optional<Error> error;
};

// A Job as JavaScript sees it.
class JobObject : public Napi::ObjectWrap<JobObject> {
 public:
  static void define(Napi::Env env) {
    const auto constructor = DefineClass(env, "Job", {InstanceMethod<&JobObject::cancel>("cancel")});
    AddonData::of(env).job = Napi::Persistent(constructor);
  }

  static Napi::Object make(Napi::Env env, std::weak_ptr<JobQueue::Job> job) {
    return AddonData::construct(env, &AddonData::job, &job);
  }

  // The same for a job that cannot be cancelled.
  static Napi::Object make_plain(Napi::Env env) {
    auto object = Napi::Object::New(env);
    object.DefineProperty(Napi::PropertyDescriptor::Value("cancel", Napi::Function::New<ignore>(env)));
    return object;
  }

  explicit JobObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), job_(AddonData::taken<std::weak_ptr<JobQueue::Job>>(info.Env())) {}

 private:
  static void ignore(const Napi::CallbackInfo&) {}
  void cancel(const Napi::CallbackInfo&) {
    if (const auto job = job_.lock()) job->canceled = true;
  }

  const std::weak_ptr<JobQueue::Job> job_;
};

void define_job(Napi::Env env) { JobObject::define(env); }

ToJs nothing() {
  return [](Napi::Env env) { return env.Undefined(); };
}

void throw_if(const std::atomic<bool>& canceled) {
  if (canceled) throw Error("ABORT_ERR", "The operation was aborted");
}

JobQueue::JobQueue(Napi::Env env) : addon_(AddonData::of(env)) {
  settle_ = Settle::New(env, "tangshi jobs", 0, 1);
  settle_.Unref(env);
  addon_.queues.insert(this);
}

JobQueue::~JobQueue() { end(); }

void JobQueue::end() {
  if (life_ == Life::ended) return;
  life_ = Life::ended;
  addon_.queues.erase(this);
  executor_.stop();
  executor_.join();
  settle_.Release();
}

void JobQueue::tear_down() {
  life_ = Life::ended;
  for (const auto& job : pending_) job->canceled = true;
  executor_.stop();
  executor_.join();
  addon_.ended_jobs.splice(addon_.ended_jobs.end(), pending_);
}

JobQueue::Started JobQueue::start(Napi::Env env, const Prepare& prepare) {
  const auto deferred = Napi::Promise::Deferred::New(env);
  try {
    const auto refuse_if_over = [&] {
      if (addon_.ended) throw Error("ERR_TANGSHI_DISPOSED", "the process is ending");
      if (life_ != Life::live) throw Error("ERR_TANGSHI_DISPOSED", "the object was disposed");
    };
    refuse_if_over();
    Work work = prepare();
    refuse_if_over();  // reading the arguments may have run the caller's code
    const auto job = std::make_shared<Job>(shared_from_this(), deferred, std::move(work));
    pending_.push_back(job);
    try {
      executor_.post([job = job.get()] { job->queue->perform(*job); });
    } catch (...) {  // out of memory
      pending_.pop_back();
      throw;
    }
    // While there is work, the process stays alive.
    if (pending_.size() == 1) settle_.Ref(env);
    return {deferred.Promise(), job};
  } catch (const Napi::Error& error) {
    deferred.Reject(error.Value());
  } catch (...) {
    deferred.Reject(to_js(env, current_error()).Value());
  }
  return {deferred.Promise(), nullptr};
}

Napi::Value JobQueue::promise(Napi::Env env, const Prepare& prepare) { return start(env, prepare).promise; }

Napi::Value JobQueue::job(Napi::Env env, const Prepare& prepare) {
  const Started started = start(env, prepare);
  Napi::Object object;
  try {
    object = JobObject::make(env, started.job);
  } catch (...) {  // out of memory
    object = JobObject::make_plain(env);
  }
  object.DefineProperty(Napi::PropertyDescriptor::Value("done", started.promise, napi_enumerable));
  return object;
}

Napi::Value JobQueue::dispose(Napi::Env env, const Prepare& free) {
  if (life_ == Life::live) {
    for (const auto& job : pending_) job->canceled = true;
    const Started started = start(env, free);
    if (started.job) {
      life_ = Life::disposing;
      executor_.stop();
    }
    return started.promise;  // if the call was rejected, it may be queued again
  }
  const auto deferred = Napi::Promise::Deferred::New(env);
  try {
    if (life_ == Life::disposing) {
      disposing_.push_back(deferred);
    } else {
      deferred.Resolve(env.Undefined());
    }
  } catch (...) {
    deferred.Reject(to_js(env, current_error()).Value());
  }
  return deferred.Promise();
}

void JobQueue::perform(Job& job) {
  try {
    job.result = job.work(job.canceled);
  } catch (...) {
    job.error = current_error();
  }
  job.work = nullptr;
  notify(job);
}

// Queues one call per job, in order. A call that fails for lack of memory is tried again, since every promise
// must settle. Once the environment ends, calls are no longer allowed.
void JobQueue::notify(Job& job) {
  while (!closing_) {
    const napi_status status = settle_.NonBlockingCall(&job);
    if (status == napi_ok) return;
    closing_ = status == napi_closing;
    if (!closing_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// The job lives until its call arrives, and keeps its queue alive.
void JobQueue::settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, Job* job) {
  if (env != nullptr && job->queue->life_ != Life::ended) job->queue->settle_oldest(env);
}

void JobQueue::settle_oldest(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();  // the job may hold the last reference
  const std::shared_ptr<Job> job = pending_.front();
  pending_.pop_front();
  if (pending_.empty()) settle_.Unref(env);
  settle(env, *job);
  if (life_ == Life::disposing && pending_.empty()) {
    end();
    for (const auto& deferred : disposing_) deferred.Resolve(env.Undefined());
    disposing_.clear();
  }
}

void JobQueue::settle(Napi::Env env, Job& job) {
  try {
    if (job.error) {
      job.deferred.Reject(to_js(env, *job.error).Value());
    } else {
      job.deferred.Resolve(job.result(env));
    }
  } catch (const Napi::Error& error) {  // no memory for the result
    job.deferred.Reject(error.Value());
  } catch (...) {
    job.deferred.Reject(to_js(env, current_error()).Value());
  }
}

}  // namespace tangshi
