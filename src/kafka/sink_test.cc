#include "kafka/sink.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/time.h"
#include "codec/egress_records.h"
#include "kafka/broker_fixture.h"
#include "kafka/positions.h"
#include "kafka/producer.h"
#include "kafka/unusable_topics.h"

namespace holdfast::kafka {
namespace {

using Delivery = model::KafkaEgressSpec::Delivery;
using Page = std::vector<ports::StreamPage::Entry>;

constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

class KafkaSinkTest : public BrokerTest {
 protected:
  model::KafkaEgressSpec spec_of(Delivery delivery = Delivery::ExactlyOnce) {
    model::KafkaEgressSpec spec;
    spec.id = "test/" + name("out");
    spec.bootstrap_servers = broker_;
    spec.delivery = delivery;
    return spec;
  }
  static ports::StreamPage::Entry entry(std::uint64_t position, const std::string& topic, const std::string& key, const std::string& value) {
    ports::StreamPage::Entry entry;
    entry.position = position;
    entry.record.value = {std::string(codec::kKafkaRecordType), codec::encode_kafka_record({key, value, topic, {}}), true};
    return entry;
  }
  static Page page_of(const std::string& topic, std::uint64_t from, std::uint64_t to) {
    Page page;
    for (std::uint64_t i = from; i < to; ++i) page.push_back(entry(i, topic, "k" + std::to_string(i % 3), std::to_string(i)));
    return page;
  }
  static std::vector<std::string> numbers(std::uint64_t to) {
    std::vector<std::string> out;
    for (std::uint64_t i = 0; i < to; ++i) out.push_back(std::to_string(i));
    return out;
  }
  std::vector<std::string> values(const std::string& topic, std::int32_t partition = 0) {
    std::vector<std::string> out;
    for (auto& read : read_all(topic, partition)) out.push_back(std::move(read.value));
    return out;
  }
  static std::optional<std::uint64_t> opened(KafkaSink& sink) {
    const auto position = sink.open();
    EXPECT_TRUE(position.has_value()) << position.error().message;
    return position ? *position : std::nullopt;
  }
  static bool sent(KafkaSink& sink, const Page& page, std::uint64_t next) {
    const auto outcome = sink.send(page, next);
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
    return outcome && outcome->refused.empty() && outcome->settled == page.size();
  }
  static std::vector<std::size_t> refused(const Result<ports::SendOutcome>& outcome) {
    std::vector<std::size_t> out;
    EXPECT_TRUE(outcome.has_value()) << outcome.error().message;
    if (outcome)
      for (const auto& each : outcome->refused) out.push_back(each.index);
    return out;
  }
  static std::string refusal(KafkaSink& sink, const Page& page, std::uint64_t next, std::size_t index) {
    auto outcome = sink.send(page, next);
    // A sink that wants to try in smaller batches says so as an outbox understands it.
    for (int tries = 0; !outcome && tries < 5; ++tries) {
      EXPECT_EQ(outcome.error().code, ErrorCode::Unavailable);
      opened(sink);
      outcome = sink.send(page, next);
    }
    if (!outcome) return "error: " + outcome.error().message;
    if (outcome->refused.empty()) return "not refused";
    EXPECT_EQ(refused(outcome), std::vector<std::size_t>{index});
    return outcome->refused[0].reason;
  }
  // A producer that does what a sink of this egress would, and can be left alone in the middle of it.
  std::unique_ptr<Producer> half_a_sink(const model::KafkaEgressSpec& spec, int number = 0) {
    auto producer = Producer::create(spec, {.edge = "half", .transactional_id = "holdfast-dir-" + spec.id + "-" + std::to_string(number)});
    EXPECT_TRUE(producer.has_value());
    EXPECT_TRUE((*producer)->init_transactions().has_value());
    return std::move(*producer);
  }
  static void produce_half(Producer& producer, const model::KafkaEgressSpec& spec, const std::string& topic, std::uint64_t from, std::uint64_t to) {
    ASSERT_TRUE(producer.look_for(topic).has_value());
    ASSERT_TRUE(producer.look_for(spec.positions_topic).has_value());
    ASSERT_TRUE(producer.begin().has_value());
    for (std::uint64_t i = from; i < to; ++i) ASSERT_TRUE(producer.produce({topic, "k", std::to_string(i), {}}, 0).has_value());
    ASSERT_TRUE(producer.produce({spec.positions_topic, "dir/" + spec.id, std::to_string(to), {}}, 0, 0).has_value());
    ASSERT_TRUE(producer.flush().has_value());
  }
};

TEST_F(KafkaSinkTest, PositionIsNoneAtFirstAndThenThatOfTheLastPage) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  {
    KafkaSink sink(spec_of(), "dir");
    EXPECT_TRUE(sink.keeps_position());
    EXPECT_EQ(opened(sink), std::nullopt);
    EXPECT_TRUE(sent(sink, page_of(topic, 0, 5), 5));
    EXPECT_TRUE(sent(sink, page_of(topic, 5, 6), 6));
    EXPECT_TRUE(sent(sink, {}, 9));  // All of a page was set aside.
    EXPECT_TRUE(sent(sink, page_of(topic, 9, 10), 10));
  }
  KafkaSink again(spec_of(), "dir");
  EXPECT_EQ(opened(again), 10u);
  KafkaSink other(spec_of(), "other-dir");
  EXPECT_EQ(opened(other), std::nullopt);
  EXPECT_EQ(values(topic), (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "9"}));
}

