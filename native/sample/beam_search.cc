#include "sample/beam_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "sample/log_prob.h"

namespace tangshi {
namespace {

// One continuation.
struct Beam {
  Sample sample;
  double score = 0;  // log-probability minus penalties
  std::optional<ConstraintState> constraint;
  int64_t row = 0;  // index of the state it continues from

  double merit() const {
    return score / static_cast<double>(std::max<size_t>(1, sample.ids.size() + (sample.ended ? 1 : 0)));
  }
};

struct Step {
  size_t beam;
  int32_t id;
  double score, log_prob;  // including this step
};

// The most likely steps of one continuation, at most options.beam.
void add_steps(const Beam& beam, size_t index, std::span<float> logits, std::span<const int32_t> prompt,
               const GenerateOptions& options, std::vector<Step>& steps) {
  const SequenceView sequence{prompt, beam.sample.ids, beam.constraint ? &*beam.constraint : nullptr};
  const LogProb log_prob(logits, sequence);
  process_logits(LogitProcessors(options.logits), logits, sequence);
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto width = static_cast<ptrdiff_t>(std::min<size_t>(options.beam, ids.size()));
  std::partial_sort(ids.begin(), ids.begin() + width, ids.end(), [&](int32_t a, int32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  for (ptrdiff_t i = 0; i < width && std::isfinite(logits[ids[i]]); i++) {
    const int32_t id = ids[i];
    steps.push_back(
        {index, id, beam.score + logits[id] - log_prob.total(), beam.sample.log_prob + log_prob(id, logits)});
  }
}

Beam extend(const Beam& beam, const Step& step, const GenerateOptions& options) {
  Beam next = beam;
  next.score = step.score;
  next.sample.log_prob = step.log_prob;
  if (step.id == options.logits.end_id && !next.constraint) {
    next.sample.ended = true;
    return next;
  }
  next.sample.ids.push_back(step.id);
  if (next.constraint) {
    next.constraint->advance(step.id);
    next.sample.ended = next.constraint->is_done();
  }
  return next;
}

}  // namespace

Sample beam_search(const Network& network, const std::vector<int32_t>& prompt, size_t index,
                   const GenerateOptions& options, const std::function<bool()>& canceled) {
  SpinPool alone(0);
  Network::State state(network, static_cast<int64_t>(options.beam), alone);
  state.select(std::vector<int64_t>{0});
  Beam first;
  if (options.logits.constraint) first.constraint.emplace(*options.logits.constraint, index);
  for (size_t i = 0; i < prompt.size(); i++) {
    state.advance(std::vector<int32_t>{prompt[i]});
    if (first.constraint && i >= options.preface && !first.constraint->is_done())
      first.constraint->advance(prompt[i]);
  }
  first.sample.ended = first.constraint && first.constraint->is_done();
  const std::span<const int32_t> body = std::span(prompt).subspan(std::min(options.preface, prompt.size()));
  std::vector<Beam> live, finished;
  (first.sample.ended ? finished : live).push_back(first);
  while (!live.empty() && finished.size() < options.beam && !canceled()) {
    state.predict();
    std::vector<Step> steps;
    for (size_t i = 0; i < live.size(); i++) {
      add_steps(live[i], i, state.logits(static_cast<int64_t>(i)), body, options, steps);
    }
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.score > b.score; });
    if (steps.size() > options.beam) steps.resize(options.beam);
    std::vector<Beam> next;
    for (const Step& step : steps) {
      Beam beam = extend(live[step.beam], step, options);
      beam.row = static_cast<int64_t>(step.beam);
      const bool full = static_cast<int64_t>(beam.sample.ids.size()) >= options.max_new_tokens;
      (beam.sample.ended || full ? finished : next).push_back(std::move(beam));
    }
    live = std::move(next);
    if (live.empty()) break;
    std::vector<int64_t> rows;
    std::vector<int32_t> ids;
    for (const Beam& beam : live) {
      rows.push_back(beam.row);
      ids.push_back(beam.sample.ids.back());
    }
    state.select(rows);
    state.advance(ids);
  }
  // Continuations cut off by max_new_tokens or by cancellation count only if none has ended.
  if (finished.empty()) finished = std::move(live);
  const auto better = [](const Beam& a, const Beam& b) {
    return std::pair(a.sample.ended, a.merit()) < std::pair(b.sample.ended, b.merit());
  };
  const auto best = std::max_element(finished.begin(), finished.end(), better);
  return best == finished.end() ? Sample{} : best->sample;
}

}  // namespace tangshi
