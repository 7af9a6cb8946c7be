// How values and records are shown in JSON: decoded where people can read them, base64 where not.
#pragma once

#include <cstdint>
#include <string>

#include "api/json_writer.h"
#include "model/message.h"

namespace holdfast::api {

// Adds "type", and "value" (JSON, text, a number …) or "value_base64".
void write_value(JsonWriter& json, const model::TypedValue& value);

// Adds "key", or "key_base64": keys are text by convention only, SDKs and brokers let any bytes in. Nothing, if it is empty.
void write_key(JsonWriter& json, const std::string& key);

// {"position", "time", "key"?, "type", "value" or "value_base64", "source"?, "traceparent"?, "error"?}
void write_record(JsonWriter& json, std::uint64_t position, const model::StreamRecord& record);

}  // namespace holdfast::api
