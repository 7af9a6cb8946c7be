#include "api/values_json.h"

#include "codec/base64.h"
#include "codec/utf8.h"

namespace holdfast::api {

void write_value(JsonWriter& json, const model::TypedValue& value) {
  json.key("type").string(value.type_name);
  const codec::Display shown = codec::display(value);
  json.key(shown.form == codec::DisplayForm::Base64 ? "value_base64" : "value").raw(shown.json);
}

void write_key(JsonWriter& json, const std::string& key) {
  if (key.empty()) return;
  if (codec::is_utf8(key)) json.key("key").string(key);
  else json.key("key_base64").string(codec::to_base64(key));
}

void write_record(JsonWriter& json, std::uint64_t position, const model::StreamRecord& record) {
  json.begin_object();
  json.key("position").number(position).key("time").time(record.time);
  if (record.has_empty_key) json.key("key").string("");
  write_key(json, record.key);
  write_value(json, record.value);
  if (!record.source.empty()) json.key("source").string(record.source);
  if (!record.traceparent.empty()) json.key("traceparent").string(record.traceparent);
  if (!record.error.empty()) json.key("error").string(record.error);
  json.end_object();
}

}  // namespace holdfast::api
