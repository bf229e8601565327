// Autoregressive generation: the state is carried from character to character, so each costs one step.
#pragma once

#include <functional>

#include "draw.h"
#include "model.h"

namespace tangshi {

struct SampleOptions {
  int64_t max_new_tokens = 0;
  int32_t end_id = 0;
  DrawOptions draw = {};
  uint64_t seed = 0;
};

struct Sample {
  std::vector<int32_t> ids;  // drawn, the prompt not among them
  bool ended = false;        // the end was drawn, not cut at max_new_tokens
};

// One sample a prompt, all decoded together; each prompt has at least one id. `canceled` is asked before each
// character; once true, what there is so far is returned.
std::vector<Sample> sample(ModelImpl& model, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled);

}  // namespace tangshi
