// Autoregressive generation. The hidden state is carried from character to character, so each costs one step.
#pragma once

#include <functional>

#include "parallel/thread_pool.h"
#include "sample/logit_processors.h"
#include "sample/network.h"
#include "sample/token_sampler.h"

namespace tangshi {

struct GenerateOptions {
  int64_t max_new_tokens = 0;
  size_t preface = 1;  // number of ids at the start of a prompt that are not part of the poem
  LogitOptions logits = {};
  SamplingOptions sampling = {};
  // For each prompt: its sequence is drawn from this stream of this seed.
  std::vector<uint64_t> seeds = {};
  std::vector<uint32_t> streams = {};
  size_t beam = 0;  // beam width; 0 to sample
};

struct Sample {
  std::vector<int32_t> ids;  // ids drawn, without the prompt
  bool ended = false;        // false if cut at max_new_tokens before the end or the end of the plan
  double log_prob = 0;       // of the ids drawn, including the end, without logit processing; in nats
};

// Called with each id as it is drawn, on any thread: the index of its prompt, and the id.
using OnToken = std::function<void(size_t, int32_t)>;

class Accelerator;

// Resources for generation.
struct Generator {
  const Network& network;
  ThreadPool& threads;
  Accelerator* accelerator = nullptr;
};

// One sample per prompt, each of which must have at least one id. A sample depends only on its prompt and the
// options, not on other prompts or the number of threads. `canceled` is checked before each character, on
// each thread; once it is true, the samples are returned as they are.
std::vector<Sample> generate(const Generator& generator, const std::vector<std::vector<int32_t>>& prompts,
                             const GenerateOptions& options, const std::function<bool()>& canceled,
                             const OnToken& on_token = nullptr);

}  // namespace tangshi
