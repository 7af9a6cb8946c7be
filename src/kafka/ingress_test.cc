#include "kafka/ingress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <set>

#include "base/worker_loop.h"
#include "connect/record_router.h"
#include "kafka/broker_fixture.h"
#include "kafka/last_read.h"
#include "kafka/start.h"
#include "partition/stream.h"

namespace holdfast::kafka {
namespace {

using From = model::KafkaStart::From;

// --- Without a broker

Questions answers(Watermarks there, std::optional<std::uint64_t> committed = std::nullopt, std::optional<std::uint64_t> at = std::nullopt) {
  return {.watermarks = [there] { return there; },
          .offset_at = [at](Instant) -> Result<std::optional<std::uint64_t>> { return at; },
          .committed = [committed]() -> Result<std::optional<std::uint64_t>> { return committed; }};
}

TEST(StartOffset, IsWhatTheDocumentSays) {
  model::KafkaIngressSpec spec;
  const PartitionName name{"t", 1};
  const auto start = [&](From from, const Questions& ask, Birth birth = Birth::Known) {
    spec.start.from = from;
    return start_offset(spec, name, birth, ask).value();
  };
  const Watermarks there{5, 20};
  EXPECT_EQ(start(From::Latest, answers(there)), 20u);
  EXPECT_EQ(start(From::Earliest, answers(there)), 5u);
  EXPECT_EQ(start(From::GroupOffsets, answers(there, 7)), 7u);
  EXPECT_EQ(start(From::GroupOffsets, answers(there)), 20u);
  EXPECT_EQ(start(From::Date, answers(there, {}, 9)), 9u);
  EXPECT_EQ(start(From::Date, answers(there)), 20u);
  spec.start.offsets = {{"t", 0, 11}, {"t", 1, 12}, {"u", 1, 13}};
  EXPECT_EQ(start(From::Specific, answers(there, 7)), 12u);
  spec.start.offsets = {{"t", 0, 11}};
  EXPECT_EQ(start(From::Specific, answers(there, 7)), 7u);
  spec.reset_to_earliest = true;
  EXPECT_EQ(start(From::GroupOffsets, answers(there)), 5u);
  EXPECT_EQ(start(From::Specific, answers(there)), 5u);
  EXPECT_EQ(start(From::Latest, answers(there), Birth::Later), 5u);
}

TEST(NextAfterLoss, IsByTheResetPosition) {
  const Watermarks there{5, 20};
  EXPECT_FALSE(next_after_loss(5, there, true).has_value());
  EXPECT_FALSE(next_after_loss(20, there, false).has_value());
  EXPECT_EQ(next_after_loss(2, there, true)->next, 5u);
  EXPECT_EQ(next_after_loss(2, there, true)->lost, 3u);
  EXPECT_EQ(next_after_loss(2, there, false)->next, 20u);
  EXPECT_EQ(next_after_loss(2, there, false)->lost, 18u);
  EXPECT_EQ(next_after_loss(30, there, true)->next, 5u);
  EXPECT_EQ(next_after_loss(30, there, true)->lost, 0u);
  // What is gone may have been a transaction's marker and nothing else.
  EXPECT_EQ(next_after_loss(4, there, false)->next, 5u);
  EXPECT_EQ(next_after_loss(3, there, false)->next, 20u);
}

TEST(SeekOffset, PositionMustBeThere) {
  const PartitionName name{"t", 1};
  using Kind = ports::SeekTo::Kind;
  EXPECT_EQ(seek_offset(name, {Kind::Position, 5, {}}, answers({5, 20})).value(), 5u);
  EXPECT_EQ(seek_offset(name, {Kind::Latest, 0, {}}, answers({5, 20})).value(), 20u);
  EXPECT_EQ(seek_offset(name, {Kind::Earliest, 0, {}}, answers({5, 20})).value(), 5u);
  EXPECT_EQ(seek_offset(name, {Kind::Time, 0, {9}}, answers({5, 20}, {}, 8)).value(), 8u);
  const auto refused = seek_offset(name, {Kind::Position, 21, {}}, answers({5, 20}));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().message, "there is no position 21 in t/1, which has 5 to 20");
}

// --- With one

// The core in memory: rows and messages, taken in as the real one does, on a thread of its own. It outlives the ingresses it serves, as a
// data directory does.
class Core final : public ports::Intake, public ports::Streams {
 public:
  ~Core() override { loop_.stop(); }