TEST_F(KafkaSinkTest, RecordHasItsKeyHeadersAndTrace) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  KafkaSink sink(spec_of(), "dir");
  opened(sink);
  Page page{entry(0, topic, "", "no key"), entry(1, topic, std::string("\xff\0", 2), ""), entry(2, topic, "k", "traced"), entry(3, topic, "k", "h")};
  page[2].record.traceparent = kTrace;
  page[3].record.traceparent = kTrace;
  page[3].record.value.value = codec::encode_kafka_record({"k", "h", topic, {{"a", "1"}, {"traceparent", "mine"}, {"a", "2"}}});
  EXPECT_TRUE(sent(sink, page, 4));
  EXPECT_EQ(read_all(topic), (std::vector<Read>{{"", "no key", {}},
                                                {std::string("\xff\0", 2), "", {}},
                                                {"k", "traced", {{"traceparent", std::string(kTrace)}}},
                                                {"k", "h", {{"a", "1"}, {"traceparent", "mine"}, {"a", "2"}}}}));
}

// Java's default partitioner: murmur2 of the key, so that keys stay where StateFun put them.
TEST_F(KafkaSinkTest, KeyGoesToThePartitionThatJavaWouldChoose) {
  const auto topic = name("topic");
  create_topic(topic, 4);
  KafkaSink sink(spec_of(), "dir");
  opened(sink);
  EXPECT_TRUE(sent(sink, {entry(0, topic, "kafka", "kafka"), entry(1, topic, "giberish123456789", "giberish123456789")}, 2));
  // murmur2("kafka") = 0xd067cf64, murmur2("giberish123456789") = 0x8f552b0c: of 4 both are partition 0.
  EXPECT_EQ(values(topic, 0), (std::vector<std::string>{"kafka", "giberish123456789"}));
}

TEST_F(KafkaSinkTest, WhatAKilledSinkHadBegunIsUndoneByTheNext) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  const auto spec = spec_of();
  {
    KafkaSink sink(spec, "dir");
    opened(sink);
    EXPECT_TRUE(sent(sink, page_of(topic, 0, 3), 3));
  }
  for (const int number : {0, 1}) {
    auto killed = half_a_sink(spec, number);
    produce_half(*killed, spec, topic, 3, 5);
  }
  KafkaSink sink(spec, "dir");
  EXPECT_EQ(opened(sink), 3u);
  EXPECT_TRUE(sent(sink, page_of(topic, 3, 6), 6));
  EXPECT_EQ(values(topic), numbers(6));
}

