// A JavaScript function that is called with each id as it is drawn, from any thread.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "addon/field.h"
#include "sample/generate.h"

namespace tangshi {

class TokenListener {
 public:
  explicit TokenListener(const Napi::Function& listen)
      : calls_(Napi::ThreadSafeFunction::New(listen.Env(), listen, "tangshi token", 0, 1)) {
    calls_.Unref(listen.Env());  // the job itself keeps the process alive
  }
  ~TokenListener() {
    if (!closing_) calls_.Release();
  }
  TokenListener(const TokenListener&) = delete;
  TokenListener& operator=(const TokenListener&) = delete;

  // Wraps a function; empty for undefined. Throws Error for anything else.
  static OnToken listen(const Field& field) {
    const Napi::Value& value = field.value;
    if (field.is_undefined()) return nullptr;
    if (!value.IsFunction()) field.refuse("a function");
    return [listener = std::make_shared<TokenListener>(value.As<Napi::Function>())](
               size_t prompt, int32_t id) { listener->tell(prompt, id); };
  }

 private:
  void tell(size_t prompt, int32_t id) {
    if (closing_) return;
    const napi_status status =
        calls_.NonBlockingCall([prompt, id](Napi::Env env, const Napi::Function& listen) {
          if (env != nullptr) listen.Call({Napi::Number::New(env, prompt), Napi::Number::New(env, id)});
        });
    if (status == napi_closing) closing_ = true;
  }

  Napi::ThreadSafeFunction calls_;
  std::atomic<bool> closing_ = false;  // the environment ends: no calls and no release are allowed
};

}  // namespace tangshi