  void take_in(ports::SourceBatch batch, ports::Intake::Done<void> taken, std::function<void()> durable) override {
    loop_.post([this, batch = std::move(batch), taken = std::move(taken), durable = std::move(durable)]() mutable {
      const std::lock_guard lock(mutex_);
      if (full_ > 0) {
        --full_;
        ++refused_;
        return taken(fail(ErrorCode::Overloaded, "full"));
      }
      const auto row = rows_.find(batch.source);
      if (row == rows_.end() || row->second.next != batch.from)
        return taken(fail(ErrorCode::Conflict, "source " + batch.source + " is elsewhere"));
      row->second.next = batch.next;
      largest_ = std::max(largest_, batch.commands.size());
      for (auto& command : batch.commands) carry_out(std::move(command));
      changed_.notify_all();
      taken({});
      if (durable) durable();
    });
  }
  void source(std::string name, ports::Intake::Done<std::optional<model::SourceRow>> done) override {
    loop_.post([this, name = std::move(name), done = std::move(done)] {
      const std::lock_guard lock(mutex_);
      const auto row = rows_.find(name);
      done(row != rows_.end() ? std::optional(row->second) : std::nullopt);
    });
  }
  void set_source(std::string name, model::SourceRow row, ports::Intake::Done<void> done, Hurry) override {
    loop_.post([this, name = std::move(name), row, done = std::move(done)] {
      const std::lock_guard lock(mutex_);
      if (name == refused_row_) {
        refused_row_.clear();
        return done(fail(ErrorCode::Overloaded, "the disk does not keep up"));
      }
      rows_[name] = row;
      changed_.notify_all();
      done({});
    });
  }
  void read_stream(ports::StreamQuery query, ports::Streams::Done<ports::StreamPage> done) override {
    loop_.post([this, query, done = std::move(done)] {
      const std::lock_guard lock(mutex_);
      auto& stream = streams_[query.stream];
      ports::StreamPage page;
      page.first = stream.first;
      page.end = stream.first + stream.records.size();
      page.bytes = parked_bytes_ + stream.bytes();
      for (std::uint64_t at = std::max(query.from, page.first); at < page.end && page.records.size() < query.limit; ++at)
        page.records.push_back({at, stream.records[at - page.first]});
      page.next = page.records.empty() ? std::max(query.from, page.first) : page.records.back().position + 1;
      done(std::move(page));
    });
  }
  void release_records(std::string name, std::uint64_t next, std::uint64_t, std::vector<model::Command> instead,
                       ports::Streams::Done<void> done) override {
    loop_.post([this, name, next, instead = std::move(instead), done = std::move(done)]() mutable {
      const std::lock_guard lock(mutex_);
      auto& stream = streams_[name];
      stream.records.erase(stream.records.begin(), stream.records.begin() + static_cast<std::ptrdiff_t>(next - stream.first));
      stream.first = next;
      for (auto& command : instead) carry_out(std::move(command));
      changed_.notify_all();
      done({});
    });
  }
  void settle_records(std::string, ports::Settlement, ports::Streams::Done<void>) override { FAIL(); }

  // --- For the test

