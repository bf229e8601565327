// The module for browsers: one model, on one thread. JavaScript (lib/browser/wasm-writer.ts) writes the
// arguments of a call where `receive` says, calls, and reads the result where the call says; see message.h.
#include <algorithm>
#include <memory>
#include <utility>

#include "sample/generate.h"
#include "sample/score.h"
#include "wasm/message.h"

#define EXPORT(name) extern "C" __attribute__((export_name(name)))
#define IMPORT(name) extern "C" __attribute__((import_module("writer"), import_name(name)))

// Called with each id as it is drawn.
IMPORT("onToken") void on_token(int32_t prompt, int32_t id);

namespace tangshi {
namespace {

std::vector<double> request, reply;
std::unique_ptr<Network> network;
ThreadPool one_thread(1);

bool never() { return false; }

const double* answer(MessageWriter&& message) {
  reply = std::move(message).words();
  return reply.data();
}

ModelConfig to_model_config(MessageReader& in) {
  ModelConfig model;
  model.cell = static_cast<Cell>(in.integer());
  model.vocab_size = in.integer();
  model.embed_dim = in.integer();
  model.hidden_dim = in.integer();
  model.layers = in.integer();
  model.tie_weights = in.flag();
  model.relu_logits = in.flag();
  return model;
}

TensorMap to_tensors(MessageReader& in) {
  TensorMap tensors;
  for (int64_t left = in.integer(); left > 0; left--) {
    TensorBytes& tensor = tensors[in.text()];
    tensor.dtype = in.text();
    for (const double size : in.array<double>()) tensor.shape.push_back(static_cast<int64_t>(size));
    tensor.data = in.array<uint8_t>();
  }
  return tensors;
}

LogitConstraint to_constraint(MessageReader& in) {
  LogitConstraint constraint;
  constraint.masks = in.array<uint8_t>();
  constraint.allowed_groups = in.array<uint32_t>();
  const std::vector<uint32_t> groups = in.array<uint32_t>();  // [tables, vocab, words]
  const auto size = static_cast<ptrdiff_t>(network->config().vocab_size * constraint.words());
  for (auto table = groups.begin(); table != groups.end(); table += size)
    constraint.tables.emplace_back(table, table + size);
  for (const std::vector<int32_t>& numbers : in.arrays<int32_t>()) {  // [positions, 4] each
    auto& plan = constraint.plans.emplace_back();
    for (size_t i = 0; i < numbers.size(); i += 4)
      plan.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]});
  }
  return constraint;
}

GenerateOptions to_generate_options(MessageReader& in) {
  GenerateOptions out;
  out.max_new_tokens = in.integer();
  out.preface = in.integer();
  out.beam = in.integer();
  out.seeds = in.array<uint64_t>();
  out.streams = in.array<uint32_t>();
  out.sampling.temperature = in.number();
  out.sampling.top_k = in.integer();
  out.sampling.top_p = in.number();
  out.logits.end_id = static_cast<int32_t>(in.integer());
  out.logits.min_new_tokens = in.integer();
  out.logits.repetition_penalty = in.number();
  out.logits.repeatable = in.array<int32_t>();
  std::sort(out.logits.repeatable.begin(), out.logits.repeatable.end());
  out.logits.banned = in.array<int32_t>();
  if (in.flag()) {
    out.logits.constraint = to_constraint(in);
    out.logits.constraint->exclude(out.logits.banned);
  }
  return out;
}

}  // namespace

// Room for the arguments of the next call.
EXPORT("receive") double* receive(size_t words) {
  request.resize(words);
  return request.data();
}

EXPORT("open") void open() {
  MessageReader in(request.data());
  const ModelConfig model = to_model_config(in);
  const TensorMap tensors = to_tensors(in);
  std::vector<double>().swap(request);  // the weights are not needed twice
  network = std::make_unique<Network>(model, tensors);
}

EXPORT("generate") const double* generate() {
  MessageReader in(request.data());
  const auto prompts = in.arrays<int32_t>();
  const GenerateOptions options = to_generate_options(in);
  const bool is_watched = in.flag();
  OnToken listener;
  if (is_watched) listener = [](size_t prompt, int32_t id) { on_token(static_cast<int32_t>(prompt), id); };
  MessageWriter out;
  for (const Sample& sample : generate({*network, one_thread}, prompts, options, never, listener)) {
    out.array(std::span<const int32_t>(sample.ids));
    out.number(sample.ended);
    out.number(sample.log_prob);
  }
  return answer(std::move(out));
}

EXPORT("score") const double* score() {
  MessageReader in(request.data());
  MessageWriter out;
  for (const auto& log_probs : score(*network, one_thread, in.arrays<int32_t>(), never))
    out.array(std::span<const float>(log_probs));
  return answer(std::move(out));
}

EXPORT("next") const double* next() {
  MessageReader in(request.data());
  MessageWriter out;
  out.array(std::span<const float>(next_log_probs(*network, in.array<int32_t>(), never)));
  return answer(std::move(out));
}

}  // namespace tangshi
