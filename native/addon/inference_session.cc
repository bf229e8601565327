#include "addon/inference_session.h"

#include "addon/addon_data.h"
#include "addon/token_listener.h"
#include "sample/score.h"

namespace tangshi {

Napi::Function InferenceSession::define(Napi::Env env, OpenAccelerator open_accelerator) {
  const auto constructor =
      DefineClass(env, "InferenceSession",
                  {StaticMethod("open", &InferenceSession::open, napi_default_method,
                                reinterpret_cast<void*>(open_accelerator)),
                   InstanceMethod("generate", &InferenceSession::generate, napi_default_method),
                   InstanceMethod("score", &InferenceSession::score, napi_default_method),
                   InstanceMethod("next", &InferenceSession::next, napi_default_method),
                   InstanceMethod("dispose", &InferenceSession::dispose, napi_default_method)});
  AddonData::of(env).inference_session = Napi::Persistent(constructor);
  return constructor;
}

InferenceSession::InferenceSession(const Napi::CallbackInfo& info)
    : ObjectWrap(info), core_(AddonData::taken<std::shared_ptr<Core>>(info.Env())) {}

// (config, tensors)
Napi::Value InferenceSession::open(const Napi::CallbackInfo& info) {
  const auto open_accelerator = reinterpret_cast<OpenAccelerator>(info.Data());
  std::shared_ptr<Core> core;
  try {
    core = std::make_shared<Core>(info.Env());
  } catch (...) {  // the thread could not be created
    return rejected_promise(info.Env());
  }
  return core->queue->promise(info.Env(), [&]() -> Work {
    const InferenceConfig config = to_inference_config(info[0]);
    core->vocab_size = config.model.vocab_size;
    return [core, config, open_accelerator,
            tensors = to_tensors({info[1], "tensors"})](const std::atomic<bool>&) -> ToJs {
      std::unique_ptr<Accelerator> accelerator;
      if (config.device >= 0) {
        if (open_accelerator == nullptr)
          throw Error("ERR_TANGSHI_DEVICE", "this addon was built for the CPU");
        accelerator = open_accelerator(config.model, tensors, config.device, config.precision);
      }
      core->ready = std::make_unique<Ready>(config, tensors, std::move(accelerator));
      return [core](Napi::Env env) {
        auto content = core;
        return AddonData::construct(env, &AddonData::inference_session, &content);
      };
    };
  });
}

// (prompts, options, onToken?)
Napi::Value InferenceSession::generate(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&]() -> Work {
    auto prompts = to_sequences({info[0], "prompts"}, core_->vocab_size);
    auto options = to_generate_options({info[1], "options"}, core_->vocab_size, prompts);
    return
        [core = core_, prompts = std::move(prompts), options = std::move(options),
         on_token = TokenListener::listen({info[2], "onToken"})](const std::atomic<bool>& canceled) -> ToJs {
          const auto is_canceled = [&] { return canceled.load(); };
          auto samples = tangshi::generate(core->ready->generator(), prompts, options, is_canceled, on_token);
          throw_if(canceled);
          return [samples = std::move(samples)](Napi::Env env) { return to_js(env, samples); };
        };
  });
}

// (sequences)
Napi::Value InferenceSession::score(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&]() -> Work {
    return [core = core_, sequences = to_sequences({info[0], "sequences"}, core_->vocab_size)](
               const std::atomic<bool>& canceled) -> ToJs {
      const auto is_canceled = [&] { return canceled.load(); };
      auto scores = tangshi::score(core->ready->network, core->ready->threads, sequences, is_canceled);
      throw_if(canceled);
      return [scores = std::move(scores)](Napi::Env env) {
        auto out = Napi::Array::New(env, scores.size());
        for (uint32_t i = 0; i < scores.size(); i++)
          out[i] = copy_to_js<float, Napi::Float32Array>(env, scores[i]);
        return out;
      };
    };
  });
}

// (ids)
Napi::Value InferenceSession::next(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&]() -> Work {
    const Field ids{info[0], "ids"};
    auto prompt = ids.ids(0, core_->vocab_size);
    if (prompt.empty()) ids.refuse("at least one id");
    return [core = core_, prompt = std::move(prompt)](const std::atomic<bool>& canceled) -> ToJs {
      auto log_probs = next_log_probs(core->ready->network, prompt, [&] { return canceled.load(); });
      throw_if(canceled);
      return [log_probs = std::move(log_probs)](Napi::Env env) {
        return copy_to_js<float, Napi::Float32Array>(env, log_probs);
      };
    };
  });
}

Napi::Value InferenceSession::dispose(const Napi::CallbackInfo& info) {
  return core_->queue->dispose(info.Env(), [&]() -> Work {
    return [core = core_](const std::atomic<bool>&) {
      core->ready.reset();
      return nothing();
    };
  });
}

}  // namespace tangshi
