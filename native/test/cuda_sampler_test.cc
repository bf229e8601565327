// The GPU sampler, run on the CPU, against the CPU sampler, including logit processors.
#include "cuda/cuda_sampler.h"

#include <cmath>

#include "cuda/tensor_logit_processors.h"
#include "host_sync_guard.h"
#include "inference_fixture.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

// Prompts of different lengths: sequences with longer prompts start drawing later.
const std::vector<std::vector<int32_t>> prompts = {{1}, {2, 3, 4}, {5, 6}, {7}, {8, 1, 2, 3, 4, 5}};

std::unique_ptr<Accelerator> open(const ModelConfig& config, const TensorMap& tensors) {
  return open_cuda_sampler(config, tensors, /*device=*/-1, Precision::fp32);
}

GenerateOptions seeded(GenerateOptions options, uint64_t seed = 5) {
  options.seeds.assign(prompts.size(), seed);
  options.streams = {0, 1, 2, 3, 4};
  return options;
}

void expect_same(const std::vector<Sample>& samples, const std::vector<Sample>& expected) {
  EXPECT_EQ(samples.size(), expected.size());
  for (size_t i = 0; i < samples.size(); i++) {
    EXPECT(samples[i].ids == expected[i].ids);
    EXPECT_EQ(samples[i].ended, expected[i].ended);
    EXPECT(std::abs(samples[i].log_prob - expected[i].log_prob) < 1e-4);
  }
}

// Two rhymes, with more groups than fit in a word, in two tables; positions without a rhyme; a comma;
// repeated ids, drawn or of a prompt.
LogitConstraint rhyming(int64_t vocab) {
  constexpr int32_t none = LogitConstraint::no_rhyme;
  Random random(3, 0);
  LogitConstraint out;
  out.masks.assign(3 * vocab, 0);
  out.tables.assign(2, std::vector<uint32_t>(2 * vocab, 0));
  out.allowed_groups = {0xffffffff, 0x7f};
  for (int64_t id = 1; id < vocab - 1; id++) {
    out.masks[id] = 1;
    out.masks[vocab + id] = id % 2;
    for (auto& table : out.tables) {
      for (int i = 0; i < 2; i++) {
        const auto group = static_cast<int>(random.uniform() * 8) * 5;  // 0, 5, … 35
        table[2 * id + group / 32] |= 1u << group % 32;
      }
    }
  }
  out.masks[2 * vocab + vocab - 2] = 1;
  for (size_t prompt = 0; prompt < prompts.size(); prompt++) {
    out.plans.push_back({{0},
                         {0, 0},
                         {2},
                         {1, 1, 1},
                         {0, 0, 1},
                         {2},
                         {0, 1, 0},
                         {1, 0},
                         {2},
                         {1, none, 0, 0},
                         {2, 0, 1, 4},
                         {0, 0, 1},
                         {0, 1, 0, 9},
                         {2}});
    // Of different lengths.
    if (prompt == 3) out.plans.back().push_back({1, 1, 1, 11});
  }
  return out;
}

}  // namespace

TEST(cuda_sampler, draws_the_same_as_the_cpu_sampler) {
  const std::vector<std::pair<SamplingOptions, std::vector<int32_t>>> draws = {
      {{.temperature = 0}, {}},
      {{}, {}},
      {{.temperature = 0.7}, {0, 3}},
      {{.top_k = 3}, {}},
      {{.top_k = 100}, {}},
      {{.top_p = 0.6}, {}},
      {{.top_p = 0}, {}},
      {{.temperature = 2, .top_k = 6, .top_p = 0.8}, {10}}};
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    const TensorMap tensors = random_tensors(small_network(cell));
    Writer writer(small_network(cell), tensors);
    const auto sampler = open(small_network(cell), tensors);
    for (const auto& [sampling, banned] : draws) {
      for (const int64_t length : {1, 16, 50}) {
        for (const double penalty : {0.0, 1.5}) {
          GenerateOptions options =
              seeded({.max_new_tokens = length, .logits = {.end_id = 10}, .sampling = sampling});
          options.logits = {.end_id = 10,
                            .min_new_tokens = length / 4,
                            .repetition_penalty = penalty,
                            .repeatable = {2, 9},
                            .banned = banned};
          expect_same(sampler->generate(prompts, options, never), writer(prompts, options));
        }
      }
    }
  }
}

