#include "bench/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace holdfast::bench {
namespace {

TEST(Histogram, OfNothingIsZero) {
  const Histogram empty;
  EXPECT_EQ(empty.quantile(0.5), 0u);
  EXPECT_EQ(empty.max(), 0u);
  EXPECT_EQ(empty.mean(), 0);
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  for (std::uint64_t v = 1; v <= 100; ++v) h.add(v);
  EXPECT_EQ(h.quantile(0.5), 50u);
  EXPECT_EQ(h.quantile(0.99), 99u);
  EXPECT_EQ(h.quantile(1), 100u);
  EXPECT_EQ(h.mean(), 50.5);
}

TEST(Histogram, QuantilesAgreeWithSortedValuesToOneIn128) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SeededRandom random(seed);
    Histogram h;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 5000; ++i) {
      const std::uint64_t value = random.next() >> random.below(64);
      values.push_back(value);
      h.add(value);
    }
    std::sort(values.begin(), values.end());
    for (const double share : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
      const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(share * 5000.0)));
      const std::uint64_t exact = values[rank - 1];
      const std::uint64_t got = h.quantile(share);
      EXPECT_GE(got, exact) << "seed " << seed << ", share " << share;
      EXPECT_LE(got - exact, exact / 128) << "seed " << seed << ", share " << share;
    }
  }
}

TEST(Histogram, TakesTheLargestNumber) {
  Histogram h;
  h.add(UINT64_MAX);
  EXPECT_EQ(h.quantile(0.5), UINT64_MAX);
}

}  // namespace
}  // namespace holdfast::bench
