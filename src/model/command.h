// Command: what one partition asks of another. Within a shard it is carried out at once; between shards it travels over
// a link, and one that is under way when an epoch is cut is kept as an inbox row of the receiver.
#pragma once

#include <string>
#include <variant>

#include "model/message.h"

namespace holdfast::model {

struct AppendRecord {
  std::string stream;
  StreamRecord record;
  bool operator==(const AppendRecord&) const = default;
};

using Command = std::variant<Message, AppendRecord>;

// The id whose partition carries the command out.
[[nodiscard]] inline const std::string& routing_id(const Command& command) {
  if (const auto* message = std::get_if<Message>(&command)) return message->target.id;
  return std::get<AppendRecord>(command).stream;
}

}  // namespace holdfast::model
