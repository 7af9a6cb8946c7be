#include "cli/seek_argument.h"

#include <charconv>
#include <cstdint>

#include "codec/rfc3339.h"
#include "codec/standard_types.h"

namespace holdfast::cli {

std::string full_source(std::string_view ingress, std::string_view source) {
  const std::string prefix = std::string(ingress) + "/";
  return source.starts_with(prefix) ? std::string(source) : prefix + std::string(source);
}

Result<std::string> seek_body(const SeekArguments& arguments) {
  if (arguments.to.empty() == arguments.to_position.empty()) {
    return fail(ErrorCode::Invalid, "where to: expected one of --to earliest, --to latest, --to TIME or --to-position N");
  }
  std::string body = "{";
  if (!arguments.source.empty()) body += "\"source\":" + codec::quote_json(full_source(arguments.ingress, arguments.source)) + ",";
  if (arguments.to.empty()) {
    const std::string& text = arguments.to_position;
    std::int64_t position = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), position);
    if (error != std::errc() || rest != text.data() + text.size() || position < 0) {
      return fail(ErrorCode::Invalid, "--to-position: expected a number from 0 to " + std::to_string(INT64_MAX) + ", got " + codec::quote_json(text));
    }
    if (arguments.source.empty()) {
      return fail(ErrorCode::Invalid, "--to-position: needs --source, a position means something else in each; `holdfast ingress show " +
                                          arguments.ingress + "` lists them");
    }
    return body + "\"to\":" + std::to_string(position) + "}";
  }
  if (arguments.to != "earliest" && arguments.to != "latest") {
    const auto time = codec::parse_rfc3339(arguments.to);
    if (!time || time->unix_ms < 0) {
      return fail(ErrorCode::Invalid, "--to: expected earliest, latest or a time after 1970 as 2026-11-21T10:00:00Z, got " +
                                          codec::quote_json(arguments.to));
    }
  }
  return body + "\"to\":" + codec::quote_json(arguments.to) + "}";
}

}  // namespace holdfast::cli