  // Waits until it holds; false after half a minute.
  template <typename Condition>
  bool until(Condition holds) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return holds(); });
  }
  bool until_values(const std::multiset<std::string>& expected) {
    const bool there = until([&] { return values_.size() >= expected.size(); });
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(values_, expected);
    return there && values_ == expected;
  }
  [[nodiscard]] std::vector<model::Message> messages() {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  [[nodiscard]] std::optional<model::SourceRow> row(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(name);
    return found != rows_.end() ? std::optional(found->second) : std::nullopt;
  }
  bool until_messages(std::size_t count) {
    return until([&] { return messages_.size() >= count; });
  }
  bool until_row(const std::string& name, std::uint64_t next) {
    return until([&] { return rows_.contains(name) && rows_[name].next == next; });
  }
  void set_row(const std::string& name, std::uint64_t next) {
    const std::lock_guard lock(mutex_);
    rows_[name].next = next;
  }
  void put_row(const std::string& name, const model::SourceRow& row) {
    const std::lock_guard lock(mutex_);
    rows_[name] = row;
  }
  void refuse(int batches) {
    const std::lock_guard lock(mutex_);
    full_ = batches;
  }
  [[nodiscard]] int refused() {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  [[nodiscard]] std::size_t largest_batch() {
    const std::lock_guard lock(mutex_);
    return largest_;
  }
  [[nodiscard]] std::vector<model::StreamRecord> stream(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return streams_[name].records;
  }
  // The next time it is set.
  void refuse_row(const std::string& name) {
    const std::lock_guard lock(mutex_);
    refused_row_ = name;
  }
  void pretend_parked(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    parked_bytes_ = bytes;
  }

 private:
  struct Stream {
    std::uint64_t first = 0;
    std::vector<model::StreamRecord> records;
    [[nodiscard]] std::uint64_t bytes() const {
      std::uint64_t sum = 0;
      for (const auto& record : records) sum += partition::record_bytes(record);
      return sum;
    }
  };
  void carry_out(model::Command command) {
    if (auto* message = std::get_if<model::Message>(&command)) {
      values_.insert(message->argument.value);
      messages_.push_back(std::move(*message));
    } else {
      auto& append = std::get<model::AppendRecord>(command);
      streams_[append.stream].records.push_back(std::move(append.record));
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, model::SourceRow> rows_;
  std::map<std::string, Stream> streams_;
  std::vector<model::Message> messages_;
  std::multiset<std::string> values_;
  int full_ = 0;
  int refused_ = 0;
  std::size_t largest_ = 0;
  std::uint64_t parked_bytes_ = 0;
  std::string refused_row_;
  WorkerLoop loop_{"core"};
};

class KafkaIngressTest : public BrokerTest {
 protected:
  model::KafkaIngressSpec spec_of(const std::string& topic, From from = From::Earliest) {
    model::KafkaIngressSpec spec;
    spec.id = "test/in";
    spec.bootstrap_servers = broker_;
    spec.group_id = name("group");
    spec.topics = {{topic, "test/value", {"test/fn"}}};
    spec.start.from = from;
    spec.properties = {{"topic.metadata.refresh.interval.ms", "200"}};
    return spec;
  }
  std::unique_ptr<Ingress> started(const model::KafkaIngressSpec& spec) {
    auto ingress = Ingress::create(spec, {core_, core_, [](std::string_view type) { return type != "test/nobody"; }});
    EXPECT_TRUE(ingress.has_value()) << ingress.error().message;
    (*ingress)->start();
    return std::move(*ingress);
  }
  static void stop(std::unique_ptr<Ingress> ingress) {
    std::promise<void> stopped;
    ingress->stop([&] { stopped.set_value(); });
    stopped.get_future().wait();
  }
  static ports::IngressInfo info_of(Ingress& ingress) {
    std::promise<ports::IngressInfo> promise;
    ingress.info([&](Result<ports::IngressInfo> info) { promise.set_value(std::move(info.value())); });
    return promise.get_future().get();
  }
  // Asks until it holds, for at most half a minute.
  template <typename Condition>
  static bool until_info(Ingress& ingress, Condition holds) {
    const std::uint64_t began = monotonic_us();
    while (!holds(info_of(ingress)))
      if (monotonic_us() - began > 30'000'000) return false;
    return true;
  }
  template <typename Call>
  static std::string answer(Call call) {
    std::promise<std::string> promise;
    call([&](auto result) { promise.set_value(result ? "" : result.error().message); });
    return promise.get_future().get();
  }
  std::string source(const std::string& topic, int partition) { return "test/in/" + topic + "/" + std::to_string(partition); }
  void produce_numbers(const std::string& topic, int partition, int from, int to) {
    for (int i = from; i < to; ++i) produce(topic, partition, "k" + std::to_string(i), std::to_string(partition) + ":" + std::to_string(i));
  }
  // "0", "1", … in turn to the partitions.
  void produce_much(const std::string& topic, int partitions, int records) {
    for (int i = 0; i < records; ++i) {
      std::string value = std::to_string(i);
      while (rd_kafka_producev(admin_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(i % partitions), RD_KAFKA_V_KEY("k", 1),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value.data(), value.size()),
                               RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        rd_kafka_poll(admin_.get(), 10);
    }
    ASSERT_EQ(rd_kafka_flush(admin_.get(), 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  // Each value in a transaction of its own, committed or not.
  void produce_in_transactions(const std::string& topic, const std::vector<std::pair<std::string, bool>>& values) {
    Conf conf(rd_kafka_conf_new());
    rd_kafka_conf_set(conf.get(), "bootstrap.servers", broker_.c_str(), nullptr, 0);
    rd_kafka_conf_set(conf.get(), "transactional.id", name("tx").c_str(), nullptr, 0);
    ClientOwner owner{.edge = "test"};
    auto producer = make_client(std::move(conf), Client::Producer, owner);
    ASSERT_TRUE(producer.has_value());
    rd_kafka_t* client = producer->get();
    ASSERT_EQ(rd_kafka_init_transactions(client, 30'000), nullptr);
    for (const auto& [value, is_committed] : values) {
      ASSERT_EQ(rd_kafka_begin_transaction(client), nullptr);
      ASSERT_EQ(rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_KEY("k", 1),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                  RD_KAFKA_V_END),
                RD_KAFKA_RESP_ERR_NO_ERROR);
      ASSERT_EQ(rd_kafka_flush(client, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
      ASSERT_EQ(is_committed ? rd_kafka_commit_transaction(client, 30'000) : rd_kafka_abort_transaction(client, 30'000), nullptr);
    }
  }
  static std::multiset<std::string> numbers(int partition, int from, int to) {
    std::multiset<std::string> out;
    for (int i = from; i < to; ++i) out.insert(std::to_string(partition) + ":" + std::to_string(i));
    return out;
  }

  Core core_;
};

TEST_F(KafkaIngressTest, RecordsOfEachPartitionComeInOrderAndOnce) {
  const auto topic = name("topic");
  create_topic(topic, 2);
  produce_numbers(topic, 0, 0, 5);
  produce_numbers(topic, 1, 0, 3);
  auto ingress = started(spec_of(topic));
  auto expected = numbers(0, 0, 5);
  expected.merge(numbers(1, 0, 3));
  EXPECT_TRUE(core_.until_values(expected));
  produce_numbers(topic, 1, 3, 6);
  expected.merge(numbers(1, 3, 6));
  EXPECT_TRUE(core_.until_values(expected));
  std::map<char, std::vector<std::string>> order;
  for (const auto& message : core_.messages()) {
    EXPECT_EQ(message.target.type, "test/fn");
    EXPECT_EQ(message.target.id, "k" + message.argument.value.substr(2));
    EXPECT_EQ(message.argument.type_name, "test/value");
    order[message.argument.value[0]].push_back(message.argument.value);
  }
  EXPECT_TRUE(std::ranges::is_sorted(order['0']) && std::ranges::is_sorted(order['1']));
  EXPECT_TRUE(core_.until_row("test/in/" + topic + "/*", 2));
  const auto info = info_of(*ingress);
  EXPECT_EQ(info.trouble, "");
  EXPECT_EQ(info.taken, 11u);
  ASSERT_EQ(info.sources.size(), 2u);
  EXPECT_EQ(info.sources[1].next, 6u);
  EXPECT_TRUE(until_info(*ingress, [](const auto& now) { return now.sources[0].lag == 0u && now.sources[1].lag == 0u; }));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, ItGoesOnFromTheCoresPositionWhateverTheDocumentSays) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 3);
  auto spec = spec_of(topic);
  stop(started(spec));  // May or may not have got somewhere.
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 3)));
  stop(std::move(ingress));
  produce_numbers(topic, 0, 3, 6);
  spec.start.from = From::Latest;
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 6)));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, LatestIsWhereTheEndWasAtTheFirstStart) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 3);
  const auto spec = spec_of(topic, From::Latest);
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_row(source(topic, 0), 3));
  stop(std::move(ingress));  // Nothing came: all it left is its position.
  produce_numbers(topic, 0, 3, 5);
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 3, 5)));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, StartsAtGroupOffsetsSpecificOffsetsAndDates) {
  const auto topic = name("topic");
  create_topic(topic, 2);
  produce_numbers(topic, 0, 0, 6);
  produce_numbers(topic, 1, 0, 6);
  {
    // Commits 6 and 6 for its group.
    auto ingress = started(spec_of(topic));
    auto all = numbers(0, 0, 6);
    all.merge(numbers(1, 0, 6));
    EXPECT_TRUE(core_.until_values(all));
    stop(std::move(ingress));
  }
  const SystemClock clock;
  Instant now = clock.now();
  while (clock.now() == now) {
  }
  now = clock.now();
  produce_numbers(topic, 0, 6, 8);
  produce_numbers(topic, 1, 6, 8);
  auto later = numbers(0, 6, 8);
  later.merge(numbers(1, 6, 8));
  const auto expect = [&](model::KafkaIngressSpec spec, const std::string& id, std::multiset<std::string> expected) {
    spec.id = id;
    auto all = numbers(0, 0, 6);
    all.merge(numbers(1, 0, 6));
    Core other;
    auto ingress = Ingress::create(spec, {other, other, [](std::string_view) { return true; }});
    ASSERT_TRUE(ingress.has_value());
    (*ingress)->start();
    EXPECT_TRUE(other.until_values(expected)) << id;
    stop(std::move(*ingress));
  };
  expect(spec_of(topic, From::GroupOffsets), "test/group", later);
  auto dated = spec_of(topic, From::Date);
  dated.start.date = now;
  expect(dated, "test/date", later);
  auto specific = spec_of(topic, From::Specific);
  specific.start.offsets = {{topic, 0, 7}};
  produce_numbers(topic, 1, 8, 9);
  auto some = numbers(0, 7, 8);
  some.merge(numbers(1, 8, 9));  // The group has got to 8 by now.
  expect(specific, "test/specific", some);
}

