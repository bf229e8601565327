// CUDA graphs. The only file that needs CUDA's headers, and therefore a separate library, which driver.cc
// loads when a GPU is used and the rest of libtorch is already loaded.
#include "cuda/graph.h"

#include <ATen/cuda/CUDAGraph.h>

namespace tangshi {
namespace {

// Since 2.14, libtorch registers generators itself and lacks this method. A template, so that the call
// compiles with both.
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
    // ThreadLocal: other threads may allocate during the capture.
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
  // Ends a failed capture. If libtorch throws before the capture has ended, allocations would keep coming
  // from its pool.
  void end_quietly() {
    try {
      graph_.capture_end();
    } catch (const std::exception&) {
      try {
        c10::cuda::CUDACachingAllocator::endAllocateToPool(c10::cuda::current_device(), pool_);
      } catch (const std::exception&) {  // it had already ended
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
