#include "model/snapshot.h"

#include <c10/core/CPUAllocator.h>

#include <cstring>

#include "failing_allocation.h"
#include "fixture.h"

namespace tangshi::test {
namespace {

Trainer with_dropout(uint64_t seed, OptimizerKind kind = OptimizerKind::adam, int threads = 1) {
  ModelConfig config = small_model();
  config.dropout = 0.3;
  return small_trainer(config, {.kind = kind}, seed, threads);
}

bool same(Trainer& a, Trainer& b) {
  const TensorMap left = snapshot(a), right = snapshot(b);
  if (left.size() != right.size()) return false;
  for (const auto& [name, bytes] : left) {
    if (bytes.data != right.at(name).data) return false;
  }
  return true;
}

// Counts allocations of tensors, which do not use operator new.
class CountingAllocator : public at::Allocator {
 public:
  CountingAllocator() { c10::SetCPUAllocator(this); }
  ~CountingAllocator() override { c10::SetCPUAllocator(usual_); }
  at::DataPtr allocate(size_t bytes) override {
    FailingAllocation::count();
    return usual_->allocate(bytes);
  }
  at::DeleterFnPtr raw_deleter() const override { return usual_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    usual_->copy_data(to, from, bytes);
  }

 private:
  at::Allocator* const usual_ = c10::GetCPUAllocator();
};

}  // namespace

TEST(snapshot, a_restored_trainer_continues_bitwise_identically) {
  for (const int threads : {1, 3}) {
    for (const OptimizerKind kind : {OptimizerKind::rmsprop, OptimizerKind::adam, OptimizerKind::adamw}) {
      Trainer a = with_dropout(1, kind, threads), b = with_dropout(2, kind, threads);
      for (int i = 0; i < 3; i++) a.step(many_rows(i), 0.01, 1);
      restore(b, snapshot(a));
      EXPECT(same(a, b));
      for (int i = 3; i < 6; i++) {
        a.step(many_rows(i), 0.01, 1);
        b.step(many_rows(i), 0.01, 1);
      }
      EXPECT(same(a, b));
    }
  }
}

TEST(snapshot, names_dtypes_and_shapes) {
  Trainer trainer = with_dropout(1);
  trainer.step(small_batch(), 0.01, 1);
  const TensorMap state = snapshot(trainer);
  EXPECT_EQ(state.at("fc.weight").dtype, "F32");
  EXPECT(state.at("fc.weight").shape == (std::vector<int64_t>{11, 7}));
  EXPECT_EQ(state.at("fc.weight").data.size(), 11u * 7 * 4);
  EXPECT_EQ(state.at("optim.step").dtype, "I64");
  EXPECT(state.at("optim.step").shape.empty());
  EXPECT_EQ(state.at("optim.step").data[0], 1);
  EXPECT_EQ(state.at("rng.generator").dtype, "U8");
  EXPECT(state.contains("optim.exp_avg_sq.lstm.weight_hh_l1"));
}

TEST(snapshot, the_state_of_the_model_is_its_weights) {
  Trainer trainer = with_dropout(1);
  const TensorMap all = snapshot(trainer), weights = model_weights(trainer.parameters());
  EXPECT_EQ(weights.size(), trainer.parameters().slices.size());
  for (const auto& [name, bytes] : weights) {
    EXPECT(!name.starts_with("optim.") && !name.starts_with("rng."));
    EXPECT(bytes.dtype == "F32" && bytes.shape == all.at(name).shape && bytes.data == all.at(name).data);
  }
}

TEST(snapshot, restoring_only_weights_resets_the_optimizer) {
  Trainer a = with_dropout(1), b = with_dropout(2);
  a.step(small_batch(), 0.01, 1);
  b.step(small_batch(), 0.01, 1);
  restore(b, model_weights(a.parameters()));
  EXPECT(b.parameters().values.equal(a.parameters().values));
  EXPECT_EQ(b.optimizer().step().item<int64_t>(), 0);
  EXPECT_EQ(b.optimizer().slots()[1].values.abs().max().item<float>(), 0.0f);
}

TEST(snapshot, a_rejected_state_changes_nothing) {
  Trainer source = with_dropout(1);
  source.step(small_batch(), 0.01, 1);
  const TensorMap good = snapshot(source);
  std::vector<TensorMap> bad;
  const auto spoil = [&](const std::function<void(TensorMap&)>& change) {
    bad.push_back(good);
    change(bad.back());
  };
  spoil([](TensorMap& s) { s.erase("fc.bias"); });
  spoil([](TensorMap& s) { s.erase("optim.exp_avg.fc.bias"); });
  spoil([](TensorMap& s) { s.erase("optim.step"); });
  spoil([](TensorMap& s) { s.at("fc.bias").shape = {12}; });
  spoil([](TensorMap& s) { s.at("fc.bias").dtype = "I64"; });
  spoil([](TensorMap& s) { s.at("fc.bias").data.pop_back(); });
  spoil([](TensorMap& s) { s.emplace("fc.extra", s.at("fc.bias")); });
  spoil([](TensorMap& s) { s.emplace("optim.square_avg.fc.bias", s.at("fc.bias")); });
  spoil([](TensorMap& s) { s.at("rng.generator").shape = {1}; });
  spoil([](TensorMap& s) {
    auto& bytes = s.at("rng.generator").data;
    std::memset(bytes.data(), 0xFF, bytes.size());
  });

  Trainer target = with_dropout(2), untouched = with_dropout(2);
  for (const TensorMap& state : bad) {
    EXPECT_THROWS(restore(target, state), std::invalid_argument);
    EXPECT(same(target, untouched));
  }
}

TEST(snapshot, running_out_of_memory_at_any_point_changes_nothing) {
  Trainer source = with_dropout(1), untouched = with_dropout(2), target = with_dropout(2);
  source.step(small_batch(), 0.01, 1);
  for (Trainer* trainer : {&untouched, &target}) trainer->step(small_batch(), 0.02, 1);
  const TensorMap all = snapshot(source), weights = model_weights(source.parameters()),
                  before = snapshot(untouched);
  for (const TensorMap& state : {all, weights}) {
    const CountingAllocator allocator;
    const auto restored = [&](int64_t successes) {
      const FailingAllocation allocation(successes);
      try {
        restore(target, state);
        return true;
      } catch (const std::bad_alloc&) {
        return false;
      }
    };
    int64_t points = 0;
    for (; !restored(points); points++) EXPECT(same(target, untouched));
    EXPECT(points > 100);
    EXPECT(target.parameters().values.equal(source.parameters().values));
    restore(target, before);
  }
}

}  // namespace tangshi::test
