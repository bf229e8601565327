#include "train/buffer.h"

#include <new>

#include "expect.h"

namespace tangshi::test {

TEST(buffer, keeps_its_memory_and_zeros_what_is_new) {
  Buffer buffer;
  float* first = buffer.reserve(100);
  for (int i = 0; i < 100; i++) EXPECT_EQ(first[i], 0.0f);
  first[3] = 7;
  EXPECT(buffer.reserve(50) == first && first[3] == 7);
  const float* more = buffer.reserve(1000);
  for (int i = 0; i < 1000; i++) EXPECT_EQ(more[i], 0.0f);
}

TEST(buffer, can_be_used_after_it_ran_out_of_memory) {
  Buffer buffer;
  buffer.reserve(100);
  EXPECT_THROWS(buffer.reserve(int64_t{1} << 60), std::bad_alloc);
  EXPECT(buffer.reserve(100) != nullptr);
}

}  // namespace tangshi::test
