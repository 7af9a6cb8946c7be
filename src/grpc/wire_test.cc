#include "grpc/wire.h"

#include <gtest/gtest.h>

namespace holdfast::grpc {
namespace {

constexpr std::size_t kMax = 1000;

Status refused(std::string_view body, std::string_view encoding = "") {
  const auto out = unframe(body, encoding, kMax);
  EXPECT_FALSE(out);
  return out ? Status{Code::Ok, ""} : out.error();
}

std::string prefix(char flag, std::uint32_t size) {
  return {flag, static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size)};
}

// gzip of "hello hello hello hello".
const std::string kGzip("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\x01\xe3\x51\x3d\x8d\x17\x00\x00\x00", 28);

TEST(Wire, AFramedMessageComesOutAgain) {
  for (const std::string& message : {std::string(), std::string("x"), std::string(kMax, '\0')}) {
    const std::string body = frame(message);
    const auto out = unframe(body, "", kMax);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->bytes, message);
  }
}

TEST(Wire, ABodyThatIsNoSingleMessageIsRefused) {
  EXPECT_EQ(refused("").code, Code::Internal);
  for (std::size_t size = 1; size < 8; ++size) EXPECT_EQ(refused(frame("abc").substr(0, size)).message, "unexpected EOF") << size;
  EXPECT_EQ(refused(frame("abc") + "x").message, "more than one message in a unary call");
  EXPECT_EQ(refused(frame("abc") + frame("abc")).code, Code::Internal);
  EXPECT_EQ(refused(prefix(2, 0)).message, "grpc: received unexpected payload format 2");
  EXPECT_EQ(refused(prefix('\xff', 0)).message, "grpc: received unexpected payload format 255");
}

TEST(Wire, AMessageOverTheLimitIsSaidToBe) {
  for (const std::uint32_t size : {1001u, 0xffffffffu}) {
    const Status status = refused(prefix(0, size));
    EXPECT_EQ(status.code, Code::ResourceExhausted);
    EXPECT_EQ(status.message, "grpc: received message larger than max (" + std::to_string(size) + " vs. 1000)");
  }
  EXPECT_EQ(judge_cut_body(prefix(0, 5000) + "abc", kMax).message, "grpc: received message larger than max (5000 vs. 1000)");
  EXPECT_EQ(judge_cut_body(frame(std::string(kMax, 'x')), kMax).message, "more than one message in a unary call");
}

TEST(Wire, CompressedMessagesAreThoseOfGzipOnly) {
  const std::string body = prefix(1, static_cast<std::uint32_t>(kGzip.size())) + kGzip;
  const auto out = unframe(body, "gzip", kMax);
  ASSERT_TRUE(out) << out.error().message;
  EXPECT_EQ(out->inflated, "hello hello hello hello");
  EXPECT_EQ(refused(body).message, "grpc: compressed flag set with identity or empty encoding");
  EXPECT_EQ(refused(body, "identity").code, Code::Internal);
  EXPECT_EQ(refused(body, "snappy").message, "grpc: Decompressor is not installed for grpc-encoding \"snappy\"");
  EXPECT_EQ(refused(body, "snappy").code, Code::Unimplemented);
  EXPECT_EQ(refused(prefix(1, 3) + "abc", "gzip").code, Code::Internal);
  EXPECT_EQ(unframe(frame("plain"), "gzip", kMax)->bytes, "plain");  // The encoding is only what may be used.
}

TEST(Wire, WhatInflatesBeyondTheLimitIsRefused) {
  // gzip of 10,000 zeros.
  const std::string bomb("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x01\x0d\x00\x00\x00\xc2\xa0\xf7\x4f\x6d\x0e\x37"
                         "\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\xe0\xdf\x00\x2e\xca\x3b\x4d\x10\x27\x00\x00",
                         45);
  const Status status = refused(prefix(1, static_cast<std::uint32_t>(bomb.size())) + bomb, "gzip");
  EXPECT_EQ(status.code, Code::ResourceExhausted) << status.message;
  EXPECT_EQ(status.message, "grpc: received message after decompression larger than max (1001 vs. 1000)");
}

TEST(Wire, TimeoutsAreReadAndRoundedUp) {
  EXPECT_EQ(parse_timeout("250m")->ms, 250);
  EXPECT_EQ(parse_timeout("1u")->ms, 1);
  EXPECT_EQ(parse_timeout("1001u")->ms, 2);
  EXPECT_EQ(parse_timeout("0n")->ms, 0);
  EXPECT_EQ(parse_timeout("99999999n")->ms, 100);
  EXPECT_EQ(parse_timeout("3S")->ms, 3000);
  EXPECT_EQ(parse_timeout("2M")->ms, 120'000);
  EXPECT_EQ(parse_timeout("99999999H")->ms, 99'999'999 * 3'600'000LL);
  for (const char* bad : {"", "S", "1", "1s", "-1S", "+1S", "1.5S", "123456789S", "x1S", " 1S"})
    EXPECT_FALSE(parse_timeout(bad)) << bad;
  EXPECT_EQ(parse_timeout("1x").error().message, "malformed grpc-timeout: transport: timeout unit is not recognized: \"1x\"");
}

TEST(Wire, ATimeoutIsNeverWrittenShorterThanItIs) {
  EXPECT_EQ(format_timeout(Duration{1500}), "1500m");
  EXPECT_EQ(format_timeout(Duration{-5}), "0m");
  EXPECT_EQ(format_timeout(Duration{INT64_MAX}), "99999999H");
  for (const std::int64_t ms : {1LL, 99'999'999LL, 100'000'000LL, 100'000'000'001LL, 7'000'000'000'123LL})
    EXPECT_GE(parse_timeout(format_timeout(Duration{ms}))->ms, ms) << ms;
}

TEST(Wire, AStatusComesOutOfItsFieldsAgain) {
  const Status status{Code::Aborted, "50% of \"stra\xc3\x9f" "e\"\r\n\x7f", std::string("\x08\x0a\0\xff", 4)};
  net::HeaderList fields;
  add_status(fields, status);
  EXPECT_EQ(fields.get("grpc-message"), "50%25 of \"stra%C3%9Fe\"%0D%0A%7F");
  EXPECT_EQ(fields.get("grpc-status-details-bin"), "CAoA/w");
  const auto out = find_status(fields);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->code, status.code);
  EXPECT_EQ(out->message, status.message);
  EXPECT_EQ(out->details, status.details);
  EXPECT_FALSE(find_status({{"content-type", "application/grpc"}}));
  EXPECT_EQ(find_status({{"grpc-status", "99"}})->code, Code::Unknown);
  EXPECT_EQ(find_status({{"grpc-status", "x"}})->code, Code::Unknown);
  EXPECT_EQ(find_status({{"grpc-status", "2"}, {"grpc-message", "100%"}})->message, "100%");
}

TEST(Wire, BinaryFieldsMayBePaddedOrNot) {
  EXPECT_EQ(decode_binary("CAoA/w"), std::string("\x08\x0a\0\xff", 4));
  EXPECT_EQ(decode_binary("CAoA/w=="), std::string("\x08\x0a\0\xff", 4));
  EXPECT_EQ(decode_binary(""), "");
  EXPECT_FALSE(decode_binary("C"));
  EXPECT_FALSE(decode_binary("C_o"));
}

}  // namespace
}  // namespace holdfast::grpc
