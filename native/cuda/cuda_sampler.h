// Many sequences together on a device that works through a queue, as a GPU does: characters are drawn there,
// and read every so often.
#pragma once

#include "sample/generate.h"

namespace tangshi {

// As sample(), by tensor operations. The draws are those of Draw, by the same random numbers.
std::vector<Sample> sample_by_tensors(ModelImpl& model, Precision precision,
                                      const std::vector<std::vector<int32_t>>& prompts,
                                      const SampleOptions& options, const std::function<bool()>& canceled);

}  // namespace tangshi