TEST(cuda_sampler, respects_the_constraint_like_the_cpu_sampler) {
  ModelConfig config = small_network();
  config.vocab_size = 60;
  Writer writer(config);
  const auto sampler = open(config, random_tensors(config));
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 59}};
  options.logits = {
      .end_id = 59, .repetition_penalty = 1, .repeatable = {58}, .constraint = rhyming(60), .banned = {7}};
  for (uint64_t seed = 0; seed < 40; seed++) {
    const auto samples = sampler->generate(prompts, seeded(options, seed), never);
    expect_same(samples, writer(prompts, seeded(options, seed)));
    for (const Sample& sample : samples) EXPECT(sample.ended);
    for (size_t i = 0; i < prompts.size(); i++) {
      std::vector<int32_t> ids(prompts[i].begin() + 1, prompts[i].end());
      ids.insert(ids.end(), samples[i].ids.begin(), samples[i].ids.end());
      EXPECT(ids[9] == ids[0] && ids[10] == ids[4] && ids[12] == ids[9]);
    }
  }
  // Few allowed groups: rhymes run out, and the conditions are dropped one after the other.
  options.logits.constraint->allowed_groups = {1, 0};
  for (uint64_t seed = 0; seed < 40; seed++) {
    expect_same(sampler->generate(prompts, seeded(options, seed), never),
                writer(prompts, seeded(options, seed)));
  }
}

TEST(cuda_sampler, repeats_ids_like_the_cpu_sampler_whatever_the_sampling) {
  ModelConfig config = small_network();
  config.vocab_size = 60;
  Writer writer(config);
  const auto sampler = open(config, random_tensors(config));
  GenerateOptions options{.max_new_tokens = 50, .logits = {.end_id = 59, .repetition_penalty = 20}};
  options.logits.constraint = rhyming(60);
  for (const SamplingOptions& sampling : {SamplingOptions{.temperature = 0}, SamplingOptions{.top_k = 1},
                                          SamplingOptions{.temperature = 0.5, .top_k = 3, .top_p = 0.1}}) {
    options.sampling = sampling;
    const auto samples = sampler->generate(prompts, seeded(options), never);
    expect_same(samples, writer(prompts, seeded(options)));
    EXPECT(samples[0].ids[9] == samples[0].ids[0] && samples[0].ids[10] == samples[0].ids[4]);
    EXPECT_EQ(samples[1].ids[7], 3);  // of the prompt
  }
}

TEST(cuda_sampler, if_no_id_is_allowed_draws_one_that_is_not_banned) {
  Writer writer;
  const auto sampler = open(small_network(), random_tensors(small_network()));
  GenerateOptions options = seeded({.max_new_tokens = 3, .logits = {.end_id = 10}});
  options.logits.banned = {0, 1, 4};
  options.logits.constraint = LogitConstraint{std::vector<uint8_t>(11), {std::vector<uint32_t>(11)}, {0}, {}};
  options.logits.constraint->masks[4] = 1;
  constexpr LogitConstraint::Position only{0};
  options.logits.constraint->plans.assign(prompts.size(), std::vector(8, only));
  for (const double temperature : {0.0, 0.8}) {
    options.sampling.temperature = temperature;
    const auto samples = sampler->generate(prompts, options, never), expected = writer(prompts, options);
    for (size_t i = 0; i < samples.size(); i++) {
      EXPECT(samples[i].ids == expected[i].ids);
      for (const int32_t id : samples[i].ids) EXPECT_EQ(id, 2);
    }
  }
}