TEST_F(KafkaSinkTest, CommitWhoseAnswerWasLostIsFoundOut) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  const auto spec = spec_of();
  {
    KafkaSink sink(spec, "dir");
    opened(sink);
    EXPECT_TRUE(sent(sink, page_of(topic, 0, 3), 3));
  }
  auto lost = half_a_sink(spec);
  produce_half(*lost, spec, topic, 3, 5);
  EXPECT_TRUE(lost->commit().has_value());
  KafkaSink sink(spec, "dir");
  EXPECT_EQ(opened(sink), 5u);
  EXPECT_TRUE(sent(sink, page_of(topic, 5, 6), 6));
  EXPECT_EQ(values(topic), numbers(6));
}

TEST_F(KafkaSinkTest, SecondSinkOfTheSameNameShutsOutTheFirst) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  KafkaSink first(spec_of(), "dir"), second(spec_of(), "dir");
  opened(first);
  EXPECT_TRUE(sent(first, page_of(topic, 0, 2), 2));
  EXPECT_EQ(opened(second), 2u);
  const auto late = first.send(page_of(topic, 2, 4), 4);
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::Unavailable);
  EXPECT_TRUE(sent(second, page_of(topic, 2, 3), 3));
  EXPECT_TRUE(sent(second, page_of(topic, 3, 4), 4));
  // It is the other one's now, until somebody decides.
  const auto again = first.open();
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::Conflict);
  EXPECT_TRUE(first.reset(4).has_value());
  EXPECT_TRUE(sent(first, page_of(topic, 4, 5), 5));
  EXPECT_FALSE(second.send(page_of(topic, 4, 6), 6).has_value());
  const auto other = second.open();
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::Conflict);
  EXPECT_EQ(values(topic), numbers(5));
}

TEST_F(KafkaSinkTest, OneThatHasNotSentMeanwhileLeavesItToTheOther) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  KafkaSink first(spec_of(), "dir"), second(spec_of(), "dir");
  opened(first);
  EXPECT_TRUE(sent(first, page_of(topic, 0, 2), 2));
  EXPECT_EQ(opened(second), 2u);
  EXPECT_FALSE(first.send(page_of(topic, 2, 4), 4).has_value());
  EXPECT_EQ(opened(first), 2u);
  EXPECT_TRUE(sent(first, page_of(topic, 2, 4), 4));
  EXPECT_FALSE(second.send(page_of(topic, 2, 3), 3).has_value());
  const auto other = second.open();
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code, ErrorCode::Conflict);
  EXPECT_EQ(values(topic), numbers(4));
}

