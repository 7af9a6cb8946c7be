#include "codec/standard_types.h"

#include <bit>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "codec/base64.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "codec/wire.h"

namespace holdfast::codec {

namespace {

using wire::Kind;

constexpr std::uint32_t kWrapped = 1;  // The one field of every wrapper.

std::string encode_fixed(Kind kind, std::uint64_t bits) {
  std::string out;
  if (bits == 0) return out;
  out.push_back(static_cast<char>(wire::tag(kWrapped, kind)));
  for (int i = 0; i < (kind == Kind::Fixed32 ? 4 : 8); ++i) out.push_back(static_cast<char>(bits >> (8 * i)));
  return out;
}

// Bits of the wrapper's field, 0 if it is not there.
Result<std::uint64_t> decode_number(std::string_view bytes, const char* message, Kind kind) {
  wire::Fault fault(bytes);
  wire::Reader in(bytes, message, fault);
  std::uint64_t bits = 0;
  while (in.next())
    if (in.is(kWrapped, kind)) bits = in.number();
  if (fault.raised()) return fail(fault.error());
  return bits;
}

// Accepts JSON and keeps nothing.
struct NullHandler {
  static constexpr std::size_t max_object_size = SIZE_MAX;
  static constexpr std::size_t max_array_size = SIZE_MAX;
  static constexpr std::size_t max_key_size = SIZE_MAX;
  static constexpr std::size_t max_string_size = SIZE_MAX;
  using Error = boost::json::error_code;
  using View = boost::json::string_view;
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(std::size_t, Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(std::size_t, Error&) { return true; }
  bool on_key_part(View, std::size_t, Error&) { return true; }
  bool on_key(View, std::size_t, Error&) { return true; }
  bool on_string_part(View, std::size_t, Error&) { return true; }
  bool on_string(View, std::size_t, Error&) { return true; }
  bool on_number_part(View, Error&) { return true; }
  bool on_int64(std::int64_t, View, Error&) { return true; }
  bool on_uint64(std::uint64_t, View, Error&) { return true; }
  bool on_double(double, View, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(View, Error&) { return true; }
  bool on_comment(View, Error&) { return true; }
};

// Of text that is JSON: without white space between tokens, every token as it was.
std::string minified(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  bool in_string = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string && c == '\\') {
      out.push_back(c);
      out.push_back(json[++i]);
      continue;
    }
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) out.push_back(c);
  }
  return out;
}

template <typename Float>
std::string show_float(Float value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;  // The shortest that reads back the same.
  return {buffer, end};
}

// JSON of a standard type; an error if the bytes are no such wrapper.
Result<std::string> show_standard(std::string_view type_name, std::string_view bytes) {
  if (type_name == model::kBoolType) return decode_bool(bytes).map([](bool v) { return std::string(v ? "true" : "false"); });
  if (type_name == model::kIntType) return decode_int(bytes).map([](auto v) { return std::to_string(v); });
  if (type_name == model::kLongType) return decode_long(bytes).map([](auto v) { return std::to_string(v); });
  if (type_name == model::kFloatType) return decode_float(bytes).map(show_float<float>);
  if (type_name == model::kDoubleType) return decode_double(bytes).map(show_float<double>);
  return decode_string(bytes).map([](const std::string& v) { return quote_json(v); });
}

bool says_json(std::string_view type_name) { return type_name.ends_with("/json"); }

template <typename Number>
Result<Number> number_from(std::string_view type_name, std::string_view text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc() && end == text.data() + text.size()) return value;
  return fail(ErrorCode::Invalid, std::string("expected a value of ") + std::string(type_name) + ", got " +
                                      excerpt(text) + (problem == std::errc::result_out_of_range ? ", which is out of its range" : ""));
}

}  // namespace

std::string encode_bool(bool value) { return value ? std::string("\x08\x01") : std::string(); }
std::string encode_int(std::int32_t value) { return encode_fixed(Kind::Fixed32, static_cast<std::uint32_t>(value)); }
std::string encode_long(std::int64_t value) { return encode_fixed(Kind::Fixed64, static_cast<std::uint64_t>(value)); }
std::string encode_float(float value) { return encode_fixed(Kind::Fixed32, std::bit_cast<std::uint32_t>(value)); }
std::string encode_double(double value) { return encode_fixed(Kind::Fixed64, std::bit_cast<std::uint64_t>(value)); }
std::string encode_string(std::string_view value) {
  std::string out;
  wire::Writer writer(out, wire::string_size(kWrapped, value));
  writer.string(kWrapped, value);
  return out;
}

