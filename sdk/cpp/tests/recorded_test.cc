// What Flink StateFun 3.3.0 asked of, and was answered by, the JavaScript SDK, byte for byte (tests/wire/recorded): a function in C++ that
// does the same gives the same bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "holdfast/sdk.h"

namespace holdfast::sdk {
namespace {

struct Exchange {
  std::string request;
  std::string answer;
};

std::string unhex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

// Of either side: a title, its headers, its body in hex.
std::vector<Exchange> recorded() {
  std::vector<Exchange> out;
  std::ifstream file(RECORDED);
  bool is_request = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("REQ ")) {
      is_request = true;
      out.emplace_back();
    } else if (line.starts_with("RESP ")) {
      is_request = false;
    } else if (!line.empty() && line.find_first_not_of("0123456789abcdef") == std::string::npos) {
      (is_request ? out.back().request : out.back().answer) = unhex(line);
    }
  }
  return out;
}

// bench/greeter: counts in the int state "seen", and greets on a Kafka topic with the message's time stamp.
constexpr State<std::int32_t> kSeen{"seen"};
constexpr auto kJson = bytes_type("bench/msg");

void greet(Context& ctx, const Message& message) {
  const auto text = message.as(kJson);
  const auto seen = ctx.storage()[kSeen] += 1;
  const auto at = text.find("\"t\":") + 4;
  const auto time = text.substr(at, text.find_first_of(",}", at) - at);
  const auto& name = ctx.self().id;
  ctx.send_egress("bench/out", {.topic = "out",
                                .key = name,
                                .value = "{\"t\":" + time + ",\"n\":" + std::to_string(seen) + ",\"g\":\"Hello " + name + "\"}"});
}

TEST(RecordedWire, OurAnswersAreThoseOfTheJavascriptSdk) {
  const auto all = recorded();
  ASSERT_EQ(all.size(), 6u);
  Functions functions;
  functions.bind({"bench/greeter", {kSeen}, greet});
  const Handler handler(std::move(functions));
  for (const auto& one : all) {
    const auto answer = handler.handle(one.request);
    EXPECT_EQ(answer.status, Answer::Status::Ok) << answer.body;
    EXPECT_EQ(answer.body, one.answer);
  }
}

}  // namespace
}  // namespace holdfast::sdk
