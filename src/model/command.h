// Command: what one partition asks of another. Within a shard it is carried out at once; between shards it travels over
// a link, and one that is under way when an epoch is cut is kept as an inbox row of the receiver.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "model/message.h"
#include "model/rows.h"

namespace holdfast::model {

struct AppendRecord {
  std::string stream;
  StreamRecord record;
  bool operator==(const AppendRecord&) const = default;
};

// Nobody will answer the request: its message was given up.
struct FailRequest {
  std::string request;
  std::string reason;
  bool operator==(const FailRequest&) const = default;
};

// What becomes of an item. It has been decided: conditions were looked at, and nobody else changes the item before this does.
struct WriteItem {
  ItemKey item;
  std::optional<ItemRow> row;  // As it is from now on, with its version; none: it is gone.
  bool operator==(const WriteItem&) const = default;
};

using Command = std::variant<Message, AppendRecord, FailRequest, WriteItem>;

// What one is charged against the bounds on epochs.
[[nodiscard]] inline std::size_t size_in_memory(const Command& command) {
  if (const auto* message = std::get_if<Message>(&command)) return size_in_memory(*message);
  if (const auto* failure = std::get_if<FailRequest>(&command)) return sizeof(FailRequest) + failure->request.size() + failure->reason.size();
  if (const auto* write = std::get_if<WriteItem>(&command))
    return sizeof(WriteItem) + write->item.table.size() + write->item.key.size() +
           (write->row ? write->row->value.size() + write->row->content_type.size() : 0);
  const auto& [stream, record] = std::get<AppendRecord>(command);
  return sizeof(AppendRecord) + stream.size() + record.key.size() + record.value.type_name.size() + record.value.value.size() +
         record.source.size() + record.error.size() + record.traceparent.size();
}

// The id whose partition carries the command out.
[[nodiscard]] inline const std::string& routing_id(const Command& command) {
  if (const auto* message = std::get_if<Message>(&command)) return message->target.id;
  if (const auto* append = std::get_if<AppendRecord>(&command)) return append->stream;
  if (const auto* write = std::get_if<WriteItem>(&command)) return write->item.key;
  return std::get<FailRequest>(command).request;
}

}  // namespace holdfast::model
