#include "addon/addon_data.h"

#include <new>
#include <utility>

namespace tangshi {

Napi::Object AddonData::construct(Napi::Env env, Napi::FunctionReference AddonData::* constructor,
                                  void* content) {
  AddonData& data = of(env);
  data.constructing = content;
  try {
    return (data.*constructor).New({});
  } catch (const Napi::Error&) {  // these constructors move a pointer: they can fail only for lack of memory
    data.constructing = nullptr;
    throw std::bad_alloc();
  }
}

void* AddonData::take(Napi::Env env) {
  void* const content = std::exchange(of(env).constructing, nullptr);
  if (content == nullptr) throw Napi::TypeError::New(env, "Illegal constructor");
  return content;
}

}  // namespace tangshi
