#include "connect/parked_records.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "partition/stream.h"

namespace holdfast::connect {
namespace {

// Streams in memory that answer at once, and fail on demand.
class FakeStreams final : public ports::Streams {
 public:
  struct Stream {
    std::uint64_t first = 0;
    std::deque<model::StreamRecord> records;
  };
  std::map<std::string, Stream> streams;
  std::vector<model::Message> messages;
  int pages = 0;
  int releases_until_failure = -1;

  void read_stream(ports::StreamQuery query, Done<ports::StreamPage> done) override {
    ++pages;
    auto& stream = streams[query.stream];
    ports::StreamPage page;
    page.first = stream.first;
    page.end = stream.first + stream.records.size();
    for (const auto& record : stream.records) page.bytes += partition::record_bytes(record);
    for (std::uint64_t at = std::max(query.from, page.first); at < page.end && page.records.size() < query.limit; ++at)
      page.records.push_back({at, stream.records[at - page.first]});
    done(std::move(page));
  }
  void release_records(std::string name, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command> instead, Done<void> done) override {
    if (releases_until_failure-- == 0) return done(fail(ErrorCode::Unavailable, "stopping"));
    auto& stream = streams[name];
    ASSERT_LE(next, stream.first + stream.records.size());
    std::uint64_t counted = 0;
    for (; stream.first < next; ++stream.first) {
      counted += partition::record_bytes(stream.records.front());
      stream.records.pop_front();
    }
    EXPECT_EQ(bytes, counted);
    for (auto& command : instead) {
      if (auto* message = std::get_if<model::Message>(&command)) messages.push_back(std::move(*message));
      else park(std::move(std::get<model::AppendRecord>(command)));
    }
    done({});
  }
  void settle_records(std::string, ports::Settlement, Done<void>) override { FAIL(); }

  void park(model::AppendRecord append) { streams[append.stream].records.push_back(std::move(append.record)); }
};

class ParkedRecords : public ::testing::Test {
 protected:
  // Parks `count` records, of which each third one is to stay bad.
  void park(int count) {
    for (int i = 0; i < count; ++i) {
      model::StreamRecord record;
      record.key = i % 3 == 0 ? "" : "k";
      record.value = {"t", std::to_string(i), true};
      record.source = "shop/in/orders/0@" + std::to_string(i);
      streams_.park({stream_, std::move(record)});
    }
  }
  static RecordRouterOptions options() {
    RecordRouterOptions options;
    options.ingress = "shop/in";
    options.topics = {{"orders", "t", {"shop/cart"}}};
    options.serves = [](std::string_view) { return true; };
    return options;
  }
  std::string retry() {
    std::string answer = "none";
    retry_parked(streams_, router_, "shop/in", [](auto task) { task(); },
                 [&](Result<std::uint64_t> count) { answer = count ? std::to_string(*count) : count.error().message; });
    return answer;
  }
  std::string skip() {
    std::string answer = "none";
    skip_parked(streams_, "shop/in", [](auto task) { task(); },
                [&](Result<std::uint64_t> count) { answer = count ? std::to_string(*count) : count.error().message; });
    return answer;
  }

  const std::string stream_ = parked_stream("shop/in");
  FakeStreams streams_;
  RecordRouter router_{options()};
};

TEST_F(ParkedRecords, RetryTakesEachOnceInOrderAndParksAgainWhatIsStillBad) {
  park(1200);  // More than a page.
  EXPECT_EQ(retry(), "800");
  EXPECT_EQ(streams_.messages.size(), 800u);
  EXPECT_EQ(streams_.messages.front().argument.value, "1");
  EXPECT_EQ(streams_.messages.back().argument.value, "1199");
  const auto& left = streams_.streams[stream_];
  EXPECT_EQ(left.records.size(), 400u);
  EXPECT_EQ(left.first, 1200u);
  EXPECT_EQ(left.records.front().error, "no key, which would be the id");
  EXPECT_LE(streams_.pages, 4);
  EXPECT_EQ(retry(), "0");
  EXPECT_EQ(left.records.size(), 400u);
}

TEST_F(ParkedRecords, SkipLeavesNothing) {
  park(700);
  EXPECT_EQ(skip(), "700");
  EXPECT_TRUE(streams_.streams[stream_].records.empty());
  EXPECT_TRUE(streams_.messages.empty());
  EXPECT_EQ(skip(), "0");
}

TEST_F(ParkedRecords, FailureLeavesTheRestParked) {
  park(1200);
  streams_.releases_until_failure = 1;
  EXPECT_EQ(retry(), "stopping");
  EXPECT_EQ(streams_.messages.size() + streams_.streams[stream_].records.size(), 1200u);
  EXPECT_EQ(retry(), "467");  // Of the 700 that had not been tried, 233 stay bad, as the first page's 167 do.
  EXPECT_EQ(streams_.messages.size(), 800u);
}

TEST_F(ParkedRecords, CountIsOfRecordsAndBytes) {
  park(3);
  std::uint64_t bytes = 0;
  for (const auto& record : streams_.streams[stream_].records) bytes += partition::record_bytes(record);
  count_parked(streams_, "shop/in", [&](Result<ParkedCount> count) {
    EXPECT_EQ(count->records, 3u);
    EXPECT_EQ(count->bytes, bytes);
  });
}

}  // namespace
}  // namespace holdfast::connect
