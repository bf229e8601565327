// Log-probabilities of given text.
#pragma once

#include <functional>
#include <vector>

#include "parallel/thread_pool.h"
#include "sample/network.h"

namespace tangshi {

// For each sequence, which must have at least one id: the log-probability of each id after the first, given
// those before it, in nats. `canceled` is checked before each position; once it is true, the remaining values
// are missing.
std::vector<std::vector<float>> score(const Network& network, ThreadPool& threads,
                                      const std::vector<std::vector<int32_t>>& sequences,
                                      const std::function<bool()>& canceled);

// The log-probability of each id of the vocabulary as the next after `ids`, which must not be empty; in nats.
// Undefined if `canceled` becomes true.
std::vector<float> next_log_probs(const Network& network, const std::vector<int32_t>& ids,
                                  const std::function<bool()>& canceled);

}  // namespace tangshi
