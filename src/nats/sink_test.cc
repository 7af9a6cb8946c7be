#include "nats/sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/egress_records.h"
#include "nats/server_fixture.h"
#include "nats/wire.h"

namespace holdfast::nats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::eventually;

model::StreamRecord kafka_record(const std::string& topic, const std::string& key, const std::string& value) {
  model::StreamRecord record;
  codec::KafkaRecord content;
  content.topic = topic;
  content.key = key;
  content.value = value;
  record.value = {std::string(codec::kKafkaRecordType), codec::encode_kafka_record(content), true};
  return record;
}

TEST(OutgoingMessage, OfAKafkaRecordGoesToItsTopicWithItsKeyAsHeader) {
  auto record = kafka_record("orders.eu", "k", "v");
  record.traceparent = "00-a-b-01";
  const auto message = outgoing_message(record, "rest");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->subject, "orders.eu");
  EXPECT_EQ(message->data, "v");
  EXPECT_THAT(message->headers, ElementsAre(Pair("Holdfast-Key", "k"), Pair("traceparent", "00-a-b-01")));
  EXPECT_EQ(message->size_with_headers(), 1 + 12 + (12 + 1 + 4) + (11 + 9 + 4));
  EXPECT_EQ(outgoing_message(kafka_record("", "", "v"), "rest")->subject, "rest");
  EXPECT_THAT(outgoing_message(kafka_record("a", "", "v"), "rest")->headers, IsEmpty());
}

TEST(OutgoingMessage, AKeyThatDoesNotFitIntoAHeaderIsEncoded) {
  for (const std::string& key : {std::string("a\r\nNats-Rollup: all"), std::string(" a"), std::string("\0\xff", 2)}) {
    const auto message = outgoing_message(kafka_record("a", key, "v"), "");
    ASSERT_TRUE(message);
    ASSERT_EQ(message->headers.size(), 1u);
    EXPECT_EQ(message->headers[0].first, "Holdfast-Key-Base64");
    EXPECT_TRUE(is_header_value(message->headers[0].second));
  }
}

TEST(OutgoingMessage, CarriesHeadersButNoOrdersToTheServer) {
  codec::KafkaRecord content;
  content.topic = "a";
  content.headers = {{"x", "1"}, {"nats-msg-id", "y"}, {"Nats-Rollup", "all"}, {"x", "a\nb"}};
  model::StreamRecord record;
  record.value = {std::string(codec::kKafkaRecordType), codec::encode_kafka_record(content), true};
  const auto message = outgoing_message(record, "");
  ASSERT_TRUE(message);
  EXPECT_THAT(message->headers, ElementsAre(Pair("x", "1"), Pair("x-Base64", "YQpi")));
  content.headers = {{"a:b", "1"}};
  record.value.value = codec::encode_kafka_record(content);
  EXPECT_THAT(outgoing_message(record, "").error().message, HasSubstr("cannot be the name of a header"));
}

TEST(OutgoingMessage, OfAnyOtherValueGoesToTheDefaultSubjectWithItsTypeAsHeader) {
  model::StreamRecord record;
  record.value = {"shop/order", "bytes", true};
  const auto message = outgoing_message(record, "rest");
  ASSERT_TRUE(message);
  EXPECT_EQ(message->subject, "rest");
  EXPECT_EQ(message->data, "bytes");
  EXPECT_THAT(message->headers, ElementsAre(Pair("Holdfast-Type", "shop/order")));
}

TEST(OutgoingMessage, ASubjectThatIsNoneIsRefused) {
  for (const char* subject : {"a..b", "a.*", "a b", "$JS.API.STREAM.PURGE.S"})
    EXPECT_EQ(outgoing_message(kafka_record(subject, "", ""), "rest").error().code, ErrorCode::Invalid) << subject;
  EXPECT_THAT(outgoing_message(kafka_record("", "", ""), "").error().message, HasSubstr("no subject"));
  model::StreamRecord broken;
  broken.value = {std::string(codec::kKafkaRecordType), "\xff\xff", true};
  EXPECT_THAT(outgoing_message(broken, "rest").error().message, HasSubstr("no KafkaProducerRecord"));
}

