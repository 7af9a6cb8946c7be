#include "codec/egress_records.h"

#include <boost/json.hpp>

#include "codec/json.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

constexpr std::string_view kKafkaRecordTypeV2 = "type.googleapis.com/org.apache.flink.statefun.flink.io.KafkaProducerRecord";
constexpr std::string_view kKinesisRecordTypeV2 = "type.googleapis.com/org.apache.flink.statefun.flink.io.KinesisEgressRecord";

enum : std::uint32_t { kKey = 1, kValue = 2, kTopic = 3, kHeaders = 4 };
struct Header {
  enum : std::uint32_t { kKey = 1, kValue = 2 };
};

void read_header(wire::Reader& outer, KafkaRecord& record) {
  if (record.headers.size() == kKafkaHeadersMax)
    return void(outer.bad("more than " + std::to_string(kKafkaHeadersMax) + " headers"));
  wire::Reader in(outer.bytes(), "KafkaProducerRecord.Header", outer.fault());
  auto& header = record.headers.emplace_back();
  while (in.next()) {
    if (in.is(Header::kKey, wire::Kind::Bytes)) header.key = in.string();
    else if (in.is(Header::kValue, wire::Kind::Bytes)) header.value = in.bytes();
  }
}

std::size_t header_size(const KafkaHeader& header) {
  return wire::string_size(Header::kKey, header.key) + wire::string_size(Header::kValue, header.value);
}

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

bool is_kafka_record(std::string_view type_name) {
  return type_name == kKafkaRecordType || type_name == kKafkaRecordTypeV2;
}
bool is_kinesis_record(std::string_view type_name) {
  return type_name == kKinesisRecordType || type_name == kKinesisRecordTypeV2;
}

Result<KafkaRecord> parse_kafka_record(std::string_view bytes) {
  wire::Fault fault(bytes);
  wire::Reader in(bytes, "KafkaProducerRecord", fault);
  KafkaRecord record;
  while (in.next()) {
    if (in.is(kKey, wire::Kind::Bytes)) record.key = in.bytes();
    else if (in.is(kValue, wire::Kind::Bytes)) record.value = in.bytes();
    else if (in.is(kTopic, wire::Kind::Bytes)) record.topic = in.string();
    else if (in.is(kHeaders, wire::Kind::Bytes)) read_header(in, record);
  }
  if (fault.raised()) return fail(fault.error());
  return record;
}

std::string encode_kafka_record(const KafkaRecord& record) {
  std::size_t size = wire::string_size(kKey, record.key) + wire::string_size(kValue, record.value) +
                     wire::string_size(kTopic, record.topic);
  for (const auto& header : record.headers) size += wire::bytes_size(kHeaders, header_size(header));
  std::string out;
  wire::Writer writer(out, size);
  writer.string(kKey, record.key);
  writer.string(kValue, record.value);
  writer.string(kTopic, record.topic);
  for (const auto& header : record.headers) {
    writer.open(kHeaders, header_size(header));
    writer.string(Header::kKey, header.key);
    writer.string(Header::kValue, header.value);
  }
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
