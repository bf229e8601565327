#include "sample/generate.h"

#include <algorithm>
#include <atomic>
#include <set>

#include "parallel/lead.h"
#include "sample/accelerator.h"
#include "sample/beam_search.h"
#include "sample/log_prob.h"

namespace tangshi {
namespace {

// Number of helpers for a single sequence. The weights are read once per character, so more threads would
// wait for memory and each other.
constexpr int most_helpers = 3;

// Number of rows a thread decodes together, so that the weights are read once for all of them; and of rows of
// all threads together, each with its own logits, [vocab] floats.
constexpr int64_t most_rows = 128, most_rows_of_all = 1024, fewest_rows = 16;

// The time of a device per character hardly depends on the number of sequences: small models and few
// sequences run on the CPU. In weights x sequences; npm run bench -- --device cuda measures the break-even
// point.
constexpr int64_t most_products_for_cpu = 20'000'000;

// State of one sequence.
struct Row {
  const std::vector<int32_t>* prompt;
  size_t index;  // of the prompt
  Random random;
  Sample* out;
  size_t fed = 0;  // ids of the prompt fed to the network so far
  std::optional<ConstraintState> constraint = {};

  bool in_prompt() const { return fed < prompt->size(); }
};

// Decodes some of the prompts in parallel.
class Decoder {
 public:
  Decoder(const Generator& generator, const std::vector<std::vector<int32_t>>& prompts,
          const GenerateOptions& options, const std::function<bool()>& canceled, const OnToken& on_token,
          std::vector<Sample>& samples)
      : network_(generator.network),
        prompts_(prompts),
        options_(options),
        canceled_(canceled),
        on_token_(on_token),
        samples_(samples),
        processors_(options.logits),
        banned_(options.logits.banned.begin(), options.logits.banned.end()) {}

  void decode(const Range& range, SpinPool& pool) const {
    TokenSampler sampler(options_.sampling, options_.logits.banned, network_.config().vocab_size);
    Network::State state(network_, range.size(), pool);
    std::vector<Row> rows = rows_of(range);
    std::vector<int32_t> ids;
    std::vector<int64_t> kept;
    while (!rows.empty() && !canceled_()) {
      ids.clear();
      for (Row& row : rows) ids.push_back(next_input(row));
      state.advance(ids);
      if (std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.in_prompt(); })) continue;
      state.predict();
      kept.clear();
      for (size_t r = 0; r < rows.size(); r++) {
        if (rows[r].in_prompt() || draw(rows[r], state.logits(r), sampler)) kept.push_back(r);
      }
      if (kept.size() == rows.size()) continue;
      // Drops finished rows.
      state.select(kept);
      std::vector<Row> remaining;
      for (const int64_t r : kept) remaining.push_back(std::move(rows[r]));
      rows = std::move(remaining);
    }
  }

 private:
  std::vector<Row> rows_of(const Range& range) const {
    std::vector<Row> rows;
    for (int64_t i = range.begin; i < range.end; i++) {
      const auto index = static_cast<size_t>(i);
      rows.push_back({&prompts_[i], index, Random(options_.seeds[i], options_.streams[i]), &samples_[i]});
      if (options_.logits.constraint) rows.back().constraint.emplace(*options_.logits.constraint, index);
    }
    return rows;
  }

  int32_t next_input(Row& row) const {
    if (!row.in_prompt()) return row.out->ids.back();
    const int32_t id = (*row.prompt)[row.fed];
    const bool constrained = row.constraint && row.fed >= options_.preface && !row.constraint->is_done();
    if (constrained) row.constraint->advance(id);
    row.fed++;
    return id;
  }

  SequenceView view_of(const Row& row) const {
    const std::span<const int32_t> prompt = *row.prompt;
    return {prompt.subspan(std::min(options_.preface, prompt.size())), row.out->ids,
            row.constraint ? &*row.constraint : nullptr};
  }