TEST_F(KafkaSinkTest, RefusedRecordLeavesNothingOfItsPage) {
  const auto topic = name("topic"), small = name("small"), compacted = name("compacted");
  create_topic(topic, 1);
  create_topic(small, 1, {{"max.message.bytes", "20000"}});
  create_topic(compacted, 1, {{"cleanup.policy", "compact"}});
  KafkaSink sink(spec_of(), "dir");
  opened(sink);
  EXPECT_TRUE(sent(sink, page_of(topic, 0, 1), 1));
  const auto with = [&](ports::StreamPage::Entry bad) {
    Page page = page_of(topic, 1, 4);
    page[1] = std::move(bad);
    return page;
  };
  EXPECT_NE(refusal(sink, with(entry(2, topic, "k", std::string(2'000'000, 'x'))), 4, 1).find("(2000001 bytes)"), std::string::npos);
  EXPECT_NE(refusal(sink, with(entry(2, small, "k", std::string(30'000, 'x'))), 4, 1).find(small), std::string::npos);
  EXPECT_NE(refusal(sink, with(entry(2, compacted, "", "no key")), 4, 1).find(compacted), std::string::npos);
  EXPECT_EQ(refusal(sink, with(entry(2, "no such topic", "k", "v")), 4, 1), "not a topic name: no such topic");
  EXPECT_EQ(refusal(sink, with(entry(2, "", "k", "v")), 4, 1), "not a topic name: ");
  auto other = entry(2, topic, "k", "v");
  other.record.value.type_name = "a/b";
  EXPECT_EQ(refusal(sink, with(other), 4, 1), "expected a KafkaProducerRecord, got a/b");
  Page rest = page_of(topic, 1, 4);
  rest.erase(rest.begin() + 1);
  EXPECT_TRUE(sent(sink, rest, 4));
  EXPECT_TRUE(sent(sink, page_of(topic, 4, 5), 5));
  EXPECT_EQ(opened(sink), 5u);
  EXPECT_EQ(values(topic), (std::vector<std::string>{"0", "1", "3", "4"}));
}

TEST_F(KafkaSinkTest, ManySmallRecordsGoToATopicThatTakesOnlySmallBatches) {
  const auto topic = name("topic");
  create_topic(topic, 1, {{"max.message.bytes", "40000"}});
  KafkaSink sink(spec_of(), "dir");
  opened(sink);
  Page page;
  for (std::uint64_t i = 0; i < 300; ++i) page.push_back(entry(i, topic, "k", std::string(1000, 'x')));
  auto outcome = sink.send(page, 300);
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(opened(sink), std::nullopt);
  EXPECT_TRUE(sent(sink, page, 300));
  EXPECT_EQ(values(topic).size(), 300u);
}

TEST_F(KafkaSinkTest, ResetSetsThePosition) {
  auto spec = spec_of();
  KafkaSink sink(spec, "dir");
  EXPECT_TRUE(sink.reset(7).has_value());
  EXPECT_EQ(opened(sink), 7u);
  EXPECT_TRUE(sink.reset(3).has_value());
  EXPECT_EQ(opened(sink), 3u);
}

TEST_F(KafkaSinkTest, PositionIsReadThoughSomebodyElsesTransactionIsOpen) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  auto spec = spec_of();
  spec.positions_topic = name("positions");
  KafkaSink sink(spec, "dir");
  opened(sink);
  EXPECT_TRUE(sent(sink, page_of(topic, 0, 2), 2));
  auto other_spec = spec;
  other_spec.id = "test/other";
  auto other = half_a_sink(other_spec);
  produce_half(*other, other_spec, topic, 100, 101);
  EXPECT_TRUE(sent(sink, page_of(topic, 2, 4), 4));  // Behind the open one: no read_committed consumer sees it yet.
  KafkaSink again(spec, "dir");
  std::atomic<bool> answered{false};
  std::thread opening([&] {
    EXPECT_EQ(opened(again), 4u);
    answered = true;
  });
  // Time enough to answer wrongly, should it not wait for the open transaction.
  for (int i = 0; i < 5; ++i) rd_kafka_poll(other->client(), 100);
  EXPECT_FALSE(answered);
  EXPECT_TRUE(other->abort().has_value());
  opening.join();
  EXPECT_EQ(values(topic), numbers(4));
}

TEST_F(KafkaSinkTest, PositionsTopicThatForgetsIsRefused) {
  auto spec = spec_of();
  spec.positions_topic = name("positions");
  create_topic(spec.positions_topic, 1, {{"cleanup.policy", "delete"}});
  KafkaSink sink(spec, "dir");
  const auto position = sink.open();
  ASSERT_FALSE(position.has_value());
  EXPECT_NE(position.error().message.find("set its cleanup.policy to compact"), std::string::npos) << position.error().message;
}

TEST_F(KafkaSinkTest, TransactionTimeoutThatTheBrokerDoesNotAllowIsMadeShorter) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  auto spec = spec_of();
  spec.transaction_timeout = Duration{3'600'000};
  KafkaSink sink(spec, "dir");
  opened(sink);
  EXPECT_TRUE(sent(sink, page_of(topic, 0, 2), 2));
}

TEST_F(KafkaSinkTest, AtLeastOnceKeepsNoPosition) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  KafkaSink sink(spec_of(Delivery::AtLeastOnce), "dir");
  EXPECT_FALSE(sink.keeps_position());
  EXPECT_EQ(opened(sink), std::nullopt);
  EXPECT_TRUE(sent(sink, page_of(topic, 0, 3), 3));
  EXPECT_EQ(values(topic), numbers(3));
  EXPECT_NE(refusal(sink, {entry(3, topic, "k", "3"), entry(4, topic, "k", std::string(2'000'000, 'x'))}, 5, 1), "not refused");
}

// Two topics in turns: 0, 2, 4, … to one, 1, 3, 5, … to the other.
Page in_turns(const std::function<ports::StreamPage::Entry(std::uint64_t)>& even, const std::function<ports::StreamPage::Entry(std::uint64_t)>& odd,
              std::uint64_t to) {
  Page page;
  for (std::uint64_t i = 0; i < to; ++i) page.push_back(i % 2 == 0 ? even(i) : odd(i));
  return page;
}

TEST_F(KafkaSinkTest, RecordsForAMissingTopicAreRefusedTogetherAfterOneWaitAndUsedAgainWhenItComes) {
  const auto check = [&](Delivery delivery, const std::string& good, const std::string& missing) {
    auto spec = spec_of(delivery);
    spec.id += delivery == Delivery::ExactlyOnce ? "-once" : "-least";
    KafkaSink sink(spec, "dir");
    opened(sink);
    const auto to_good = [&](std::uint64_t i) { return entry(i, good, "k", std::to_string(i)); };
    const auto to_missing = [&](std::uint64_t i) { return entry(i, missing, "k", std::to_string(i)); };
    const Page page = in_turns(to_good, to_missing, 20);
    const std::vector<std::size_t> odd{1, 3, 5, 7, 9, 11, 13, 15, 17, 19};
    const std::uint64_t began = monotonic_us();
    auto outcome = sink.send(page, 20);
    EXPECT_EQ(refused(outcome), odd);
    EXPECT_GE(monotonic_us() - began, UnusableTopics::kWaitUs);
    EXPECT_NE(outcome->refused[0].reason.find(missing), std::string::npos);
    if (delivery == Delivery::ExactlyOnce) {
      EXPECT_EQ(outcome->settled, 0u);
      Page rest;
      for (std::uint64_t i = 0; i < 20; i += 2) rest.push_back(to_good(i));
      EXPECT_TRUE(sent(sink, rest, 20));
    } else {
      EXPECT_EQ(outcome->settled, 20u);
    }
    EXPECT_EQ(values(good).size(), 10u);
    // Not waited for again, nor by a sink that had to open anew.
    const std::uint64_t again = monotonic_us();
    EXPECT_EQ(refused(sink.send({{to_missing(20)}}, 21)), std::vector<std::size_t>{0});
    opened(sink);
    EXPECT_EQ(refused(sink.send({{to_missing(20)}}, 21)), std::vector<std::size_t>{0});
    EXPECT_LT(monotonic_us() - again, UnusableTopics::kWaitUs);
    create_topic(missing, 1);
    Result<ports::SendOutcome> late = sink.send({{to_missing(20)}}, 21);
    while (late && !late->refused.empty()) late = sink.send({{to_missing(20)}}, 21);
    EXPECT_TRUE(late.has_value());
    EXPECT_EQ(values(missing), std::vector<std::string>{"20"});
  };
  for (const char* topic : {"good-1", "good-2"}) create_topic(name(topic), 1);
  std::thread least([&] { check(Delivery::AtLeastOnce, name("good-1"), name("missing-1")); });
  check(Delivery::ExactlyOnce, name("good-2"), name("missing-2"));
  least.join();
}

TEST_F(KafkaSinkTest, TopicThatVanishesIsWaitedForInBothDeliveries) {
  const auto check = [&](Delivery delivery, const std::string& topic) {
    auto spec = spec_of(delivery);
    spec.id += delivery == Delivery::ExactlyOnce ? "-once" : "-least";
    KafkaSink sink(spec, "dir");
    opened(sink);
    EXPECT_TRUE(sent(sink, page_of(topic, 0, 1), 1));
    delete_topic(topic);
    const std::uint64_t began = monotonic_us();
    Result<ports::SendOutcome> outcome = sink.send(page_of(topic, 1, 2), 2);
    while (!outcome) {  // As an outbox does.
      opened(sink);
      outcome = sink.send(page_of(topic, 1, 2), 2);
    }
    EXPECT_EQ(refused(outcome), std::vector<std::size_t>{0});
    EXPECT_GE(monotonic_us() - began, UnusableTopics::kWaitUs);
  };
  for (const char* topic : {"topic-1", "topic-2"}) create_topic(name(topic), 1);
  std::thread least([&] { check(Delivery::AtLeastOnce, name("topic-1")); });
  check(Delivery::ExactlyOnce, name("topic-2"));
  least.join();
}

TEST_F(KafkaSinkTest, RecordsThatAreTooLargeAreRefusedTogether) {
  const auto topic = name("topic"), small = name("small");
  create_topic(topic, 1);
  create_topic(small, 1, {{"max.message.bytes", "2000"}});
  for (const auto delivery : {Delivery::ExactlyOnce, Delivery::AtLeastOnce}) {
    auto spec = spec_of(delivery);
    spec.id += delivery == Delivery::ExactlyOnce ? "-once" : "-least";
    KafkaSink sink(spec, "dir");
    opened(sink);
    const Page page = in_turns([&](std::uint64_t i) { return entry(i, topic, "k", std::to_string(i)); },
                               [&](std::uint64_t i) { return entry(i, small, "k", std::string(3000 + i, 'x')); }, 40);
    auto outcome = sink.send(page, 40);
    for (int tries = 0; !outcome && tries < 5; ++tries) {
      opened(sink);
      outcome = sink.send(page, 40);
    }
    EXPECT_EQ(refused(outcome).size(), 20u);
  }
}

TEST_F(KafkaSinkTest, AtLeastOnceDoesNotSendAgainWhatWasAcknowledgedBesideARecordThatIsTooLarge) {
  const auto topic = name("topic"), small = name("small");
  create_topic(topic, 1);
  create_topic(small, 1, {{"max.message.bytes", "2000"}});
  KafkaSink sink(spec_of(Delivery::AtLeastOnce), "dir");
  opened(sink);
  const Page page = in_turns([&](std::uint64_t i) { return entry(i, topic, "k", std::to_string(i)); },
                             [&](std::uint64_t i) { return entry(i, small, "k", i == 11 ? std::string(3000, 'x') : std::to_string(i)); }, 20);
  const auto outcome = sink.send(page, 20);
  EXPECT_EQ(refused(outcome), std::vector<std::size_t>{11});
  EXPECT_EQ(outcome->settled, 20u);
  EXPECT_EQ(values(topic), (std::vector<std::string>{"0", "2", "4", "6", "8", "10", "12", "14", "16", "18"}));
  EXPECT_EQ(values(small), (std::vector<std::string>{"1", "3", "5", "7", "9", "13", "15", "17", "19"}));
  EXPECT_TRUE(sent(sink, page_of(topic, 20, 21), 21));
}

TEST_F(KafkaSinkTest, WithoutGuaranteesWhatWasHandedOverIsThereAtTheEnd) {
  const auto topic = name("topic");
  create_topic(topic, 1);
  {
    KafkaSink sink(spec_of(Delivery::None), "dir");
    EXPECT_FALSE(sink.keeps_position());
    opened(sink);
    EXPECT_TRUE(sent(sink, page_of(topic, 0, 3), 3));
  }
  EXPECT_EQ(values(topic), numbers(3));
}

TEST_F(KafkaSinkTest, NoBrokerIsUnavailable) {
  for (const auto delivery : {Delivery::ExactlyOnce, Delivery::AtLeastOnce}) {
    auto spec = spec_of(delivery);
    spec.bootstrap_servers = "127.0.0.1:1";
    KafkaSink sink(spec, "dir");
    sink.interrupt();  // It would wait for one.
    const auto position = sink.open();
    ASSERT_FALSE(position.has_value());
    EXPECT_EQ(position.error().code, ErrorCode::Unavailable);
  }
}

}  // namespace
}  // namespace holdfast::kafka
