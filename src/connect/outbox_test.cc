#include "connect/outbox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/random.h"
#include "partition/stream.h"
#include "testing/fake_loop.h"

namespace holdfast::connect {
namespace {

constexpr const char* kEgress = "test/away";

// Streams in memory: what was changed since save() is lost by crash(), and who waits for it is told by save().
class FakeStreams final : public ports::Streams {
 public:
  struct Stream {
    std::uint64_t first = 0;
    std::deque<model::StreamRecord> records;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Stream> now, durable;
  int releases = 0, settlements = 0;

  void append(const std::string& name, model::StreamRecord record) {
    now[name].bytes += partition::record_bytes(record);
    now[name].records.push_back(std::move(record));
  }
  void save() {
    durable = now;
    for (auto& answer : std::exchange(waiting_, {})) answer();
  }
  void crash() {
    now = durable;
    waiting_.clear();
  }

  void read_stream(ports::StreamQuery query, Done<ports::StreamPage> done) override {
    const Stream& stream = now[query.stream];
    const std::uint64_t durable_end = durable[query.stream].first + durable[query.stream].records.size();
    ports::StreamPage page{.first = stream.first, .end = durable_end, .bytes = stream.bytes};
    page.next = std::max(query.from, page.first);
    for (; page.next < page.end && page.records.size() < query.limit; ++page.next)
      page.records.push_back({page.next, stream.records[page.next - stream.first]});
    done(std::move(page));
  }
  void release_records(std::string name, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command>, Done<void> done) override {
    ++releases;
    release(name, next, bytes);
    waiting_.push_back([done = std::move(done)] { done({}); });
  }
  void settle_records(std::string name, ports::Settlement settlement, Done<void> done) override {
    ++settlements;
    for (auto& [position, reason] : settlement.aside) {
      Stream& stream = now[name];
      ASSERT_GE(position, stream.first);
      ASSERT_LT(position, stream.first + stream.records.size());
      auto& record = stream.records[position - stream.first];
      ASSERT_EQ(record.error, "");
      stream.bytes += reason.size();
      if (position < settlement.next) settlement.bytes += reason.size();  // Counted here when it is let go of.
      record.error = reason;
      append(settlement.parked, record);
    }
    release(name, settlement.next, settlement.bytes);
    waiting_.push_back([done = std::move(done)] { done({}); });
  }

 private:
  void release(const std::string& name, std::uint64_t next, std::uint64_t bytes) {
    Stream& stream = now[name];
    ASSERT_LE(next, stream.first + stream.records.size());
    std::uint64_t counted = 0;
    for (; stream.first < next; ++stream.first) {
      counted += partition::record_bytes(stream.records.front());
      stream.records.pop_front();
    }
    EXPECT_EQ(bytes, counted);
    stream.bytes -= counted;
  }

  std::vector<std::function<void()>> waiting_;
};

// What is outside: it outlives every crash.
struct World {
  bool keeps_position = true;
  std::optional<std::uint64_t> position;
  std::vector<std::string> sent;
  std::set<std::string> bad;
  std::size_t room = SIZE_MAX;      // How many more it takes.
  std::size_t page_part = SIZE_MAX;  // How many of a page it takes at most.
  bool answers = true;               // False: what was sent is there, and it is not known.
  int opened = 0, pages = 0;
};

class FakeSink final : public ports::RecordSink {
 public:
  explicit FakeSink(World& world) : world_(world) {}

  Result<std::optional<std::uint64_t>> open() override {
    ++world_.opened;
    return world_.keeps_position ? world_.position : std::nullopt;
  }
  Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) override {
    ++world_.pages;
    ports::SendOutcome outcome;
    for (std::size_t i = 0; i < records.size(); ++i)
      if (world_.bad.contains(text(records[i]))) outcome.refused.push_back({i, "bad"});
    std::size_t end = std::min(records.size(), world_.page_part);
    if (world_.keeps_position && !outcome.refused.empty()) end = std::min(end, outcome.refused.front().index);
    for (; outcome.settled < end; ++outcome.settled) {
      const auto& record = records[outcome.settled];
      if (world_.bad.contains(text(record))) continue;
      if (world_.room == 0) break;
      --world_.room;
      world_.sent.push_back(text(record));
    }
    if (outcome.settled < records.size() && outcome.refused.empty()) outcome.trouble = "it is full";
    if (outcome.settled == records.size()) world_.position = next;
    else if (outcome.settled > 0) world_.position = records[outcome.settled].position;
    if (!world_.answers) return fail(ErrorCode::Unavailable, "the connection is lost");
    return outcome;
  }
  Result<void> reset(std::uint64_t position) override {
    world_.position = position;
    return {};
  }
  [[nodiscard]] bool keeps_position() const override { return world_.keeps_position; }

