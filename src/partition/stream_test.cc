#include "partition/stream.h"

#include <gtest/gtest.h>

#include <deque>

#include "testing/every.h"
#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

constexpr std::string_view kStream = "shop/out/orders";

// One stream, and time.
struct World {
  testing::PartitionTable table;
  Retention retention;
  Instant now{1'000};

  static model::StreamRecord record(std::size_t payload, Instant time) {
    model::StreamRecord out;
    out.value = {"t", std::string(payload, 'x')};
    out.time = time;
    return out;
  }
  void append(std::size_t payload) {
    table.apply(append_records(table, retention, std::string(kStream), {record(payload, now)}, now, table.sequence));
  }
  void release(std::uint64_t next) {
    std::uint64_t bytes = 0;
    for (const auto& [position, r] : table.records[std::string(kStream)])
      if (position < next) bytes += record_bytes(r);
    auto released = release_records(table, kStream, next, bytes);
    ASSERT_TRUE(released) << released.error().message;
    table.apply(std::move(*released));
  }
  void fire_due(std::uint32_t limit = 1'000) {
    while (!table.timers.empty() && table.timers.begin()->first.due <= now) {
      const auto key = table.timers.begin()->first;
      table.apply(fire_trim_stream(table, retention, key, kStream, now, limit, table.sequence));
    }
  }
  model::StreamRow row() { return table.stream(kStream); }
  // What the header promises, and that the row and its timer tell the same.
  void check() {
    const auto& records = table.records[std::string(kStream)];
    ASSERT_EQ(records.size(), row().next - row().first);
    std::uint64_t expected = row().first, bytes = 0;
    for (const auto& [position, r] : records) {
      ASSERT_EQ(position, expected++);
      bytes += record_bytes(r);
    }
    ASSERT_EQ(row().bytes, bytes);
    ASSERT_LE(table.timers.size(), 1u);
    ASSERT_EQ(row().trim_armed, table.timers.empty() ? Instant{} : table.timers.begin()->first.due);
  }
};

TEST(Stream, PositionsCountFromZeroAndAreNeverReused) {
  World world;
  for (int i = 0; i < 3; ++i) world.append(1);
  EXPECT_EQ(world.row().first, 0u);
  EXPECT_EQ(world.row().next, 3u);
  world.release(3);
  EXPECT_EQ(world.row().first, 3u);
  EXPECT_EQ(world.row().bytes, 0u);
  world.append(1);
  EXPECT_EQ(world.table.records[std::string(kStream)].begin()->first, 3u);
  world.check();
}

TEST(Stream, ReleasingTakesWhatIsBelowThePosition) {
  World world;
  for (int i = 0; i < 5; ++i) world.append(1);
  world.release(0);
  EXPECT_EQ(world.row().first, 0u);
  world.release(4);
  EXPECT_EQ(world.row().first, 4u);
  world.check();
  world.release(5);
  EXPECT_EQ(world.row().first, 5u);
  world.check();
}

TEST(Stream, ReleasingWhatIsNotThereIsRefused) {
  World world;
  for (int i = 0; i < 3; ++i) world.append(1);
  world.release(2);
  for (const std::uint64_t next : {1u, 4u}) {
    const auto refused = release_records(world.table, kStream, next, 10);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "stream " + std::string(kStream) + " has positions 2 to 3, not " + std::to_string(next));
  }
}

TEST(Stream, ReleasingNothingWritesNothing) {
  World world;
  world.append(1);
  EXPECT_TRUE(release_records(world.table, kStream, 0, 0)->writes.empty());
  EXPECT_TRUE(release_records(world.table, "no/such/stream", 0, 0)->writes.empty());
}

TEST(Stream, RecordsSetAsideKeepTheirPlaceAndCopiesGoElsewhere) {
  World world;
  for (int i = 0; i < 3; ++i) world.append(1);
  auto record = world.table.records[std::string(kStream)][1];
  world.table.apply(*settle_records(world.table, kStream, 0, 0, {{1, record, "too large"}}, "test/parked"));
  record.error = "too large";
  EXPECT_EQ(world.table.records[std::string(kStream)][1], record);
  ASSERT_EQ(world.table.delivered.size(), 1u);
  EXPECT_EQ(std::get<model::AppendRecord>(world.table.delivered[0]), (model::AppendRecord{"test/parked", record}));
  EXPECT_EQ(world.row().next, 3u);
  world.check();  // The reason counts.
}

