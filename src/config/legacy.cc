// module.yaml 1.0, 2.0 and 3.0: one document with lists of functions or endpoints, routers, ingresses and
// egresses; and fragments of one, without a version. Every section is read in every version, as each has but
// one meaning. Keys are those of StateFun 2.2 (FunctionJsonEntity, RouterJsonEntity, …) and 3.0
// (FunctionEndpointJsonEntity).
#include <algorithm>
#include <span>

#include "config/edge_formats.h"
#include "config/endpoints.h"
#include "config/nearest.h"

namespace holdfast::config {
namespace {

using Read = void (*)(MapReader& spec, Configuration& configuration, Declarations& declarations);
struct Type {
  std::string_view name;
  Read read;
};

constexpr std::string_view kSections[] = {"functions", "endpoints", "routers", "ingresses", "egresses"};
constexpr std::string_view kVersions[] = {"1.0", "2.0", "3.0"};

// What is written in `meta`, beside the kinds of component documents.
constexpr Type kIngresses[] = {
    {"statefun.kafka.io/protobuf-ingress", read_protobuf_kafka_ingress},
    {"statefun.kafka.io/routable-protobuf-ingress", read_routable_kafka_ingress},
    {"statefun.kinesis.io/routable-protobuf-ingress", read_routable_kinesis_ingress},
    {"io.statefun.kafka/ingress", read_kafka_ingress},
    {"io.statefun.kinesis/ingress", read_kinesis_ingress},
};
constexpr Type kEgresses[] = {
    {"statefun.kafka.io/generic-egress", read_kafka_egress},
    {"statefun.kinesis.io/generic-egress", read_kinesis_egress},
    {"io.statefun.kafka/egress", read_kafka_egress},
    {"io.statefun.kinesis/egress", read_kinesis_egress},
};
constexpr Type kEndpoints[] = {{"http", read_endpoint_v1}};

struct Section {
  MapReader& owner;
  Configuration& configuration;
  Declarations& declarations;
};

// Calls `read` with `meta` and `spec` of each element that has both. They may also stand beside the wrapping
// key instead of in it.
template <typename ReadEntry>
void read_entries(Section& section, std::string_view key, std::string_view wrapper, ReadEntry read) {
  for (MapReader& element : section.owner.maps(key, Extras::Ignored)) {
    const bool wrapped = element.has(wrapper);
    auto inner = wrapped ? element.map(wrapper, Extras::Ignored) : std::optional<MapReader>(element);
    if (!inner) continue;
    if (wrapped) element.finish();
    auto meta = inner->required_map("meta", Extras::Ignored);
    auto spec = inner->required_map("spec", Extras::Ignored);
    inner->finish();
    if (meta && spec) read(*meta, *spec);
  }
}

void read_function(MapReader& meta, MapReader& spec, Section& section) {
  // The keys of its spec are others.
  if (const Node* written = meta.find("kind");
      written != nullptr && (written->scalar == "grpc" || written->scalar == "GRPC"))
    return meta.error("kind", "http", meta.written("kind"), "StateFun never called functions of kind grpc");
  std::string kind;
  meta.required("kind", any_case(one_of({"http"})), kind);
  model::EndpointSpec out;
  out.protocol = model::FunctionProtocol::V2;
  if (meta.required("type", function_type(), out.functions))
    section.declarations.functions(meta, "type", out.functions);
  meta.finish();
  spec.required("endpoint", url_template(), out.url_template);
  out.url_shown = spec.shown_url("endpoint");
  Duration read{10'000}, write{10'000};
  out.call_timeout = {60'000};
  out.connect_timeout = {10'000};
  out.connection_age_max = {0};
  spec.optional("timeout", timeout(), out.call_timeout);
  spec.optional("connectTimeout", timeout(), out.connect_timeout);
  spec.optional("readTimeout", timeout(), read);
  spec.optional("writeTimeout", timeout(), write);
  out.read_timeout = read;
  out.write_timeout = write;
  read_calls(spec, out, section.configuration, section.declarations);
  spec.finish();
  add_endpoint(spec, std::move(out), section.configuration);
}

void read_router(MapReader& meta, MapReader& spec, Section& section) {
  Declarations::Router out;
  std::string type;
  meta.required("type", any_case(one_of({"org.apache.flink.statefun.sdk/protobuf-router"})), type);
  meta.finish();
  const bool named = spec.required("ingress", ingress_id(), out.ingress);
  out.good = spec.required("target", address_template(), out.route.target);
  out.good = spec.required("messageType", message_type(), out.route.message_type) && out.good;
  out.good =
      spec.required("descriptorSet", readable_file(spec.file().folder), out.route.descriptor_set) && out.good;
  spec.finish();
  // The function, where the message has no say in it.
  const std::string function =
      out.route.target.substr(0, std::min(out.route.target.rfind('/'), out.route.target.size()));
  if (!function.empty() && function.find("{{") == std::string::npos)
    section.declarations.targets.push_back(
        {function, spec.place("target"), spec.path("target"), spec.written("target")});
  if (!named) return;
  out.ingress_place = spec.place("ingress");
  out.ingress_written = spec.written("ingress");
  out.type_place = spec.place("messageType");
  out.type_written = spec.written("messageType");
  out.ingress_path = spec.path("ingress");
  out.type_path = spec.path("messageType");
  section.declarations.routers.push_back(std::move(out));
}

// Something whose reader depends on what `meta` says it is. The spec is read as that of a component document,
// with the id that stands in `meta`.
void read_typed(MapReader& meta, MapReader& spec, std::string_view key, std::string_view kinds_end,
                std::span<const Type> types, Section& section) {
  std::string name;
  if (!meta.required(key, text("what it is, as " + std::string(types.front().name)), name)) return;
  std::vector<std::string_view> known;
  for (const Type& type : types) known.push_back(type.name);
  const Kind* kind = nullptr;
  for (const Kind& candidate : kKinds) {
    if (!candidate.name.ends_with(kinds_end)) continue;
    known.push_back(candidate.name);
    if (candidate.name == name) kind = &candidate;
  }
  const auto type = std::find_if(types.begin(), types.end(), [&](const Type& t) { return t.name == name; });
  if (type == types.end() && kind == nullptr)
    return meta.error(key, "a known " + std::string(key), meta.written(key), suggestion(name, known));
  if (kinds_end != "/http" && (meta.has("id") || !spec.has("id"))) spec.adopt("id", meta);
  meta.finish();
  (kind != nullptr ? kind->read : type->read)(spec, section.configuration, section.declarations);
}

void read_sections(MapReader& owner, Configuration& configuration, Declarations& declarations) {
  Section section{owner, configuration, declarations};
  read_entries(section, "functions", "function",
               [&](MapReader& meta, MapReader& spec) { read_function(meta, spec, section); });
  read_entries(section, "endpoints", "endpoint", [&](MapReader& meta, MapReader& spec) {
    read_typed(meta, spec, "kind", "/http", kEndpoints, section);
  });
  read_entries(section, "routers", "router",
               [&](MapReader& meta, MapReader& spec) { read_router(meta, spec, section); });
  read_entries(section, "ingresses", "ingress", [&](MapReader& meta, MapReader& spec) {
    read_typed(meta, spec, "type", "/ingress", kIngresses, section);
  });
  read_entries(section, "egresses", "egress", [&](MapReader& meta, MapReader& spec) {
    read_typed(meta, spec, "type", "/egress", kEgresses, section);
  });
}

}  // namespace

bool is_legacy(MapReader& document) {
  if (document.has("kind")) return false;
  return document.has("version") || document.has("module") ||
         std::any_of(std::begin(kSections), std::end(kSections),
                     [&](std::string_view section) { return document.has(section); });
}

void read_legacy(MapReader& document, Configuration& configuration, Declarations& declarations) {
  if (const Node* version = document.find("version");
      version != nullptr &&
      (version->kind != Node::Kind::Scalar ||
       std::find(std::begin(kVersions), std::end(kVersions), version->scalar) == std::end(kVersions)))
    return document.error("version", "\"1.0\", \"2.0\" or \"3.0\"", version->shown(),
                          "StateFun 3.1 and later have documents with kind and spec, and no version");
  const bool module = document.has("module") || document.has("version");
  if (module) {
    if (auto body = document.required_map("module", Extras::Ignored, "a map with meta and spec")) {
      if (auto meta = body->map("meta", Extras::Ignored)) {
        std::string type;
        meta->optional("type", any_case(one_of({"remote"})), type);
        meta->finish();
      }
      if (auto spec = body->required_map("spec", Extras::Ignored)) {
        read_sections(*spec, configuration, declarations);
        spec->finish();
      }
      body->finish();
    }
  } else {
    read_sections(document, configuration, declarations);
  }
  document.finish();
}

}  // namespace holdfast::config
