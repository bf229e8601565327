#include "addon/job_queue.h"

#include <chrono>
#include <thread>

#include "addon/addon_data.h"
#include "addon/marshal.h"

namespace tangshi {

struct JobQueue::Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

  std::shared_ptr<JobQueue> queue;  // a queue lives while it has work
  Napi::Promise::Deferred deferred;
  Work work;
  std::atomic<bool> canceled = false;
  ToJs result;
  std::optional<Error> error;
  std::atomic<bool> finished = false;
};

// A Job as JavaScript sees it.
class JobObject : public Napi::ObjectWrap<JobObject> {
 public:
  static void define(Napi::Env env) {
    const auto constructor = DefineClass(env, "Job", {InstanceMethod<&JobObject::cancel>("cancel")});
    AddonData::of(env).job = Napi::Persistent(constructor);
  }

  static Napi::Object make(Napi::Env env, std::shared_ptr<JobQueue::Job> job) {
    const Napi::Value done = job->deferred.Promise();
    const auto object = AddonData::construct(env, &AddonData::job, &job);
    object.DefineProperty(Napi::PropertyDescriptor::Value("done", done, napi_enumerable));
    return object;
  }

  explicit JobObject(const Napi::CallbackInfo& info)
      : ObjectWrap(info), job_(AddonData::taken<std::shared_ptr<JobQueue::Job>>(info.Env())) {}

 private:
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
  addon_.ended_queues.push_back(shared_from_this());
  pending_.clear();
}

std::shared_ptr<JobQueue::Job> JobQueue::start(Napi::Env env, const Prepare& prepare) {
  auto job = std::make_shared<Job>(env);
  try {
    const auto refuse_if_over = [&] {
      if (addon_.ended) throw Error("ERR_TANGSHI_DISPOSED", "the process is ending");
      if (life_ != Life::live) throw Error("ERR_TANGSHI_DISPOSED", "the object was disposed");
    };
    refuse_if_over();
    job->work = prepare();
    refuse_if_over();  // reading the arguments may have run the caller's code
    job->queue = shared_from_this();
    pending_.push_back(job);
    try {
      executor_.post([this, job = job.get()] { perform(*job); });
    } catch (...) {  // out of memory
      pending_.pop_back();
      throw;
    }
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());
    return job;
  } catch (...) {
    job->deferred.Reject(to_js(env, current_error()).Value());
    return job;
  }
  // While there is work, the process stays alive.
  if (pending_.size() == 1) settle_.Ref(env);
  return job;
}

Napi::Value JobQueue::promise(Napi::Env env, const Prepare& prepare) {
  return start(env, prepare)->deferred.Promise();
}

Napi::Value JobQueue::job(Napi::Env env, const Prepare& prepare) {
  return JobObject::make(env, start(env, prepare));
}

Napi::Value JobQueue::dispose(Napi::Env env, std::function<void()> free) {
  auto deferred = Napi::Promise::Deferred::New(env);
  if (life_ == Life::live) {
    for (const auto& job : pending_) job->canceled = true;
    start(env, [&] {
      return [free = std::move(free)](const std::atomic<bool>&) {
        free();
        return nothing();
      };
    });
    life_ = Life::disposing;
    executor_.stop();
  }
  if (life_ == Life::disposing) {
    disposing_.push_back(deferred);
  } else {
    deferred.Resolve(env.Undefined());
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
  job.finished = true;
  notify();
}

// A call that is refused for lack of memory is tried again: a promise must settle. Once the environment ends,
// no call may be tried.
void JobQueue::notify() {
  while (!closing_) {
    const napi_status status = settle_.NonBlockingCall(this);
    if (status == napi_ok) return;
    closing_ = status == napi_closing;
    if (!closing_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void JobQueue::settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, JobQueue* queue) {
  if (env != nullptr && queue->life_ != Life::ended) queue->settle_finished(env);
}

void JobQueue::settle_finished(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();  // the job may hold the last reference
  while (!pending_.empty() && pending_.front()->finished) {
    const std::shared_ptr<Job> job = pending_.front();
    pending_.pop_front();
    if (pending_.empty()) settle_.Unref(env);
    settle(env, *job);
  }
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
