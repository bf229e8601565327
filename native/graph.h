// Work that a device does again and again, captured once and launched as a whole: a small step is over before
// its some hundred kernels could be launched one by one.
#pragma once

#include <functional>
#include <memory>

namespace tangshi {

class Graph {
 public:
  virtual ~Graph() = default;
  // Does nothing but remember what `work` queues on the current stream.
  virtual void capture(const std::function<void()>& work) = 0;
  virtual void replay() = 0;
};

// Graphs that are replayed on one stream, one after the other: they share the memory they work in.
class GraphMaker {
 public:
  virtual ~GraphMaker() = default;
  virtual std::unique_ptr<Graph> make() = 0;
};

}  // namespace tangshi