TEST_F(KafkaIngressTest, NewPartitionsBeginAtTheirFirstRecord) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 2);
  const auto spec = spec_of(topic, From::Latest);
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_row("test/in/" + topic + "/*", 1));
  add_partitions(topic, 2);
  produce_numbers(topic, 1, 0, 3);
  EXPECT_TRUE(core_.until_values(numbers(1, 0, 3)));
  stop(std::move(ingress));
  // And those that came while nobody looked.
  EXPECT_TRUE(core_.until_row("test/in/" + topic + "/*", 2));
  add_partitions(topic, 3);
  produce_numbers(topic, 2, 0, 2);
  ingress = started(spec);
  auto expected = numbers(1, 0, 3);
  expected.merge(numbers(2, 0, 2));
  EXPECT_TRUE(core_.until_values(expected));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, MissingTopicIsTroubleUntilItComesAndThenReadFromItsFirstRecord) {
  const auto topic = name("topic"), other = name("other");
  create_topic(other, 1);
  auto spec = spec_of(topic, From::Latest);
  spec.topics.push_back({other, "test/value", {"test/fn"}});
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_row("test/in/" + other + "/*", 1));
  EXPECT_TRUE(core_.until_row("test/in/" + topic + "/*", 0));
  EXPECT_EQ(info_of(*ingress).trouble, "there is no topic " + topic);
  produce(other, 0, "k", "other");
  EXPECT_TRUE(core_.until_values({"other"}));
  create_topic(topic, 1);
  produce(topic, 0, "k", "here");
  EXPECT_TRUE(core_.until_values({"other", "here"}));
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.trouble.empty(); }));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, PositionThatIsGoneIsLostLoudlyAndReadingGoesOn) {
  const auto topic = name("topic");
  create_topic(topic, 2);
  produce_numbers(topic, 0, 0, 9);
  produce_numbers(topic, 1, 0, 9);
  delete_records(topic, 0, 5);
  core_.set_row(source(topic, 0), 2);   // Behind what there is.
  core_.set_row(source(topic, 1), 77);  // Beyond it.
  auto spec = spec_of(topic);
  spec.reset_to_earliest = true;
  auto ingress = started(spec);
  auto expected = numbers(0, 5, 9);
  expected.merge(numbers(1, 0, 9));
  EXPECT_TRUE(core_.until_values(expected));
  EXPECT_EQ(info_of(*ingress).lost, 3u);
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, PositionThatIsGoneGoesToTheEndUnlessToldOtherwise) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 9);
  delete_records(topic, 0, 5);
  core_.set_row(source(topic, 0), 2);
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(core_.until_row(source(topic, 0), 9));
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.lost == 7; }));
  produce_numbers(topic, 0, 9, 11);
  EXPECT_TRUE(core_.until_values(numbers(0, 9, 11)));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, BatchThatHasNoRoomIsGivenAgain) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 20);
  core_.refuse(5);
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 20)));
  EXPECT_EQ(core_.refused(), 5);
  EXPECT_EQ(info_of(*ingress).bad, 0u);
  EXPECT_EQ(info_of(*ingress).taken, 20u);
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, PositionThatTheCoreHasElsewhereIsFollowed) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 3);
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 3)));
  core_.set_row(source(topic, 0), 1);
  produce_numbers(topic, 0, 3, 4);
  auto expected = numbers(0, 0, 4);
  expected.merge(numbers(0, 1, 3));  // By the row they had not been taken in.
  EXPECT_TRUE(core_.until_values(expected));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, BadRecordsAreParkedRetriedAndSkippedWhileTheRestGoesOn) {
  const auto topic = name("topic"), nobody = name("nobody");
  create_topic(topic, 1);
  create_topic(nobody, 1);
  auto spec = spec_of(topic);
  spec.topics.push_back({nobody, "test/value", {"test/nobody"}});
  produce(topic, 0, "", "no key");
  produce(topic, 0, "k", "good");
  produce(nobody, 0, "k", "to nobody");
  const std::string parked = connect::parked_stream("test/in");
  {
    auto ingress = started(spec);
    EXPECT_TRUE(core_.until_values({"good"}));
    EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.parked == 2 && info.bad == 2; }));
    for (const auto& record : core_.stream(parked))
      EXPECT_EQ(record.source, record.value.value == "no key" ? source(topic, 0) + "@0" : source(nobody, 0) + "@0");
    // As it is configured, nothing has changed.
    EXPECT_EQ(answer([&](auto done) { ingress->retry_parked(std::move(done)); }), "");
    EXPECT_EQ(core_.stream(parked).size(), 2u);
    stop(std::move(ingress));
  }
  spec.topics[1].targets = {"test/fn"};
  auto ingress = started(spec);
  EXPECT_EQ(answer([&](auto done) { ingress->retry_parked(std::move(done)); }), "");
  EXPECT_TRUE(core_.until_values({"good", "to nobody"}));
  ASSERT_EQ(core_.stream(parked).size(), 1u);
  EXPECT_EQ(core_.stream(parked)[0].error, "no key, which would be the id");
  EXPECT_EQ(answer([&](auto done) { ingress->skip_parked(std::move(done)); }), "");
  EXPECT_TRUE(core_.stream(parked).empty());
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, PausedIngressTakesInNothingEvenAfterARestart) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  const auto spec = spec_of(topic);
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_row(source(topic, 0), 0));
  EXPECT_EQ(answer([&](auto done) { ingress->pause(std::move(done)); }), "");
  EXPECT_TRUE(core_.row("test/in")->paused);
  stop(std::move(ingress));
  produce_numbers(topic, 0, 0, 3);
  ingress = started(spec);
  // It sees them, and leaves them.
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.paused && info.sources.size() == 1 && info.sources[0].lag == 3u; }));
  EXPECT_TRUE(core_.messages().empty());
  EXPECT_EQ(answer([&](auto done) { ingress->resume(std::move(done)); }), "");
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 3)));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, SeekReadsAgainAndSkips) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 4);
  auto ingress = started(spec_of(topic));
  auto expected = numbers(0, 0, 4);
  EXPECT_TRUE(core_.until_values(expected));
  using Kind = ports::SeekTo::Kind;
  EXPECT_EQ(answer([&](auto done) { ingress->seek("", {Kind::Position, 2, {}}, std::move(done)); }), "");
  expected.merge(numbers(0, 2, 4));
  EXPECT_TRUE(core_.until_values(expected));
  EXPECT_EQ(answer([&](auto done) { ingress->seek(source(topic, 0), {Kind::Earliest, 0, {}}, std::move(done)); }), "");
  expected.merge(numbers(0, 0, 4));
  EXPECT_TRUE(core_.until_values(expected));
  EXPECT_EQ(answer([&](auto done) { ingress->seek("", {Kind::Position, 9, {}}, std::move(done)); }),
            "there is no position 9 in " + topic + "/0, which has 0 to 4");
  EXPECT_EQ(answer([&](auto done) { ingress->seek("test/in/nope/0", {Kind::Latest, 0, {}}, std::move(done)); }),
            "ingress test/in has no source test/in/nope/0");
  EXPECT_EQ(answer([&](auto done) { ingress->pause(std::move(done)); }), "");
  produce_numbers(topic, 0, 4, 6);
  EXPECT_EQ(answer([&](auto done) { ingress->seek("", {Kind::Latest, 0, {}}, std::move(done)); }), "");
  EXPECT_EQ(answer([&](auto done) { ingress->resume(std::move(done)); }), "");
  produce_numbers(topic, 0, 6, 7);
  expected.merge(numbers(0, 6, 7));
  EXPECT_TRUE(core_.until_values(expected));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, TooManyParkedRecordsStopIt) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  core_.pretend_parked(1ull << 30);
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.trouble == "too many parked records: retry or skip them"; }));
  produce_numbers(topic, 0, 0, 1);
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.sources.size() == 1 && info.sources[0].lag == 1u; }));
  EXPECT_TRUE(core_.messages().empty());
  core_.pretend_parked(0);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 1)));
  stop(std::move(ingress));
}

