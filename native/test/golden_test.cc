// Reference results of PyTorch (test/golden/cells.py).
#include <torch/serialize.h>

#include <fstream>
#include <iterator>

#include "expect_close.h"
#include "train/cpu_train_step.h"
#include "train/trainer.h"

namespace tangshi::test {
namespace {

constexpr double clip_norm = 0.05;

class Golden {
 public:
  Golden() {
    std::ifstream file(GOLDEN_DIR "/cells.pt", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    for (const auto& item : torch::pickle_load(bytes).toGenericDict()) {
      index_.emplace(item.key().toStringRef(), item.value());
    }
    values_ = index_.at("values").toTensor();
  }

  at::Tensor operator()(const std::string& name) const {
    const c10::List<c10::IValue> entry = index_.at(name).toList();  // offset, then the shape
    std::vector<int64_t> shape;
    for (size_t i = 1; i < entry.size(); i++) shape.push_back(entry.get(i).toInt());
    return values_.narrow(0, entry.get(0).toInt(), c10::multiply_integers(shape)).view(shape);
  }

 private:
  std::map<std::string, c10::IValue> index_;
  at::Tensor values_;
};

const Golden& golden() {
  static const Golden golden;
  return golden;
}

template <typename T>
std::vector<T> to_vector(const at::Tensor& tensor, at::ScalarType type) {
  const at::Tensor flat = tensor.to(type).contiguous().view({-1});
  return {flat.const_data_ptr<T>(), flat.const_data_ptr<T>() + flat.numel()};
}

struct Case {
  std::string name;
  ModelConfig model;
  int threads;

  at::Tensor tensor(const std::string& key) const { return golden()(name + "/" + key); }

  Batch batch(bool by_poem) const {
    const at::Tensor inputs = tensor("inputs");
    Batch batch{to_vector<int32_t>(inputs, at::kInt),
                to_vector<int32_t>(tensor("targets"), at::kInt),
                {},
                inputs.size(0),
                inputs.size(1)};
    if (by_poem) batch.weights = to_vector<float>(tensor("weights"), at::kFloat);
    return batch;
  }

  std::unique_ptr<Trainer> trainer(const OptimizerConfig& optimizer = {}) const {
    at::NoGradGuard no_grad;
    auto trainer = std::make_unique<Trainer>(model, optimizer, at::kCPU, 0, threads);
    for (const ParameterSlice& slice : trainer->parameters().slices) {
      slice.of(trainer->parameters().values).copy_(tensor("init/" + slice.name));
    }
    return trainer;
  }
};

// Each on one thread and on three, which changes the order of summation.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> cases;
    for (const int threads : {1, 3}) {
      ModelConfig model{.vocab_size = 29, .embed_dim = 6, .hidden_dim = 8, .layers = 2};
      for (const auto& [name, cell] :
           {std::pair{"lstm", Cell::lstm}, {"gru", Cell::gru}, {"rnn", Cell::rnn}}) {
        model.cell = cell;
        cases.push_back({name, model, threads});
      }
      model.cell = Cell::lstm;
      cases.push_back({"many rows", model, threads});
      model.relu_logits = true;
      cases.push_back({"relu", model, threads});
    }
    return cases;
  }();
  return all;
}

// In the 2-norm: where a gradient is nearly 0, the first RMSprop step, lr x g / (|g|/10 + eps), amplifies
// rounding of g into changes of single weights.
void check_weights(const Case& c, Trainer& trainer, const std::string& golden_prefix) {
  for (const ParameterSlice& slice : trainer.parameters().slices) {
    const at::Tensor expected = c.tensor(golden_prefix + slice.name);
    const at::Tensor difference = slice.of(trainer.parameters().values) - expected;
    const double error = (difference.norm() / expected.norm()).item<double>();
    if (!(error <= 1e-5))
      fail(__FILE__, __LINE__, c.name, " ", golden_prefix, slice.name, " is off by ", error);
  }
}

void check_optimizer(const std::string& name, const OptimizerConfig& config, double lr, bool by_poem) {
  for (const Case& c : cases()) {
    const auto trainer = c.trainer(config);
    const Batch batch = c.batch(by_poem);
    for (int step = 1; step <= 20; step++) {
      trainer->step(batch, lr, clip_norm);
      if (step == 1) check_weights(c, *trainer, name + "/1/");
    }
    check_weights(c, *trainer, name + "/20/");
  }
}

}  // namespace

TEST(golden, logits_of_the_model) {
  at::NoGradGuard no_grad;
  for (const Case& c : cases()) {
    const auto trainer = c.trainer();
    Model model(c.model, trainer->parameters());
    HiddenState state = model->zero_state(c.tensor("inputs").size(0));
    const at::Tensor ids = c.tensor("inputs").to(at::kLong).t().contiguous();
    const at::Tensor hidden = model->forward(ids, state, std::nullopt);
    EXPECT_CLOSE(model->logits(hidden).transpose(0, 1), c.tensor("logits"), 1e-6, 3e-7);
  }
}

TEST(golden, loss_as_the_mean_of_poem_means) {
  for (const Case& c : cases()) {
    const auto trainer = c.trainer();
    const double loss = trainer->step(c.batch(true), 0, clip_norm).loss;
    EXPECT_CLOSE(at::scalar_tensor(loss), c.tensor("loss/poems"), 3e-7, 0);
  }
}

TEST(golden, loss_as_the_mean_over_tokens) {
  for (const Case& c : cases()) {
    const auto trainer = c.trainer();
    const Batch batch = c.batch(false);
    const TotalNll total = trainer->evaluate(batch);
    EXPECT_CLOSE(at::scalar_tensor(total.nll / total.tokens), c.tensor("loss/tokens"), 3e-7, 0);
    EXPECT_CLOSE(at::scalar_tensor(trainer->step(batch, 0, clip_norm).loss), c.tensor("loss/tokens"), 3e-7,
                 0);
  }
}

TEST(golden, every_gradient) {
  for (const Case& c : cases()) {
    const auto trainer = c.trainer();
    CpuTrainStep steps(c.model, trainer->parameters(), trainer->optimizer(), trainer->generator(),
                       trainer->pool());
    steps.step(c.batch(false), 0, INFINITY);
    for (const ParameterSlice& slice : trainer->parameters().slices) {
      EXPECT_CLOSE(slice.of(steps.gradients()), c.tensor("grad/" + slice.name), 3e-6, 3e-8);
    }
  }
}

TEST(golden, rmsprop) { check_optimizer("rmsprop", {}, 0.001, true); }

TEST(golden, adam) { check_optimizer("adam", {.kind = OptimizerKind::adam}, 0.003, false); }

TEST(golden, adamw) {
  check_optimizer("adamw", {.kind = OptimizerKind::adamw, .weight_decay = 0.01}, 0.003, false);
}

}  // namespace tangshi::test