  // Draws an id and adds its log-probability without processing.
  int32_t draw_id(Row& row, std::span<float> logits, TokenSampler& sampler) const {
    const SequenceView sequence = view_of(row);
    if (options_.logits.repetition_penalty != 0 || row.constraint) {
      const LogProb log_prob(logits, sequence);
      process_logits(processors_, logits, sequence);
      const int32_t id = sampler(logits, row.random);
      row.out->log_prob += log_prob(id, logits);
      return id;
    }
    // Only banned ids are missing from the sum that the sampler computes anyway.
    std::vector<float> missing;
    for (const int32_t id : banned_) missing.push_back(logits[id]);
    const int32_t end = options_.logits.end_id;
    if (!sequence.may_end(options_.logits) && !banned_.contains(end)) missing.push_back(logits[end]);
    process_logits(processors_, logits, sequence);
    double log_total;
    const int32_t id = sampler(logits, row.random, &log_total);
    row.out->log_prob += logits[id] - log_add_exp(log_total, missing);
    return id;
  }

  // Draws the next id of a row. Returns whether the row continues.
  bool draw(Row& row, std::span<float> logits, TokenSampler& sampler) const {
    Sample& out = *row.out;
    if (row.constraint && row.constraint->is_done()) {  // the prompt is already complete
      out.ended = true;
      return false;
    }
    const int32_t id = draw_id(row, logits, sampler);
    if (id == options_.logits.end_id && !row.constraint) {
      out.ended = true;
      return false;
    }
    out.ids.push_back(id);
    if (on_token_) on_token_(row.index, id);
    if (row.constraint) {
      row.constraint->advance(id);
      out.ended = row.constraint->is_done();
    }
    return !out.ended && static_cast<int64_t>(out.ids.size()) < options_.max_new_tokens;
  }

  const Network& network_;
  const std::vector<std::vector<int32_t>>& prompts_;
  const GenerateOptions& options_;
  const std::function<bool()>& canceled_;
  const OnToken& on_token_;
  std::vector<Sample>& samples_;
  const LogitProcessors processors_;
  const std::set<int32_t> banned_;
};

// One sequence; the threads share the matrix products of each character.
void decode_one(const Decoder& decoder, ThreadPool& threads) {
  const int helpers = std::min(threads.count() - 1, most_helpers);
  lead(threads, helpers, [&](SpinPool& pool) { decoder.decode({0, 1}, pool); });
}

int64_t rows_at_a_time(int64_t count, int64_t threads) {
  const int64_t share = (count + threads - 1) / threads;
  return std::min(share, std::clamp(most_rows_of_all / threads, fewest_rows, most_rows));
}

// Many sequences; each thread takes several at a time.
void decode_many(const Decoder& decoder, ThreadPool& threads, int64_t count) {
  const int64_t rows = rows_at_a_time(count, threads.count());
  std::atomic<int64_t> next = 0;
  threads.run([&](int) {
    SpinPool alone(0);
    for (int64_t first; (first = next.fetch_add(rows)) < count;) {
      decoder.decode({first, std::min(first + rows, count)}, alone);
    }
  });
}

void search_all(const Generator& generator, const std::vector<std::vector<int32_t>>& prompts,
                const GenerateOptions& options, const std::function<bool()>& canceled,
                std::vector<Sample>& samples) {
  std::atomic<size_t> next = 0;
  generator.threads.run([&](int) {
    for (size_t i; (i = next++) < prompts.size() && !canceled();) {
      samples[i] = beam_search(generator.network, prompts[i], i, options, canceled);
    }
  });
}

}  // namespace

std::vector<Sample> generate(const Generator& generator, const std::vector<std::vector<int32_t>>& prompts,
                             const GenerateOptions& options, const std::function<bool()>& canceled,
                             const OnToken& on_token) {
  std::vector<Sample> samples(prompts.size());
  if (prompts.empty() || options.max_new_tokens == 0) return samples;
  const auto count = static_cast<int64_t>(prompts.size());
  if (options.beam > 0) {
    search_all(generator, prompts, options, canceled, samples);
    return samples;
  }
  const bool worthwhile = count * generator.network.parameter_count() > most_products_for_cpu;
  if (generator.accelerator != nullptr && worthwhile && !on_token) {
    return generator.accelerator->generate(prompts, options, canceled);
  }
  const Decoder decoder(generator, prompts, options, canceled, on_token, samples);
  if (count == 1) {
    decode_one(decoder, generator.threads);
  } else {
    decode_many(decoder, generator.threads, count);
  }
  return samples;
}

}  // namespace tangshi
