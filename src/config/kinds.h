// Kinds: one reader for each kind of document, and what the readers must know of each other's documents –
// ids, patterns and ports may be declared once over all files, and a dead letter's egress may stand in a
// later file than the endpoint.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader.h"

namespace holdfast::config {

class Declarations {
 public:
  // False, and said at `key`, if `name` has been declared before.
  bool functions(MapReader& spec, std::string_view key, const std::string& pattern);
  bool egress(MapReader& spec, std::string_view key, const std::string& id);
  bool port(MapReader& spec, std::string_view key, std::uint16_t port);
  bool settings(MapReader& spec);
  bool playground_egress(MapReader& spec);  // StateFun gives it its id, so there can be one.

  // After all files: whether a document took the port of a listener that stands at its default.
  void default_port(std::string_view listener, std::uint16_t port, std::vector<Problem>& problems) const;
  bool gateway_given = false, admin_given = false;

  // onFailure.deadLetter of an endpoint, looked up when everything is read.
  struct DeadLetter {
    std::size_t endpoint = 0;  // Index in Configuration::endpoints.
    std::string egress;
    std::string topic;  // Empty: the egress's default.
    Place egress_place, topic_place;
    std::string egress_written, topic_written;
    std::string path;
  };
  std::vector<DeadLetter> dead_letters;

 private:
  struct Port {
    Place place;
    std::string path;
  };
  std::map<std::string, Place> functions_, egresses_;
  std::map<std::uint16_t, Port> ports_;
  std::optional<Place> settings_, playground_egress_;
};

struct Kind {
  std::string_view name;
  Extras extras;
  void (*read)(MapReader& spec, Configuration& configuration, Declarations& declarations);
};

// Reads `spec` and reports what is wrong in it. What is read goes into the configuration even then: a later
// check of something else should not trip over its absence.
void read_endpoint_v1(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_endpoint_v2(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_playground_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_playground_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_stream_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_settings(MapReader& spec, Configuration& configuration, Declarations& declarations);

// After all files: fills in FailurePolicy::dead_letter_stream, and says which egress or topic does not exist.
void resolve_dead_letters(Configuration& configuration, const Declarations& declarations,
                          std::vector<Problem>& problems);
// After all files: listeners of the settings against the ports of the playground.
void check_ports(const Configuration& configuration, const Declarations& declarations,
                 std::vector<Problem>& problems);

// Kinds that StateFun has and we do not have yet.
inline constexpr std::string_view kLaterKinds[] = {
    "io.statefun.kafka.v1/ingress",
    "io.statefun.kafka.v1/egress",
    "io.statefun.kinesis.v1/ingress",
    "io.statefun.kinesis.v1/egress",
};

inline constexpr Kind kKinds[] = {
    {"io.statefun.endpoints.v2/http", Extras::Ignored, read_endpoint_v2},
    {"io.statefun.endpoints.v1/http", Extras::Ignored, read_endpoint_v1},
    {"io.statefun.playground.v1/ingress", Extras::Ignored, read_playground_ingress},
    {"io.statefun.playground.v1/egress", Extras::Ignored, read_playground_egress},
    {"holdfast.streams.v1/egress", Extras::Refused, read_stream_egress},
    {"holdfast.runtime.v1/settings", Extras::Refused, read_settings},
};

}  // namespace holdfast::config
