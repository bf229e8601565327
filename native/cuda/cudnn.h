// cuDNN's RNN on a layer's weights in the flat storage. libtorch's own way to it, at::lstm, knows only the
// layout of its flatten_parameters(), and copies weights in any other layout together at each call.
#pragma once

#include "model/parameters.h"
#include "model/recurrent_layer.h"

namespace tangshi {

// cuDNN's layer where it can use all these weights in place, else libtorch's operators.
LayerFunction cuda_layer(const ModelConfig& config, const Parameters& parameters);

}  // namespace tangshi