 private:
  static const std::string& text(const ports::StreamPage::Entry& entry) { return entry.record.value.value; }
  World& world_;
};

class OutboxTest : public ::testing::Test {
 protected:
  void start() {
    loop_ = std::make_unique<holdfast::testing::FakeLoop>();
    outbox_ = std::make_unique<Outbox>(OutboxSpec{.id = kEgress, .page_records = 10, .unsendable_bytes_max = unsendable_bytes_max_}, *loop_, streams_,
                                       std::make_unique<FakeSink>(world_));
    outbox_->start();
    loop_->run();
  }
  void crash() {
    outbox_.reset();
    streams_.crash();
    start();
  }
  void append(int count) {
    for (int i = 0; i < count; ++i) {
      model::StreamRecord record;
      record.value = {"t", std::to_string(appended_++), true};
      streams_.append(outbox_stream(kEgress), std::move(record));
    }
    streams_.save();
  }
  void pass(std::int64_t ms = 10) {
    loop_->advance(Duration{ms});
    streams_.save();
    loop_->run();
  }
  [[nodiscard]] std::vector<std::string> numbers(int from, int to) const {
    std::vector<std::string> out;
    for (int i = from; i < to; ++i)
      if (!world_.bad.contains(std::to_string(i))) out.push_back(std::to_string(i));
    return out;
  }
  [[nodiscard]] std::vector<std::string> set_aside() {
    std::vector<std::string> out;
    for (const auto& record : streams_.now[unsendable_stream(kEgress)].records) out.push_back(record.value.value);
    return out;
  }
  [[nodiscard]] std::size_t waiting() { return streams_.now[outbox_stream(kEgress)].records.size(); }
  [[nodiscard]] ports::EgressInfo info() {
    ports::EgressInfo out;
    outbox_->info([&](Result<ports::EgressInfo> info) { out = *info; });
    return out;
  }

