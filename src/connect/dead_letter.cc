#include "connect/dead_letter.h"

#include <utility>

#include "codec/egress_records.h"
#include "codec/rfc3339.h"

namespace holdfast::connect {

model::AppendRecord dead_letter_record(std::string stream, const std::string& topic, partition::DeadLetter&& letter) {
  model::StreamRecord record;
  record.key = std::move(letter.key);
  record.has_empty_key = topic.empty() && letter.has_empty_key;
  record.source = std::move(letter.source);
  record.traceparent = std::move(letter.traceparent);
  record.time = letter.time;
  if (topic.empty()) {
    record.value = std::move(letter.value);
    record.error = std::move(letter.error);
    return {std::move(stream), std::move(record)};
  }
  codec::KafkaRecord out;
  out.topic = topic;
  out.key = record.key;
  out.value = std::move(letter.value.value);
  out.headers.push_back({"holdfast-source", record.source});
  out.headers.push_back({"holdfast-error", std::move(letter.error)});
  if (letter.time.unix_ms != 0) out.headers.push_back({"holdfast-time", codec::rfc3339(letter.time)});
  if (!letter.value.type_name.empty()) out.headers.push_back({"holdfast-type", std::move(letter.value.type_name)});
  if (letter.attempts != 0) out.headers.push_back({"holdfast-attempts", std::to_string(letter.attempts)});
  if (letter.caller) out.headers.push_back({"holdfast-caller", letter.caller->type + "/" + letter.caller->id});
  record.value = {std::string(codec::kKafkaRecordType), codec::encode_kafka_record(out), true};
  // No `error`: in an outbox that means that the record itself cannot be sent. The sinks add `traceparent`.
  return {std::move(stream), std::move(record)};
}

}  // namespace holdfast::connect
