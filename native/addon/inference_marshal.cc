#include "addon/inference_marshal.h"

#include <algorithm>
#include <numeric>

namespace tangshi {
namespace {

// Throws unless min <= index < end.
void check_index(const Field& plan, const std::string& kind, int32_t index, int64_t min, int64_t end) {
  if (index >= min && index < end) return;
  throw wrong_shape("expected " + kind + " from " + std::to_string(min) + " to " + std::to_string(end - 1) +
                    " in " + plan.name + " but received " + std::to_string(index));
}

// [positions, 4]: see LogitConstraint::Position.
std::vector<LogitConstraint::Position> to_plan(const Field& value, int64_t masks, int64_t tables) {
  const std::vector<int32_t> numbers = value.elements<int32_t>(napi_int32_array, "Int32Array");
  const auto positions = static_cast<int64_t>(numbers.size()) / 4;
  value.check_length(numbers.size(), positions * 4, "positions x 4");
  std::vector<LogitConstraint::Position> plan;
  for (int64_t i = 0; i < positions; i++) {
    const int32_t* index = &numbers[4 * i];
    check_index(value, "masks", index[0], 0, masks);
    check_index(value, "rhymes", index[1], LogitConstraint::no_rhyme, positions);
    check_index(value, "tables", index[2], 0, tables);
    check_index(value, "repeated positions", index[3], LogitConstraint::no_repeat, i);
    plan.push_back({index[0], index[1], index[2], index[3]});
  }
  return plan;
}

// groups: [tables, vocab, words].
std::vector<std::vector<uint32_t>> to_tables(const Field& value, int64_t vocab_size, int64_t words) {
  const std::vector<uint32_t> groups = value.elements<uint32_t>(napi_uint32_array, "Uint32Array");
  const int64_t size = vocab_size * words, count = static_cast<int64_t>(groups.size()) / size;
  value.check_length(groups.size(), std::max<int64_t>(count, 1) * size, "tables x vocabSize x words");
  std::vector<std::vector<uint32_t>> tables;
  for (auto first = groups.begin(); first != groups.end(); first += size) {
    tables.emplace_back(first, first + size);
  }
  return tables;
}

LogitConstraint to_constraint(const Field& value, int64_t vocab_size, size_t prompts) {
  LogitConstraint constraint;
  constraint.masks = value["masks"].elements<uint8_t>(napi_uint8_array, "Uint8Array");
  const auto masks = static_cast<int64_t>(constraint.masks.size()) / vocab_size;
  value["masks"].check_length(constraint.masks.size(), std::max<int64_t>(masks, 1) * vocab_size,
                              "masks x vocabSize");
  constraint.allowed_groups = value["allowedGroups"].elements<uint32_t>(napi_uint32_array, "Uint32Array");
  const auto words = static_cast<int64_t>(constraint.words());
  if (words == 0 || words > vocab_size) {
    throw wrong_shape("expected from 1 to " + std::to_string(vocab_size) + " elements for " +
                      value["allowedGroups"].name + " but received " + std::to_string(words));
  }
  constraint.tables = to_tables(value["groups"], vocab_size, words);
  const auto tables = static_cast<int64_t>(constraint.tables.size());
  const Field plans = value["plans"];
  plans.check_length(plans.array_length(), static_cast<int64_t>(prompts), "prompts");
  for (uint32_t i = 0; i < prompts; i++) constraint.plans.push_back(to_plan(plans.item(i), masks, tables));
  return constraint;
}

// Throws if a mask in use has no ids left.
void check_masks(const LogitConstraint& constraint, const Field& field) {
  const std::vector<bool> is_empty = constraint.empty_masks();
  for (const auto& plan : constraint.plans) {
    for (const auto& position : plan) {
      if (!is_empty[position.mask] || position.repeated != LogitConstraint::no_repeat) continue;
      throw invalid_argument(field.name + ": mask " + std::to_string(position.mask) +
                             " allows only banned ids, or none");
    }
  }
}

// Throws if a plan repeats an id of its prompt that must not be drawn. Ids that are drawn may be repeated.
void check_repeated(const GenerateOptions& options, const std::vector<std::vector<int32_t>>& prompts,
                    const Field& field) {
  const LogitOptions& logits = options.logits;
  std::vector<int32_t> banned = logits.banned;
  if (logits.min_new_tokens > 0) banned.push_back(logits.end_id);
  for (size_t i = 0; i < prompts.size(); i++) {
    const auto& plan = logits.constraint->plans[i];
    const size_t given = prompts[i].size() - std::min(options.preface, prompts[i].size());
    for (size_t position = given; position < plan.size(); position++) {
      const int32_t repeated = plan[position].repeated;
      if (repeated == LogitConstraint::no_repeat || static_cast<size_t>(repeated) >= given) continue;
      const int32_t id = prompts[i][options.preface + repeated];
      if (std::find(banned.begin(), banned.end(), id) == banned.end()) continue;
      throw invalid_argument(field.name + ".constraint: position " + std::to_string(position) + " of plan " +
                             std::to_string(i) + " repeats the banned id " + std::to_string(id));
    }
  }
}

LogitOptions to_logit_options(const Field& options, int64_t vocab_size, size_t prompts) {
  LogitOptions out;
  out.end_id = static_cast<int32_t>(options["endId"].integer(0, vocab_size - 1));
  const Field min_new_tokens = options["minNewTokens"];
  if (!min_new_tokens.is_undefined()) out.min_new_tokens = min_new_tokens.integer(0, max_size);
  out.banned = options["banned"].ids(0, vocab_size);
  std::vector<bool> banned(vocab_size, false);
  for (const int32_t id : out.banned) banned[id] = true;
  if (out.min_new_tokens > 0) banned[out.end_id] = true;
  if (std::find(banned.begin(), banned.end(), false) == banned.end()) {
    throw invalid_argument(options["banned"].name + " leaves no id to draw");
  }
  const Field penalty = options["repetitionPenalty"], repeatable = options["repeatable"];
  if (!penalty.is_undefined()) out.repetition_penalty = penalty.number(0, 100);
  if (!repeatable.is_undefined()) out.repeatable = repeatable.ids(0, vocab_size);
  std::sort(out.repeatable.begin(), out.repeatable.end());
  const Field constraint = options["constraint"];
  if (!constraint.is_undefined()) {
    out.constraint = to_constraint(constraint, vocab_size, prompts);
    out.constraint->exclude(out.banned);
    check_masks(*out.constraint, constraint);
  }
  return out;
}

}  // namespace

InferenceConfig to_inference_config(const Napi::Value& value) {
  const Field config{value, "config"};
  InferenceConfig out;
  out.model = to_model_config(config["model"]);
  out.device = to_device(config["device"]);
  out.threads = static_cast<int>(config["threads"].integer(1, max_threads));
  const Field precision = config["precision"];
  if (!precision.is_undefined()) {
    out.precision = precision.word<Precision>({{"fp32", Precision::fp32}, {"tf32", Precision::tf32}});
  }
  return out;
}

std::vector<std::vector<int32_t>> to_sequences(const Field& sequences, int64_t vocab_size) {
  std::vector<std::vector<int32_t>> out;
  const uint32_t count = sequences.array_length();
  for (uint32_t i = 0; i < count; i++) {
    out.push_back(sequences.item(i).ids(0, vocab_size));
    if (out.back().empty()) sequences.item(i).refuse("at least one id");
  }
  return out;
}

GenerateOptions to_generate_options(const Field& options, int64_t vocab_size,
                                    const std::vector<std::vector<int32_t>>& prompts) {
  GenerateOptions out;
  const size_t count = prompts.size();
  out.max_new_tokens = options["maxNewTokens"].integer(0, max_size);
  out.sampling.temperature = options["temperature"].number(0, 1e6);
  out.sampling.top_k = options["topK"].integer(0, max_size);
  out.sampling.top_p = options["topP"].number(0, 1);
  const Field seeds = options["seeds"], streams = options["streams"];
  out.seeds.assign(count, 0);
  if (!seeds.is_undefined()) {
    out.seeds = seeds.elements<uint64_t>(napi_biguint64_array, "BigUint64Array");
    seeds.check_length(out.seeds.size(), static_cast<int64_t>(count), "prompts");
  }
  out.streams.resize(count);
  std::iota(out.streams.begin(), out.streams.end(), 0);
  if (!streams.is_undefined()) {
    out.streams = streams.elements<uint32_t>(napi_uint32_array, "Uint32Array");
    streams.check_length(out.streams.size(), static_cast<int64_t>(count), "prompts");
  }
  const Field preface = options["preface"], beam = options["beam"];
  if (!preface.is_undefined()) out.preface = preface.integer(1, max_size);
  if (!beam.is_undefined()) out.beam = beam.integer(1, 1000);
  out.logits = to_logit_options(options, vocab_size, count);
  if (out.logits.constraint) check_repeated(out, prompts, options);
  return out;
}

Napi::Value to_js(Napi::Env env, const std::vector<Sample>& samples) {
  auto out = Napi::Array::New(env, samples.size());
  for (uint32_t i = 0; i < samples.size(); i++) {
    auto sample = Napi::Object::New(env);
    sample["ids"] = copy_to_js<int32_t, Napi::Int32Array>(env, samples[i].ids);
    sample["ended"] = samples[i].ended;
    sample["logProb"] = samples[i].log_prob;
    out[i] = sample;
  }
  return out;
}

}  // namespace tangshi
