#include "runtime/timer_queue.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <set>

#include "base/random.h"

namespace holdfast::runtime {
namespace {

using Entry = TimerQueue::Entry;
constexpr std::uint16_t kPartitions = 3;

// The stored timers, and a queue over them.
class World {
 public:
  explicit World(std::size_t entries_max)
      : queue(entries_max, [this](Instant from, std::size_t limit, const auto& found) { return read(from, limit, found); }) {}

  void add(Entry entry) {
    rows.insert(entry);
    queue.add(entry);
  }
  void remove(Entry entry) {
    rows.erase(entry);
    queue.remove(entry);
  }
  void check() {
    const auto next = queue.next();
    ASSERT_EQ(next.has_value(), !rows.empty());
    if (next) {
      ASSERT_EQ(*next, *rows.begin());
    }
  }
  [[nodiscard]] std::size_t most_of_one_instant() const {
    std::map<Instant, std::size_t> count;
    std::size_t most = 0;
    for (const auto& entry : rows) most = std::max(most, ++count[entry.key.due]);
    return most;
  }

  std::set<Entry> rows;
  TimerQueue queue;
  std::size_t reads = 0;

 private:
  // About `limit` of each partition, never half an instant.
  Instant read(Instant from, std::size_t limit, const std::function<void(Entry)>& found) {
    ++reads;
    Instant complete{INT64_MAX};
    for (std::uint16_t partition = 0; partition < kPartitions; ++partition) {
      std::size_t count = 0;
      std::optional<Instant> last;
      for (const auto& entry : rows) {
        if (entry.partition.value != partition || entry.key.due < from) continue;
        if (count >= limit && entry.key.due != *last) {
          complete = std::min(complete, entry.key.due);
          break;
        }
        ++count;
        last = entry.key.due;
        found(entry);
      }
    }
    return complete;
  }
};

TEST(TimerQueue, NothingIsDueWhenThereIsNothing) {
  World world(4);
  EXPECT_FALSE(world.queue.next());
  EXPECT_FALSE(world.queue.next());
  EXPECT_EQ(world.reads, 1u);  // Once it is known that there is nothing, nobody looks again.
  world.add({{{5}, {1, 1}}, {0}});
  world.check();
}

// Goal: the next timer is the first of all stored ones, and memory holds no more than its bound – or one instant's timers, if those
// alone are more.
// Method: random adding, removing and popping with tiny bounds; few instants, so that many timers share one.
TEST(TimerQueue, AgreesWithASortedSetHoweverLittleItMayHold) {
  for (const std::size_t entries_max : {1u, 2u, 3u, 8u})
    for (const std::int64_t instants : {1, 3, 30}) {
      SeededRandom random(entries_max * 100 + static_cast<std::uint64_t>(instants));
      World world(entries_max);
      std::uint32_t births = 0;
      for (int step = 0; step < 1'500; ++step) {
        const std::uint64_t pick = random.below(20);
        if (pick < 9) {
          const auto due = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(instants))) - 2;
          world.add({{{due}, {1, births++}}, {static_cast<std::uint16_t>(random.below(kPartitions))}});
        } else if (pick < 13 && !world.rows.empty()) {
          world.remove(*std::next(world.rows.begin(), static_cast<std::ptrdiff_t>(random.below(world.rows.size()))));
        } else if (pick < 19 && !world.rows.empty()) {
          const auto next = world.queue.next();
          ASSERT_TRUE(next);
          ASSERT_EQ(*next, *world.rows.begin());
          world.remove(*next);
        } else if (pick == 19) {
          world.queue.reset();
        }
        if (step % 3 == 0) world.check();
        ASSERT_LE(world.queue.size(), std::max(entries_max, world.most_of_one_instant()))
            << "entries_max " << entries_max << " instants " << instants << " step " << step;
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
}

TEST(TimerQueue, ManyTimersOfOneInstantDoNotLetTheLaterOnesPileUp) {
  World world(10);
  world.check();
  for (std::uint32_t i = 0; i < 100; ++i) world.add({{{5}, {1, i}}, {0}});
  for (std::uint32_t i = 0; i < 1'000; ++i) world.add({{{6 + i}, {2, i}}, {0}});
  EXPECT_LE(world.queue.size(), 100u);
  for (std::size_t left = 1'100; left > 0; --left) {
    const auto next = world.queue.next();
    ASSERT_TRUE(next);
    ASSERT_EQ(*next, *world.rows.begin());
    world.remove(*next);
  }
  EXPECT_FALSE(world.queue.next());
}

}  // namespace
}  // namespace holdfast::runtime
