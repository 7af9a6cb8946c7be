#include "nats/reader.h"

#include "codec/base64.h"
#include "nats/sink.h"
#include "nats/wire.h"

namespace holdfast::nats {

void route_message(connect::RecordRouter& router, const model::NatsIngressSpec::Subject& subject, natsMsg* message,
                   std::string_view stream, std::uint64_t position, std::vector<model::Command>& out) {
  const std::string_view published = natsMsg_GetSubject(message);
  std::string place;
  if (!stream.empty()) place.append(stream).push_back('/');
  place.append(published);

  connect::IncomingRecord record;
  record.topic = subject.source.topic;
  record.value = data_of(message);
  record.traceparent = header_of(message, std::string(kTraceHeader));
  record.place = place;
  record.position = position;

  std::string decoded;
  if (subject.key.subject_token) {
    record.key = subject_token(published, *subject.key.subject_token);
  } else if (subject.key.header.empty()) {
    record.key = published;
  } else if (const auto value = header_of(message, subject.key.header); !value.empty()) {
    record.key = value;
  } else if (auto bytes = codec::from_base64(header_of(message, subject.key.header + std::string(kBase64Suffix)))) {
    // As our own egress writes what does not fit into a header.
    decoded = std::move(*bytes);
    record.key = decoded;
  }
  // No token is empty, and a header that is missing cannot be told from one that is.
  if (record.key && record.key->empty()) record.key.reset();
  router.route(record, out);
}

std::string durable_name(const model::NatsIngressSpec& spec, const std::string& subject) {
  if (spec.durable.empty() || spec.subjects.size() == 1) return spec.durable;
  std::string name = spec.durable + "-";
  for (const char c : subject) {
    if (c == '.') name += "_";
    else if (c == '*') name += "any";
    else if (c == '>') name += "rest";
    else if (c == '/' || c == '\\' || c == '"') name += "_";
    else name += c;
  }
  return name;
}

}  // namespace holdfast::nats
