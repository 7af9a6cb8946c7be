#include "holdfast/sdk/egress.h"

#include "wire.h"

namespace holdfast::sdk {

using detail::wire::append_bytes;
using detail::wire::append_string;

TypedValue typed(const KafkaRecord& record) {
  if (record.topic.empty()) throw InvalidArgument("a Kafka record has no topic");
  TypedValue out{"type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", {}};
  append_string(out.bytes, 1, record.key);
  append_string(out.bytes, 2, record.value);
  append_string(out.bytes, 3, record.topic);
  for (const auto& [name, value] : record.headers) {
    std::string header;
    append_string(header, 1, name);
    append_string(header, 2, value);
    append_bytes(out.bytes, 4, header);
  }
  return out;
}

TypedValue typed(const KinesisRecord& record) {
  if (record.stream.empty()) throw InvalidArgument("a Kinesis record has no stream");
  if (record.partition_key.empty()) throw InvalidArgument("a Kinesis record for stream '" + record.stream + "' has no partition key");
  TypedValue out{"type.googleapis.com/io.statefun.sdk.egress.KinesisEgressRecord", {}};
  append_string(out.bytes, 1, record.partition_key);
  append_string(out.bytes, 2, record.value);
  append_string(out.bytes, 3, record.stream);
  append_string(out.bytes, 4, record.explicit_hash_key);
  return out;
}

}  // namespace holdfast::sdk