Result<bool> decode_bool(std::string_view bytes) {
  return decode_number(bytes, "BooleanWrapper", Kind::Varint).map([](std::uint64_t v) { return v != 0; });
}
Result<std::int32_t> decode_int(std::string_view bytes) {
  return decode_number(bytes, "IntWrapper", Kind::Fixed32).map([](std::uint64_t v) { return static_cast<std::int32_t>(v); });
}
Result<std::int64_t> decode_long(std::string_view bytes) {
  return decode_number(bytes, "LongWrapper", Kind::Fixed64).map([](std::uint64_t v) { return static_cast<std::int64_t>(v); });
}
Result<float> decode_float(std::string_view bytes) {
  return decode_number(bytes, "FloatWrapper", Kind::Fixed32)
      .map([](std::uint64_t v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v)); });
}
Result<double> decode_double(std::string_view bytes) {
  return decode_number(bytes, "DoubleWrapper", Kind::Fixed64).map([](std::uint64_t v) { return std::bit_cast<double>(v); });
}
Result<std::string> decode_string(std::string_view bytes) {
  wire::Fault fault(bytes);
  wire::Reader in(bytes, "StringWrapper", fault);
  std::string_view value;
  while (in.next())
    if (in.is(kWrapped, Kind::Bytes)) value = in.string();
  if (fault.raised()) return fail(fault.error());
  return std::string(value);
}

bool is_string_wrapper(std::string_view bytes) {
  const auto text = decode_string(bytes);
  return text && encode_string(*text) == bytes;
}

bool is_standard_type(std::string_view type_name) {
  return type_name == model::kBoolType || type_name == model::kIntType || type_name == model::kLongType ||
         type_name == model::kFloatType || type_name == model::kDoubleType || type_name == model::kStringType;
}

bool is_json(std::string_view bytes) {
  boost::json::parse_options options;
  options.max_depth = kJsonDepthMax;
  boost::json::basic_parser<NullHandler> parser(options);
  boost::json::error_code error;
  return parser.write_some(false, bytes.data(), bytes.size(), error) == bytes.size() && !error;
}

Display display(std::string_view type_name, std::string_view value) {
  if (is_standard_type(type_name)) {
    if (auto shown = show_standard(type_name, value)) return {std::move(*shown), DisplayForm::Standard};
    return {"\"" + to_base64(value) + "\"", DisplayForm::Base64};
  }
  // Protobuf messages can look like text, or even like JSON, by accident.
  const bool is_protobuf = type_name.starts_with("type.googleapis.com/");
  if (!is_protobuf && is_json(value)) return {minified(value), DisplayForm::Json};
  if (!is_protobuf && is_text(value)) return {quote_json(value), DisplayForm::Text};
  return {"\"" + to_base64(value) + "\"", DisplayForm::Base64};
}

Display display(const model::TypedValue& value) {
  if (!value.has_value) return {"null", DisplayForm::None};
  return display(value.type_name, value.value);
}

std::string_view display_form_name(DisplayForm form) {
  switch (form) {
    case DisplayForm::None: return "none";
    case DisplayForm::Standard: return "standard";
    case DisplayForm::Json: return "json";
    case DisplayForm::Text: return "text";
    case DisplayForm::Base64: return "base64";
  }
  return "";
}

Result<std::string> encode_from_text(std::string_view type_name, std::string_view text) {
  if (type_name == model::kStringType) {
    if (!is_utf8(text)) return fail(ErrorCode::Invalid, "expected UTF-8 text, got " + excerpt(text));
    return encode_string(text);
  }
  if (type_name == model::kBoolType) {
    if (text == "true") return encode_bool(true);
    if (text == "false") return encode_bool(false);
    return fail(ErrorCode::Invalid, "expected true or false, got " + excerpt(text));
  }
  if (type_name == model::kIntType) return number_from<std::int32_t>(type_name, text).map(encode_int);
  if (type_name == model::kLongType) return number_from<std::int64_t>(type_name, text).map(encode_long);
  if (type_name == model::kFloatType) return number_from<float>(type_name, text).map(encode_float);
  if (type_name == model::kDoubleType) return number_from<double>(type_name, text).map(encode_double);
  if (says_json(type_name) && !is_json(text))
    return fail(ErrorCode::Invalid, "expected JSON, nested at most " + std::to_string(kJsonDepthMax) + " deep, for " +
                                        std::string(type_name) + ", got " + excerpt(text));
  return std::string(text);
}

}  // namespace holdfast::codec
