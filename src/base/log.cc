#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace holdfast {
namespace {

LogFormat format_in_use = LogFormat::Text;

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Debug: return spdlog::level::debug;
    case LogLevel::Info: return spdlog::level::info;
    case LogLevel::Warn: return spdlog::level::warn;
    case LogLevel::Error: return spdlog::level::err;
    case LogLevel::Off: return spdlog::level::off;
  }
  return spdlog::level::info;
}

// Length of the well-formed UTF-8 that begins at `at`; 0: there is none.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80 ? 1 : first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  const unsigned second = byte(at + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
    return 0;  // Overlong, a surrogate, or over U+10FFFF.
  return length;
}

// What a terminal acts upon: C0, DEL, and C1 (U+0080 to U+009F).
bool is_control(std::string_view text, std::size_t at) {
  const auto u = static_cast<unsigned char>(text[at]);
  return u < 0x20 || u == 0x7f || (u == 0xc2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0);
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text, i);
    if (length == 0) {
      out.append("\\ufffd");
    } else if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (is_control(text, i)) {
      const auto u = static_cast<unsigned char>(text[i + length - 1]);  // Of C1, the second byte is the code.
      out.append("\\u00");
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    } else {
      out.append(text.substr(i, length));
    }
    i += std::max<std::size_t>(length, 1);
  }
  out.push_back('"');
}

// One line stays one line, and a terminal does nothing but show it, whatever a peer put into an error message.
void append_plain(std::string& out, std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text, i);
    if (length == 0) out.append("\xef\xbf\xbd");  // U+FFFD
    else if (is_control(text, i)) out.push_back(' ');
    else out.append(text.substr(i, length));
    i += std::max<std::size_t>(length, 1);
  }
}

}  // namespace

void init_log(LogLevel level, LogFormat format) {
  format_in_use = format;
  auto logger = std::make_shared<spdlog::logger>("holdfast", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::info);
  logger->set_pattern(format == LogFormat::Json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})"
                                                : "%H:%M:%S.%e %-5l %v");
  spdlog::set_default_logger(std::move(logger));
}

void log_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!spdlog::should_log(to_spdlog(level))) return;
  std::string line;
  if (format_in_use == LogFormat::Json) {
    line = "\"event\":";
    append_json_string(line, event);
    for (const LogField& field : fields) {
      line.push_back(',');
      append_json_string(line, field.key);
      line.push_back(':');
      if (field.quoted) append_json_string(line, field.value);
      else line += field.value;
    }
  } else {
    append_plain(line, event);
    for (const LogField& field : fields) {
      line.push_back(' ');
      line += field.key;
      line.push_back('=');
      append_plain(line, field.value);
    }
  }
  spdlog::default_logger_raw()->log(to_spdlog(level), "{}", line);
}

void end_process(std::string_view event, std::initializer_list<LogField> fields) {
  log_line(LogLevel::Error, event, fields);
  spdlog::default_logger_raw()->flush();
  std::_Exit(1);
}

}  // namespace holdfast
