// io.statefun.kafka.v1/ingress and egress, and their kin of module.yaml 1.0 and 2.0. Keys and defaults are
// those of StateFun: RoutableKafkaIngressSpec and GenericKafkaEgressSpec of 3.3, KafkaIngressSpecJsonParser
// of 2.2. onBadRecord, outboxBytes and positionsTopic are ours; StateFun ignores them.
#include <algorithm>

#include "config/edge_formats.h"
#include "config/kinds.h"

namespace holdfast::config {
namespace {

constexpr Duration kTransactionTimeoutMax{7LL * 24 * 3600 * 1000};
constexpr std::string_view kProtobufTypes = "type.googleapis.com/";
constexpr std::uint64_t kOutboxBytesMin = 1ull << 20, kOutboxBytesMax = 1ull << 44;

// Takes a property out that has a key of its own. An empty one is as good as none.
std::optional<MapReader::Pair> take(std::vector<MapReader::Pair>& properties, std::string_view name) {
  const auto found =
      std::find_if(properties.begin(), properties.end(), [&](const auto& p) { return p.name == name; });
  if (found == properties.end()) return std::nullopt;
  MapReader::Pair out = std::move(*found);
  properties.erase(found);
  return out;
}

// A key that is as good as a property of the client: the key wins.
void read_key_or_property(MapReader& spec, std::string_view key, std::string_view name,
                          const Format<std::string>& format, std::vector<MapReader::Pair>& properties,
                          std::string& out) {
  const auto property = take(properties, name);
  if (spec.has(key) || !property) {
    spec.required(key, format, out);
    if (property && property->text != out && !out.empty())
      spec.file().report(Severity::Warning, property->mark, property->path,
                         "no " + std::string(name) + " beside " + std::string(key), property->written,
                         std::string(key) + " wins");
    return;
  }
  std::string hint;
  if (auto parsed = format.parse(property->text, hint))
    out = std::move(*parsed);
  else
    spec.refuse(*property, format.expected, std::move(hint));
}

std::vector<MapReader::Pair> read_properties(MapReader& spec) {
  return spec.pairs("properties", "the value of a property");
}

model::Properties plain(std::vector<MapReader::Pair> pairs) {
  model::Properties out;
  for (auto& pair : pairs) out.emplace_back(std::move(pair.name), std::move(pair.text));
  return out;
}

// Topics with a type and targets of their own.
void read_topics(MapReader& spec, std::string_view type_key, const Format<std::string>& type_format,
                 model::KafkaIngressSpec& out, Declarations& declarations) {
  if (!has_elements(spec, "topics", "topic")) return;
  std::map<std::string, Place> seen;
  for (MapReader& topic : spec.maps("topics", Extras::Ignored)) {
    model::SourceTopic source;
    if (topic.required("topic", kafka_topic(), source.topic))
      if (const auto [first, fresh] = seen.emplace(source.topic, topic.place("topic")); !fresh)
        topic.error("topic", "each topic once", topic.written("topic") + " again",
                    "first at " + first->second.text());
    topic.required(type_key, type_format, source.value_type);
    read_targets(topic, source.targets, declarations);
    topic.finish();
    out.topics.push_back(std::move(source));
  }
}

// Topics with messages of one Protobuf type, whose targets routers work out.
void read_protobuf_topics(MapReader& spec, model::KafkaIngressSpec& out) {
  std::string message, descriptor_set;
  spec.required("messageType", message_type(), message);
  spec.required("descriptorSet", readable_file(spec.file().folder), descriptor_set);
  std::vector<std::string> topics;
  std::vector<MapReader::Element> elements;
  if (has_elements(spec, "topics", "topic")) spec.list("topics", kafka_topic(), topics, elements);
  std::map<std::string_view, Mark> seen;
  for (std::size_t i = 0; i < topics.size(); ++i) {
    const auto [first, fresh] = seen.emplace(topics[i], elements[i].mark);
    if (!fresh)
      spec.file().report(Severity::Error, elements[i].mark, spec.path("topics"), "each topic once",
                         elements[i].written + " again",
                         "first at " + spec.file().place(first->second).text());
    out.topics.push_back({topics[i], std::string(kProtobufTypes) + message, {}});
  }
}

void read_offsets(MapReader& start, model::KafkaIngressSpec& out) {
  const auto offset_format = integer(0, INT64_MAX);
  const auto pairs = start.pairs("offsets", offset_format.expected);
  if (pairs.empty() && (!start.has("offsets") || start.find("offsets")->items.empty()))
    start.error("offsets", "a list of topic/partition: offset",
                start.has("offsets") ? "an empty list" : "nothing");
  for (const auto& pair : pairs) {
    std::string hint;
    const auto partition = topic_partition().parse(pair.name, hint);
    const auto offset = offset_format.parse(pair.text, hint);
    if (!partition)
      start.file().report(Severity::Error, pair.mark, pair.path, topic_partition().expected,
                          in_quotes(pair.name));
    if (!offset) start.refuse(pair, offset_format.expected, {});
    if (!partition || !offset) continue;
    const bool read = std::any_of(out.topics.begin(), out.topics.end(),
                                  [&](const auto& topic) { return topic.topic == partition->first; });
    if (!read)
      start.file().report(Severity::Warning, pair.mark, pair.path, "a partition of one of topics",
                          in_quotes(pair.name), "it has no effect");
    out.start.offsets.push_back({partition->first, partition->second, *offset});
  }
}

void read_start(MapReader& spec, model::KafkaIngressSpec& out) {
  using From = model::KafkaStart::From;
  auto start = spec.map("startupPosition", Extras::Ignored);
  if (!start) return;
  constexpr std::pair<std::string_view, From> kTypes[] = {{"latest", From::Latest},
                                                          {"earliest", From::Earliest},
                                                          {"group-offsets", From::GroupOffsets},
                                                          {"specific-offsets", From::Specific},
                                                          {"date", From::Date}};
  std::vector<std::string_view> names;
  for (const auto& [name, from] : kTypes) names.push_back(name);
  std::string type;
  const bool known = start->required("type", any_case(one_of(names)), type);
  for (const auto& [name, from] : kTypes)
    if (name == type) out.start.from = from;
  if (out.start.from == From::Specific)
    read_offsets(*start, out);
  else if (known && start->has("offsets"))
    start->warning("offsets", "this key only beside type: specific-offsets", "type: " + type,
                   "it has no effect");
  if (out.start.from == From::Date)
    start->required("date", start_date(), out.start.date);
  else if (known && start->has("date"))
    start->warning("date", "this key only beside type: date", "type: " + type, "it has no effect");
  if (known) start->finish();
}

void read_delivery(MapReader& spec, model::KafkaEgressSpec& out) {
  using Delivery = model::KafkaEgressSpec::Delivery;
  auto semantic = spec.map("deliverySemantic", Extras::Ignored);
  if (!semantic) return;
  std::string type;
  if (!semantic->required("type", one_of({"none", "at-least-once", "exactly-once"}), type)) return;
  out.delivery = type == "none"           ? Delivery::None
                 : type == "exactly-once" ? Delivery::ExactlyOnce
                                          : Delivery::AtLeastOnce;
  const auto timeout = duration({1}, kTransactionTimeoutMax);
  semantic->optional("transactionTimeout", timeout, out.transaction_timeout);
  if (semantic->has("transactionTimeoutMillis")) {  // The old spelling wins.
    std::int64_t millis = 0;
    if (semantic->optional("transactionTimeoutMillis", integer(1, kTransactionTimeoutMax.ms), millis))
      out.transaction_timeout = {millis};
  }
  semantic->finish();
}

template <typename ReadTopics>
void read_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations,
                  ReadTopics read_topics) {
  model::KafkaIngressSpec out;
  read_ingress_id(spec, out.id, declarations);
  auto properties = read_properties(spec);
  read_key_or_property(spec, "address", "bootstrap.servers", broker_list(), properties,
                       out.bootstrap_servers);
  read_key_or_property(spec, "consumerGroupId", "group.id", text("the id of a consumer group"), properties,
                       out.group_id);
  out.properties = plain(std::move(properties));
  read_topics(out);
  std::string reset = "latest";
  spec.optional("autoOffsetResetPosition", any_case(one_of({"latest", "earliest"})), reset);
  out.reset_to_earliest = reset == "earliest";
  read_start(spec, out);
  read_bad_records(spec, out.on_bad_record, Declarations::DeadLetter::Owner::KafkaIngress,
                   configuration.kafka_ingresses.size(), declarations);
  spec.finish();
  if (has_room(spec, configuration.kafka_ingresses.size(), kIngressesMax))
    configuration.kafka_ingresses.push_back(std::move(out));
}

}  // namespace