// What a read_committed ingress does not see: aborted records and the broker's own markers.
TEST_F(KafkaIngressTest, MarkersOfTransactionsAreNoLag) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_in_transactions(topic, {{"committed", true}, {"aborted", false}, {"committed too", true}});
  auto spec = spec_of(topic);
  spec.properties.emplace_back("isolation.level", "read_committed");
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_values({"committed", "committed too"}));
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.sources[0].lag == 0u; }));
  EXPECT_TRUE(core_.until_row(source(topic, 0), 6));  // Past the last marker, so that it does not fall off the start of the log.
  stop(std::move(ingress));
}

// Retention may empty the topic before the next start, and the position must not be among what is gone then.
TEST_F(KafkaIngressTest, StopNotesThePositionBehindTheMarkerOfATransaction) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  for (int turn = 0; turn < 3; ++turn) {
    produce_in_transactions(topic, {{"t" + std::to_string(turn), true}});
    const auto end = static_cast<std::uint64_t>(turn + 1) * 3 - 1;  // Behind the record and its marker.
    auto ingress = started(spec_of(topic));
    EXPECT_TRUE(until_info(*ingress, [&](const auto& info) { return info.sources.size() == 1 && info.sources[0].end == end && info.sources[0].lag == 0u; }));
    stop(std::move(ingress));
    EXPECT_TRUE(core_.until_row(source(topic, 0), end));
    delete_records(topic, 0, static_cast<std::int64_t>(end));
    produce(topic, 0, "k", "n" + std::to_string(turn));
  }
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(core_.until_values({"t0", "n0", "t1", "n1", "t2", "n2"}));
  EXPECT_EQ(info_of(*ingress).lost, 0u);
  stop(std::move(ingress));
}

