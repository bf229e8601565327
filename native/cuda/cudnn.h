// cuDNN's RNN on the weights of a layer in flat storage. at::lstm, libtorch's own binding, supports only the
// layout of its flatten_parameters(), and copies weights in any other layout on each call.
#pragma once

#include "model/parameters.h"
#include "model/recurrent_layer.h"

namespace tangshi {

// cuDNN's layer if it can use all these weights in place, otherwise libtorch's operators.
LayerFunction cuda_layer(const ModelConfig& config, const Parameters& parameters);

}  // namespace tangshi
