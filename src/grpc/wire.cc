#include "grpc/wire.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/base64.h"
#include "base/check.h"
#include "net/inflate.h"

namespace holdfast::grpc {
namespace {

constexpr std::size_t kTimeoutDigitsMax = 8;

auto refuse(Code code, std::string message) { return tl::unexpected<Status>(Status{code, std::move(message)}); }

std::uint32_t length_of(std::string_view prefix) {
  std::uint32_t length = 0;
  for (std::size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<unsigned char>(prefix[i]);
  return length;
}

std::string over_the_limit(std::string_view what, std::size_t size, std::size_t max) {
  return "grpc: received message " + std::string(what) + "larger than max (" + std::to_string(size) + " vs. " + std::to_string(max) + ")";
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char kHexDigits[] = "0123456789ABCDEF";

// Of one unit in milliseconds, as a fraction.
struct Unit {
  char letter;
  std::int64_t ms;
  std::int64_t per;
};
constexpr Unit kUnits[] = {{'n', 1, 1'000'000}, {'u', 1, 1'000}, {'m', 1, 1}, {'S', 1'000, 1}, {'M', 60'000, 1}, {'H', 3'600'000, 1}};

}  // namespace

bool is_grpc(std::string_view content_type) {
  if (!content_type.starts_with(kContentType)) return false;
  return content_type.size() == kContentType.size() || content_type[kContentType.size()] == '+' || content_type[kContentType.size()] == ';';
}

std::string frame(std::string message) {
  HOLDFAST_CHECK(message.size() <= UINT32_MAX);
  const auto size = static_cast<std::uint32_t>(message.size());
  const char prefix[kPrefixBytes] = {0, static_cast<char>(size >> 24), static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                                     static_cast<char>(size)};
  message.insert(0, prefix, sizeof prefix);
  return message;
}

Unframed unframe(std::string_view body, std::string_view encoding, std::size_t message_bytes_max) {
  if (body.empty()) return refuse(Code::Internal, "the request has no message");
  if (body.size() < kPrefixBytes) return refuse(Code::Internal, "unexpected EOF");
  const std::uint32_t length = length_of(body);
  if (length > message_bytes_max) return refuse(Code::ResourceExhausted, over_the_limit("", length, message_bytes_max));
  if (length > body.size() - kPrefixBytes) return refuse(Code::Internal, "unexpected EOF");
  if (length < body.size() - kPrefixBytes) return refuse(Code::Internal, "more than one message in a unary call");
  Message out;
  out.bytes = body.substr(kPrefixBytes);
  const int flag = static_cast<unsigned char>(body[0]);
  if (flag == 0) return out;
  if (flag != 1) return refuse(Code::Internal, "grpc: received unexpected payload format " + std::to_string(flag));
  if (encoding.empty() || encoding == "identity")
    return refuse(Code::Internal, "grpc: compressed flag set with identity or empty encoding");
  if (encoding != "gzip") return refuse(Code::Unimplemented, "grpc: Decompressor is not installed for grpc-encoding " + quote(encoding));
  switch (net::inflate_body(net::Coding::Gzip, out.bytes, message_bytes_max, out.inflated)) {
    case net::InflateStatus::Done: break;
    case net::InflateStatus::TooLarge:
      return refuse(Code::ResourceExhausted, over_the_limit("after decompression ", message_bytes_max + 1, message_bytes_max));
    case net::InflateStatus::Corrupt: return refuse(Code::Internal, "grpc: failed to decompress the received message: gzip: invalid data");
  }
  out.bytes = {};
  return out;
}

Status judge_cut_body(std::string_view beginning, std::size_t message_bytes_max) {
  const auto judged = unframe(beginning, "identity", message_bytes_max);
  return judged ? Status{Code::Internal, "more than one message in a unary call"} : judged.error();
}

Result<Duration> parse_timeout(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::Invalid, "malformed grpc-timeout: transport: timeout " + std::string(why) + ": " + quote(text));
  };
  if (text.size() < 2) return bad("string is too short");
  if (text.size() > kTimeoutDigitsMax + 1) return bad("string is too long");
  const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits), [&](const Unit& each) { return each.letter == text.back(); });
  if (unit == std::end(kUnits)) return bad("unit is not recognized");
  const std::string_view digits = text.substr(0, text.size() - 1);
  std::int64_t number = 0;
  if (!std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }) ||
      std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc())
    return fail(ErrorCode::Invalid, "malformed grpc-timeout: strconv.ParseUint: parsing " + quote(digits) + ": invalid syntax");
  return Duration{(number * unit->ms + unit->per - 1) / unit->per};
}

std::string format_timeout(Duration timeout) {
  const std::int64_t ms = std::max<std::int64_t>(timeout.ms, 0);
  for (const Unit& unit : {kUnits[2], kUnits[3], kUnits[4], kUnits[5]}) {
    const std::int64_t number = ms / unit.ms + (ms % unit.ms != 0);
    if (number < 100'000'000) return std::to_string(number) + unit.letter;
  }
  return "99999999H";
}

std::string percent_encode(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low < 0) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return out;
}

std::string encode_binary(std::string_view bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  return out;
}

std::optional<std::string> decode_binary(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 4 != 0) padded.push_back('=');
  auto out = from_base64(padded);
  if (!out) return std::nullopt;
  return *std::move(out);
}

void add_status(net::HeaderList& fields, const Status& status) {
  fields.add("grpc-status", std::to_string(static_cast<int>(status.code)));
  if (!status.message.empty()) fields.add("grpc-message", percent_encode(status.message));
  if (!status.details.empty()) fields.add("grpc-status-details-bin", encode_binary(status.details));
}

std::optional<Status> find_status(const net::HeaderList& fields) {
  const auto text = fields.find("grpc-status");
  if (!text) return std::nullopt;
  Status out;
  unsigned code = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), code);
  const bool is_known = parsed.ec == std::errc() && parsed.ptr == text->data() + text->size() && code <= 16;
  out.code = is_known ? static_cast<Code>(code) : Code::Unknown;
  out.message = percent_decode(fields.get("grpc-message"));
  if (const auto details = fields.find("grpc-status-details-bin")) out.details = decode_binary(*details).value_or("");
  return out;
}

bool is_reserved(std::string_view name) {
  for (const std::string_view each : {"content-type", "te", "grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding",
                                      "grpc-timeout", "grpc-message-type", "grpc-accept-encoding"})
    if (net::equals_ignoring_case(name, each)) return true;
  return name.starts_with(':');
}

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c >= ' ' && c <= '~') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append("\\x");
      out.push_back(static_cast<char>(kHexDigits[byte >> 4] | 0x20));
      out.push_back(static_cast<char>(kHexDigits[byte & 15] | 0x20));
    }
  }
  return out + '"';
}

}  // namespace holdfast::grpc