TEST(cuda_sampler, the_processors_do_not_synchronize_with_the_device) {
  ModelConfig config = small_network();
  config.vocab_size = 60;
  GenerateOptions options = seeded({.max_new_tokens = 5, .logits = {.end_id = 59}});
  options.logits = {
      .end_id = 59, .repetition_penalty = 1, .repeatable = {58}, .constraint = rhyming(60), .banned = {7}};
  const TensorLogitProcessors processors(options.logits, config.vocab_size, at::kCPU);
  TensorSequences sequences(prompts, options, config.vocab_size, at::kCPU);
  const auto rows = static_cast<int64_t>(prompts.size());
  const at::Tensor drawn = at::ones({rows}, at::kBool);
  at::Tensor logits = at::randn({rows, config.vocab_size}), ids = at::full({rows}, 3, at::kLong);
  const HostSyncGuard guard;
  for (int i = 0; i < 4; i++) {
    process_logits(processors, logits, sequences);
    sequences.advance(ids, drawn);
  }
  EXPECT(guard.refused().empty());
}

TEST(cuda_sampler, a_rhyme_may_use_several_tables) {
  // 西江月: ids 1 to 3 are level, 4 to 6 oblique; 1, 2 and 4, 5 rhyme in group 0, 3 and 6 in group 33.
  LogitConstraint constraint;
  constraint.masks = {0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0};
  constraint.tables.assign(2, std::vector<uint32_t>(22, 0));
  for (const int id : {1, 2}) constraint.tables[0][2 * id] = constraint.tables[1][2 * (id + 3)] = 1;
  constraint.tables[0][2 * 3 + 1] = constraint.tables[1][2 * 6 + 1] = 2;
  constraint.allowed_groups = {1, 2};
  constraint.plans.assign(2, {{0, 0, 0}, {1, 0, 1}});
  const std::vector<std::vector<int32_t>> begun = {{0, 1}, {0, 3}};
  const GenerateOptions options{.logits = {.end_id = 10, .constraint = constraint}};
  const TensorLogitProcessors processors(options.logits, 11, at::kCPU);
  const TensorSequences sequences(begun, options, 11, at::kCPU);
  at::Tensor logits = at::zeros({2, 11});
  process_logits(processors, logits, sequences);
  const at::Tensor allowed = logits.isfinite();
  EXPECT(allowed[0].nonzero().equal(at::tensor({4, 5}, at::kLong).unsqueeze(1)));
  EXPECT(allowed[1].nonzero().equal(at::tensor({6}, at::kLong).unsqueeze(1)));
}

TEST(cuda_sampler, nonfinite_logits_give_an_id_that_is_not_banned) {
  for (const float bias : {NAN, INFINITY, -INFINITY}) {
    TensorMap tensors = random_tensors(small_network());
    auto& data = tensors.at("fc.bias").data;
    for (size_t i = 0; i < data.size(); i += 4) std::memcpy(data.data() + i, &bias, 4);
    GenerateOptions options = seeded({.max_new_tokens = 5, .logits = {.end_id = 10, .banned = {0, 1, 10}}});
    for (const Sample& sample : open(small_network(), tensors)->generate(prompts, options, never)) {
      EXPECT_EQ(sample.ids.size(), 5u);
      for (const int32_t id : sample.ids) EXPECT(id >= 2 && id < 10);
    }
  }
}

TEST(cuda_sampler, stops_when_canceled) {
  int asked = 0;
  const GenerateOptions options =
      seeded({.max_new_tokens = 1 << 30, .logits = {.end_id = 10, .banned = {10}}});
  const auto samples =
      open(small_network(), random_tensors(small_network()))->generate(prompts, options, [&] {
        return ++asked > 2;
      });
  EXPECT(!samples[0].ids.empty() && samples[0].ids.size() < 100);
}

}  // namespace tangshi::test