// --- Topics that are deleted and made anew

TEST_F(KafkaIngressTest, TopicMadeAnewWhileNobodyLookedIsReadFromItsFirstRecord) {
  for (const int records : {2, 5, 9}) {  // Shorter than the old one was, as long, longer.
    const auto topic = name("topic-" + std::to_string(records));
    create_topic(topic, 1);
    produce_numbers(topic, 0, 0, 5);
    const auto spec = spec_of(topic, From::Latest);
    core_.set_row(source(topic, 0), 0);
    auto ingress = started(spec);
    EXPECT_TRUE(core_.until_row(source(topic, 0), 5));
    stop(std::move(ingress));
    const std::size_t before = core_.messages().size();
    delete_topic(topic);
    create_topic(topic, 1);
    for (int i = 0; i < records; ++i) produce(topic, 0, "k", "new " + std::to_string(i));
    ingress = started(spec);
    EXPECT_TRUE(core_.until_messages(before + static_cast<std::size_t>(records))) << records;
    stop(std::move(ingress));
    ingress = started(spec);  // Which is known again then.
    produce(topic, 0, "k", "newer");
    EXPECT_TRUE(core_.until_messages(before + static_cast<std::size_t>(records) + 1)) << records;
    const auto messages = core_.messages();
    ASSERT_EQ(messages.size(), before + static_cast<std::size_t>(records) + 1);
    for (int i = 0; i < records; ++i) EXPECT_EQ(messages[before + static_cast<std::size_t>(i)].argument.value, "new " + std::to_string(i));
    stop(std::move(ingress));
  }
}

