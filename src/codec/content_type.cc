#include "codec/content_type.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cctype>

#include "codec/json.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

namespace holdfast::codec {

namespace {

// "Text/Plain ; charset=utf-8" -> "Text/Plain".
std::string_view media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  const auto first = content_type.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return content_type.substr(first, content_type.find_last_not_of(" \t") - first + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return c < 0x80 ? std::tolower(c) : c; });
  return out;
}

// The type that application/vnd.<ns>/<name> names; empty for other media types.
std::string_view vendor_type(std::string_view media) {
  if (media.size() <= kVendorPrefix.size() || lower(media.substr(0, kVendorPrefix.size())) != kVendorPrefix) return {};
  const auto type = media.substr(kVendorPrefix.size());
  return type.find('/') == std::string_view::npos ? std::string_view() : type;  // application/vnd.ms-excel is another thing.
}

bool is_json_media(std::string_view lower_media) {
  return lower_media == "application/json" || lower_media.ends_with("+json");
}

// A type name that can stand in a header.
bool is_header_token(std::string_view type) {
  return !type.empty() && std::all_of(type.begin(), type.end(), [](char c) { return c > ' ' && c < 0x7f && c != ';'; });
}

// A JSON body for a standard type: a string is its text, anything else stands for itself.
Result<std::string> encode_json_scalar(std::string_view type, std::string_view body) {
  const auto value = parse_json(body);
  if (!value) return fail(value.error());
  if (value->is_string()) return encode_from_text(type, std::string_view(value->get_string()));
  const auto first = body.find_first_not_of(" \t\r\n");
  return encode_from_text(type, body.substr(first, body.find_last_not_of(" \t\r\n") - first + 1));
}

Result<model::TypedValue> with(std::string_view type, Result<std::string> bytes) {
  if (!bytes) return fail(std::move(bytes.error()));
  return model::TypedValue{std::string(type), std::move(*bytes), true};
}

}  // namespace

model::TypedValue value_of_playground_body(std::string_view content_type, std::string body) {
  if (const auto type = vendor_type(media_type(content_type)); !type.empty())
    return {std::string(type), std::move(body), true};
  if (!is_string_wrapper(body)) body = encode_string(body);
  return {std::string(model::kStringType), std::move(body), true};
}

Result<model::TypedValue> value_of_body(std::string_view content_type, std::string_view value_type, std::string body) {
  const auto media = media_type(content_type);
  const auto kind = lower(media);
  if (!value_type.empty()) {
    if (is_standard_type(value_type) && kind == "text/plain") return with(value_type, encode_from_text(value_type, body));
    if (is_standard_type(value_type) && is_json_media(kind)) return with(value_type, encode_json_scalar(value_type, body));
    if (value_type == kJsonType) return with(value_type, encode_from_text(value_type, body));
    return model::TypedValue{std::string(value_type), std::move(body), true};
  }
  if (kind == "text/plain") return with(model::kStringType, encode_from_text(model::kStringType, body));
  if (is_json_media(kind)) return with(kJsonType, encode_from_text(kJsonType, body));
  if (const auto type = vendor_type(media); !type.empty())
    return model::TypedValue{std::string(type), std::move(body), true};
  if (kind == "application/octet-stream") return model::TypedValue{std::string(kBytesType), std::move(body), true};
  return fail(ErrorCode::Invalid,
              "cannot tell the type of the value: expected content-type text/plain, application/json, "
              "application/vnd.<namespace>/<name> or application/octet-stream, or a header x-value-type, got " +
                  (media.empty() ? std::string("neither") : "content-type " + excerpt(media)));
}

ValueBody body_of_value(const model::TypedValue& value) {
  const std::string_view type = value.type_name;
  if (type == kJsonType) return {"application/json", value.value};
  if (is_standard_type(type)) {
    if (type == model::kStringType) {
      if (auto text = decode_string(value.value)) return {"text/plain; charset=utf-8", std::move(*text)};
    } else if (auto shown = display(type, value.value); shown.form == DisplayForm::Standard) {
      return {"application/json", std::move(shown.json)};
    }
  }
  if (type == kBytesType || type.find('/') == std::string_view::npos || !is_header_token(type))
    return {"application/octet-stream", value.value};
  return {std::string(kVendorPrefix) + std::string(type), value.value};
}

}  // namespace holdfast::codec
