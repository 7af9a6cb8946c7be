#include "nats/wire.h"

#include <gtest/gtest.h>

namespace holdfast::nats {
namespace {

TEST(NatsSubject, HasTokensWithSomethingInThemAndNoWildcards) {
  for (const char* good : {"a", "a.b", "orders.eu-1.x_y", "a.*b", "a.b>", "$KV.bucket.key", "\xc3\xa4.b"}) EXPECT_TRUE(is_subject(good)) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a b", "a.*", "*", ">", "a.>", "a\tb", "a\r\nPUB x 0", "$SYS.x", "$JS.API.STREAM.DELETE.X"})
    EXPECT_FALSE(is_subject(bad)) << bad;
  EXPECT_FALSE(is_subject(std::string(kSubjectBytesMax + 1, 'a')));
}

TEST(NatsSubject, PatternsMayHaveWildcardsAsWholeTokensAndTheRestOnlyAtTheEnd) {
  for (const char* good : {"a", "*", ">", "a.*.b", "a.>", "*.>"}) EXPECT_TRUE(is_pattern(good)) << good;
  for (const char* bad : {"", "a..b", ">.a", "a.>.b", "a b"}) EXPECT_FALSE(is_pattern(bad)) << bad;
}

TEST(NatsSubject, PatternsMatchTokenByToken) {
  EXPECT_TRUE(matches("a.b", "a.b"));
  EXPECT_TRUE(matches("a.*", "a.b"));
  EXPECT_TRUE(matches("*.b", "a.b"));
  EXPECT_TRUE(matches("a.>", "a.b.c"));
  EXPECT_TRUE(matches(">", "a"));
  EXPECT_FALSE(matches("a.*", "a.b.c"));
  EXPECT_FALSE(matches("a.>", "a"));
  EXPECT_FALSE(matches("a.b", "a.bc"));
  EXPECT_FALSE(matches("a", "a.b"));
}

TEST(NatsSubject, APatternCoversNarrowerOnes) {
  EXPECT_TRUE(covers("a.>", "a.*"));
  EXPECT_TRUE(covers("a.*", "a.*"));
  EXPECT_TRUE(covers(">", "a.>"));
  EXPECT_FALSE(covers("a.*", "a.>"));
  EXPECT_FALSE(covers("a.b", "a.*"));
}

TEST(NatsSubject, TokensAreCountedFromZero) {
  EXPECT_EQ(subject_token("a.b.c", 0), "a");
  EXPECT_EQ(subject_token("a.b.c", 2), "c");
  EXPECT_EQ(subject_token("a.b.c", 3), std::nullopt);
}

TEST(NatsHeader, NamesAndValuesThatWouldNotArriveAsTheyAreAreToldApart) {
  EXPECT_TRUE(is_header_name("Holdfast-Key"));
  for (const char* bad : {"", "a b", "a:b", "a\r\nb", "\xc3\xa4"}) EXPECT_FALSE(is_header_name(bad)) << bad;
  for (const char* good : {"", "x", "a b", "\xc3\xa4:"}) EXPECT_TRUE(is_header_value(good)) << good;
  for (const char* bad : {" a", "a ", "a\nb", "a\r\nNats-Rollup: all", "a\x7f"}) EXPECT_FALSE(is_header_value(bad)) << bad;
  EXPECT_FALSE(is_header_value(std::string_view("a\0b", 3)));
}

TEST(JetStreamAnswers, TheReplySubjectSaysWhichDeliveryItIs) {
  const auto told = parse_ack_subject("$JS.ACK.S.nF9UmFK5.1.8.2.1795271160796307958.7");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->stream_sequence, 8u);
  EXPECT_EQ(told->consumer_sequence, 2u);
  EXPECT_EQ(told->pending, 7u);
  const auto with_domain = parse_ack_subject("$JS.ACK.hub.ABC.S.c.1.8.2.1795271160796307958.7.Xy");
  ASSERT_TRUE(with_domain);
  EXPECT_EQ(with_domain->stream_sequence, 8u);
  EXPECT_EQ(with_domain->pending, 7u);
  for (const char* bad : {"", "_INBOX.x", "$JS.ACK.S.c.1.8.2.5", "$JS.ACK.S.c.1.x.2.5.6", "$JS.ACK.S.c.1.8.2.5.6.7",
                          "$JS.ACK.hub.ABC.S.c.1.8.2.5.6.7.8"})
    EXPECT_FALSE(parse_ack_subject(bad)) << bad;
}

TEST(Errors, SayWhichSubjectMayNotBePublishedTo) {
  EXPECT_EQ(forbidden_subject("Not Permitted: Permissions Violation for Publish to \"a.b\""), "a.b");
  EXPECT_EQ(forbidden_subject("'permissions violation for publish to \"a\"'"), "a");
  for (const char* other : {"", "Permissions Violation for Subscription to \"a\"", "Permissions Violation for Publish to \"a",
                            "Permissions Violation for Publish to \"\""})
    EXPECT_EQ(forbidden_subject(other), std::nullopt) << other;
}

TEST(JetStreamAnswers, APublishIsStoredOrADuplicateOrRefused) {
  const auto stored = parse_publish_answer(R"({"stream":"S","seq":12})");
  EXPECT_TRUE(stored.stored);
  EXPECT_FALSE(stored.duplicate);
  const auto duplicate = parse_publish_answer(R"({"stream":"S", "domain":"hub", "seq":12,"duplicate":true})");
  EXPECT_TRUE(duplicate.stored);
  EXPECT_TRUE(duplicate.duplicate);
  const auto refused = parse_publish_answer(
      R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds \"maximum\" allowed"},"stream":"S","seq":0})");
  EXPECT_FALSE(refused.stored);
  EXPECT_EQ(refused.error, 10054u);
  EXPECT_EQ(refused.description, R"(message size exceeds \"maximum\" allowed)");
  for (const char* nonsense : {"", "+OK", "{}", R"({"error":{)"}) {
    const auto answer = parse_publish_answer(nonsense);
    EXPECT_FALSE(answer.stored) << nonsense;
    EXPECT_EQ(answer.error, 0u) << nonsense;
    EXPECT_FALSE(answer.description.empty()) << nonsense;
  }
}

TEST(JetStreamAnswers, TheStreamOfASubjectIsTheFirstOfTheNames) {
  const auto one = parse_stream_names(
      R"({"type":"io.nats.jetstream.api.v1.stream_names_response","total":1,"offset":0,"limit":1024,"streams":["S"]})");
  EXPECT_TRUE(one.understood);
  EXPECT_EQ(one.first, "S");
  const auto none = parse_stream_names(
      R"({"type":"io.nats.jetstream.api.v1.stream_names_response","total":0,"offset":0,"limit":1024,"streams":null})");
  EXPECT_TRUE(none.understood);
  EXPECT_EQ(none.first, "");
  EXPECT_FALSE(parse_stream_names(R"({"type":"io.nats.jetstream.api.v1.stream_names_response","error":{"code":503}})").understood);
  EXPECT_FALSE(parse_stream_names("").understood);
}

TEST(NatsUrl, IsShownWithoutItsSecrets) {
  EXPECT_EQ(without_credentials("nats://me:pa@ss@host:4222"), "nats://host:4222");
  EXPECT_EQ(without_credentials("tls://token@host"), "tls://host");
  EXPECT_EQ(without_credentials("nats://host:4222"), "nats://host:4222");
  EXPECT_EQ(without_credentials("me:secret@host"), "host");
}

}  // namespace
}  // namespace holdfast::nats
