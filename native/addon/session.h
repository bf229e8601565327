// A session as JavaScript sees it: an object of functions that queue jobs on the session's own thread and
// settle their promises, each exactly once, on JavaScript's thread.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "addon/executor.h"
#include "addon/marshal.h"

namespace tangshi {

class Session;

// What lives as long as the Node environment: a worker thread has its own.
struct AddonData {
  std::set<Session*> sessions;
  bool ended = false;
};

// Makes the result of a job into a value, on JavaScript's thread.
using ToJs = std::function<Napi::Value(Napi::Env)>;
// The work of a job, on the session's thread. Opening fills the trainer, disposing empties it.
using Work = std::function<ToJs(std::unique_ptr<Trainer>& trainer, const std::atomic<bool>& canceled)>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  // A promise of the session's object.
  static Napi::Value open(Napi::Env env, const Napi::Value& config);

  Session(Napi::Env env, const SessionConfig& config);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // When the environment ends: cancels, waits for the step in progress, joins. No promise settles after that.
  void tear_down();

 private:
  struct Job;

  // Joins the thread, which has nothing left to do or nobody to do it for.
  void end();
  Napi::Object to_object(Napi::Env env);
  // Reads arguments by `prepare`, which may throw, and queues the work that it returns. Both never throw.
  std::shared_ptr<Job> start(Napi::Env env, const std::function<Work()>& prepare);
  Napi::Value start_promise(Napi::Env env, const std::function<Work()>& prepare);
  Napi::Value start_cancelable(Napi::Env env, const std::function<Work()>& prepare);
  Napi::Value dispose(Napi::Env env);
  void perform(Job& job);
  void settle_oldest(Napi::Env env);
  static void settle_on_js_thread(Napi::Env env, Napi::Function, std::nullptr_t*, Session* session);
  using Settle = Napi::TypedThreadSafeFunction<std::nullptr_t, Session, settle_on_js_thread>;

  AddonData& addon_;
  const int64_t vocab_size_;
  const int threads_;
  Settle settle_;
  std::deque<std::shared_ptr<Job>> pending_;        // oldest first, as they finish
  std::vector<Napi::Promise::Deferred> disposing_;  // promises of dispose(), settled together
  enum class Life { live, disposing, ended } life_ = Life::live;
  std::unique_ptr<Trainer> trainer_;  // while the thread lives, touched there only; as is refused_
  bool refused_ = false;
  Executor executor_;  // last: it uses the others
};

}  // namespace tangshi
