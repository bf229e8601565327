#include "cuda/cuda_sampler.h"

#include <algorithm>
#include <limits>
#include <set>

#include "cuda/cudnn.h"
#include "cuda/driver.h"
#include "cuda/precision_guard.h"
#include "cuda/tensor_logit_processors.h"
#include "model/model.h"
#include "sample/weights.h"
#include "torch_error.h"

namespace tangshi {
namespace {

using Prompts = std::vector<std::vector<int32_t>>;

// Number of characters drawn between two reads, each of which waits for the device.
constexpr int64_t characters_per_read = 16;

// The equivalent of TokenSampler for the logits of many sequences at once.
class TensorTokenSampler {
 public:
  // banned: as for TokenSampler.
  TensorTokenSampler(const SamplingOptions& options, const std::vector<int32_t>& banned) : options_(options) {
    const std::set<int32_t> all(banned.begin(), banned.end());
    while (all.contains(first_allowed_)) first_allowed_++;
  }

  // logits: [rows, vocab]; uniform: [rows], double, in [0, 1) -> ids [rows].
  at::Tensor operator()(const at::Tensor& logits, const at::Tensor& uniform) const {
    const at::Tensor none_is_left = logits.amax(1).isinf();
    return draw(logits, uniform).masked_fill_(none_is_left, first_allowed_);
  }

 private:
  at::Tensor draw(const at::Tensor& logits, const at::Tensor& uniform) const {
    if (options_.temperature == 0) return logits.argmax(1);
    const at::Tensor weights =
        ((logits - logits.amax(1, /*keepdim=*/true)).to(at::kDouble) / options_.temperature).exp_();
    const at::Tensor sums = kept(weights).cumsum(1), total = sums.slice(1, -1);
    // Inverse CDF; kept below the total despite rounding.
    const at::Tensor passed = at::min(uniform.unsqueeze(1) * total, total * (1 - 1e-12));
    return at::searchsorted(sums, passed, /*out_int32=*/false, /*right=*/true)
        .squeeze(1)
        .clamp_max_(logits.size(1) - 1);
  }

  // The weights, 0 for characters that top-k and top-p exclude.
  at::Tensor kept(const at::Tensor& weights) const {
    const bool some = options_.top_k > 0 && options_.top_k < weights.size(1);
    if (!some && options_.top_p >= 1) return weights;
    auto [ranked, order] = weights.sort(/*stable=*/true, 1, /*descending=*/true);
    if (some) ranked.slice(1, options_.top_k).zero_();
    if (options_.top_p < 1) {
      const at::Tensor sums = ranked.cumsum(1);
      const at::Tensor enough = sums.slice(1, -1) * options_.top_p;
      // Includes the character that reaches top-p, and the most likely character in any case.
      ranked.slice(1, 1).masked_fill_(sums.slice(1, 0, -1) >= enough, 0);
    }
    return at::zeros_like(weights).scatter_(1, order, ranked);
  }

  const SamplingOptions options_;
  int32_t first_allowed_ = 0;
};

// Everything known in advance about a chunk of consecutive characters: [time, rows].
struct Inputs {
  at::Tensor given;    // the next id of the prompt, or -1 if it is drawn
  at::Tensor uniform;  // random numbers, double
};

// For `time` characters, starting at `begin`.
Inputs make_inputs(const Prompts& prompts, std::vector<Random>& randoms, int64_t begin, int64_t time) {
  const auto rows = static_cast<int64_t>(prompts.size());
  const Inputs inputs{at::full({time, rows}, -1, at::kLong), at::zeros({time, rows}, at::kDouble)};
  auto given = inputs.given.accessor<int64_t, 2>();
  auto uniform = inputs.uniform.accessor<double, 2>();
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
  return inputs;
}

// What was drawn for each sequence, on the host.
class Results {
 public:
  Results(const Prompts& prompts, const GenerateOptions& options)
      : prompts_(prompts), options_(options), samples_(prompts.size()) {
    for (size_t row = 0; row < prompts.size(); row++) samples_[row].ended = remaining(row) == 0;
  }

  // Adds characters, starting at `begin`. ids and log_probs: [time, rows]. Returns whether any sequence
  // continues.
  bool add(int64_t begin, const at::Tensor& ids, const at::Tensor& log_probs) {
    const auto id = ids.accessor<int64_t, 2>();
    const auto log_prob = log_probs.accessor<double, 2>();
    bool any = false;
    for (size_t row = 0; row < prompts_.size(); row++) {
      for (int64_t t = 0; t < ids.size(0) && continues(row); t++) {
        if (begin + t + 1 < static_cast<int64_t>(prompts_[row].size())) continue;  // part of the prompt
        add(row, static_cast<int32_t>(id[t][row]), log_prob[t][row]);
      }
      any = any || continues(row);
    }
    return any;
  }

  std::vector<Sample> take() { return std::move(samples_); }

