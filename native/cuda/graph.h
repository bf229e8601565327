// Work that a device does again and again, captured once and launched as a whole: a small step is over before
// its some hundred kernels could be launched one by one.
#pragma once

#include <functional>
#include <memory>

#include "libtorch.h"

namespace tangshi {

class Graph {
 public:
  virtual ~Graph() = default;
  // Does nothing but remember what `work` queues on the current stream. What it draws by the generator is
  // drawn anew at each replay, by the generator's seed of then.
  virtual void capture(const std::function<void()>& work, const at::Generator& generator) = 0;
  virtual void replay() = 0;
};

// Graphs that are replayed on one stream, one after the other: they share the memory they work in.
class GraphMaker {
 public:
  virtual ~GraphMaker() = default;
  virtual std::unique_ptr<Graph> make() = 0;
};

}  // namespace tangshi
