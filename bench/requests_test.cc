#include "bench/requests.h"

#include <gtest/gtest.h>

namespace holdfast::bench {
namespace {

TEST(RequestsToAPath, AreTheSameButForTheKeyAndHaveTheValueAsItIs) {
  Workload workload;
  workload.value_type = "application/json";
  workload.value = "\"x\"";
  auto requests = Requests::to_path(workload, "127.0.0.1:8080", "/counter/k0000000/add");
  ASSERT_TRUE(requests) << requests.error().message;
  const auto expected = [](const std::string& key) {
    return "POST /counter/" + key +
           "/add HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nuser-agent: holdfast-bench\r\ncontent-type: application/json\r\n"
           "content-length: 3\r\n\r\n\"x\"";
  };
  EXPECT_EQ(requests->for_key(9'876'543), expected("k9876543"));
  EXPECT_EQ(requests->for_key(7), expected("k0000007"));
}

TEST(RequestsToAPath, HaveTextWithoutAType) {
  auto requests = Requests::to_path({.value_bytes = 4}, "h", "/k0000000");
  ASSERT_TRUE(requests) << requests.error().message;
  EXPECT_EQ(requests->for_key(0), "POST /k0000000 HTTP/1.1\r\nhost: h\r\nuser-agent: holdfast-bench\r\ncontent-type: text/plain\r\n"
                                  "content-length: 4\r\n\r\nxxxx");
}

TEST(RequestsToAPath, WantTheKeyOnceAndNowhereElse) {
  EXPECT_FALSE(Requests::to_path({}, "h", "/counter/add"));
  EXPECT_FALSE(Requests::to_path({}, "h", "/k0000000/k0000000"));
  EXPECT_FALSE(Requests::to_path({.value_type = "application/json", .value = "\"k0000000\""}, "h", "/k0000000"));
}

}  // namespace
}  // namespace holdfast::bench
