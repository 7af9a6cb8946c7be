// Log: structured lines for people and machines: a level, an event in a few words, and fields.
//
//   log_info("endpoint down", {{"endpoint", url}, {"error", why}});
//
// Text on a terminal, one JSON object a line otherwise (set by init_log). Never on a path that runs per message, and never a
// secret in a field. Any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast {

enum class LogLevel { Debug, Info, Warn, Error, Off };
enum class LogFormat { Text, Json };

struct LogField {
  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)), quoted(false) {}
  std::string key;
  std::string value;
  bool quoted = true;  // False: a number, written bare in JSON.
};

// Once, early in main. Lines go to standard error.
void init_log(LogLevel level, LogFormat format);
void log_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

inline void log_debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::Debug, event, fields);
}
inline void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::Info, event, fields);
}
inline void log_warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::Warn, event, fields);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_line(LogLevel::Error, event, fields);
}

// Something outside has broken so that going on would lose or spread damage (a store that cannot be read): says so and ends the
// process with status 1, now and without a core. For our own broken invariants there is HOLDFAST_CHECK.
[[noreturn]] void end_process(std::string_view event, std::initializer_list<LogField> fields);

}  // namespace holdfast
