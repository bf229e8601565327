#include "sample/half.h"

#include <cmath>
#include <limits>

#include "expect.h"

namespace tangshi::test {

TEST(half, every_half_round_trips_through_single_precision) {
  for (uint32_t half = 0; half < 0x10000; half++) {
    const float value = half_to_float(static_cast<uint16_t>(half));
    if (std::isnan(value)) {
      EXPECT((half & 0x7c00) == 0x7c00 && (half & 0x3ff) != 0);
      EXPECT(std::isnan(half_to_float(float_to_half(value))));
    } else {
      EXPECT_EQ(float_to_half(value), half);
    }
  }
}

TEST(half, rounds_to_the_nearest_half_and_ties_to_even) {
  for (uint32_t half = 0; half < 0x7bff; half++) {
    const double low = half_to_float(static_cast<uint16_t>(half)), high = half_to_float(half + 1);
    const auto middle = static_cast<float>((low + high) / 2);
    EXPECT_EQ(float_to_half(middle), half % 2 == 0 ? half : half + 1);
    EXPECT_EQ(float_to_half(std::nextafter(middle, 0.0f)), half);
    EXPECT_EQ(float_to_half(std::nextafter(middle, 1e6f)), half + 1);
    EXPECT_EQ(float_to_half(-middle), 0x8000 + (half % 2 == 0 ? half : half + 1));
  }
}

TEST(half, rounds_at_and_beyond_the_largest_half) {
  EXPECT_EQ(half_to_float(0x7bff), largest_half);
  EXPECT_EQ(float_to_half(65519.99f), 0x7bff);
  EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
  EXPECT_EQ(float_to_half(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_EQ(float_to_half(-1e30f), 0xfc00);
}

}  // namespace tangshi::test
