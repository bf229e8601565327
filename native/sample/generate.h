// Autoregressive generation: the hidden state is carried from character to character, so each costs one step.
#pragma once

#include <functional>

#include "parallel/thread_pool.h"
#include "sample/logit_processors.h"
#include "sample/network.h"
#include "sample/token_sampler.h"

namespace tangshi {

struct GenerateOptions {
  int64_t max_new_tokens = 0;
  size_t preface = 1;  // ids at the front of a prompt that are not part of the poem
  LogitOptions logits = {};
  SamplingOptions sampling = {};
  // Of each prompt: its sequence is drawn from this stream of this seed.
  std::vector<uint64_t> seeds = {};
  std::vector<uint32_t> streams = {};
  size_t beam = 0;  // follow so many continuations and take the likeliest, instead of drawing
};

struct Sample {
  std::vector<int32_t> ids;  // drawn, without the prompt
  bool ended = false;   // the end was drawn or the constraint's plan is complete, not cut at max_new_tokens
  double log_prob = 0;  // of what was drawn, the end included, by the network alone; in nats
};

// Called with each id as it is drawn, on any thread: the index of its prompt, and the id.
using OnToken = std::function<void(size_t, int32_t)>;

class Accelerator;

// Where sequences are generated.
struct Generator {
  const Network& network;
  ThreadPool& threads;
  Accelerator* accelerator = nullptr;
};

// One sample for each prompt, each of which has at least one id. A sample depends on its prompt and options
// alone, not on other prompts or the number of threads. `canceled` is asked before each character, on each
// thread; once true, the samples are returned as far as they have come.
std::vector<Sample> generate(const Generator& generator, const std::vector<std::vector<int32_t>>& prompts,
                             const GenerateOptions& options, const std::function<bool()>& canceled,
                             const OnToken& on_token = nullptr);

}  // namespace tangshi