TEST(Stream, WhatIsSetAsideBelowThePositionGoesWithTheRest) {
  World world;
  for (int i = 0; i < 5; ++i) world.append(1);
  auto& records = world.table.records[std::string(kStream)];
  const std::vector<model::StreamRecord> before{records[0], records[1], records[2], records[3]};
  const std::uint64_t bytes = record_bytes(records[0]) * 3;
  world.table.apply(*settle_records(world.table, kStream, 3, bytes, {{1, before[1], "b"}, {2, before[2], "c"}, {3, before[3], "d"}}, "test/parked"));
  EXPECT_EQ(world.row().first, 3u);
  EXPECT_EQ(records.begin()->first, 3u);
  EXPECT_EQ(records[3].error, "d");
  EXPECT_EQ(world.table.delivered.size(), 3u);
  world.check();
}

TEST(Stream, SettlingBeyondTheEndIsRefusedAsAWhole) {
  World world;
  world.append(1);
  auto record = world.table.records[std::string(kStream)][0];
  EXPECT_EQ(settle_records(world.table, kStream, 2, 0, {{0, record, "too large"}}, "test/parked").error().code, ErrorCode::Conflict);
}

TEST(Stream, SizeIsKeptToAnEighthOverTheBoundAndTheNewestRecordAlwaysStays) {
  World world;
  const std::uint64_t each = record_bytes(World::record(35, {}));
  ASSERT_EQ(each, 100u);
  world.retention.bytes = 1'600;
  for (int i = 0; i < 18; ++i) world.append(35);
  EXPECT_EQ(world.row().first, 0u);  // 1800: the slack.
  world.append(35);
  EXPECT_EQ(world.row().bytes, 1'600u);
  EXPECT_EQ(world.row().first, 3u);
  world.check();
  world.append(10'000);
  EXPECT_EQ(world.row().next - world.row().first, 1u);
  world.check();
}

TEST(Stream, RecordsGoWhenTheirTimeIsUp) {
  World world;
  world.retention.time = {100};
  world.append(1);
  world.now = {1'050};
  world.append(1);
  world.now = {1'099};
  world.fire_due();
  EXPECT_EQ(world.row().first, 0u);
  world.now = {1'100};
  world.fire_due();
  EXPECT_EQ(world.row().first, 1u);
  EXPECT_EQ(world.row().trim_armed, (Instant{1'150}));
  world.now = {1'150};
  world.fire_due();
  EXPECT_EQ(world.row().first, 2u);
  EXPECT_TRUE(world.table.timers.empty());
  world.check();
}

TEST(Stream, MoreThanTheLimitPastTheirTimeGoInTurns) {
  World world;
  world.retention.time = {100};
  for (int i = 0; i < 10; ++i) world.append(1);
  world.now = {5'000};
  for (int turn = 1; turn <= 4; ++turn) {
    const auto key = world.table.timers.begin()->first;
    ASSERT_LE(key.due, world.now);
    world.table.apply(fire_trim_stream(world.table, world.retention, key, kStream, world.now, 3, world.table.sequence));
    world.check();
    EXPECT_EQ(world.row().first, std::min(10, 3 * turn));
    if (turn < 4) {
      EXPECT_GT(world.row().trim_armed, world.now);
    }
    world.now = world.now + Duration{1};
  }
  EXPECT_TRUE(world.table.timers.empty());
}

TEST(Stream, RetentionThatBecameForeverLetsTheTimerGo) {
  World world;
  world.retention.time = {100};
  world.append(1);
  world.retention.time = {};
  world.now = {9'999};
  world.fire_due();
  EXPECT_EQ(world.row().next - world.row().first, 1u);
  world.check();
  EXPECT_TRUE(world.table.timers.empty());
}

// Goal: after any history exactly the records that the bounds allow are there; see World::check for the rest.
// Method: every order of five steps over four ways of retention, against a queue.
TEST(Stream, AgreesWithTheObviousModelInEveryShortHistory) {
  struct Record {
    std::uint64_t position, bytes;
    Instant time;
  };
  const std::size_t histories = testing::every_case([](testing::Choices& choose) {
    World world;
    const std::size_t way = choose.below(4);
    if ((way & 1) != 0) world.retention.bytes = 240;
    if ((way & 2) != 0) world.retention.time = {3};
    std::deque<Record> model;
    std::uint64_t next = 0;
    Instant armed;
    const auto bytes = [&] {
      std::uint64_t sum = 0;
      for (const auto& r : model) sum += r.bytes;
      return sum;
    };
    for (int step = 0; step < 5; ++step) {
      switch (const std::size_t pick = choose.below(6)) {
        case 0:
        case 1: {
          const std::size_t payload = pick == 0 ? 5 : 65;  // 70 and 130 bytes.
          world.append(payload);
          model.push_back({next++, 65 + payload, world.now});
          if (world.retention.bytes != 0 && bytes() > 270)
            while (model.size() > 1 && bytes() > 240) model.pop_front();
          if (world.retention.time.ms != 0 && armed.unix_ms == 0) armed = world.now + world.retention.time;
          break;
        }
        case 2:
          if (!model.empty()) world.release(world.row().first + 1);
          if (!model.empty()) model.pop_front();
          break;
        case 3:
          world.release(world.row().next);
          model.clear();
          break;
        case 4: world.now = world.now + Duration{1}; break;
        case 5:
          world.now = world.now + Duration{2};
          world.fire_due();
          if (armed.unix_ms != 0 && armed <= world.now) {
            while (!model.empty() && model.front().time + world.retention.time <= world.now) model.pop_front();
            armed = model.empty() ? Instant{} : model.front().time + world.retention.time;
          }
          break;
      }
      world.check();
      ASSERT_EQ(world.row().next, next);
      ASSERT_EQ(world.row().next - world.row().first, model.size());
      ASSERT_EQ(world.row().trim_armed, armed);
      if (!model.empty()) {
        ASSERT_EQ(world.row().first, model.front().position);
      }
    }
  });
  EXPECT_EQ(histories, 31'104u);  // 4 * 6^5
}

// What a damaged disk has left of a stream: whatever is missing, trimming and releasing end, leave only what they should, and go on.
TEST(Stream, GoesOnOverRecordsThatAreMissing) {
  for (std::uint32_t missing = 0; missing < 1u << 6; ++missing) {
    SCOPED_TRACE(missing);
    World world;
    for (int i = 0; i < 6; ++i) {
      world.append(100);
      world.now = world.now + Duration{10};
    }
    auto& records = world.table.records[std::string(kStream)];
    for (std::uint64_t position = 0; position < 6; ++position)
      if ((missing >> position & 1) != 0) records.erase(position);
    const std::size_t left = records.size();

    World by_size = world;
    by_size.retention.bytes = 400;
    for (int i = 0; i < 20; ++i) {
      by_size.append(100);
      const auto row = by_size.row();
      ASSERT_EQ(row.next, 7u + static_cast<std::uint64_t>(i));
      for (const auto& [position, r] : by_size.table.records[std::string(kStream)]) ASSERT_GE(position, row.first);
      ASSERT_TRUE(by_size.table.records[std::string(kStream)].contains(row.next - 1)) << "the newest is kept";
    }
    const auto kept = by_size.table.records[std::string(kStream)].size();
    ASSERT_TRUE(kept >= 1 && kept <= 4) << kept;
    ASSERT_EQ(by_size.row().next - by_size.row().first, kept) << "the gap is behind it";
    by_size.check();

    World by_age = world;
    by_age.retention.time = {35};
    by_age.append(100);
    by_age.now = by_age.now + Duration{1'000};
    by_age.fire_due();
    ASSERT_TRUE(by_age.table.records[std::string(kStream)].empty());
    ASSERT_EQ(by_age.row().first, by_age.row().next);

    ASSERT_EQ(records.size(), left);
  }
}

}  // namespace
}  // namespace holdfast::partition
