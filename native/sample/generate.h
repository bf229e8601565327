// Autoregressive generation: the state is carried from character to character, so each costs one step.
#pragma once

#include <functional>
#include <optional>

#include "sample/logit_constraint.h"
#include "sample/network.h"
#include "sample/token_sampler.h"
#include "train/trainer.h"

namespace tangshi {

struct SampleOptions {
  int64_t max_new_tokens = 0;
  int32_t end_id = 0;
  DrawOptions draw = {};
  uint64_t seed = 0;
  size_t preface = 1;                    // ids at a prompt's front that are no part of the poem
  double repetition_penalty = 0;         // taken from the logit of an id for each time that it stands already
  std::vector<int32_t> repeatable = {};  // ids that may be repeated without
  std::optional<Guide> guide = {};       // a sequence ends with its plan, too
  size_t beam = 0;                       // search among so many instead of drawing
  bool score = false;                    // log_prob is wanted
};

struct Sample {
  std::vector<int32_t> ids;  // drawn, the prompt not among them
  bool ended = false;        // the end was drawn, or its plan's, not cut at max_new_tokens
  double log_prob = 0;  // of what was drawn, by the network itself: without penalty, guide or temperature
};

// Of unnormalized log-probabilities.
double log_sum_exp(std::vector<float> logits);
// Takes what repetition costs from the logits of what stands in the prompt, its preface aside, and what was
// drawn.
void penalize(const std::vector<int32_t>& prompt, const std::vector<int32_t>& ids, std::span<float> logits,
              const SampleOptions& options);

// Told of each id as it is drawn, by any thread: its prompt's place among all, and the id.
using OnDrawn = std::function<void(size_t, int32_t)>;

// One sample a prompt; each prompt has at least one id. A sample depends on its prompt, the options and its
// place among the prompts alone, not on the others nor on the threads, which take their shares of the
// prompts. `canceled` is asked before each character, by each thread; once true, what there is so far is
// returned.
std::vector<Sample> sample(Trainer& trainer, const std::vector<std::vector<int32_t>>& prompts,
                           const SampleOptions& options, const std::function<bool()>& canceled,
                           const OnDrawn& on_drawn = nullptr);

}  // namespace tangshi
