// Part 3, egress. showcase/press sends what it is told to the egress showcase/news, which module.yaml declares: a stream of Holdfast here,
// a topic of Kafka if it says so there. The function does not change.
//
// Records leave when the call that sent them is durable, once, and in their order.
#include <algorithm>

#include "functions.h"

namespace showcase {
namespace {

constexpr sf::TypeName kNews{"showcase/news"};

void press(sf::Context& ctx, const sf::Message& message) {
  const auto text = message.as<std::string>();
  // As it would be for Kafka: topic, key, bytes, headers.
  ctx.send_egress(kNews, sf::KafkaRecord{.topic = "stories", .key = ctx.self().id, .value = text, .headers = {{"length", std::to_string(text.size())}}});
  // Or any value; it goes to the egress's default topic, with its type.
  ctx.send_egress(kNews, static_cast<std::int64_t>(std::ranges::count(text, ' ') + 1));
}

}  // namespace

void bind_egress(sf::Functions& functions) { functions.bind({"showcase/press", press}); }

}  // namespace showcase
