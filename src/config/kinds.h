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
  bool ingress(MapReader& spec, std::string_view key, const std::string& id);
  bool egress(MapReader& spec, std::string_view key, const std::string& id);
  [[nodiscard]] bool has_ingress(const std::string& id) const { return ingresses_.contains(id); }
  bool port(MapReader& spec, std::string_view key, std::uint16_t port);
  bool dapr_app(MapReader& spec, std::string_view key, const std::string& id);
  bool settings(MapReader& spec);
  bool playground_egress(MapReader& spec);  // StateFun gives it its id, so there can be one.

  // After all files: whether a document took the port of a listener that stands at its default.
  void default_port(std::string_view listener, std::uint16_t port, std::vector<Problem>& problems) const;
  bool gateway_given = false, admin_given = false;

  // onFailure.deadLetter of an endpoint or onBadRecord.deadLetter of an ingress, looked up when everything is
  // read.
  struct DeadLetter {
    enum class Owner : std::uint8_t { Endpoint, KafkaIngress, NatsIngress };
    Owner owner = Owner::Endpoint;
    std::size_t index = 0;  // Of the owner, among its kind in the Configuration.
    std::string egress;
    std::string topic;  // Empty: the egress's default.
    Place egress_place, topic_place;
    std::string egress_written, topic_written;
    std::string path;
  };
  std::vector<DeadLetter> dead_letters;

  // A function that an ingress sends to: whether anybody serves it is known when everything is read.
  struct Target {
    std::string type;
    Place place;
    std::string path;
    std::string written;
  };
  std::vector<Target> targets;

  // Ingresses whose targets routers work out, and the routers of legacy documents, put together when
  // everything is read.
  struct ProtobufIngress {
    std::size_t index = 0;  // In Configuration::kafka_ingresses.
    Place place;            // Of its id, as the next two.
    std::string path, written;
  };
  std::vector<ProtobufIngress> protobuf_ingresses;
  struct Router {
    bool good = false;  // Otherwise it is known for nothing but its ingress.
    std::string ingress;
    model::ProtobufRoute route;
    Place ingress_place, type_place;
    std::string ingress_path, type_path;
    std::string ingress_written, type_written;
  };
  std::vector<Router> routers;

 private:
  struct Port {
    Place place;
    std::string path;
  };
  std::map<std::string, Place> functions_, ingresses_, egresses_, dapr_apps_;
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
void read_native_endpoint(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_playground_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_playground_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_stream_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_kafka_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_kinesis_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_kinesis_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_nats_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_nats_egress(MapReader& spec, Configuration& configuration, Declarations& declarations);
// Of legacy documents alone.
void read_routable_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_protobuf_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_routable_kinesis_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_settings(MapReader& spec, Configuration& configuration, Declarations& declarations);
void read_dapr_app(MapReader& spec, Configuration& configuration, Declarations& declarations);

// A document without a kind: module.yaml 1.0, 2.0 and 3.0, and fragments of them without a version. Tells by
// its keys whether it is one.
[[nodiscard]] bool is_legacy(MapReader& document);
void read_legacy(MapReader& document, Configuration& configuration, Declarations& declarations);

// `deadLetter` of onFailure and onBadRecord. The owner is the one being read: the next of its kind.
void read_dead_letter(MapReader& policy, Declarations::DeadLetter::Owner owner, std::size_t index,
                      Declarations& declarations);
// `onBadRecord` of an ingress.
void read_bad_records(MapReader& spec, model::BadRecordPolicy& out, Declarations::DeadLetter::Owner owner,
                      std::size_t index, Declarations& declarations);
// `targets` of a topic, stream or subject.
void read_targets(MapReader& topic, std::vector<std::string>& out, Declarations& declarations);
// `id`, unless somebody else has it.
void read_ingress_id(MapReader& spec, std::string& out, Declarations& declarations);
void read_egress_id(MapReader& spec, std::string& out, Declarations& declarations);
// A list that must have an element, and whether there is room for one more document of a kind.
bool has_elements(MapReader& spec, std::string_view key, std::string_view what);
bool has_room(MapReader& spec, std::size_t count, std::size_t max);

// After all files: fills in where dead letters go, and says which egress or topic does not exist.
void resolve_dead_letters(Configuration& configuration, const Declarations& declarations,
                          std::vector<Problem>& problems);
// After all files: gives each ingress its routes, and says which router has no ingress and which ingress no
// router.
void resolve_routers(Configuration& configuration, const Declarations& declarations,
                     std::vector<Problem>& problems);
// After all files: functions that ingresses send to and no endpoint serves.
void check_targets(const Configuration& configuration, const Declarations& declarations,
                   std::vector<Problem>& problems);
// After all files: listeners of the settings against the ports of the playground.
void check_ports(const Configuration& configuration, const Declarations& declarations,
                 std::vector<Problem>& problems);

inline constexpr Kind kKinds[] = {
    {"io.statefun.endpoints.v2/http", Extras::Ignored, read_endpoint_v2},
    {"io.statefun.endpoints.v1/http", Extras::Ignored, read_endpoint_v1},
    {"io.statefun.kafka.v1/ingress", Extras::Ignored, read_kafka_ingress},
    {"io.statefun.kafka.v1/egress", Extras::Ignored, read_kafka_egress},
    {"io.statefun.kinesis.v1/ingress", Extras::Ignored, read_kinesis_ingress},
    {"io.statefun.kinesis.v1/egress", Extras::Ignored, read_kinesis_egress},
    {"io.statefun.playground.v1/ingress", Extras::Ignored, read_playground_ingress},
    {"io.statefun.playground.v1/egress", Extras::Ignored, read_playground_egress},
    {"holdfast.endpoints.v1/native", Extras::Refused, read_native_endpoint},
    {"holdfast.streams.v1/egress", Extras::Refused, read_stream_egress},
    {"holdfast.nats.v1/ingress", Extras::Refused, read_nats_ingress},
    {"holdfast.nats.v1/egress", Extras::Refused, read_nats_egress},
    {"holdfast.runtime.v1/settings", Extras::Refused, read_settings},
    {"holdfast.dapr.v1/app", Extras::Refused, read_dapr_app},
};

}  // namespace holdfast::config
