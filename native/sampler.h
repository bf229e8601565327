// Autoregressive generation: the state is carried from character to character, so each costs one step.
#pragma once

#include <functional>

#include "draw.h"
#include "trainer.h"

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

// One sample a prompt; each prompt has at least one id. A sample depends on its prompt, the options and its
// place among the prompts alone, not on the others nor on the threads, which take their shares of the
// prompts. `canceled` is asked before each character, by each thread; once true, what there is so far is
// returned.
std::vector<Sample> sample(Trainer& trainer, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled);

}  // namespace tangshi
