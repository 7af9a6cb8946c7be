#include "codec/egress_records.h"

#include <boost/json.hpp>

#include "codec/json.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

enum : std::uint32_t { kKey = 1, kValue = 2, kTopic = 3 };

// Jackson's way with a member that should be a string.
bool text_of(const boost::json::value& value, std::string& out) {
  if (value.is_string()) {
    out = value.get_string();
    return true;
  }
  if (!value.is_number() && !value.is_bool()) return false;
  out = boost::json::serialize(value);
  return true;
}

}  // namespace

Result<KafkaRecord> parse_kafka_record(std::string_view bytes) {
  wire::Fault fault(bytes);
  wire::Reader in(bytes, "KafkaProducerRecord", fault);
  KafkaRecord record;
  while (in.next()) {
    if (in.is(kKey, wire::Kind::Bytes)) record.key = in.bytes();
    else if (in.is(kValue, wire::Kind::Bytes)) record.value = in.bytes();
    else if (in.is(kTopic, wire::Kind::Bytes)) record.topic = in.string();
  }
  if (fault.raised()) return fail(fault.error());
  return record;
}

std::string encode_kafka_record(const KafkaRecord& record) {
  std::string out;
  wire::Writer writer(out, wire::string_size(kKey, record.key) + wire::string_size(kValue, record.value) +
                               wire::string_size(kTopic, record.topic));
  writer.string(kKey, record.key);
  writer.string(kValue, record.value);
  writer.string(kTopic, record.topic);
  return out;
}

Result<PlaygroundRecord> parse_playground_record(std::string_view json) {
  const auto value = parse_json(json);
  if (!value) return fail(value.error());
  const auto* object = value->if_object();
  if (object == nullptr) return fail(ErrorCode::Invalid, "expected an object with topic and payload, got " + excerpt(json));
  PlaygroundRecord record;
  const auto take = [&](std::string_view name, std::string& out) {
    const auto* member = object->if_contains(name);
    return member != nullptr && text_of(*member, out);
  };
  if (!take("topic", record.topic)) return fail(ErrorCode::Invalid, "no text in topic of " + excerpt(json));
  if (!take("payload", record.payload)) return fail(ErrorCode::Invalid, "no text in payload of " + excerpt(json));
  return record;
}

std::string encode_playground_record(const PlaygroundRecord& record) {
  return "{\"topic\":" + quote_json(record.topic) + ",\"payload\":" + quote_json(record.payload) + "}";
}

}  // namespace holdfast::codec
