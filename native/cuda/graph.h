// CUDA graphs: repeated work is captured once and launched as a whole. A small training step takes less time
// than launching its hundred or so kernels one by one.
#pragma once

#include <functional>
#include <memory>

#include "libtorch.h"

namespace tangshi {

class Graph {
 public:
  virtual ~Graph() = default;
  // Records what `work` queues on the current stream, without running it. Random numbers from the generator
  // are drawn anew at each replay, with the generator's seed at that time.
  virtual void capture(const std::function<void()>& work, const at::Generator& generator) = 0;
  virtual void replay() = 0;
};

// Creates graphs that are replayed one after the other on one stream, so that they can share working memory.
class GraphMaker {
 public:
  virtual ~GraphMaker() = default;
  virtual std::unique_ptr<Graph> make() = 0;
};

}  // namespace tangshi
