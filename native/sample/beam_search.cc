#include "sample/beam_search.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tangshi {
namespace {

// One continuation, and what is reckoned of it.
struct Beam {
  Sample sample;
  double score = 0;  // the log-probability, less what penalties take
  std::optional<Guided> guided;
  int64_t row = 0;  // of the state it goes on from

  double merit() const {
    return score / static_cast<double>(std::max<size_t>(1, sample.ids.size() + (sample.ended ? 1 : 0)));
  }
};

struct Step {
  size_t beam;
  int32_t id;
  double score, log_prob;  // with this step
};

// The likeliest steps of one continuation, at most so many.
void add_steps(const Beam& beam, size_t index, std::span<float> logits, const std::vector<int32_t>& prompt,
               const SampleOptions& options, std::vector<Step>& steps) {
  const std::vector<float> raw(logits.begin(), logits.end());
  const double all = log_sum_exp(raw);
  penalize(prompt, beam.sample.ids, logits, options);
  if (beam.guided) beam.guided->restrict(logits);
  for (const int32_t id : options.draw.banned) logits[id] = -INFINITY;
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto width = static_cast<ptrdiff_t>(std::min<size_t>(options.beam, ids.size()));
  std::partial_sort(ids.begin(), ids.begin() + width, ids.end(), [&](int32_t a, int32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  for (ptrdiff_t i = 0; i < width && std::isfinite(logits[ids[i]]); i++) {
    const int32_t id = ids[i];
    steps.push_back({index, id, beam.score + logits[id] - all, beam.sample.log_prob + raw[id] - all});
  }
}

Beam take(const Beam& beam, const Step& step, const SampleOptions& options) {
  Beam next = beam;
  next.score = step.score;
  next.sample.log_prob = step.log_prob;
  if (step.id == options.end_id && !next.guided) {
    next.sample.ended = true;
    return next;
  }
  next.sample.ids.push_back(step.id);
  if (next.guided) {
    next.guided->take(step.id);
    next.sample.ended = next.guided->is_done();
  }
  return next;
}

}  // namespace

Sample beam_search(const Network& network, const std::vector<int32_t>& prompt, size_t place,
                   const SampleOptions& options, const std::function<bool()>& canceled) {
  SpinPool alone(0);
  Network::State state(network, static_cast<int64_t>(options.beam), alone);
  state.select(std::vector<int64_t>{0});
  Beam first;
  if (options.guide) first.guided.emplace(*options.guide, place);
  for (size_t i = 0; i < prompt.size(); i++) {
    state.advance(std::vector<int32_t>{prompt[i]});
    if (first.guided && i >= options.preface && !first.guided->is_done()) first.guided->take(prompt[i]);
  }
  first.sample.ended = first.guided && first.guided->is_done();
  std::vector<Beam> live, finished;
  (first.sample.ended ? finished : live).push_back(first);
  while (!live.empty() && finished.size() < options.beam && !canceled()) {
    state.predict();
    std::vector<Step> steps;
    for (size_t i = 0; i < live.size(); i++) {
      add_steps(live[i], i, state.logits(static_cast<int64_t>(i)), prompt, options, steps);
    }
    std::stable_sort(steps.begin(), steps.end(),
                     [](const Step& a, const Step& b) { return a.score > b.score; });
    if (steps.size() > options.beam) steps.resize(options.beam);
    std::vector<Beam> next;
    for (const Step& step : steps) {
      Beam beam = take(live[step.beam], step, options);
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
  finished.insert(finished.end(), live.begin(), live.end());  // as far as they came, when it was cancelled
  const auto best = std::max_element(finished.begin(), finished.end(),
                                     [](const Beam& a, const Beam& b) { return a.merit() < b.merit(); });
  return best == finished.end() ? Sample{} : best->sample;
}

}  // namespace tangshi
