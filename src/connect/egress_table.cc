#include "connect/egress_table.h"

#include <utility>

#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"
#include "connect/dead_letter.h"
#include "connect/outbox.h"

namespace holdfast::connect {

using partition::ResolvedEgress;
using partition::Retention;

namespace {

// A record before it is known whether its topic is allowed.
struct Addressed {
  std::string topic;  // Empty: none named.
  model::StreamRecord record;
};

Result<Addressed> from_playground(const model::TypedValue& value) {
  auto record = codec::parse_playground_record(value.value);
  if (!record) return fail(ErrorCode::Invalid, "EgressRecord: " + record.error().message);
  Addressed out;
  out.topic = std::move(record->topic);
  out.record.value = {std::string(model::kStringType), codec::encode_string(record->payload), true};
  return out;
}

Result<Addressed> from_kafka(const model::TypedValue& value) {
  auto record = codec::parse_kafka_record(value.value);
  if (!record) return fail(ErrorCode::Invalid, std::move(record.error().message));
  Addressed out;
  out.topic = std::move(record->topic);
  out.record.key = std::move(record->key);
  out.record.value = {"", std::move(record->value), true};
  return out;
}

Result<Addressed> take_apart(const model::TypedValue& value) {
  if (value.type_name == model::kPlaygroundRecordType) return from_playground(value);
  if (codec::is_kafka_record(value.type_name)) return from_kafka(value);
  Addressed out;
  out.record.value = value;
  return out;
}

// As configuration has it. A slash would make two topics of one stream name.
bool is_topic(std::string_view topic) {
  return !topic.empty() && topic.size() <= kTopicBytesMax && codec::is_text(topic) &&
         topic.find_first_of("/ \t\r\n") == std::string_view::npos;
}

}  // namespace

Result<EgressTable> EgressTable::create(const std::vector<model::StreamEgressSpec>& streams,
                                        const std::vector<model::PlaygroundEgressSpec>& playgrounds,
                                        const std::vector<model::KafkaEgressSpec>& kafka,
                                        const std::vector<model::NatsEgressSpec>& nats) {
  EgressTable table;
  for (const auto& spec : streams) {
    Egress egress;
    egress.any_topic = spec.topics.empty();
    egress.topics = {spec.topics.begin(), spec.topics.end()};
    egress.default_topic =
        spec.default_topic.empty() ? std::string(model::split_type(spec.id).name) : spec.default_topic;
    egress.retention = {spec.retention_time, spec.retention_bytes};
    if (!table.egresses_.emplace(spec.id, std::move(egress)).second)
      return fail(ErrorCode::Conflict, "two egresses with the id " + spec.id);
  }
  for (const auto& spec : playgrounds) {
    Egress egress;
    egress.kind = Egress::Kind::Playground;
    egress.topics = {spec.topics.begin(), spec.topics.end()};
    // Its readers pop: what they took is gone, what they did not is kept as for any other stream.
    egress.retention = {model::StreamEgressSpec{}.retention_time, model::StreamEgressSpec{}.retention_bytes};
    if (!table.egresses_.emplace(model::kPlaygroundEgress, std::move(egress)).second)
      return fail(ErrorCode::Conflict, "two egresses with the id " + std::string(model::kPlaygroundEgress));
  }
  // What waits in an outbox is there until it is sent: no retention.
  for (const auto& spec : kafka)
    if (!table.egresses_.emplace(spec.id, Egress{.kind = Egress::Kind::Kafka}).second)
      return fail(ErrorCode::Conflict, "two egresses with the id " + spec.id);
  for (const auto& spec : nats)
    if (!table.egresses_.emplace(spec.id, Egress{.kind = Egress::Kind::Nats, .default_topic = spec.default_subject}).second)
      return fail(ErrorCode::Conflict, "two egresses with the id " + spec.id);
  return table;
}

Result<ResolvedEgress> EgressTable::resolve(model::EgressMessage message) const {
  const auto found = egresses_.find(message.egress);
  if (found == egresses_.end()) return fail(ErrorCode::NotFound, "unknown egress " + codec::excerpt(message.egress));
  const Egress& egress = found->second;
  const auto refuse = [&](ErrorCode code, const std::string& why) {
    return fail(code, "egress " + message.egress + ": " + why);
  };
  if (!message.argument.has_value) return refuse(ErrorCode::Invalid, "a record without a value");
  if (egress.kind == Egress::Kind::Kafka || egress.kind == Egress::Kind::Nats) {
    auto record = to_outbox(egress, std::move(message));
    if (!record) return refuse(record.error().code, record.error().message);
    return record;
  }
  const bool is_playground = egress.kind == Egress::Kind::Playground;
  if (is_playground && message.argument.type_name != model::kPlaygroundRecordType)
    return refuse(ErrorCode::Invalid, "expected a record of type " + std::string(model::kPlaygroundRecordType) + ", got " +
                                          codec::excerpt(message.argument.type_name));

  auto addressed = take_apart(message.argument);
  if (!addressed) return refuse(addressed.error().code, addressed.error().message);
  std::string& topic = addressed->topic;
  if (topic.empty()) {
    if (is_playground) return refuse(ErrorCode::Invalid, "a record without a topic");
    topic = egress.default_topic;
  }
  const bool listed = egress.topics.contains(topic) || (!is_playground && topic == egress.default_topic);
  if (!listed && !egress.any_topic) return refuse(ErrorCode::NotFound, "unknown topic " + codec::excerpt(topic));
  if (!listed && !is_topic(topic)) return refuse(ErrorCode::Invalid, "not a topic name: " + codec::excerpt(topic));
  return ResolvedEgress{model::stream_name(message.egress, topic), std::move(addressed->record)};
}

Result<ResolvedEgress> EgressTable::to_outbox(const Egress& egress, model::EgressMessage&& message) const {
  ResolvedEgress out{outbox_stream(message.egress), {}};
  out.record.value = std::move(message.argument);
  const model::TypedValue& value = out.record.value;
  if (!codec::is_kafka_record(value.type_name)) {
    if (egress.kind == Egress::Kind::Nats && !egress.default_topic.empty()) return out;
    return fail(ErrorCode::Invalid, "expected a record of type " + std::string(codec::kKafkaRecordType) + ", got " +
                                        codec::excerpt(value.type_name));
  }
  auto record = codec::parse_kafka_record(value.value);
  if (!record) return fail(ErrorCode::Invalid, std::move(record.error().message));
  if (record->topic.empty() && egress.default_topic.empty()) return fail(ErrorCode::Invalid, "a record without a topic");
  if (!record->topic.empty() && (record->topic.size() > kTopicBytesMax || !codec::is_text(record->topic)))
    return fail(ErrorCode::Invalid, "not a topic name: " + codec::excerpt(record->topic));
  if (egress.kind == Egress::Kind::Kafka) out.record.value.type_name.clear();
  return out;
}

model::AppendRecord EgressTable::dead_letter(const model::FailurePolicy& policy, partition::DeadLetter&& letter) const {
  return dead_letter_record(policy.dead_letter_stream, policy.dead_letter_topic, std::move(letter));
}

Retention EgressTable::retention(std::string_view stream) const {
  const auto slash = stream.rfind('/');  // "<egress id>/<topic>"; a topic has none.
  if (slash == std::string_view::npos) return {};
  if (const auto found = egresses_.find(stream.substr(0, slash)); found != egresses_.end()) return found->second.retention;
  return {};
}

}  // namespace holdfast::connect
