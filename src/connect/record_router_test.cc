#include "connect/record_router.h"

#include <gtest/gtest.h>

#include <array>

#include "codec/egress_records.h"

namespace holdfast::connect {
namespace {

using model::AppendRecord;
using model::BadRecordAction;
using model::Command;
using model::Message;

RecordRouterOptions options_of(std::vector<model::SourceTopic> topics = {{"orders", "shop/order", {"shop/cart", "shop/audit"}}}) {
  RecordRouterOptions options;
  options.ingress = "shop/in";
  options.topics = std::move(topics);
  options.message_bytes_max = 100;
  options.serves = [](std::string_view type) { return type.starts_with("shop/"); };
  return options;
}
IncomingRecord record_of(std::optional<std::string_view> key, std::optional<std::string_view> value) {
  return {"orders", key, value, "", "3", 17};
}
std::vector<Command> routed(RecordRouter& router, const IncomingRecord& record) {
  std::vector<Command> out;
  router.route(record, out);
  return out;
}
// Why a record is parked; "" if it is not.
std::string why(RecordRouter& router, const IncomingRecord& record) {
  const auto out = routed(router, record);
  const auto* parked = out.size() == 1 ? std::get_if<AppendRecord>(&out[0]) : nullptr;
  return parked != nullptr && parked->stream == "holdfast/parked/shop:in" ? parked->record.error : "";
}

constexpr std::string_view kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(RecordRouter, RecordGoesToEachTargetWithItsKeyAsTheId) {
  RecordRouter router(options_of());
  auto record = record_of("k1", "v");
  record.traceparent = kTrace;
  const auto out = routed(router, record);
  const auto message = [](const char* type) {
    return Command(Message{{type, "k1"}, std::nullopt, {"shop/order", "v", true}, std::string(kTrace)});
  };
  EXPECT_EQ(out, (std::vector<Command>{message("shop/cart"), message("shop/audit")}));
  EXPECT_EQ(router.counters().routed.get(), 1u);
  EXPECT_EQ(router.counters().bad(), 0u);
}

TEST(RecordRouter, EmptyValueIsAMessage) {
  RecordRouter router(options_of());
  const auto out = routed(router, record_of("k", ""));
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(std::get<Message>(out[0]).argument.has_value);
}

TEST(RecordRouter, TraceparentThatIsNoneIsLeftOut) {
  RecordRouter router(options_of());
  for (const std::string text : {"x", "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-\n"}) {
    auto record = record_of("k", "v");
    record.traceparent = text;
    EXPECT_EQ(std::get<Message>(routed(router, record).at(0)).traceparent, "") << text;
  }
}

TEST(RecordRouter, BadRecordIsParkedWithItsReason) {
  RecordRouter router(options_of());
  EXPECT_EQ(why(router, record_of(std::nullopt, "v")), "no key, which would be the id");
  EXPECT_EQ(why(router, record_of("k", std::nullopt)), "no value (a tombstone)");
  EXPECT_EQ(why(router, record_of("k", std::string(100, 'x'))), "key and value have 101 bytes, limits.messageBytes is 100");
  EXPECT_EQ(why(router, record_of("k", std::string(99, 'x'))), "");
  EXPECT_EQ(router.counters().parked.get(), 3u);

  auto options = options_of({{"orders", "t", {"shop/a", "other/b"}}});
  options.message_bytes_max = 10'000;
  RecordRouter other(options);
  EXPECT_EQ(why(other, record_of("k", "v")), "no endpoint serves other/b");
  EXPECT_EQ(why(other, record_of(std::string(4097, 'k'), "v")), "the id for shop/a has 4097 bytes, at most 4096 are allowed");
  auto elsewhere = record_of("k", "v");
  elsewhere.topic = "nope";
  EXPECT_EQ(why(other, elsewhere), "the ingress has no topic nope");
}

TEST(RecordRouter, ParkedRecordSaysWhereItWasAndKeepsItsBytes) {
  RecordRouter router(options_of());
  const auto out = routed(router, record_of("\xff", std::nullopt));
  ASSERT_EQ(out.size(), 1u);
  const auto& parked = std::get<AppendRecord>(out[0]);
  EXPECT_EQ(parked.record.source, "shop/in/orders/3@17");
  EXPECT_EQ(parked.record.key, "\xff");
  EXPECT_EQ(parked.record.value, (model::TypedValue{"shop/order", "", false}));
}

TEST(RecordRouter, BadRecordGoesToADeadLetterStreamWithItsReason) {
  auto options = options_of();
  options.on_bad_record = {BadRecordAction::DeadLetter, "shop/streams", "bad"};
  options.dead_letter_is_stream = true;
  RecordRouter router(options);
  const auto out = routed(router, record_of(std::nullopt, "v"));
  ASSERT_EQ(out.size(), 1u);
  const auto& letter = std::get<AppendRecord>(out[0]);
  EXPECT_EQ(letter.stream, "shop/streams/bad");
  EXPECT_EQ(letter.record.value, (model::TypedValue{"shop/order", "v", true}));
  EXPECT_EQ(letter.record.error, "no key, which would be the id");
  EXPECT_EQ(router.counters().dead_letters.get(), 1u);
}

TEST(RecordRouter, BadRecordGoesToTheOutboxOfAnEgressAsARecordOfItsTopic) {
  auto options = options_of();
  options.on_bad_record = {BadRecordAction::DeadLetter, "shop/kafka", "bad-orders"};
  RecordRouter router(options);
  auto record = record_of("k\xff", std::string_view());
  record.topic = "nope";
  const auto out = routed(router, record);
  ASSERT_EQ(out.size(), 1u);
  const auto& letter = std::get<AppendRecord>(out[0]);
  EXPECT_EQ(letter.stream, "shop/kafka/outbox");
  EXPECT_EQ(letter.record.value.type_name, codec::kKafkaRecordType);
  EXPECT_EQ(letter.record.error, "");  // An outbox takes a record with an error for one that cannot be sent.
  const auto kafka = codec::parse_kafka_record(letter.record.value.value);
  ASSERT_TRUE(kafka.has_value());
  EXPECT_EQ(kafka->topic, "bad-orders");
  EXPECT_EQ(kafka->key, "k\xff");
  EXPECT_EQ(kafka->headers, (std::vector<codec::KafkaHeader>{{"holdfast-source", "shop/in/nope/3@17"},
                                                             {"holdfast-error", "the ingress has no topic nope"}})) << "the type is the topic's, which there is none of";
}

TEST(RecordRouter, SkippedRecordLeavesOnlyACount) {
  auto options = options_of();
  options.on_bad_record.then = BadRecordAction::Skip;
  RecordRouter router(options);
  EXPECT_TRUE(routed(router, record_of(std::nullopt, "v")).empty());
  EXPECT_EQ(router.counters().skipped.get(), 1u);
}

TEST(RecordRouter, TargetsWorkedOutFromTheValueNeedNoKey) {
  auto options = options_of({{"orders", "t", {}}});
  options.by_value = [](std::string_view value) -> Result<std::vector<model::Address>> {
    if (value == "bad") return fail(ErrorCode::Invalid, "not an org.x.Msg");
    return std::vector<model::Address>{{"shop/a", std::string(value)}};
  };
  RecordRouter router(options);
  EXPECT_EQ(std::get<Message>(routed(router, record_of(std::nullopt, "bob")).at(0)).target, (model::Address{"shop/a", "bob"}));
  EXPECT_EQ(why(router, record_of(std::nullopt, "bad")), "not an org.x.Msg");
  EXPECT_EQ(std::get<Message>(routed(router, record_of(std::nullopt, "")).at(0)).target, (model::Address{"shop/a", ""}));
}

// RoutableKafkaIngressDeserializer refuses a record without a key, and takes an empty one for the id.
TEST(RecordRouter, AnEmptyKeyIsTheEmptyIdAndNoKeyIsNone) {
  RecordRouter before(options_of({{"orders", "t", {"other/b"}}}));  // Which nobody serves.
  const auto with = std::get<AppendRecord>(routed(before, record_of("", "v")).at(0)).record;
  const auto without = std::get<AppendRecord>(routed(before, record_of(std::nullopt, "v")).at(0)).record;
  RecordRouter router(options_of());
  EXPECT_EQ(std::get<Message>(routed(router, record_of("", "v")).at(0)).target.id, "");
  EXPECT_EQ(why(router, record_of(std::nullopt, "v")), "no key, which would be the id");
  // Nor are they taken for each other once they were parked.
  std::vector<Command> out;
  router.route_again(with, out);
  router.route_again(without, out);
  EXPECT_EQ(std::get<Message>(out.at(0)).target.id, "");
  EXPECT_EQ(std::get<AppendRecord>(out.back()).record.error, "no key, which would be the id");
}

TEST(RecordRouter, ParkedRecordIsRoutedByTheConfigurationOfToday) {
  RecordRouter before(options_of({{"orders", "t", {"other/b"}}}));
  const auto parked = std::get<AppendRecord>(routed(before, record_of("k", "v")).at(0)).record;

  RecordRouter after(options_of());
  std::vector<Command> out;
  after.route_again(parked, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(std::get<Message>(out[0]).target, (model::Address{"shop/cart", "k"}));
  EXPECT_EQ(std::get<Message>(out[0]).argument, (model::TypedValue{"shop/order", "v", true}));
}

TEST(RecordRouter, ParkedRecordThatIsStillBadStaysParkedWhateverThePolicy) {
  auto options = options_of({{"orders", "t", {"other/b"}}});
  RecordRouter before(options);
  const auto parked = std::get<AppendRecord>(routed(before, record_of("k", "v")).at(0)).record;
  options.on_bad_record.then = BadRecordAction::Skip;
  RecordRouter after(options);
  std::vector<Command> out;
  after.route_again(parked, out);
  EXPECT_EQ(out, (std::vector<Command>{AppendRecord{"holdfast/parked/shop:in", parked}}));

  RecordRouter without_topic(options_of({{"more", "t", {"shop/a"}}}));
  out.clear();
  without_topic.route_again(parked, out);
  EXPECT_EQ(std::get<AppendRecord>(out.at(0)).record.error, "the ingress has no such topic any more");
}

TEST(RecordRouter, ParkedRecordFindsTheLongestTopicItsSourceBeginsWith) {
  RecordRouter router(options_of({{"a", "t", {"shop/short"}}, {"a/b", "t", {"shop/long"}}}));
  model::StreamRecord parked;
  parked.key = "k";
  parked.source = "shop/in/a/b/place@1";
  std::vector<Command> out;
  router.route_again(parked, out);
  EXPECT_EQ(std::get<Message>(out.at(0)).target.type, "shop/long");
}

TEST(IdOfKey, ReplacesWhatIsNotUtf8AsJavaDoes) {
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(id_of_key("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(id_of_key("\xff\xfe"), bad + bad);
  EXPECT_EQ(id_of_key("\xed\xa0\x80"), bad);          // A surrogate: one, where most decoders make three.
  EXPECT_EQ(id_of_key("\xc0\x80"), bad + bad);        // Overlong.
  EXPECT_EQ(id_of_key("\xf0\x90\x80" "a"), bad + "a");  // Cut short.
}

// The hash is what Java 17 gives for the same: FNV-1a over new String(bytes, UTF_8), each followed by a newline, of all strings of one to
// four bytes from an alphabet that has a byte of each range of Unicode's table 3-7.
TEST(IdOfKey, AgreesWithJavaOnEveryShortStringOfTheBytesThatMatter) {
  constexpr std::array<unsigned char, 23> kAlphabet = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                                                       0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xf7, 0xf8, 0xff};
  std::uint64_t hash = 0xcbf29ce484222325u;
  const auto mix = [&](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3u; };
  std::size_t cases = 0;
  for (std::size_t length = 1; length <= 4; ++length) {
    std::size_t count = 1;
    for (std::size_t i = 0; i < length; ++i) count *= kAlphabet.size();
    for (std::size_t n = 0; n < count; ++n, ++cases) {
      std::string key(length, '\0');
      for (std::size_t i = length, rest = n; i-- > 0; rest /= kAlphabet.size()) key[i] = static_cast<char>(kAlphabet[rest % kAlphabet.size()]);
      for (const char c : id_of_key(key)) mix(static_cast<unsigned char>(c));
      mix('\n');
    }
  }
  EXPECT_EQ(cases, 292'560u);
  EXPECT_EQ(hash, 0x873f29d50e3d041du);
}

}  // namespace
}  // namespace holdfast::connect