void read_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_ingress(spec, configuration, declarations, [&](model::KafkaIngressSpec& out) {
    read_topics(spec, "valueType", value_type(), out, declarations);
  });
}
void read_routable_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_ingress(spec, configuration, declarations, [&](model::KafkaIngressSpec& out) {
    read_topics(spec, "typeUrl", type_url(), out, declarations);
  });
}
void read_protobuf_kafka_ingress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  read_ingress(spec, configuration, declarations, [&](model::KafkaIngressSpec& out) {
    read_protobuf_topics(spec, out);
    declarations.protobuf_ingresses.push_back(
        {configuration.kafka_ingresses.size(), spec.place("id"), spec.path("id"), spec.written("id")});
  });
}

void read_kafka_egress(MapReader& spec, Configuration& configuration, Declarations& declarations) {
  model::KafkaEgressSpec out;
  read_egress_id(spec, out.id, declarations);
  auto properties = read_properties(spec);
  read_key_or_property(spec, "address", "bootstrap.servers", broker_list(), properties,
                       out.bootstrap_servers);
  out.properties = plain(std::move(properties));
  read_delivery(spec, out);
  spec.optional("outboxBytes", byte_size(kOutboxBytesMin, kOutboxBytesMax), out.outbox_bytes);
  spec.optional("positionsTopic", kafka_topic(), out.positions_topic);
  spec.finish();
  if (has_room(spec, configuration.kafka_egresses.size(), kEgressesMax))
    configuration.kafka_egresses.push_back(std::move(out));
}

}  // namespace holdfast::config