TEST_F(KafkaIngressTest, TopicMadeAnewWhileItIsReadIsReadFromItsFirstRecord) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 5);
  auto ingress = started(spec_of(topic));
  auto expected = numbers(0, 0, 5);
  EXPECT_TRUE(core_.until_values(expected));
  for (const std::string turn : {"read", "paused"}) {
    if (turn == "paused") {
      EXPECT_EQ(answer([&](auto done) { ingress->pause(std::move(done)); }), "");
    }
    delete_topic(topic);
    create_topic(topic, 1);
    for (int i = 0; i < 20; ++i) {
      produce(topic, 0, "k", turn + std::to_string(i));
      expected.insert(turn + std::to_string(i));
    }
    if (turn == "paused") {
      EXPECT_EQ(answer([&](auto done) { ingress->resume(std::move(done)); }), "");
    }
    EXPECT_TRUE(core_.until_values(expected)) << turn;
  }
  stop(std::move(ingress));
}

// The disk may be full, or not keep up, just then.
TEST_F(KafkaIngressTest, TopicMadeAnewIsReadFromItsFirstRecordThoughThatCannotBeNotedAtOnce) {
  for (const std::string refused : {"", "/read"}) {
    const auto topic = name(refused.empty() ? "position" : "read");
    create_topic(topic, 1);
    produce_numbers(topic, 0, 0, 5);
    const auto spec = spec_of(topic);
    auto ingress = started(spec);
    EXPECT_TRUE(core_.until_row(source(topic, 0), 5));
    stop(std::move(ingress));
    EXPECT_TRUE(core_.until_row(source(topic, 0) + "/read", 4));
    const std::size_t before = core_.messages().size();
    delete_topic(topic);
    create_topic(topic, 1);
    for (int i = 0; i < 9; ++i) produce(topic, 0, "k", "new " + std::to_string(i));
    core_.refuse_row(source(topic, 0) + refused);
    ingress = started(spec);
    EXPECT_TRUE(core_.until_row(source(topic, 0), 9));
    stop(std::move(ingress));
    EXPECT_EQ(core_.messages().size(), before + 9) << refused;
  }
}

