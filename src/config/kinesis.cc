// io.statefun.kinesis.v1/ingress and egress, and their kin of module.yaml 2.0. Keys are those of
// StateFun 3.3: RoutableKinesisIngressSpec, GenericKinesisEgressSpec and what they share. All of it is
// checked; what stays is which document it was, as there is no client for Kinesis yet.
#include <set>

#include "config/edge_formats.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

constexpr std::int64_t kOutstandingMax = INT32_MAX;

// A map of one of several forms, told by its type.
std::string read_type(MapReader& map, std::vector<std::string_view> types) {
  std::string type;
  map.required("type", one_of(std::move(types)), type);
  return type;
}

void read_client(MapReader& spec) {
  std::string ignored;
  if (auto region = spec.map("awsRegion", Extras::Ignored)) {
    const std::string type = read_type(*region, {"default", "specific", "custom-endpoint"});
    if (type == "specific" || type == "custom-endpoint")
      region->required("id", text("the id of a region, as us-west-2"), ignored);
    if (type == "custom-endpoint") region->required("endpoint", http_url(), ignored);
    if (!type.empty()) region->finish();
  }
  if (auto credentials = spec.map("awsCredentials", Extras::Ignored)) {
    const std::string type = read_type(*credentials, {"default", "basic", "profile"});
    if (type == "basic") {
      credentials->required("accessKeyId", not_empty("the id of an access key"), ignored);
      credentials->required("secretAccessKey", not_empty("a secret access key"), ignored);
    } else if (type == "profile") {
      credentials->required("profileName", text("the name of a profile"), ignored);
      credentials->optional("profilePath", text("the path of a file with profiles"), ignored);
    }
    if (!type.empty()) credentials->finish();
  }
  (void)spec.pairs("clientConfigProperties", "the value of a property");
}

void read_streams(MapReader& spec, std::string_view type_key, const Format<std::string>& type_format,
                  Declarations& declarations) {
  if (!has_elements(spec, "streams", "stream")) return;
  std::map<std::string, Place> seen;
  for (MapReader& stream : spec.maps("streams", Extras::Ignored)) {
    std::string name, type;
    std::vector<std::string> targets;
    if (stream.required("stream", kinesis_stream(), name))
      if (const auto [first, fresh] = seen.emplace(name, stream.place("stream")); !fresh)
        stream.error("stream", "each stream once", stream.written("stream") + " again",
                     "first at " + first->second.text());
    stream.required(type_key, type_format, type);
    read_targets(stream, targets, declarations);
    stream.finish();
  }
}

void read_ingress(MapReader& spec, std::string_view type_key, const Format<std::string>& type_format,
                  Configuration& configuration, Declarations& declarations) {
  model::KinesisSpec out;
  out.place = spec.file().place(spec.mark()).text();
  read_ingress_id(spec, out.id, declarations);
  read_client(spec);
  read_streams(spec, type_key, type_format, declarations);
  if (auto start = spec.map("startupPosition", Extras::Ignored)) {
    const std::string type = read_type(*start, {"latest", "earliest", "date"});
    Instant date;
    if (type == "date") start->required("date", start_date(), date);
    if (!type.empty()) start->finish();
  }
  spec.finish();
  if (has_room(spec, configuration.kinesis.size(), kIngressesMax))
    configuration.kinesis.push_back(std::move(out));
}

}  // namespace

void read_kinesis_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_ingress(spec, "valueType", value_type(), configuration, declarations);
}
void read_routable_kinesis_ingress(MapReader& spec, Configuration& configuration,
                                   Declarations& declarations) {
  read_ingress(spec, "typeUrl", type_url(), configuration, declarations);
}

void read_kinesis_egress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::KinesisSpec out;
  out.is_ingress = false;
  out.place = spec.file().place(spec.mark()).text();
  read_egress_id(spec, out.id, declarations);
  read_client(spec);
  std::int64_t outstanding = 0;
  spec.optional("maxOutstandingRecords", integer(1, kOutstandingMax), outstanding);
  spec.finish();
  if (has_room(spec, configuration.kinesis.size(), kEgressesMax))
    configuration.kinesis.push_back(std::move(out));
}

}  // namespace holdfast::config
