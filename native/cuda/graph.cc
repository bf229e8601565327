// Graphs of CUDA. The one file that needs CUDA's own headers: a library of its own, which is loaded when a
// GPU is used (native/cuda.cc) and finds the rest of libtorch loaded by then.
#include "cuda/graph.h"

#include <ATen/cuda/CUDAGraph.h>

namespace tangshi {
namespace {

// From 2.14 on libtorch sees by itself which generators are used. A template: what is not there is not asked
// for.
template <typename CapturedGraph>
void register_generator(CapturedGraph& graph, const at::Generator& generator) {
  if constexpr (requires { graph.register_generator_state(generator); }) {
    graph.register_generator_state(generator);
  }
}

class CudaGraph : public Graph {
 public:
  explicit CudaGraph(at::cuda::MempoolId_t pool) : pool_(pool) {}

  void capture(const std::function<void()>& work, const at::Generator& generator) override {
    register_generator(graph_, generator);
    // Other threads may allocate meanwhile.
    graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      end_quietly();
      throw;
    }
    graph_.capture_end();
  }

  void replay() override { graph_.replay(); }

 private:
  // A capture that failed cannot end well, but it must end. Where libtorch gives up before, memory would go
  // on to be taken from the pool.
  void end_quietly() {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {
      try {
        c10::cuda::CUDACachingAllocator::endAllocateToPool(c10::cuda::current_device(), pool_);
      } catch (const std::exception&) {  // it has ended
      }
    }
  }

  const at::cuda::MempoolId_t pool_;
  at::cuda::CUDAGraph graph_;
};

class CudaGraphMaker : public GraphMaker {
 public:
  std::unique_ptr<Graph> make() override { return std::make_unique<CudaGraph>(pool_); }

 private:
  const at::cuda::MempoolId_t pool_ = at::cuda::graph_pool_handle();
};

}  // namespace
}  // namespace tangshi

extern "C" __attribute__((visibility("default"))) tangshi::GraphMaker* tangshi_new_graph_maker() {
  return new tangshi::CudaGraphMaker;
}