TEST(MessageId, IsOursOnlyWithOurPrefixAPositionAndATime) {
  EXPECT_EQ(message_id("d/test/out/", {17, 1'000}), "d/test/out/17-1000");
  EXPECT_EQ(parse_message_id("d/test/out/17-1000", "d/test/out/"), (RecordId{17, 1'000}));
  for (const char* other : {"", "17-1", "d/test/out/", "d/test/out/x-1", "d/test/out/17", "d/test/out/17-", "d/test/out/17-1x", "e/test/out/17-1"})
    EXPECT_EQ(parse_message_id(other, "d/test/out/"), std::nullopt) << other;
}

// A look into a stream shows minutes of what was let go of long ago; what matters comes last.
TEST(StoredRecords, WhatIsLetGoOfTakesNoPlace) {
  StoredRecords stored("d/test/out/");
  stored.add({5, 1});
  stored.forget_below(10'000'000);
  EXPECT_FALSE(stored.contains({5, 1}));
  for (std::uint64_t i = 0; i < StoredRecords::kIdsMax; ++i) stored.add({i, 1});
  stored.add({10'000'000, 1});
  EXPECT_TRUE(stored.contains({10'000'000, 1}));
  EXPECT_FALSE(stored.contains({7, 1}));
}

class SinkServerTest : public testing::ServerTest {
 protected:
  [[nodiscard]] model::NatsEgressSpec egress() const {
    model::NatsEgressSpec out;
    out.id = "test/out";
    out.connection = connection();
    out.default_subject = subject("rest");
    return out;
  }
  [[nodiscard]] std::unique_ptr<Sink> open_sink(model::NatsEgressSpec spec) const {
    auto sink = std::make_unique<Sink>(std::move(spec), name_);
    const auto opened = sink->open();
    EXPECT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(*opened, std::nullopt);
    return sink;
  }
  [[nodiscard]] std::unique_ptr<Sink> open_sink() const { return open_sink(egress()); }

  // Records [first, first + count) with their position as value, on subject(`rest`).
  [[nodiscard]] std::vector<ports::StreamPage::Entry> page(std::uint64_t first, std::uint64_t count, const std::string& rest = "a") const {
    std::vector<ports::StreamPage::Entry> out;
    for (std::uint64_t i = first; i < first + count; ++i) out.push_back({i, kafka_record(subject(rest), "k", std::to_string(i))});
    return out;
  }
  static void sends(Sink& sink, const std::vector<ports::StreamPage::Entry>& records) {
    const auto outcome = sink.send(records, records.empty() ? 0 : records.back().position + 1);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->refused.empty()) << outcome->refused[0].reason;
    EXPECT_EQ(outcome->settled, records.size()) << outcome->trouble;
  }
  [[nodiscard]] ports::SendOutcome outcome_of(Sink& sink, std::span<const ports::StreamPage::Entry> records) {
    auto outcome = sink.send(records, records.back().position + 1);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? std::move(*outcome) : ports::SendOutcome{};
  }
  void change_stream(const std::function<void(jsStreamConfig&)>& change) {
    jsStreamInfo* info = nullptr;
    ASSERT_EQ(js_GetStreamInfo(&info, jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
    change(*info->Config);
    jsStreamInfo* changed = nullptr;
    EXPECT_EQ(js_UpdateStream(&changed, jetstream_, info->Config, nullptr, nullptr), NATS_OK);
    jsStreamInfo_Destroy(changed);
    jsStreamInfo_Destroy(info);
  }
  void purge() { ASSERT_EQ(js_PurgeStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK); }
  void take_away(std::uint64_t sequence) { ASSERT_EQ(js_DeleteMsg(jetstream_, name_.c_str(), sequence, nullptr, nullptr), NATS_OK); }
  // Everything the stream keeps, by sequence.
  [[nodiscard]] std::vector<std::string> stored() {
    jsStreamInfo* info = nullptr;
    EXPECT_EQ(js_GetStreamInfo(&info, jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
    const auto first = info->State.FirstSeq;
    const auto last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    std::vector<std::string> values;
    for (auto sequence = first; sequence <= last; ++sequence) {
      natsMsg* message = nullptr;
      if (js_GetMsg(&message, jetstream_, name_.c_str(), sequence, nullptr, nullptr) != NATS_OK) continue;
      values.emplace_back(natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message)));
      natsMsg_Destroy(message);
    }
    return values;
  }
  // Returns when the stream has forgotten the ids of all that is there now.
  void wait_for_the_window() {
    const auto stored_anew = [&](const char* id) {
      jsPubOptions options;
      jsPubOptions_Init(&options);
      options.MsgId = id;
      jsPubAck* ack = nullptr;
      EXPECT_EQ(js_Publish(&ack, jetstream_, subject("probe").c_str(), "probe", 5, &options, nullptr), NATS_OK);
      const bool anew = !ack->Duplicate;
      jsPubAck_Destroy(ack);
      return anew;
    };
    ASSERT_TRUE(stored_anew("probe"));
    ASSERT_TRUE(eventually([&] { return stored_anew("probe"); }));
  }
  static constexpr std::int64_t kShortWindowNs = 100'000'000;
};

TEST_F(SinkServerTest, StoresRecordsInOrderWithTheirIds) {
  make_stream();
  auto sink = open_sink();
  sends(*sink, page(0, 5'000));
  sends(*sink, page(5'000, 1));
  sends(*sink, {});
  auto expected = numbers(0, 5'001);
  EXPECT_EQ(stored(), expected);
  natsMsg* message = nullptr;
  ASSERT_EQ(js_GetLastMsg(&message, jetstream_, name_.c_str(), subject("a").c_str(), nullptr, nullptr), NATS_OK);
  EXPECT_EQ(header_of(message, "Nats-Msg-Id"), name_ + "/test/out/5000-0");
  EXPECT_EQ(header_of(message, "Holdfast-Key"), "k");
  natsMsg_Destroy(message);
  EXPECT_FALSE(sink->keeps_position());
}

TEST_F(SinkServerTest, APageSentAgainWithinTheWindowIsStoredOnce) {
  make_stream();
  {
    auto sink = open_sink();
    sends(*sink, page(0, 100));
    sends(*sink, page(0, 100));
  }
  store("a", "somebody else's");  // Hides our newest message.
  auto sink = open_sink();
  sends(*sink, page(50, 100));
  auto expected = numbers(0, 100);
  expected.emplace_back("somebody else's");
  const auto rest = numbers(100, 50);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(stored(), expected);
}

TEST_F(SinkServerTest, APageSentAgainAfterTheWindowIsStoredOnce) {
  make_stream([](auto& config) { config.Duplicates = kShortWindowNs; });
  {
    auto sink = open_sink();
    sends(*sink, page(0, 10, "a"));
    sends(*sink, page(10, 3'000, "b"));
  }
  store("a", "somebody else's");  // Whoever else publishes to the subject.
  wait_for_the_window();
  auto sink = open_sink();
  sends(*sink, page(0, 10, "a"));
  sends(*sink, page(10, 3'005, "b"));
  auto values = stored();
  std::erase_if(values, [](const auto& value) { return value == "probe" || value == "somebody else's"; });
  EXPECT_EQ(values, numbers(0, 3'015));
}

TEST_F(SinkServerTest, AWorkQueueIsLookedAtWithoutAConsumer) {
  make_stream([](auto& config) {
    config.Duplicates = kShortWindowNs;
    config.Retention = js_WorkQueuePolicy;
  });
  {
    auto sink = open_sink();
    sends(*sink, page(0, 10));
  }
  take_away(1);
  take_away(5);
  store("a", "somebody else's");
  wait_for_the_window();
  auto sink = open_sink();
  sends(*sink, page(5, 10));
  auto values = stored();
  std::erase_if(values, [](const auto& value) { return value == "probe" || value == "somebody else's"; });
  EXPECT_THAT(values, ElementsAre("1", "2", "3", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"));
}

TEST_F(SinkServerTest, AWorkQueueIsLookedAtOnceHoweverManySubjectsAreSentTo) {
  make_stream([](auto& config) {
    config.Duplicates = kShortWindowNs;
    config.Retention = js_WorkQueuePolicy;
  });
  std::vector<ports::StreamPage::Entry> records;
  for (std::uint64_t i = 0; i < 20; ++i) records.push_back(page(i, 1, "a" + std::to_string(i))[0]);
  {
    auto sink = open_sink();
    sends(*sink, records);
  }
  wait_for_the_window();
  natsSubscription* requests = nullptr;
  ASSERT_EQ(natsConnection_SubscribeSync(&requests, client_->handle(), ("$JS.API.STREAM.MSG.GET." + name_).c_str()), NATS_OK);
  flush();
  auto sink = open_sink();
  sends(*sink, records);
  flush();
  int count = 0;
  EXPECT_EQ(natsSubscription_GetPending(requests, &count, nullptr), NATS_OK);
  natsSubscription_Destroy(requests);
  EXPECT_GE(count, 20);  // Each message.
  EXPECT_LE(count, 100);
  auto values = stored();
  std::erase(values, "probe");
  EXPECT_EQ(values, numbers(0, 20));
}

TEST_F(SinkServerTest, RecordsOfADirectoryRestoredFromABackupAreSentThoughTheirNumbersWereUsed) {
  make_stream();
  {
    auto sink = open_sink();
    sends(*sink, page(0, 10));
  }
  auto again = page(5, 3);
  for (auto& entry : again) entry.record.time = {1'000};
  auto sink = open_sink();
  sends(*sink, again);
  auto expected = numbers(0, 10);
  const auto rest = numbers(5, 3);
  expected.insert(expected.end(), rest.begin(), rest.end());
  EXPECT_EQ(stored(), expected);
}

TEST_F(SinkServerTest, SubjectsThatNoStreamTakesAreRefusedTogetherAndTheOthersAreSent) {
  make_stream();
  auto sink = open_sink();
  auto records = page(0, 6);
  for (const int i : {2, 3, 5}) records[i].record = kafka_record("nobody.takes." + name_, "", "x");
  const auto outcome = outcome_of(*sink, records);
  ASSERT_EQ(outcome.refused.size(), 3u);
  EXPECT_EQ(outcome.refused[0].index, 2u);
  EXPECT_EQ(outcome.refused[2].index, 5u);
  EXPECT_THAT(outcome.refused[0].reason, HasSubstr("no stream takes subject nobody.takes."));
  EXPECT_EQ(outcome.settled, 6u);
  EXPECT_THAT(stored(), ElementsAre("0", "1", "4"));
}

TEST_F(SinkServerTest, RecordsTooLargeForTheServerOrTheStreamAreRefused) {
  make_stream([](auto& config) { config.MaxMsgSize = 1'000; });
  auto sink = open_sink();
  auto records = page(0, 4);
  for (const int i : {1, 2}) records[i].record = kafka_record(subject("a"), "", std::string(2'000, 'x'));
  auto outcome = outcome_of(*sink, records);
  ASSERT_EQ(outcome.refused.size(), 2u);
  EXPECT_EQ(outcome.refused[1].index, 2u);
  EXPECT_THAT(outcome.refused[1].reason, HasSubstr("does not take it"));
  EXPECT_EQ(outcome.settled, 4u);
  for (const int i : {1, 2}) records[i].record = kafka_record(subject("a"), "", std::string(2u << 20, 'x'));
  outcome = outcome_of(*sink, records);
  ASSERT_EQ(outcome.refused.size(), 2u);
  EXPECT_EQ(outcome.refused[0].index, 1u);
  EXPECT_THAT(outcome.refused[0].reason, HasSubstr("the server takes"));
  EXPECT_EQ(outcome.settled, 0u) << "nothing is sent of a page before each of it is well-formed";
}

TEST_F(SinkServerTest, AFullStreamIsWaitedForAndEachBitOfRoomIsUsed) {
  make_stream([](auto& config) {
    config.MaxMsgs = 20;
    config.Discard = js_DiscardNew;
  });
  auto sink = open_sink();
  const auto records = page(0, 105);
  std::span<const ports::StreamPage::Entry> left(records);
  std::vector<std::string> values;
  for (int round = 0; !left.empty() && round < 100; ++round) {
    const std::size_t room = 20 - stored().size();
    const auto outcome = outcome_of(*sink, left);
    EXPECT_TRUE(outcome.refused.empty());
    EXPECT_EQ(outcome.settled, std::min(room, left.size())) << round;
    left = left.subspan(outcome.settled);
    if (left.empty()) break;
    EXPECT_NE(outcome.trouble, "");
    EXPECT_EQ(stored().size(), 20u);
    // A consumer takes some away, or none.
    for (int taken = 0; taken < round % 4; ++taken) {
      values.push_back(stored().front());
      jsStreamInfo* info = nullptr;
      ASSERT_EQ(js_GetStreamInfo(&info, jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
      take_away(info->State.FirstSeq);
      jsStreamInfo_Destroy(info);
    }
  }
  const auto there = stored();
  values.insert(values.end(), there.begin(), there.end());
  EXPECT_EQ(values, numbers(0, 105));
}

TEST_F(SinkServerTest, ARecordLargerThanTheRoomHoldsThoseBehindIt) {
  make_stream([](auto& config) {
    config.MaxBytes = 3'000;
    config.Discard = js_DiscardNew;
  });
  auto sink = open_sink();
  auto records = page(0, 4);
  records[1].record = kafka_record(subject("a"), "", std::string(2'900, 'x'));
  const auto outcome = outcome_of(*sink, records);
  EXPECT_EQ(outcome.settled, 1u);
  EXPECT_THAT(outcome.trouble, HasSubstr("maximum bytes"));
  EXPECT_THAT(stored(), ElementsAre("0"));
}

TEST_F(SinkServerTest, WhatIsStoredBehindARefusedRecordIsRememberedAndAfterACrashFound) {
  enum class Then { GoesOn, Crashes };
  for (const auto then : {Then::GoesOn, Then::Crashes}) {
    SCOPED_TRACE(then == Then::GoesOn ? "goes on" : "crashes");
    make_stream([](auto& config) { config.Duplicates = kShortWindowNs; });
    auto sink = open_sink();
    sends(*sink, page(0, 1));
    // It learns too late that the stream has bounds now.
    change_stream([](auto& config) {
      config.MaxBytes = 3'000;
      config.Discard = js_DiscardNew;
    });
    auto records = page(1, 4);
    records[1].record = kafka_record(subject("a"), "", std::string(2'900, 'x'));
    const auto outcome = outcome_of(*sink, records);
    EXPECT_EQ(outcome.settled, 1u);
    EXPECT_THAT(outcome.trouble, HasSubstr("maximum bytes"));
    EXPECT_THAT(stored(), ElementsAre("0", "1", "3", "4"));
    wait_for_the_window();
    change_stream([](auto& config) { config.MaxBytes = -1; });
    if (then == Then::Crashes) sink = open_sink();
    sends(*sink, {records.begin() + 1, records.end()});
    auto values = stored();
    std::erase(values, "probe");
    EXPECT_THAT(values, ElementsAre("0", "1", "3", "4", std::string(2'900, 'x')));
    ASSERT_EQ(js_DeleteStream(jetstream_, name_.c_str(), nullptr, nullptr), NATS_OK);
  }
}

TEST_F(SinkServerTest, WhatASubjectsOwnBoundKeepsOutIsRefusedAndHoldsNobody) {
  make_stream([](auto& config) {
    config.MaxMsgsPerSubject = 2;
    config.Discard = js_DiscardNew;
    config.DiscardNewPerSubject = true;
  });
  auto sink = open_sink();
  auto records = page(0, 5, "a");
  records.push_back({5, kafka_record(subject("b"), "", "5")});
  const auto outcome = outcome_of(*sink, records);
  EXPECT_EQ(outcome.settled, 6u) << outcome.trouble;
  ASSERT_EQ(outcome.refused.size(), 3u);
  EXPECT_THAT(outcome.refused[0].reason, HasSubstr("per subject"));
  EXPECT_THAT(stored(), ElementsAre("0", "1", "5"));
}

TEST_F(SinkServerTest, CoreIsHeardByWhoListens) {
  auto core = egress();
  core.jetstream = false;
  std::mutex mutex;
  std::vector<std::string> heard;
  auto listener = Subscription::open(*client_, subject("a"), "", {}, [&](MessagePtr message) {
    const std::lock_guard lock(mutex);
    heard.emplace_back(data_of(message.get()));
  });
  ASSERT_TRUE(listener);
  flush();
  auto sink = open_sink(core);
  sends(*sink, page(0, 3'000));
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex);
    return heard.size() == 3'000;
  }));
  EXPECT_EQ(heard, numbers(0, 3'000));
}

TEST_F(SinkServerTest, WhereNobodyListensItIsUnavailableAndSaysNoSecrets) {
  auto nowhere = egress();
  nowhere.connection.servers = {"nats://user:secret@127.0.0.1:1"};
  Sink sink(nowhere, name_);
  const auto opened = sink.open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::Unavailable);
  EXPECT_THAT(opened.error().message, HasSubstr("nats://127.0.0.1:1"));
  EXPECT_EQ(opened.error().message.find("secret"), std::string::npos) << opened.error().message;
  const auto records = page(0, 1);
  EXPECT_EQ(sink.send(records, 1).error().code, ErrorCode::Unavailable);
}

TEST_F(SinkServerTest, WhatADocumentRefersToMustBeThere) {
  const auto refused = [&](const std::function<void(model::NatsConnection&)>& change) {
    auto spec = egress();
    change(spec.connection);
    const auto opened = Sink(spec, name_).open();
    EXPECT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Invalid);
    return opened.error().message;
  };
  EXPECT_THAT(refused([](auto& c) { c.user = "u", c.password_env = "HOLDFAST_NO_SUCH"; }), HasSubstr("HOLDFAST_NO_SUCH, which is not set"));
  EXPECT_THAT(refused([](auto& c) { c.token_env = "HOLDFAST_NO_SUCH"; }), HasSubstr("the token"));
  EXPECT_THAT(refused([](auto& c) { c.credentials_file = "/no/such/file"; }), HasSubstr("/no/such/file cannot be read"));
  EXPECT_THAT(refused([](auto& c) { c.tls.trust_cacerts = "/no/such/file"; }), HasSubstr("trust_cacerts /no/such/file"));
  EXPECT_THAT(refused([](auto& c) { c.servers = {"nats://host:port"}; }), HasSubstr("nats://host:port"));
}

}  // namespace
}  // namespace holdfast::nats
