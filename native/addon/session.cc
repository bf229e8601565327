#include "addon/session.h"

namespace tangshi {

struct Session::Job {
  explicit Job(Napi::Env env) : deferred(Napi::Promise::Deferred::New(env)) {}

  std::shared_ptr<Session> session;  // a session lives while it has work
  Napi::Promise::Deferred deferred;
  Work work;
  std::atomic<bool> canceled = false;
  ToJs result;
  std::optional<CodedError> error;
};

namespace {

void throw_if(bool canceled) {
  if (canceled) throw CodedError("ECANCELED", "the job was cancelled");
}

ToJs nothing() {
  return [](Napi::Env env) { return env.Undefined(); };
}

// A function of JavaScript's that is called with each id as it is drawn, from any thread.
class Listener {
 public:
  explicit Listener(const Napi::Function& listen)
      : calls_(Napi::ThreadSafeFunction::New(listen.Env(), listen, "tangshi drawn", 0, 1)) {
    calls_.Unref(listen.Env());  // the job itself keeps the process
  }
  ~Listener() { calls_.Release(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void tell(size_t place, int32_t id) {
    calls_.NonBlockingCall([place, id](Napi::Env env, const Napi::Function& listen) {
      if (env != nullptr) listen.Call({Napi::Number::New(env, place), Napi::Number::New(env, id)});
    });
  }

 private:
  Napi::ThreadSafeFunction calls_;
};

// Null where there is no function.
std::shared_ptr<Listener> listener_of(const Napi::Value& value) {
  return value.IsFunction() ? std::make_shared<Listener>(value.As<Napi::Function>()) : nullptr;
}

Napi::Function function(Napi::Env env, const char* name,
                        std::function<Napi::Value(const Napi::CallbackInfo&)> body) {
  return Napi::Function::New(
      env, [body = std::move(body)](const Napi::CallbackInfo& info) { return body(info); }, name);
}

}  // namespace

Napi::Value Session::open(Napi::Env env, const Napi::Value& value) {
  std::shared_ptr<Session> session;
  SessionConfig config;
  try {
    if (env.GetInstanceData<AddonData>()->ended) throw CodedError("EDISPOSED", "the process is ending");
    config = to_session_config(value);
    session = std::make_shared<Session>(env, config);
  } catch (const Napi::Error& error) {
    auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(error.Value());
    return deferred.Promise();
  } catch (...) {
    auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(to_js(env, current_error()).Value());
    return deferred.Promise();
  }
  return session->start_promise(env, [&]() -> Work {
    return [session = session.get(), config](std::unique_ptr<Trainer>& trainer,
                                             const std::atomic<bool>&) -> ToJs {
      prepare_device(config.device);
      trainer = std::make_unique<Trainer>(config.model, config.optimizer, config.device, config.seed,
                                          config.threads, config.gpu);
      return [session](Napi::Env env) { return session->to_object(env); };
    };
  });
}

Session::Session(Napi::Env env, const SessionConfig& config)
    : addon_(*env.GetInstanceData<AddonData>()),
      vocab_size_(config.model.vocab_size),
      threads_(config.threads) {
  settle_ = Settle::New(env, "tangshi session", 0, 1);
  settle_.Unref(env);
  addon_.sessions.insert(this);
}

Session::~Session() { end(); }

void Session::end() {
  if (life_ == Life::ended) return;
  life_ = Life::ended;
  addon_.sessions.erase(this);
  executor_.stop();
  executor_.join();
  settle_.Release();
}

void Session::tear_down() {
  life_ = Life::ended;
  for (const auto& job : pending_) job->canceled = true;
  executor_.stop();
  executor_.join();
  const auto self = shared_from_this();  // the jobs may hold the last reference
  pending_.clear();
}

Napi::Object Session::to_object(Napi::Env env) {
  // Each function holds the session: it is freed when the last of them is garbage.
  const auto self = shared_from_this();
  auto object = Napi::Object::New(env);
  object["train"] = function(env, "train", [self](const Napi::CallbackInfo& info) {
    return self->start_cancelable(info.Env(), [&]() -> Work {
      auto batches = to_batches(info[0], self->vocab_size_);
      const StepOptions options = to_step_options(info[1], batches.size());
      return [batches = std::move(batches), options](std::unique_ptr<Trainer>& trainer,
                                                     const std::atomic<bool>& canceled) -> ToJs {
        const auto stats =
            trainer->train(batches, options.lrs, options.clip_norm, [&] { return canceled.load(); });
        return [stats](Napi::Env env) { return to_js(env, stats); };
      };
    });
  });
  object["evaluate"] = function(env, "evaluate", [self](const Napi::CallbackInfo& info) {
    return self->start_cancelable(info.Env(), [&]() -> Work {
      return [batches = to_batches(info[0], self->vocab_size_)](std::unique_ptr<Trainer>& trainer,
                                                                const std::atomic<bool>& canceled) -> ToJs {
        TotalNll total;
        for (const Batch& batch : batches) {
          throw_if(canceled);
          const TotalNll part = trainer->evaluate(batch);
          total.nll += part.nll;
          total.tokens += part.tokens;
        }
        return [total](Napi::Env env) { return to_js(env, total); };
      };
    });
  });
  object["sample"] = function(env, "sample", [self](const Napi::CallbackInfo& info) {
    return self->start_cancelable(info.Env(), [&]() -> Work {
      auto prompts = to_prompts(info[0], self->vocab_size_);
      auto options = to_sample_options(info[1], self->vocab_size_, prompts.size());
      return [prompts = std::move(prompts), options = std::move(options), listener = listener_of(info[2])](
                 std::unique_ptr<Trainer>& trainer, const std::atomic<bool>& canceled) -> ToJs {
        const OnDrawn on_drawn =
            listener ? OnDrawn([&](size_t place, int32_t id) { listener->tell(place, id); }) : OnDrawn();
        auto samples = sample(*trainer, prompts, options, [&] { return canceled.load(); }, on_drawn);
        throw_if(canceled);
        return [samples = std::move(samples)](Napi::Env env) { return to_js(env, samples); };
      };
    });
  });
  object["snapshot"] = function(env, "snapshot", [self](const Napi::CallbackInfo& info) {
    return self->start_promise(info.Env(), [] {
      return [](std::unique_ptr<Trainer>& trainer, const std::atomic<bool>&) -> ToJs {
        auto state = std::make_shared<State>(snapshot(*trainer));
        return [state](Napi::Env env) { return to_js(env, *state); };
      };
    });
  });
  object["restore"] = function(env, "restore", [self](const Napi::CallbackInfo& info) {
    return self->start_promise(info.Env(), [&]() -> Work {
      return [state = to_state(info[0])](std::unique_ptr<Trainer>& trainer, const std::atomic<bool>&) {
        restore(*trainer, state);
        return nothing();
      };
    });
  });
  object["dispose"] =
      function(env, "dispose", [self](const Napi::CallbackInfo& info) { return self->dispose(info.Env()); });
  return object;
}

std::shared_ptr<Session::Job> Session::start(Napi::Env env, const std::function<Work()>& prepare) {
  auto job = std::make_shared<Job>(env);
  try {
    if (life_ != Life::live) throw CodedError("EDISPOSED", "the session was disposed");
    job->work = prepare();
    // Reading the arguments may have run code of the caller's, which may have disposed.
    if (life_ != Life::live) throw CodedError("EDISPOSED", "the session was disposed");
  } catch (const Napi::Error& error) {
    job->deferred.Reject(error.Value());
    return job;
  } catch (...) {
    job->deferred.Reject(to_js(env, current_error()).Value());
    return job;
  }
  job->session = shared_from_this();
  // While there is work, the process stays.
  if (pending_.empty()) settle_.Ref(env);
  pending_.push_back(job);
  executor_.post([this, job = job.get()] { perform(*job); });
  return job;
}

Napi::Value Session::start_promise(Napi::Env env, const std::function<Work()>& prepare) {
  return start(env, prepare)->deferred.Promise();
}

Napi::Value Session::start_cancelable(Napi::Env env, const std::function<Work()>& prepare) {
  const auto job = start(env, prepare);
  auto object = Napi::Object::New(env);
  object["done"] = job->deferred.Promise();
  object["cancel"] = function(env, "cancel", [weak = std::weak_ptr(job)](const Napi::CallbackInfo& info) {
    if (const auto job = weak.lock()) job->canceled = true;
    return info.Env().Undefined();
  });
  return object;
}

Napi::Value Session::dispose(Napi::Env env) {
  auto deferred = Napi::Promise::Deferred::New(env);
  if (life_ == Life::live) {
    for (const auto& job : pending_) job->canceled = true;
    start(env, [] {
      return [](std::unique_ptr<Trainer>& trainer, const std::atomic<bool>&) {
        trainer.reset();
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

void Session::perform(Job& job) {
  if (at::get_num_threads() != threads_) at::set_num_threads(threads_);
  try {
    job.result = job.work(trainer_, job.canceled);
  } catch (...) {
    job.error = current_error();
  }
  job.work = nullptr;
  // Refused only when the environment is ending: nobody waits for the job then, and `settle_` may be gone
  // after it.
  if (!refused_) refused_ = settle_.NonBlockingCall(this) != napi_ok;
}

void Session::settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, Session* session) {
  if (env != nullptr) session->settle_oldest(env);
}

void Session::settle_oldest(Napi::Env env) {
  const Napi::HandleScope scope(env);
  const auto self = shared_from_this();  // the job may hold the last reference
  const std::shared_ptr<Job> job = pending_.front();
  pending_.pop_front();
  if (pending_.empty()) settle_.Unref(env);
  try {
    if (job->error) {
      job->deferred.Reject(to_js(env, *job->error).Value());
    } else {
      job->deferred.Resolve(job->result(env));
    }
  } catch (const Napi::Error& error) {  // no memory for the result
    job->deferred.Reject(error.Value());
  } catch (...) {
    job->deferred.Reject(to_js(env, current_error()).Value());
  }
  if (life_ == Life::disposing && pending_.empty()) {
    end();
    for (const auto& deferred : disposing_) deferred.Resolve(env.Undefined());
    disposing_.clear();
  }
}

}  // namespace tangshi