  FakeStreams streams_;
  World world_;
  std::unique_ptr<holdfast::testing::FakeLoop> loop_;
  std::unique_ptr<Outbox> outbox_;
  int appended_ = 0;
  std::uint64_t unsendable_bytes_max_ = UINT64_MAX;
};

TEST_F(OutboxTest, WhatIsSentOfAPageIsLetGoOfAndTheRestFollows) {
  world_.page_part = 3;
  append(10);
  start();
  pass();
  EXPECT_EQ(world_.sent, numbers(0, 10));
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(world_.opened, 1);
  EXPECT_EQ(info().sent, 10u);
}

TEST_F(OutboxTest, EachBitOfRoomIsUsedAndTheTroubleIsShown) {
  world_.room = 4;
  append(10);
  start();
  pass();
  EXPECT_EQ(world_.sent, numbers(0, 4));
  EXPECT_EQ(waiting(), 6u);
  EXPECT_EQ(info().trouble, "it is full");
  for (int i = 5; i <= 10; ++i) {
    world_.room = 1;
    pass(10'000);
    EXPECT_EQ(world_.sent, numbers(0, i));
  }
  pass();
  EXPECT_EQ(info().trouble, "");
  EXPECT_EQ(world_.opened, 1);
}

TEST_F(OutboxTest, ItAsksAFullOneLessAndLessOften) {
  world_.room = 0;
  append(10);
  start();
  pass(60'000);
  EXPECT_GT(world_.pages, 5);
  EXPECT_LT(world_.pages, 25);
}

TEST_F(OutboxTest, RefusedOnesOfAPageAreSetAsideInOneStep) {
  for (int i = 0; i < 10; i += 2) world_.bad.insert(std::to_string(i));
  append(10);
  for (const bool keeps : {true, false}) {
    SCOPED_TRACE(keeps);
    world_.keeps_position = keeps;
    start();
    pass();
    pass();
    EXPECT_EQ(world_.sent, numbers(0, 10));
    EXPECT_EQ(set_aside(), (std::vector<std::string>{"0", "2", "4", "6", "8"}));
    EXPECT_EQ(streams_.settlements, 1);
    EXPECT_EQ(info().parked, 5u);
    EXPECT_EQ(waiting(), 0u);
    world_.sent.clear(), world_.position.reset(), streams_.now.clear(), streams_.settlements = 0, appended_ = 0;
    append(10);
  }
}

TEST_F(OutboxTest, NothingMoreIsSentWhileTooMuchIsSetAside) {
  unsendable_bytes_max_ = 500;
  for (int i = 0; i < 10; ++i) world_.bad.insert(std::to_string(i));
  append(10);
  start();
  for (int i = 0; i < 3; ++i) pass();
  EXPECT_EQ(set_aside().size(), 10u);  // One page.
  append(10);
  const int pages = world_.pages;
  for (const bool anew : {false, true}) {
    if (anew) crash();
    for (int i = 0; i < 20; ++i) pass(1'000);
    EXPECT_EQ(world_.pages, pages);
    EXPECT_EQ(waiting(), 20u);  // Those that are set aside keep their places until the sink has noted a position behind them.
    EXPECT_NE(info().trouble.find("skip test/away"), std::string::npos) << info().trouble;
  }
  streams_.now[unsendable_stream(kEgress)] = {.first = 10};
  for (int i = 0; i < 10; ++i) pass(1'000);
  EXPECT_EQ(world_.sent, numbers(0, 20));
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(info().trouble, "");
}

TEST_F(OutboxTest, NothingBehindARefusedRecordGoesBeforeThatIsSetAsideForGood) {
  world_.bad = {"2"};
  append(5);
  start();
  loop_->advance(Duration{10});  // Nothing is saved.
  EXPECT_EQ(world_.sent, numbers(0, 2));
  EXPECT_EQ(world_.position, 2u);
  crash();
  EXPECT_EQ(world_.sent, numbers(0, 2));
  pass();
  pass();
  EXPECT_EQ(world_.sent, numbers(0, 5));
  EXPECT_EQ(set_aside(), std::vector<std::string>{"2"});
}

TEST_F(OutboxTest, WhatIsSetAsideStaysUntilTheSinkHasNotedAPositionBehindIt) {
  world_.bad = {"0", "1"};
  world_.room = 0;
  append(1);
  start();
  append(2);  // The first is set aside for good, and the second follows it.
  for (int i = 0; i < 3; ++i) pass();
  EXPECT_EQ(world_.position, std::nullopt);
  crash();
  EXPECT_FALSE(info().stopped) << info().trouble;
  world_.room = SIZE_MAX;
  for (int i = 0; i < 3; ++i) pass(1'000);
  EXPECT_EQ(world_.sent, numbers(0, 3));
}

// Whatever happens in whatever order.
TEST_F(OutboxTest, EachRecordIsSentOnceInOrderOrSetAsideOnce) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    streams_ = {};
    appended_ = 0;
    world_ = {};
    world_.keeps_position = random.below(3) != 0;
    for (int i = 0; i < 200; ++i)
      if (random.below(4) == 0) world_.bad.insert(std::to_string(i));
    start();
    for (int step = 0; step < 60; ++step) {
      world_.room = random.below(3) == 0 ? random.below(12) : SIZE_MAX;
      world_.page_part = random.below(3) == 0 ? random.below(10) : SIZE_MAX;
      world_.answers = random.below(6) != 0;
      switch (random.below(4)) {
        case 0: append(static_cast<int>(random.below(8))); break;
        case 1: pass(static_cast<std::int64_t>(random.below(300))); break;
        case 2: loop_->advance(Duration{static_cast<std::int64_t>(random.below(300))}); break;
        default: crash();
      }
    }
    world_.room = world_.page_part = SIZE_MAX;
    world_.answers = true;
    for (int i = 0; i < 50; ++i) pass(1'000);
    ASSERT_EQ(waiting(), 0u);
    std::vector<std::string> sent;
    for (const auto& text : world_.sent)
      if (world_.keeps_position || std::ranges::find(sent, text) == sent.end()) sent.push_back(text);
    ASSERT_EQ(sent, numbers(0, appended_));
    std::vector<std::string> bad;
    for (int i = 0; i < appended_; ++i)
      if (world_.bad.contains(std::to_string(i))) bad.push_back(std::to_string(i));
    ASSERT_EQ(set_aside(), bad);
    ASSERT_EQ(streams_.now[outbox_stream(kEgress)].bytes, 0u);
    outbox_.reset();
  }
}

}  // namespace
}  // namespace holdfast::connect
