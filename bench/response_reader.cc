#include "bench/response_reader.h"

#include <strings.h>

#include <charconv>

namespace holdfast::bench {
namespace {

using State = ResponseReader::State;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool parse(std::string_view text, int base, std::size_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

State read_chunks(std::string_view rest, Body body, Response& out) {
  while (true) {
    const auto line = rest.find("\r\n");
    if (line == std::string_view::npos) return State::Incomplete;
    std::size_t size = 0;
    if (!parse(rest.substr(0, std::min(line, rest.find(';'))), 16, size)) return State::Malformed;
    rest.remove_prefix(line + 2);
    if (size == 0) {
      if (rest.size() < 2) return State::Incomplete;
      return rest == "\r\n" ? State::Complete : State::Malformed;  // No trailers.
    }
    if (rest.size() < size + 2) return State::Incomplete;
    if (body == Body::Keep) out.body.append(rest.substr(0, size));
    if (rest.substr(size, 2) != "\r\n") return State::Malformed;
    rest.remove_prefix(size + 2);
  }
}

}  // namespace

State ResponseReader::read(std::string_view received, Body body, Response& out) const {
  out = {};
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return State::Incomplete;
  std::string_view head = received.substr(0, head_end + 2);
  const std::string_view rest = received.substr(head_end + 4);

  const auto first = head.find("\r\n");
  const std::string_view status_line = head.substr(0, first);
  std::size_t status = 0;
  if (!status_line.starts_with("HTTP/1.1 ") || status_line.size() < 12 || !parse(status_line.substr(9, 3), 10, status))
    return State::Malformed;
  out.status = static_cast<int>(status);

  std::size_t length = 0;
  bool has_length = false;
  bool is_chunked = false;
  for (head.remove_prefix(first + 2); !head.empty();) {
    const auto end = head.find("\r\n");
    const std::string_view field = head.substr(0, end);
    head.remove_prefix(end + 2);
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) return State::Malformed;
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = trimmed(field.substr(colon + 1));
    if (same(name, "content-length")) {
      if (!parse(value, 10, length)) return State::Malformed;
      has_length = true;
    } else if (same(name, "transfer-encoding")) {
      if (!same(value, "chunked")) return State::Malformed;
      is_chunked = true;
    } else if (same(name, "connection") && same(value, "close")) {
      out.keeps_alive = false;
    }
  }
  if (is_chunked) return read_chunks(rest, body, out);
  if (!has_length && status != 204 && status != 304) return State::Malformed;
  if (rest.size() < length) return State::Incomplete;
  if (rest.size() > length) return State::Malformed;
  if (body == Body::Keep) out.body = rest;
  return State::Complete;
}

}  // namespace holdfast::bench
