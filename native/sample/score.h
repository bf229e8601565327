// How likely the network takes given text to be.
#pragma once

#include <functional>
#include <vector>

#include "parallel/thread_pool.h"
#include "sample/network.h"

namespace tangshi {

// Of each sequence, which has at least one id: the log-probability of each id after the first, given those
// before it, in nats. `canceled` is asked before each position; once true, the rest is missing.
std::vector<std::vector<float>> score(const Network& network, ThreadPool& threads,
                                      const std::vector<std::vector<int32_t>>& sequences,
                                      const std::function<bool()>& canceled);

// The log-probability of each id of the vocabulary after these, of which there is at least one; in nats. Once
// `canceled` is true, the result is undefined.
std::vector<float> next_log_probs(const Network& network, const std::vector<int32_t>& ids,
                                  const std::function<bool()>& canceled);

}  // namespace tangshi
