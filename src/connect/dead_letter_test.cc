#include "connect/dead_letter.h"

#include <gtest/gtest.h>

#include "codec/egress_records.h"

namespace holdfast::connect {
namespace {

partition::DeadLetter letter() {
  return {.key = "alice",
          .value = {"shop/order", std::string("\xff\0", 2), true},
          .source = "shop/cart/alice",
          .error = "it broke",
          .attempts = 20,
          .caller = model::Address{"shop/till", "7"},
          .traceparent = "00-trace",
          .time = {1'700'000'000'123}};
}

TEST(DeadLetter, InAStreamOfOursIsWhatFailedWithTheReason) {
  const auto made = dead_letter_record("shop/letters/bad", "", letter());
  EXPECT_EQ(made.stream, "shop/letters/bad");
  EXPECT_EQ(made.record, (model::StreamRecord{"alice", letter().value, "shop/cart/alice", "it broke", "00-trace", letter().time}));
}

TEST(DeadLetter, ThatLeavesIsARecordOfItsTopicWithHeaders) {
  const auto made = dead_letter_record("shop/kafka/outbox", "bad-orders", letter());
  EXPECT_EQ(made.stream, "shop/kafka/outbox");
  EXPECT_EQ(made.record.error, "") << "an outbox takes it for a record that cannot be sent";
  EXPECT_EQ(made.record.traceparent, "00-trace");
  EXPECT_EQ(made.record.value.type_name, codec::kKafkaRecordType);
  const auto record = codec::parse_kafka_record(made.record.value.value);
  ASSERT_TRUE(record);
  EXPECT_EQ(*record, (codec::KafkaRecord{"alice",
                                         letter().value.value,
                                         "bad-orders",
                                         {{"holdfast-source", "shop/cart/alice"},
                                          {"holdfast-error", "it broke"},
                                          {"holdfast-time", "2023-11-14T22:13:20.123Z"},
                                          {"holdfast-type", "shop/order"},
                                          {"holdfast-attempts", "20"},
                                          {"holdfast-caller", "shop/till/7"}}}));
}

TEST(DeadLetter, SaysNothingOfWhatItDoesNotKnow) {
  const auto made = dead_letter_record("shop/kafka/outbox", "bad-orders", {.source = "s", .error = "e"});
  EXPECT_EQ(codec::parse_kafka_record(made.record.value.value)->headers,
            (std::vector<codec::KafkaHeader>{{"holdfast-source", "s"}, {"holdfast-error", "e"}}));
}

}  // namespace
}  // namespace holdfast::connect
