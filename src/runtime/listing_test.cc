#include "runtime/listing.h"

#include <gtest/gtest.h>

#include <set>
#include <unordered_set>

#include "base/random.h"

namespace holdfast::runtime {
namespace {

std::string name(std::uint64_t n) { return std::to_string(100'000 + n); }

// All pages, one after the other, of what is met in any order: everything once, in order.
TEST(PageBuilder, PagesPutTogetherAreTheListWhateverTheOrderAndTheSizes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    std::map<std::string, std::size_t> all;
    for (std::uint64_t n = random.below(60); n > 0; --n)
      all.emplace(name(random.below(1'000)), random.below(4) == 0 ? kPageBytesMax / 3 : random.below(100));
    std::vector<std::pair<std::string, std::size_t>> shuffled(all.begin(), all.end());
    const std::size_t limit = 1 + random.below(10);
    std::vector<std::string> listed;
    std::string after;
    for (std::size_t pages = 0; pages <= all.size(); ++pages) {
      for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.below(i)]);
      PageBuilder<std::string> builder(after, limit);
      for (int twice = 0; twice < 2; ++twice)
        for (const auto& [order, bytes] : shuffled)
          if (builder.wants(order)) builder.add(order, order, bytes);
      auto page = builder.take();
      ASSERT_LE(page.items.size(), limit);
      std::size_t bytes = 0;
      for (const auto& item : page.items) bytes += all.at(item);
      ASSERT_TRUE(bytes <= kPageBytesMax || page.items.size() == 1);
      listed.insert(listed.end(), page.items.begin(), page.items.end());
      after = page.next;
      if (after.empty()) break;
      ASSERT_FALSE(page.items.empty());
    }
    std::vector<std::string> expected;
    for (const auto& [order, bytes] : all) expected.push_back(order);
    ASSERT_EQ(listed, expected) << "seed " << seed;
  }
}

TEST(BucketWalk, MeetsAllThatStayWhileOthersComeAndGo) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SeededRandom random(seed);
    std::unordered_set<std::uint64_t> set;
    std::set<std::uint64_t> stay, met;
    for (std::uint64_t i = 0; i < 200; ++i) {
      set.insert(i);
      if (i % 2 == 0) stay.insert(i);
    }
    BucketWalk walk;
    std::size_t slices = 0;
    while (true) {
      std::size_t left = 10;
      if (walk_on(set, walk, left, [&](std::uint64_t element, std::size_t&) { met.insert(element); })) break;
      ASSERT_LT(++slices, 10'000u);
      if (random.below(3) == 0) set.insert(1'000 + random.below(1'000));
      set.erase(random.below(100) * 2 + 1);
    }
    for (const auto element : stay) ASSERT_TRUE(met.contains(element)) << "seed " << seed;
    EXPECT_GT(slices, 5u);
  }
}

}  // namespace
}  // namespace holdfast::runtime
