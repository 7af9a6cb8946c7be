// Log lines of Holdfast's transports where its own log is not there: plain text on standard error, warnings and errors.
#include "base/log.h"

#include <cstdio>

namespace holdfast {

void log_line(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < LogLevel::Warn) return;
  std::string line("holdfast: ");
  line.append(event);
  for (const LogField& field : fields) {
    line.append(1, ' ').append(field.key).append(1, '=');
    // Words from outside do not begin new lines.
    for (const char c : field.value) line.push_back(static_cast<unsigned char>(c) < 0x20 ? ' ' : c);
  }
  line.push_back('\n');
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace holdfast
