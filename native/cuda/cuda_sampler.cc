#include "cuda/cuda_sampler.h"

#include <algorithm>
#include <limits>

#include "cuda/precision_guard.h"

namespace tangshi {
namespace {

// Characters between two looks at what was drawn: each look waits for the device.
constexpr int64_t between_looks = 16;

// Draw, for the logits of many sequences at once.
class TensorDraw {
 public:
  TensorDraw(const DrawOptions& options, const at::Device& device)
      : options_(options), banned_(at::tensor(at::ArrayRef<int32_t>(options.banned), at::kLong).to(device)) {}

  // logits: [rows, vocab], overwritten; uniform: [rows], double, in [0, 1) -> ids [rows].
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& uniform) const {
    // No number is less likely than any number, and more than what is banned.
    logits.nan_to_num_(std::numeric_limits<float>::lowest()).index_fill_(1, banned_, -INFINITY);
    const at::Tensor likeliest = logits.argmax(1);
    if (options_.temperature == 0) return likeliest;
    const at::Tensor weights =
        ((logits - logits.amax(1, /*keepdim=*/true)).to(at::kDouble) / options_.temperature).exp_();
    const at::Tensor sums = kept(weights).cumsum(1), total = sums.slice(1, -1);
    // Inverse CDF; less than the total, whatever the rounding.
    const at::Tensor passed = at::min(uniform.unsqueeze(1) * total, total * (1 - 1e-12));
    return at::searchsorted(sums, passed, /*out_int32=*/false, /*right=*/true)
        .squeeze(1)
        .clamp_max_(logits.size(1) - 1);
  }

 private:
  // The weights, 0 where top-k and top-p leave a character out.
  at::Tensor kept(const at::Tensor& weights) const {
    const bool some = options_.top_k > 0 && options_.top_k < weights.size(1);
    if (!some && options_.top_p >= 1) return weights;
    auto [ranked, order] = weights.sort(/*stable=*/true, 1, /*descending=*/true);
    if (some) ranked.slice(1, options_.top_k).zero_();
    if (options_.top_p < 1) {
      const at::Tensor sums = ranked.cumsum(1);
      const at::Tensor enough = sums.slice(1, -1) * options_.top_p;
      // The one with which they reach it is among them, and the likeliest in any case.
      ranked.slice(1, 1).masked_fill_(sums.slice(1, 0, -1) >= enough, 0);
    }
    return at::zeros_like(weights).scatter_(1, order, ranked);
  }

  const DrawOptions options_;
  const at::Tensor banned_;
};

// What does not depend on what is drawn, for characters that are fed one after the other: [time, rows].
struct Script {
  at::Tensor given;    // the prompt's id that comes next, or -1 where it is drawn
  at::Tensor uniform;  // random numbers, double
};

// For `time` characters from `begin` on.
Script write_script(const std::vector<std::vector<int32_t>>& prompts, std::vector<Random>& randoms,
                    int64_t begin, int64_t time) {
  const auto rows = static_cast<int64_t>(prompts.size());
  const Script script{at::full({time, rows}, -1, at::kLong), at::zeros({time, rows}, at::kDouble)};
  auto given = script.given.accessor<int64_t, 2>();
  auto uniform = script.uniform.accessor<double, 2>();
  for (int64_t row = 0; row < rows; row++) {
    for (int64_t t = 0; t < time; t++) {
      const auto next = static_cast<size_t>(begin + t + 1);
      if (next < prompts[row].size()) {
        given[t][row] = prompts[row][next];
      } else {
        uniform[t][row] = randoms[row].uniform();
      }
    }
  }
  return script;
}

// Takes what was drawn since the last look, up to the end. drawn: [time, rows], of characters from `begin`
// on. Returns whether any goes on.
bool look(const at::Tensor& drawn, int64_t begin, const std::vector<std::vector<int32_t>>& prompts,
          const SampleOptions& options, std::vector<Sample>& samples) {
  const at::Tensor read = drawn.cpu();
  const auto ids = read.accessor<int64_t, 2>();
  bool any = false;
  for (size_t row = 0; row < prompts.size(); row++) {
    Sample& sample = samples[row];
    const auto full = [&] { return static_cast<int64_t>(sample.ids.size()) >= options.max_new_tokens; };
    for (int64_t t = 0; t < ids.size(0) && !sample.ended && !full(); t++) {
      if (begin + t + 1 < static_cast<int64_t>(prompts[row].size())) continue;  // the prompt's own
      const auto id = static_cast<int32_t>(ids[t][row]);
      sample.ended = id == options.end_id;
      if (!sample.ended) sample.ids.push_back(id);
    }
    any = any || !(sample.ended || full());
  }
  return any;
}

}  // namespace

std::vector<Sample> sample_by_tensors(ModelImpl& model, Precision precision,
                                      const std::vector<std::vector<int32_t>>& prompts,
                                      const SampleOptions& options, const std::function<bool()>& canceled) {
  const at::NoGradGuard no_grad;
  const auto rows = static_cast<int64_t>(prompts.size());
  int64_t longest = 0;
  std::vector<int64_t> first;
  std::vector<Random> randoms;
  for (int64_t row = 0; row < rows; row++) {
    longest = std::max<int64_t>(longest, prompts[row].size());
    first.push_back(prompts[row][0]);
    randoms.emplace_back(options.seed, row);
  }
  const at::Device device = model.device();
  const TensorDraw draw(options.draw, device);
  HiddenState state = model.zero_state(rows);
  at::Tensor ids = at::tensor(first).to(device);  // [rows], fed next
  std::vector<Sample> samples(prompts.size());
  const int64_t last = longest - 1 + options.max_new_tokens;
  for (int64_t begin = 0; begin < last && !canceled(); begin += between_looks) {
    const int64_t time = std::min(between_looks, last - begin);
    const Script script = write_script(prompts, randoms, begin, time);
    std::vector<at::Tensor> drawn;
    {
      const PrecisionGuard turn(precision);
      const at::Tensor given = script.given.to(device), uniform = script.uniform.to(device);
      for (int64_t t = 0; t < time; t++) {
        const at::Tensor hidden = model.forward(ids.unsqueeze(0), state, std::nullopt)[0];
        ids = at::where(given[t] >= 0, given[t], draw(model.logits(hidden), uniform[t]));
        drawn.push_back(ids);
      }
    }
    if (!look(at::stack(drawn), begin, prompts, options, samples)) break;
  }
  return samples;
}

}  // namespace tangshi
