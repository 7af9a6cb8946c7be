// graph/vertex: one vertex of a graph without directions, id: its number. It knows its neighbours and the smallest vertex that it has
// heard of; when the messages have run dry, those that name the same one are one component.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>

#include "holdfast/sdk.h"

namespace graph {

namespace sf = holdfast::sdk;

inline constexpr sf::TypeName kVertex{"graph/vertex"};
inline constexpr sf::TypeName kChanges{"graph/changes"};

struct Vertex {
  std::int64_t component = 0;
  std::set<std::int64_t> neighbours;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Vertex, component, neighbours)
};
inline constexpr auto kVertexType = sf::json_type<Vertex, nlohmann::json>("graph/Vertex");
inline constexpr sf::State<Vertex> kState{"vertex", kVertexType};

// From people: here is a vertex, with these edges; more may come later.
struct Edges {
  std::vector<std::int64_t> to;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Edges, to)
};
inline constexpr auto kEdges = sf::json_type<Edges, nlohmann::json>("graph/Edges");

// From vertex to vertex: "I am your neighbour", and "the smallest I know is". Both say what is smallest.
inline constexpr auto kNeighbour = sf::json_type<std::int64_t, nlohmann::json>("graph/Neighbour");
inline constexpr auto kSmaller = sf::json_type<std::int64_t, nlohmann::json>("graph/Smaller");

// From people: which component are you in? The answer is a number, an io.statefun.types/long.
inline constexpr auto kWhich = sf::bytes_type("graph/Which");

}  // namespace graph

holdfast::sdk::Functions make_functions();
