#include "api/seek_request.h"

#include <charconv>

#include "codec/json_members.h"
#include "codec/rfc3339.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"

namespace holdfast::api {
namespace {

using Kind = ports::SeekTo::Kind;

std::string shown(const codec::JsonMember& member) {
  const std::string text = codec::excerpt(member.text, 60);
  return member.kind == codec::JsonMember::Kind::String ? codec::quote_json(text) : text;
}

Result<ports::SeekTo> parse_to(const codec::JsonMember& to) {
  if (to.kind == codec::JsonMember::Kind::Integer) {
    std::uint64_t position = 0;
    const auto [rest, error] = std::from_chars(to.text.data(), to.text.data() + to.text.size(), position);
    // Brokers count with 63 bits, and what is below 0 has meanings of its own there.
    if (error == std::errc() && rest == to.text.data() + to.text.size() && position <= INT64_MAX) {
      return ports::SeekTo{.kind = Kind::Position, .position = position, .time = {}};
    }
    return fail(ErrorCode::Invalid, "to: expected a position from 0 to " + std::to_string(INT64_MAX) + ", got " + shown(to));
  }
  if (to.kind == codec::JsonMember::Kind::String) {
    if (to.text == "earliest") return ports::SeekTo{.kind = Kind::Earliest};
    if (to.text == "latest") return ports::SeekTo{.kind = Kind::Latest};
    if (const auto time = codec::parse_rfc3339(to.text)) {
      if (time->unix_ms < 0) return fail(ErrorCode::Invalid, "to: expected a time after 1970, got " + shown(to));
      return ports::SeekTo{.kind = Kind::Time, .time = *time};
    }
  }
  return fail(ErrorCode::Invalid,
              "to: expected a position (a number), \"earliest\", \"latest\" or a time as \"2026-11-21T10:00:00Z\", got " + shown(to));
}

}  // namespace

Result<SeekRequest> parse_seek(std::string_view body) {
  if (body.size() > kSeekBytesMax) {
    return fail(ErrorCode::TooLarge, "the body has " + std::to_string(body.size()) + " bytes, the limit is " + std::to_string(kSeekBytesMax));
  }
  const auto members = codec::parse_json_members(body);
  if (!members) return fail(ErrorCode::Invalid, "the body: expected {\"source\": …, \"to\": …}, it is " + members.error().message);
  SeekRequest out;
  bool has_to = false;
  for (const auto& member : *members) {
    if (member.name == "to") {
      const auto to = parse_to(member);
      if (!to) return fail(to.error());
      out.to = *to;
      has_to = true;
    } else if (member.name == "source") {
      if (member.kind != codec::JsonMember::Kind::String || member.text.empty()) {
        return fail(ErrorCode::Invalid, "source: expected the name of a source, got " + shown(member));
      }
      out.source = member.text;
    } else {
      return fail(ErrorCode::Invalid, "unknown member " + codec::quote_json(codec::excerpt(member.name, 60)) + " of the body; known here: source, to");
    }
  }
  if (!has_to) return fail(ErrorCode::Invalid, "to: where? expected a position, \"earliest\", \"latest\" or a time");
  if (out.to.kind == Kind::Position && out.source.empty()) {
    return fail(ErrorCode::Invalid, "source: which? a position means something else in each source");
  }
  return out;
}

}  // namespace holdfast::api
