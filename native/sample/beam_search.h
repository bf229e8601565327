// Beam search: of many continuations that are followed side by side, the likeliest.
#pragma once

#include <functional>

#include "sample/generate.h"

namespace tangshi {

// Follows options.beam continuations at a time; penalty, bans and guide hold as in drawing, temperature and
// random numbers do not come in. The best is that with the highest log-probability a character, penalties
// included.
Sample beam_search(const Network& network, const std::vector<int32_t>& prompt, size_t place,
                   const SampleOptions& options, const std::function<bool()>& canceled);

}  // namespace tangshi
