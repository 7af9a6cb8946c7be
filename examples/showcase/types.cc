// Part 1, types. Every value has a type with a name that all languages know it by. showcase/types says what it got.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "functions.h"

namespace showcase {
namespace {

// Most types are JSON. Which members there are says nlohmann's macro; their name among functions says type_of, below.
struct Order {
  std::string item;
  int quantity = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, item, quantity)

// A type may have any bytes: this one is "x y" in text.
struct Point {
  double x = 0;
  double y = 0;
};
void write_point(const Point& point, std::string& out) { out += std::to_string(point.x) + " " + std::to_string(point.y); }
Point read_point(std::string_view bytes) {
  const std::string text(bytes);
  Point point;
  // Whatever is thrown here becomes a WrongType that says which type, and why not.
  if (std::sscanf(text.c_str(), "%lf %lf", &point.x, &point.y) != 2) throw std::runtime_error("expected two numbers");
  return point;
}
constexpr auto kPoint = sf::custom_type<Point>("showcase/Point", write_point, read_point);

}  // namespace
}  // namespace showcase

// With this, an Order is a value like a string or a number: ctx.send(…, order), message.as<Order>(), State<Order>.
template <>
inline constexpr auto holdfast::sdk::type_of<showcase::Order> = holdfast::sdk::json_type<showcase::Order, nlohmann::json>("showcase/Order");

namespace showcase {
namespace {

void types(sf::Context& ctx, const sf::Message& message) {
  // The standard types go with the types of C++.
  if (message.is<std::string>()) return ctx.reply("a string of " + std::to_string(message.as<std::string>().size()) + " bytes");
  if (message.is<bool>()) return ctx.reply(std::string("a bool: ") + (message.as<bool>() ? "true" : "false"));
  if (message.is<std::int32_t>()) return ctx.reply("an int: " + std::to_string(message.as<std::int32_t>()));
  if (message.is<std::int64_t>()) return ctx.reply("a long: " + std::to_string(message.as<std::int64_t>()));
  if (message.is<float>()) return ctx.reply("a float: " + std::to_string(message.as<float>()));
  if (message.is<double>()) return ctx.reply("a double: " + std::to_string(message.as<double>()));
  if (message.is<Order>()) {
    const auto order = message.as<Order>();
    return ctx.reply("an order: " + std::to_string(order.quantity) + " of " + order.item);
  }
  // A type without type_of is named where it is used.
  if (message.is(kPoint)) {
    const auto point = message.as(kPoint);
    return ctx.reply("a point, so far from the origin: " + std::to_string(std::hypot(point.x, point.y)));
  }
  // Whatever it is, its name and its bytes are there.
  ctx.reply("a " + std::string(message.type_name()) + " of " + std::to_string(message.raw().size()) + " bytes");
}

}  // namespace

void bind_types(sf::Functions& functions) { functions.bind({"showcase/types", types}); }

}  // namespace showcase
