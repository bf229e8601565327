#include "model/snapshot.h"

#include <cstring>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace tangshi {
namespace {

constexpr auto optimizer_step = "optim.step";
constexpr auto generator_state = "rng.generator";

std::string dtype_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kLong:
      return "I64";
    case at::kByte:
      return "U8";
    default:
      TORCH_CHECK(false, "no name for ", type);
  }
}

TensorBytes to_bytes(const at::Tensor& tensor) {
  const at::Tensor cpu = tensor.detach().cpu().contiguous();
  TensorBytes out{dtype_name(cpu.scalar_type()), cpu.sizes().vec(), std::vector<uint8_t>(cpu.nbytes())};
  std::memcpy(out.data.data(), cpu.const_data_ptr(), cpu.nbytes());
  return out;
}

// The tensors of a training session in their internal layout: the parameters and each running average are
// flat.
struct FlatTensors {
  Parameters parameters;
  std::vector<Optimizer::Slot> slots;
  at::Tensor step;

  std::vector<at::Tensor> all() const {
    std::vector<at::Tensor> tensors = {parameters.values, step};
    for (const Optimizer::Slot& slot : slots) tensors.push_back(slot.values);
    return tensors;
  }
};

FlatTensors flat_tensors(Trainer& trainer) {
  return {trainer.parameters(), trainer.optimizer().slots(), trainer.optimizer().step()};
}

FlatTensors zeros_like(FlatTensors tensors) {
  tensors.parameters.values = at::zeros_like(tensors.parameters.values);
  for (Optimizer::Slot& slot : tensors.slots) slot.values = at::zeros_like(slot.values);
  tensors.step = at::zeros_like(tensors.step);
  return tensors;
}

// Views of their parts, under the names in a TensorMap. Writing to them changes the flat tensors.
std::map<std::string, at::Tensor> model_tensors(const Parameters& parameters) {
  std::map<std::string, at::Tensor> tensors;
  for (const ParameterSlice& slice : parameters.slices) {
    tensors.emplace(slice.name, slice.of(parameters.values));
  }
  return tensors;
}

std::map<std::string, at::Tensor> optimizer_tensors(const FlatTensors& flat) {
  std::map<std::string, at::Tensor> tensors;
  for (const Optimizer::Slot& slot : flat.slots) {
    for (const ParameterSlice& slice : flat.parameters.slices) {
      tensors.emplace("optim." + slot.name + "." + slice.name, slice.of(slot.values));
    }
  }
  tensors.emplace(optimizer_step, flat.step);
  return tensors;
}

std::map<std::string, at::Tensor> generator_tensors(Trainer& trainer) {
  return {{generator_state, trainer.generator().get_state()}};
}

TensorMap to_bytes_map(const std::map<std::string, at::Tensor>& tensors) {
  TensorMap state;
  for (const auto& [name, tensor] : tensors) state.emplace(name, to_bytes(tensor));
  return state;
}

std::string describe(const std::string& dtype, const std::vector<int64_t>& shape) {
  std::ostringstream out;
  out << dtype << " " << at::IntArrayRef(shape);
  return out.str();
}

[[noreturn]] void refuse(const std::string& message) { throw std::invalid_argument(message); }

// Moves the tensors named in `wanted` out of `given`, and checks that all are present with the right dtype
// and shape.
std::map<std::string, const TensorBytes*> take(const std::map<std::string, at::Tensor>& wanted,
                                               std::map<std::string, const TensorBytes*>& given) {
  std::map<std::string, const TensorBytes*> taken;
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (found == given.end()) refuse("tensor '" + name + "' is missing");
    const TensorBytes& bytes = *found->second;
    const std::string expected = describe(dtype_name(tensor.scalar_type()), tensor.sizes().vec());
    if (describe(bytes.dtype, bytes.shape) != expected) {
      refuse("expected " + expected + " for tensor '" + name + "' but received " +
             describe(bytes.dtype, bytes.shape));
    }
    if (bytes.data.size() != tensor.nbytes()) {
      refuse("expected " + std::to_string(tensor.nbytes()) + " bytes for tensor '" + name +
             "' but received " + std::to_string(bytes.data.size()));
    }
    taken.insert(*found);
    given.erase(found);
  }
  return taken;
}

at::Tensor from_bytes(const TensorBytes& bytes, const at::Tensor& like) {
  at::Tensor cpu = at::empty(like.sizes(), like.options().device(at::kCPU).requires_grad(false));
  std::memcpy(cpu.mutable_data_ptr(), bytes.data.data(), bytes.data.size());
  return cpu;
}

// Copies between contiguous tensors of one device, dtype and shape, into memory that graphs and views refer
// to. On the CPU this needs no memory and no thread, so it cannot fail; on a GPU a copy within its memory is
// only queued.
void overwrite(const at::Tensor& target, const at::Tensor& source) {
  if (target.is_cpu()) {
    std::memcpy(target.mutable_data_ptr(), source.const_data_ptr(), source.nbytes());
  } else {
    target.copy_(source, /*non_blocking=*/true);
  }
}

bool any_with_prefix(const std::map<std::string, const TensorBytes*>& given, const std::string& prefix) {
  const auto found = given.lower_bound(prefix);
  return found != given.end() && found->first.starts_with(prefix);
}

}  // namespace

TensorMap model_weights(const Parameters& parameters) { return to_bytes_map(model_tensors(parameters)); }

TensorMap snapshot(Trainer& trainer) {
  TensorMap state = model_weights(trainer.parameters());
  state.merge(to_bytes_map(optimizer_tensors(flat_tensors(trainer))));
  state.merge(to_bytes_map(generator_tensors(trainer)));
  return state;
}

void restore(Trainer& trainer, const TensorMap& state) {
  at::NoGradGuard no_grad;
  // First, check everything …
  const FlatTensors flat = flat_tensors(trainer), restored = zeros_like(flat);
  std::map<std::string, const TensorBytes*> given;
  for (const auto& [name, bytes] : state) given.emplace(name, &bytes);
  auto targets = model_tensors(restored.parameters);
  auto taken = take(targets, given);
  if (any_with_prefix(given, "optim.")) {
    auto optimizer = optimizer_tensors(restored);
    taken.merge(take(optimizer, given));
    targets.merge(optimizer);
  }
  at::Generator generator = trainer.generator().clone();
  if (any_with_prefix(given, "rng.")) {
    const auto current = generator_tensors(trainer);
    const auto bytes = take(current, given);
    try {
      generator.set_state(from_bytes(*bytes.at(generator_state), current.at(generator_state)));
    } catch (const c10::Error&) {
      refuse("tensor '" + std::string(generator_state) + "' is not the state of a generator");
    }
  }
  if (!given.empty()) refuse("tensor '" + given.begin()->first + "' is not one of this model's");

  // … then build everything separately, also on the device, since memory may run out …
  for (const auto& [name, bytes] : taken) targets.at(name).copy_(from_bytes(*bytes, targets.at(name)));
  const std::vector<at::Tensor> old = flat.all(), next = restored.all();

  // … then change everything, without allocating memory.
  for (size_t i = 0; i < old.size(); i++) overwrite(old[i], next[i]);
  trainer.generator() = std::move(generator);
}

}  // namespace tangshi
