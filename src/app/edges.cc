#include "app/edges.h"

#include <algorithm>
#include <set>
#include <utility>

#include "connect/outbox.h"
#include "connect/protobuf_route.h"
#include "kafka/ingress.h"
#include "kafka/properties.h"
#include "kafka/sink.h"
#include "model/function_url.h"
#include "nats/ingress.h"
#include "nats/sink.h"
#include "net/header_list.h"

namespace holdfast::app {
namespace {

const char* delivery_name(model::KafkaEgressSpec::Delivery delivery) {
  using Delivery = model::KafkaEgressSpec::Delivery;
  return delivery == Delivery::ExactlyOnce ? "exactly-once" : delivery == Delivery::AtLeastOnce ? "at-least-once" : "none";
}

Error of(const std::string& kind, const std::string& id, const Error& error) {
  return {error.code, kind + " " + id + ": " + error.message};
}

bool share_a_broker(std::string_view some, std::string_view others) {
  while (!some.empty()) {
    const auto end = std::min(some.find(','), some.size());
    if (("," + std::string(others) + ",").find("," + std::string(some.substr(0, end)) + ",") != std::string::npos) return true;
    some.remove_prefix(std::min(end + 1, some.size()));
  }
  return false;
}

// Topics at these brokers that ingresses read as StateFun's do unless they are told otherwise: before transactions are committed.
std::set<std::string> read_uncommitted(const config::Configuration& configuration, std::string_view brokers) {
  std::set<std::string> out;
  for (const auto& spec : configuration.kafka_ingresses) {
    const bool committed = std::ranges::any_of(spec.properties, [](const auto& property) {
      return property.first == "isolation.level" && net::equals_ignoring_case(property.second, "read_committed");
    });
    if (committed || !share_a_broker(spec.bootstrap_servers, brokers)) continue;
    for (const auto& topic : spec.topics) out.insert(topic.topic);
  }
  return out;
}

// Whether bad records of this policy go to an egress that keeps them itself.
bool is_stream_egress(const config::Configuration& configuration, const model::BadRecordPolicy& policy) {
  return std::ranges::any_of(configuration.streams, [&](const auto& spec) { return spec.id == policy.dead_letter_egress; });
}

void add_outbox(Edges& edges, runtime::Runtime& runtime, connect::OutboxSpec spec, std::unique_ptr<ports::RecordSink> sink) {
  edges.loops.push_back(std::make_unique<WorkerLoop>("egress"));
  edges.egresses.push_back(std::make_unique<connect::Outbox>(std::move(spec), *edges.loops.back(), runtime, std::move(sink)));
}

}  // namespace

Result<std::vector<std::string>> check_edges(const config::Configuration& configuration) {
  std::vector<std::string> warnings;
  const auto take = [&](const std::string& what, const std::string& id, Result<std::vector<std::string>> checked) -> Result<void> {
    if (!checked) return fail(of(what, id, checked.error()));
    for (auto& warning : *checked) warnings.push_back(what + " " + id + ": " + warning);
    return {};
  };
  for (const auto& spec : configuration.kinesis)
    return fail(ErrorCode::Invalid, spec.place + ": " + (spec.is_ingress ? "ingress " : "egress ") + spec.id +
                                        ": Kinesis is not supported yet; the document is understood, but nothing can run it");
  for (const auto& spec : configuration.kafka_ingresses) {
    if (auto ok = take("ingress", spec.id, kafka::validate(spec)); !ok) return fail(ok.error());
    for (const auto& route : spec.routes)
      if (auto router = connect::ProtobufRouter::create(route); !router) return fail(of("ingress", spec.id, router.error()));
  }
  for (const auto& spec : configuration.kafka_egresses)
    if (auto ok = take("egress", spec.id, kafka::validate(spec)); !ok) return fail(ok.error());
  return warnings;
}

std::vector<runtime::Options::Outbox> outboxes(const config::Configuration& configuration) {
  std::vector<runtime::Options::Outbox> out;
  for (const auto& spec : configuration.kafka_egresses) out.push_back({connect::outbox_stream(spec.id), spec.outbox_bytes});
  for (const auto& spec : configuration.nats_egresses) out.push_back({connect::outbox_stream(spec.id), spec.outbox_bytes});
  return out;
}

Result<Edges> make_edges(const config::Configuration& configuration, const std::string& directory_id, runtime::Runtime& runtime) {
  Edges edges;
  const auto serves = [endpoints = configuration.endpoints](std::string_view type) {
    return std::ranges::any_of(endpoints, [type](const auto& endpoint) {
      return endpoint.matches(type) && model::can_stand_in(endpoint.url_template, model::split_type(type).name);
    });
  };
  const std::uint64_t message_bytes_max = configuration.settings.limits.message_bytes;
  for (const auto& spec : configuration.kafka_ingresses) {
    kafka::IngressWorld world{runtime, runtime, serves, is_stream_egress(configuration, spec.on_bad_record), message_bytes_max};
    auto ingress = kafka::Ingress::create(spec, std::move(world));
    if (!ingress) return fail(of("ingress", spec.id, ingress.error()));
    edges.ingresses.push_back(*std::move(ingress));
  }
  for (const auto& spec : configuration.nats_ingresses) {
    nats::IngressWorld world{runtime, runtime, serves, is_stream_egress(configuration, spec.on_bad_record), message_bytes_max};
    auto ingress = nats::Ingress::create(spec, std::move(world));
    if (!ingress) return fail(of("ingress", spec.id, ingress.error()));
    edges.ingresses.push_back(*std::move(ingress));
  }
  for (const auto& spec : configuration.kafka_egresses)
    add_outbox(edges, runtime,
               {.id = spec.id, .kind = "io.statefun.kafka.v1/egress", .delivery = delivery_name(spec.delivery), .bytes_max = spec.outbox_bytes},
               std::make_unique<kafka::KafkaSink>(spec, directory_id, read_uncommitted(configuration, spec.bootstrap_servers)));
  for (const auto& spec : configuration.nats_egresses)
    add_outbox(edges, runtime,
               {.id = spec.id, .kind = "holdfast.nats.v1/egress", .delivery = spec.jetstream ? "at-least-once, de-duplicated" : "none", .bytes_max = spec.outbox_bytes},
               std::make_unique<nats::Sink>(spec, directory_id));
  return edges;
}

}  // namespace holdfast::app
