#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (u < 0x20) {
      out.append("\\u00");
      out.push_back(kHex[u >> 4]);
      out.push_back(kHex[u & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

// One line stays one line, whatever a peer put into an error message.
void append_plain(std::string& out, std::string_view text) {
  for (const char c : text) out.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
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
