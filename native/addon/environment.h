// What both addons share in a Node environment: its data, the class Job, and the end of its jobs.
#pragma once

#include <napi.h>

#include "addon/inference_session.h"

namespace tangshi {

// Fills the exports with the class for generation. Each environment (the main thread, every worker) has its
// own classes and data, and ends its own jobs when it ends. Without `open_accelerator`, only the CPU can be
// used.
void define_inference(Napi::Env env, Napi::Object exports,
                      InferenceSession::OpenAccelerator open_accelerator);

}  // namespace tangshi