TEST_F(KafkaIngressTest, TopicThatIsTheOneItWasGoesOnWhereverItsLastRecordWent) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  produce_numbers(topic, 0, 0, 3);
  const auto spec = spec_of(topic);
  const std::string last = source(topic, 0) + "/read";
  auto ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 3)));
  stop(std::move(ingress));
  EXPECT_TRUE(core_.until_row(last, 2));
  const auto older = core_.row(last);
  produce_numbers(topic, 0, 3, 6);
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 6)));
  stop(std::move(ingress));
  EXPECT_TRUE(core_.until_row(last, 5));
  core_.put_row(last, *older);  // A crash came before it was noted.
  produce_numbers(topic, 0, 6, 7);
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 7)));
  stop(std::move(ingress));
  delete_records(topic, 0, 7);
  produce_numbers(topic, 0, 7, 8);
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 8)));
  EXPECT_EQ(info_of(*ingress).lost, 0u);
  stop(std::move(ingress));
  EXPECT_TRUE(core_.until_row(last, 7));
  // As after an unclean election: another record, but older ones are there.
  LastRead lie = *decode_last_read(*core_.row(last));
  lie.hash += 1;
  core_.put_row(last, encode_last_read(lie));
  produce_numbers(topic, 0, 8, 9);
  ingress = started(spec);
  EXPECT_TRUE(core_.until_values(numbers(0, 0, 9)));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, NoBrokerIsTroubleAndNothingElse) {
  auto spec = spec_of("topic");
  spec.bootstrap_servers = "127.0.0.1:1";
  auto ingress = started(spec);
  EXPECT_TRUE(until_info(*ingress, [](const auto& info) { return info.trouble.find("127.0.0.1:1") != std::string::npos; }));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, MuchThatWaitsComesInLargeBatches) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  constexpr int kRecords = 50'000;
  produce_much(topic, 1, kRecords);
  auto ingress = started(spec_of(topic));
  EXPECT_TRUE(core_.until_row(source(topic, 0), kRecords));
  EXPECT_EQ(core_.messages().size(), static_cast<std::size_t>(kRecords));
  EXPECT_EQ(core_.largest_batch(), 1000u);
  stop(std::move(ingress));
}

// More than may be in memory at once: partitions wait for their turn, and go on where they were.
TEST_F(KafkaIngressTest, ManyPartitionsThatAreBehindAreReadInTurnsAndInOrder) {
  const auto topic = name("topic");
  constexpr int kPartitions = 16;
  constexpr int kEach = 15'000;
  create_topic(topic, kPartitions);
  produce_much(topic, kPartitions, kPartitions * kEach);
  auto ingress = started(spec_of(topic));
  for (int partition = 0; partition < kPartitions; ++partition) EXPECT_TRUE(core_.until_row(source(topic, partition), kEach));
  std::vector<int> next(kPartitions);
  for (int partition = 0; partition < kPartitions; ++partition) next[static_cast<std::size_t>(partition)] = partition;
  std::size_t wrong = 0;
  for (const auto& message : core_.messages()) {
    const int value = std::stoi(message.argument.value);
    auto& expected = next[static_cast<std::size_t>(value % kPartitions)];
    if (value != expected) ++wrong;
    expected += kPartitions;
  }
  EXPECT_EQ(wrong, 0u);
  EXPECT_EQ(core_.messages().size(), static_cast<std::size_t>(kPartitions * kEach));
  stop(std::move(ingress));
}

TEST_F(KafkaIngressTest, SeekWhileRecordsFlowNeverSkipsOne) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  constexpr int kRecords = 100'000;
  constexpr int kSought = 777;
  produce_much(topic, 1, kRecords);
  auto ingress = started(spec_of(topic));
  for (int i = 1; i <= 10; ++i) {
    EXPECT_TRUE(core_.until_messages(static_cast<std::size_t>(i) * 5'000));
    EXPECT_EQ(answer([&](auto done) { ingress->seek("", {ports::SeekTo::Kind::Position, kSought, {}}, std::move(done)); }), "");
  }
  EXPECT_TRUE(core_.until_row(source(topic, 0), kRecords));
  // Each is the next of the one before, or the one that was sought.
  int jumps = 0;
  int before = -1;
  for (const auto& message : core_.messages()) {
    const int value = std::stoi(message.argument.value);
    if (value != before + 1) {
      ++jumps;
      EXPECT_EQ(value, kSought) << "after " << before;
    }
    before = value;
  }
  EXPECT_GT(jumps, 0);
  EXPECT_LE(jumps, 10);
  EXPECT_EQ(before, kRecords - 1);
  stop(std::move(ingress));
}

}  // namespace
}  // namespace holdfast::kafka
