#include "addon/addon_data.h"

#include <utility>

namespace tangshi {

Napi::Object AddonData::construct(Napi::Env env, Napi::FunctionReference AddonData::* constructor,
                                  void* content) {
  AddonData& data = of(env);
  data.constructing = content;
  try {
    return (data.*constructor).New({});
  } catch (...) {
    data.constructing = nullptr;
    throw;
  }
}

void* AddonData::take(Napi::Env env) {
  void* const content = std::exchange(of(env).constructing, nullptr);
  if (content == nullptr) throw Napi::TypeError::New(env, "Illegal constructor");
  return content;
}

}  // namespace tangshi
