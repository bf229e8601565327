#include "addon/training_session.h"

#include "addon/addon_data.h"
#include "addon/inference_marshal.h"
#include "addon/token_listener.h"
#include "model/snapshot.h"
#include "torch_error.h"

namespace tangshi {

Napi::Function TrainingSession::define(Napi::Env env) {
  const auto constructor =
      DefineClass(env, "TrainingSession",
                  {StaticMethod("open", &TrainingSession::open, napi_default_method),
                   InstanceMethod("train", &TrainingSession::train, napi_default_method),
                   InstanceMethod("evaluate", &TrainingSession::evaluate, napi_default_method),
                   InstanceMethod("generate", &TrainingSession::generate, napi_default_method),
                   InstanceMethod("snapshot", &TrainingSession::snapshot, napi_default_method),
                   InstanceMethod("restore", &TrainingSession::restore, napi_default_method),
                   InstanceMethod("dispose", &TrainingSession::dispose, napi_default_method)});
  AddonData::of(env).training_session = Napi::Persistent(constructor);
  return constructor;
}

TrainingSession::TrainingSession(const Napi::CallbackInfo& info)
    : ObjectWrap(info), core_(AddonData::taken<std::shared_ptr<Core>>(info.Env())) {}

Generator TrainingSession::Core::generator() {
  if (!network) network = std::make_unique<Network>(trainer->config(), model_weights(trainer->parameters()));
  return {*network, trainer->pool()};
}

// libtorch sets thread counts per calling thread.
template <typename Body>
Work TrainingSession::work(Body body) const {
  return [core = core_, body = std::move(body)](const std::atomic<bool>& canceled) -> ToJs {
    if (at::get_num_threads() != core->threads) at::set_num_threads(core->threads);
    return with_torch_errors([&]() -> ToJs { return body(*core, canceled); });
  };
}

// (config)
Napi::Value TrainingSession::open(const Napi::CallbackInfo& info) {
  std::shared_ptr<Core> core;
  try {
    core = std::make_shared<Core>(info.Env());
  } catch (...) {  // the thread could not be created
    return rejected_promise(info.Env());
  }
  return core->queue->promise(info.Env(), [&]() -> Work {
    const TrainingConfig config = to_training_config(info[0]);
    core->vocab_size = config.model.vocab_size;
    core->threads = config.threads;
    return [core, config](const std::atomic<bool>&) -> ToJs {
      at::set_num_threads(config.threads);
      with_torch_errors([&] {
        const at::Device device = device_of(config.device);
        prepare_device(device);
        core->trainer = std::make_unique<Trainer>(config.model, config.optimizer, device, config.seed,
                                                  config.threads, config.step);
      });
      return [core](Napi::Env env) {
        auto content = core;
        return AddonData::construct(env, &AddonData::training_session, &content);
      };
    };
  });
}

// (batches, options)
Napi::Value TrainingSession::train(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&] {
    auto batches = to_batches(info[0], core_->vocab_size);
    const StepOptions options = to_step_options(info[1], batches.size());
    return work(
        [batches = std::move(batches), options](Core& core, const std::atomic<bool>& canceled) -> ToJs {
          core.network.reset();
          auto stats =
              core.trainer->train(batches, options.lrs, options.clip_norm, [&] { return canceled.load(); });
          return [stats = std::move(stats)](Napi::Env env) { return to_js(env, stats); };
        });
  });
}

// (batches)
Napi::Value TrainingSession::evaluate(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&] {
    return work([batches = to_batches(info[0], core_->vocab_size)](
                    Core& core, const std::atomic<bool>& canceled) -> ToJs {
      TotalNll total;
      for (const Batch& batch : batches) {
        throw_if(canceled);
        const TotalNll part = core.trainer->evaluate(batch);
        total.nll += part.nll;
        total.tokens += part.tokens;
      }
      return [total](Napi::Env env) { return to_js(env, total); };
    });
  });
}

// (prompts, options, onToken?)
Napi::Value TrainingSession::generate(const Napi::CallbackInfo& info) {
  return core_->queue->job(info.Env(), [&] {
    auto prompts = to_sequences({info[0], "prompts"}, core_->vocab_size);
    auto options = to_generate_options({info[1], "options"}, core_->vocab_size, prompts);
    return work([prompts = std::move(prompts), options = std::move(options),
                 on_token = TokenListener::listen({info[2], "onToken"})](
                    Core& core, const std::atomic<bool>& canceled) -> ToJs {
      const auto is_canceled = [&] { return canceled.load(); };
      auto samples = tangshi::generate(core.generator(), prompts, options, is_canceled, on_token);
      throw_if(canceled);
      return [samples = std::move(samples)](Napi::Env env) { return to_js(env, samples); };
    });
  });
}

Napi::Value TrainingSession::snapshot(const Napi::CallbackInfo& info) {
  return core_->queue->promise(info.Env(), [&] {
    return work([](Core& core, const std::atomic<bool>& canceled) -> ToJs {
      throw_if(canceled);
      return [state = tangshi::snapshot(*core.trainer)](Napi::Env env) { return to_js(env, state); };
    });
  });
}

// (tensors)
Napi::Value TrainingSession::restore(const Napi::CallbackInfo& info) {
  return core_->queue->promise(info.Env(), [&] {
    return work(
        [tensors = to_tensors({info[0], "tensors"})](Core& core, const std::atomic<bool>& canceled) -> ToJs {
          throw_if(canceled);
          core.network.reset();
          tangshi::restore(*core.trainer, tensors);
          return nothing();
        });
  });
}

Napi::Value TrainingSession::dispose(const Napi::CallbackInfo& info) {
  return core_->queue->dispose(info.Env(), [&]() -> Work {
    return [core = core_](const std::atomic<bool>&) {
      core->network.reset();
      core->trainer.reset();
      return nothing();
    };
  });
}

}  // namespace tangshi
