#include "cuda/driver.h"

#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <filesystem>
#include <mutex>

#include "error.h"

namespace tangshi {
namespace {

#if defined(__APPLE__)
constexpr const char* driver_library = "libcuda.dylib";
#else
constexpr const char* driver_library = "libcuda.so.1";
#endif

// The driver API (docs.nvidia.com/cuda/cuda-driver-api), loaded at run time, so that no toolkit is needed.
class Driver {
 public:
  Driver() : library_(dlopen(driver_library, RTLD_NOW | RTLD_LOCAL)) {}
  bool is_there() const { return library_ != nullptr; }

  // All of these return 0 on success.
  int init() const { return call<int(unsigned)>("cuInit", 0u); }

  int version() const {
    int version = 0;
    call<int(int*)>("cuDriverGetVersion", &version);
    return version;
  }

  std::vector<CudaDevice> devices() const {
    int count = 0;
    call<int(int*)>("cuDeviceGetCount", &count);
    std::vector<CudaDevice> found;
    for (int index = 0; index < count; index++) {
      int device = 0;
      char name[256] = "";
      size_t memory = 0;
      call<int(int*, int)>("cuDeviceGet", &device, index);
      call<int(char*, int, int)>("cuDeviceGetName", name, static_cast<int>(sizeof name), device);
      call<int(size_t*, int)>("cuDeviceTotalMem_v2", &memory, device);
      found.push_back({name, memory});
    }
    return found;
  }

 private:
  template <typename Function, typename... Arguments>
  int call(const char* name, Arguments... arguments) const {
    auto* function = reinterpret_cast<Function*>(dlsym(library_, name));
    return function == nullptr ? -1 : function(arguments...);
  }

  void* const library_;  // never unloaded: drivers do not support it
};

// Loads a library from the folder of the one that contains a function.
std::filesystem::path beside(const void* function, const char* name) {
  Dl_info info;
  if (dladdr(function, &info) == 0) return name;
  return std::filesystem::path(info.dli_fname).parent_path() / name;
}

// Path of libtorch's CUDA library; a CPU build has none.
std::filesystem::path cuda_library() {
  return beside(reinterpret_cast<void*>(&c10::GetCPUAllocator), "libtorch_cuda.so");
}

Error no_device(const std::string& message) { return {"ERR_TANGSHI_DEVICE", message}; }

std::string cpu_only() {
  return "this libtorch " TORCH_VERSION " has no CUDA support: npm run setup -- --cuda fetches one that has";
}

// 12080 -> 12.8
std::string dotted(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

enum class Prepared { nothing, cpu, cuda };
std::mutex preparing;
Prepared prepared = Prepared::nothing;

// A separate stream for this thread: sessions do not wait for each other, and only such a stream can be
// captured.
void enter_stream(const at::Device& device) {
  const c10::impl::VirtualGuardImpl cuda(device.type());
  cuda.setDevice(device);
  cuda.exchangeStream(cuda.getStreamFromGlobalPool(device, /*isHighPriority=*/false));
}

void load_cuda() {
  if (prepared == Prepared::cuda) return;
  if (prepared == Prepared::cpu) {
    throw no_device(
        "this process has begun to work on the CPU, and libtorch looks for CUDA only before that: "
        "open the session on the GPU first, or in another process");
  }
  if (!std::filesystem::exists(cuda_library())) throw no_device(cpu_only());
  if (dlopen(cuda_library().c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw no_device("libtorch's CUDA part does not load (" + std::string(dlerror()) +
                    "): npm run setup -- --cuda fetches a whole one");
  }
  prepared = Prepared::cuda;
}

}  // namespace

CudaFacts find_cuda() {
  const Driver driver;
  CudaFacts facts;
  if (!driver.is_there()) {
    // With + and =, GCC 14 falsely warns about a copy (-Warray-bounds).
    facts.problem.append("there is no NVIDIA driver (").append(driver_library).append(")");
    return facts;
  }
  facts.driver = driver.version();
  const int error = driver.init();
  if (error == 0) facts.devices = driver.devices();
  if (facts.devices.empty()) {
    facts.problem = "the NVIDIA driver finds no device" +
                    (error == 0 ? std::string() : " (CUDA error " + std::to_string(error) + ")");
  } else if (!std::filesystem::exists(cuda_library())) {
    facts.problem = cpu_only();
  }
  return facts;
}

at::Device device_of(int index) {
  return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

void prepare_device(const at::Device& device) {
  const std::lock_guard lock(preparing);
  if (device.is_cpu()) {
    if (prepared == Prepared::nothing) prepared = Prepared::cpu;
    return;
  }
  const CudaFacts facts = find_cuda();
  if (!facts.problem.empty()) throw no_device(facts.problem);
  const auto count = static_cast<int>(facts.devices.size());
  if (device.index() >= count) {
    throw no_device("there " + std::string(count == 1 ? "is only cuda:0"
                                                      : "are cuda:0 to cuda:" + std::to_string(count - 1)));
  }
  load_cuda();
  if (torch::cuda::device_count() <= device.index()) {
    throw no_device("libtorch " TORCH_VERSION " cannot use it: its CUDA may be newer than the driver's " +
                    dotted(facts.driver) + ": update the driver, or use the CPU");
  }
  enter_stream(device);
}

std::unique_ptr<GraphMaker> graph_maker() {
  const std::filesystem::path library = beside(reinterpret_cast<void*>(&graph_maker), "tangshi_cuda.so");
  if (!std::filesystem::exists(library)) return nullptr;
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    TORCH_WARN("steps are done one by one, since graphs do not load: ", dlerror());
    return nullptr;
  }
  const auto make = reinterpret_cast<GraphMaker* (*)()>(dlsym(handle, "tangshi_new_graph_maker"));
  return std::unique_ptr<GraphMaker>(make == nullptr ? nullptr : make());
}

}  // namespace tangshi
