#include "sample/score.h"

#include <cmath>

#include "inference_fixture.h"

namespace tangshi::test {
namespace {

const auto never = [] { return false; };

}  // namespace

TEST(score, equals_the_log_probability_of_the_drawn_sequence) {
  for (const Cell cell : {Cell::lstm, Cell::gru, Cell::rnn}) {
    Writer writer(small_network(cell));
    const GenerateOptions options{
        .max_new_tokens = 12, .logits = {.end_id = 10, .banned = {10}}, .sampling = {.temperature = 0.5}};
    const Sample drawn = writer({{1}}, options)[0];
    std::vector<int32_t> ids = {1};
    ids.insert(ids.end(), drawn.ids.begin(), drawn.ids.end());
    const auto scores = score(writer.network, writer.threads, {ids}, never);
    EXPECT_EQ(scores[0].size(), 12u);
    double sum = 0;
    for (const float log_prob : scores[0]) sum += log_prob;
    EXPECT(std::abs(sum - drawn.log_prob) < 1e-4);
  }
}

TEST(score, does_not_depend_on_other_sequences_or_threads) {
  Writer one, three(small_network(), 3);
  std::vector<std::vector<int32_t>> sequences;
  for (int32_t i = 0; i < 100; i++) {
    std::vector<int32_t> ids;
    for (int32_t t = 0; t <= i * 7 % 23; t++) ids.push_back((i + t * t) % 11);
    sequences.push_back(ids);
  }
  const auto together = score(one.network, one.threads, sequences, never);
  EXPECT(score(three.network, three.threads, sequences, never) == together);
  for (size_t i = 0; i < sequences.size(); i += 13) {
    EXPECT(score(one.network, one.threads, {sequences[i]}, never)[0] == together[i]);
    EXPECT_EQ(together[i].size(), sequences[i].size() - 1);
  }
}

TEST(score, of_the_next_id_sums_to_one_and_agrees_with_the_sequence) {
  Writer writer;
  const auto next = next_log_probs(writer.network, {1, 4, 2}, never);
  double total = 0;
  for (const float log_prob : next) total += std::exp(log_prob);
  EXPECT(std::abs(total - 1) < 1e-5);
  for (const int32_t id : {0, 5, 10}) {
    EXPECT_EQ(score(writer.network, writer.threads, {{1, 4, 2, id}}, never)[0][2], next[id]);
  }
}

TEST(score, stops_when_canceled) {
  Writer writer;
  int asked = 0;
  const std::vector<int32_t> ids(100, 1);
  EXPECT_EQ(score(writer.network, writer.threads, {ids}, [&] { return ++asked > 5; })[0].size(), 5u);
}

}  // namespace tangshi::test
