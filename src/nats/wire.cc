#include "nats/wire.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace holdfast::nats {
namespace {

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

// Takes the first token off `rest`.
std::string_view next_token(std::string_view& rest) {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest.remove_prefix(dot == std::string_view::npos ? rest.size() : dot + 1);
  return token;
}

bool has_tokens(std::string_view text) {
  return !text.empty() && text.size() <= kSubjectBytesMax && text.front() != '.' && text.back() != '.' &&
         text.find("..") == std::string_view::npos && is_plain(text);
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The text of the JSON string that begins at `at`, just behind its quote; escapes stay as they are.
std::string_view string_at(std::string_view json, std::size_t at) {
  std::size_t end = at;
  while (end < json.size() && json[end] != '"') end += json[end] == '\\' ? 2 : 1;
  return end < json.size() ? json.substr(at, end - at) : std::string_view();
}

}  // namespace

bool is_subject(std::string_view text) {
  if (!has_tokens(text)) return false;
  if (text.front() == '$' && !text.starts_with("$KV.")) return false;
  for (std::string_view rest = text; !rest.empty();)
    if (const auto token = next_token(rest); token == "*" || token == ">") return false;
  return true;
}

bool is_pattern(std::string_view text) {
  if (!has_tokens(text)) return false;
  for (std::string_view rest = text; !rest.empty();)
    if (next_token(rest) == ">" && !rest.empty()) return false;
  return true;
}

bool matches(std::string_view pattern, std::string_view subject) { return covers(pattern, subject); }

bool covers(std::string_view wide, std::string_view narrow) {
  while (!wide.empty() && !narrow.empty()) {
    const auto wanted = next_token(wide);
    if (wanted == ">") return true;
    const auto token = next_token(narrow);
    if (token == ">" || (wanted != "*" && wanted != token)) return false;
  }
  return wide.empty() && narrow.empty();
}

std::optional<std::string_view> subject_token(std::string_view subject, std::uint32_t index) {
  for (; !subject.empty(); --index) {
    const auto token = next_token(subject);
    if (index == 0) return token;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && is_plain(text) && text.find_first_of(".*>/\\\"") == std::string_view::npos;
}

std::optional<std::string> forbidden_subject(std::string_view error) {
  constexpr std::string_view kBefore = "Permissions Violation for Publish to \"";
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  const auto at = std::ranges::search(error, kBefore, {}, lower, lower);
  if (at.empty()) return std::nullopt;
  const std::string_view rest = error.substr(static_cast<std::size_t>(at.end() - error.begin()));
  const auto end = rest.find('"');
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  return std::string(rest.substr(0, end));
}

bool is_header_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 &&
         std::ranges::all_of(name, [](unsigned char c) { return c > ' ' && c < 0x7f && c != ':'; });
}

bool is_header_value(std::string_view value) {
  if (value.empty()) return true;
  if (value.front() == ' ' || value.back() == ' ') return false;
  return std::ranges::none_of(value, [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::optional<DeliveredAs> parse_ack_subject(std::string_view reply) {
  constexpr std::size_t kShort = 9;
  constexpr std::size_t kLong = 11;  // With the domain; a twelfth token is random.
  std::array<std::string_view, kLong + 1> tokens;
  std::size_t count = 0;
  for (std::string_view rest = reply; !rest.empty();) {
    if (count == tokens.size()) return std::nullopt;
    tokens[count++] = next_token(rest);
  }
  if (count < kShort || (count > kShort && count < kLong) || tokens[0] != "$JS" || tokens[1] != "ACK") return std::nullopt;
  const std::size_t at = count == kShort ? 5 : 7;
  const auto stream_sequence = number(tokens[at]);
  const auto consumer_sequence = number(tokens[at + 1]);
  const auto pending = number(tokens[at + 3]);
  if (!stream_sequence || !consumer_sequence || !pending) return std::nullopt;
  return DeliveredAs{*stream_sequence, *consumer_sequence, *pending};
}

PublishAnswer parse_publish_answer(std::string_view json) {
  PublishAnswer answer;
  if (const auto error = json.find("\"error\":{"); error != std::string_view::npos) {
    constexpr std::string_view kCode = "\"err_code\":";
    constexpr std::string_view kDescription = "\"description\":\"";
    if (const auto code = json.find(kCode, error); code != std::string_view::npos) {
      const char* begin = json.data() + code + kCode.size();
      std::from_chars(begin, json.data() + json.size(), answer.error);
    }
    if (const auto text = json.find(kDescription, error); text != std::string_view::npos)
      answer.description = string_at(json, text + kDescription.size());
    if (answer.description.empty()) answer.description = "an error without a description";
    return answer;
  }
  answer.stored = json.find("\"stream\":\"") != std::string_view::npos && json.find("\"seq\":") != std::string_view::npos;
  answer.duplicate = answer.stored && json.find("\"duplicate\":true") != std::string_view::npos;
  if (!answer.stored) answer.description = "an answer that is not JetStream's";
  return answer;
}

StreamNames parse_stream_names(std::string_view json) {
  StreamNames names;
  names.understood = json.find("stream_names_response") != std::string_view::npos && json.find("\"error\":{") == std::string_view::npos;
  constexpr std::string_view kStreams = "\"streams\":[\"";
  if (const auto at = json.find(kStreams); names.understood && at != std::string_view::npos)
    names.first = string_at(json, at + kStreams.size());
  return names;
}

std::string without_credentials(std::string_view url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto at = url.rfind('@');
  if (at == std::string_view::npos || at < begin) return std::string(url);
  return std::string(url.substr(0, begin)) + std::string(url.substr(at + 1));
}

}  // namespace holdfast::nats
