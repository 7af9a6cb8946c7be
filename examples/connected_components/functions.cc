#include "functions.h"

#include <charconv>

namespace graph {
namespace {

constexpr auto kRecord = sf::json_type<nlohmann::json, nlohmann::json>("graph/Change");

std::int64_t number_of(const std::string& id) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) throw sf::InvalidArgument("a vertex is a number, not '" + id + "'");
  return number;
}

void tell(sf::Context& ctx, std::int64_t vertex, const sf::Type<std::int64_t>& what, std::int64_t component) {
  ctx.send({kVertex, std::to_string(vertex)}, what, component);
}

void is_in(sf::Context& ctx, std::int64_t self, std::int64_t component) {
  ctx.send_egress(kChanges, sf::KafkaRecord{.topic = "components",
                                            .key = ctx.self().id,
                                            .value = sf::record_value(kRecord, {{"vertex", self}, {"component", component}})});
}

// A smaller one is news for all neighbours, but for the one who told it.
void learn(sf::Context& ctx, std::int64_t self, Vertex& vertex, std::int64_t component, std::int64_t from) {
  if (component >= vertex.component) return;
  vertex.component = component;
  is_in(ctx, self, component);
  for (const std::int64_t neighbour : vertex.neighbours)
    if (neighbour != from) tell(ctx, neighbour, kSmaller, component);
}

void vertex(sf::Context& ctx, const sf::Message& message) {
  const std::int64_t self = number_of(ctx.self().id);
  auto cell = ctx.storage()[kState];
  if (message.is(kWhich)) return ctx.reply(cell ? cell.value().component : self);

  const bool is_new = !cell.has_value();
  Vertex vertex = cell.value_or(Vertex{.component = self, .neighbours = {}});
  if (is_new) is_in(ctx, self, self);

  if (message.is(kEdges)) {
    for (const std::int64_t other : message.as(kEdges).to)
      if (other != self && vertex.neighbours.insert(other).second) tell(ctx, other, kNeighbour, vertex.component);
  } else {
    const std::int64_t from = number_of(ctx.caller().value().id);
    const std::int64_t component = message.is(kNeighbour) ? message.as(kNeighbour) : message.as(kSmaller);
    learn(ctx, self, vertex, component, from);
    // Whoever comes with a larger one has not heard of ours.
    if (message.is(kNeighbour)) {
      vertex.neighbours.insert(from);
      if (vertex.component < component) tell(ctx, from, kSmaller, vertex.component);
    }
  }
  cell = vertex;
}

}  // namespace
}  // namespace graph

holdfast::sdk::Functions make_functions() {
  holdfast::sdk::Functions functions;
  functions.bind({graph::kVertex, {graph::kState}, graph::vertex});
  return functions;
}