 private:
  // Positions left in the constraint's plan; without a constraint, more than any sequence needs.
  size_t remaining(size_t row) const {
    if (!options_.logits.constraint) return std::numeric_limits<size_t>::max();
    const size_t done = prompts_[row].size() - std::min(options_.preface, prompts_[row].size());
    const size_t all = options_.logits.constraint->plans[row].size();
    return all - std::min(all, done + samples_[row].ids.size());
  }

  bool continues(size_t row) const {
    const Sample& sample = samples_[row];
    return !sample.ended && static_cast<int64_t>(sample.ids.size()) < options_.max_new_tokens;
  }

  void add(size_t row, int32_t id, double log_prob) {
    Sample& sample = samples_[row];
    sample.log_prob += log_prob;
    if (id == options_.logits.end_id && !options_.logits.constraint) {
      sample.ended = true;
      return;
    }
    sample.ids.push_back(id);
    sample.ended = remaining(row) == 0;
  }

  const Prompts& prompts_;
  const GenerateOptions& options_;
  std::vector<Sample> samples_;
};

class CudaSampler : public Accelerator {
 public:
  CudaSampler(const ModelConfig& config, const Parameters& parameters, Precision precision)
      : model_(config, parameters, /*grads=*/at::Tensor(), cuda_layer(config, parameters)),
        precision_(precision) {}

  std::vector<Sample> generate(const Prompts& prompts, const GenerateOptions& options,
                               const std::function<bool()>& canceled) override {
    return with_torch_errors([&] { return run(prompts, options, canceled); });
  }

 private:
  std::vector<Sample> run(const Prompts& prompts, const GenerateOptions& options,
                          const std::function<bool()>& canceled) {
    const at::NoGradGuard no_grad;
    const at::Device device = model_->device();
    const int64_t vocab = model_->config().vocab_size, rows = static_cast<int64_t>(prompts.size());
    int64_t longest = 0;
    std::vector<int64_t> first;
    std::vector<Random> randoms;
    for (int64_t row = 0; row < rows; row++) {
      longest = std::max<int64_t>(longest, prompts[row].size());
      first.push_back(prompts[row][0]);
      randoms.emplace_back(options.seeds[row], options.streams[row]);
    }
    const TensorLogitProcessors processors(options.logits, vocab, device);
    const TensorTokenSampler sampler(options.sampling, options.logits.banned);
    TensorSequences sequences(prompts, options, vocab, device);
    HiddenState state = model_->zero_state(rows);
    at::Tensor ids = at::tensor(first).to(device);  // [rows], fed next
    Results results(prompts, options);
    const int64_t last = longest - 1 + options.max_new_tokens;
    for (int64_t begin = 0; begin < last && !canceled(); begin += characters_per_read) {
      const int64_t time = std::min(characters_per_read, last - begin);
      const Inputs inputs = make_inputs(prompts, randoms, begin, time);
      std::vector<at::Tensor> all_ids, all_log_probs;
      {
        const PrecisionGuard guard(precision_);
        const at::Tensor given = inputs.given.to(device), uniform = inputs.uniform.to(device);
        for (int64_t t = 0; t < time; t++) {
          // NaN becomes less likely than any number, but more likely than banned ids.
          at::Tensor logits = model_->logits(model_->forward(ids.unsqueeze(0), state, std::nullopt)[0])
                                  .nan_to_num_(std::numeric_limits<float>::lowest());
          const at::Tensor log_probs = at::log_softmax(logits, 1);
          process_logits(processors, logits, sequences);
          const at::Tensor is_drawn = given[t].lt(0);
          ids = at::where(is_drawn, sampler(logits, uniform[t]), given[t]);
          sequences.advance(ids, is_drawn);
          all_ids.push_back(ids);
          all_log_probs.push_back(log_probs.gather(1, ids.unsqueeze(1)).squeeze(1));
        }
      }
      const at::Tensor drawn = at::stack(all_ids).cpu(), log_probs = at::stack(all_log_probs).cpu();
      if (!results.add(begin, drawn, log_probs.to(at::kDouble))) break;
    }
    return results.take();
  }

  Model model_;
  const Precision precision_;
};

Parameters load(const ModelConfig& config, const TensorMap& tensors, const at::Device& device) {
  const Weights weights(config, tensors);
  Parameters parameters = allocate_parameters(config, device);
  for (const ParameterSlice& slice : parameters.slices) {
    const std::vector<float> values = weights.floats(slice.name);
    slice.of(parameters.values).copy_(at::tensor(at::ArrayRef<float>(values)).view(slice.shape));
  }
  return parameters;
}

}  // namespace

std::unique_ptr<Accelerator> open_cuda_sampler(const ModelConfig& config, const TensorMap& tensors,
                                               int device, Precision precision) {
  return with_torch_errors([&]() -> std::unique_ptr<Accelerator> {
    const at::Device where = device_of(device);
    prepare_device(where);
    return std::make_unique<CudaSampler>(config, load(config, tensors, where), precision);
  });
}

}  // namespace tangshi
