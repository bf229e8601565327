// Beam search: finds the most likely of several continuations explored in parallel.
#pragma once

#include <functional>

#include "sample/generate.h"

namespace tangshi {

// Keeps options.beam continuations at a time. Penalty, constraint and bans apply as in sampling; temperature
// and random numbers do not. The best has the highest log-probability per character, penalties included.
// index: of the prompt.
Sample beam_search(const Network& network, const std::vector<int32_t>& prompt, size_t index,
                   const GenerateOptions& options, const std::function<bool()>& canceled);

}  // namespace tangshi
