#include "api/edges_json.h"

#include "api/json_writer.h"
#include "api/values_json.h"

namespace holdfast::api {
namespace {

void write_if(JsonWriter& json, std::string_view name, const std::optional<std::uint64_t>& number) {
  if (number) json.key(name).number(*number);
}

// Of all sources of which it is known.
std::optional<std::uint64_t> lag_of(const ports::IngressInfo& ingress) {
  std::optional<std::uint64_t> lag;
  for (const auto& source : ingress.sources) {
    if (source.lag) lag = lag.value_or(0) + *source.lag;
  }
  return lag;
}

void write_ingress(JsonWriter& json, const ports::IngressInfo& ingress) {
  json.begin_object().key("id").string(ingress.id).key("kind").string(ingress.kind).key("paused").boolean(ingress.paused);
  if (!ingress.trouble.empty()) json.key("trouble").string(ingress.trouble);
  write_if(json, "lag", lag_of(ingress));
  json.key("taken").number(ingress.taken).key("bad").number(ingress.bad).key("lost").number(ingress.lost);
  json.key("parked").number(ingress.parked);
  json.key("sources").begin_array();
  for (const auto& source : ingress.sources) {
    json.begin_object().key("source").string(source.source);
    write_if(json, "position", source.next);
    write_if(json, "end", source.end);
    write_if(json, "lag", source.lag);
    json.key("waiting").boolean(source.waiting).end_object();
  }
  json.end_array().end_object();
}

void write_egress(JsonWriter& json, const ports::EgressInfo& egress) {
  json.begin_object().key("id").string(egress.id).key("kind").string(egress.kind).key("delivery").string(egress.delivery);
  json.key("stopped").boolean(egress.stopped);
  if (!egress.trouble.empty()) json.key("trouble").string(egress.trouble);
  json.key("waiting").number(egress.waiting).key("bytes").number(egress.bytes).key("bytes_max").number(egress.bytes_max);
  json.key("sent").number(egress.sent).key("position").number(egress.position).key("unsendable").number(egress.parked);
  json.end_object();
}

}  // namespace

std::string ingress_json(const ports::IngressInfo& ingress) {
  JsonWriter json;
  write_ingress(json, ingress);
  return json.take();
}

std::string ingresses_json(const std::vector<ports::IngressInfo>& ingresses) {
  JsonWriter json;
  json.begin_object().key("ingresses").begin_array();
  for (const auto& ingress : ingresses) write_ingress(json, ingress);
  json.end_array().end_object();
  return json.take();
}

std::string egress_json(const ports::EgressInfo& egress) {
  JsonWriter json;
  write_egress(json, egress);
  return json.take();
}

std::string egresses_json(const std::vector<ports::EgressInfo>& egresses) {
  JsonWriter json;
  json.begin_object().key("egresses").begin_array();
  for (const auto& egress : egresses) write_egress(json, egress);
  json.end_array().end_object();
  return json.take();
}

std::string parked_records_json(const ports::StreamPage& page) {
  JsonWriter json;
  json.begin_object().key("parked").begin_array();
  for (const auto& [position, record] : page.records) {
    json.begin_object().key("position").number(position).key("time").time(record.time).key("place").string(record.source);
    write_key(json, record.key);
    json.key("type").string(record.value.type_name);
    // A record without a value is not one with an empty value.
    if (record.value.has_value) json.key("bytes").number(record.value.value.size());
    json.key("error").string(record.error).end_object();
  }
  json.end_array().key("next").number(page.next).key("first").number(page.first);
  json.key("records").number(page.end - page.first).key("bytes").number(page.bytes).end_object();
  return json.take();
}

}  // namespace holdfast::api
