// LastRead: the last record that was read of a partition. A topic that was deleted and made anew has another one in its place, or none: that is
// what it is known by, since this librdkafka does not tell topics' ids.
//
// Another record alone proves nothing: after an election of an unclean leader a topic is still itself, though its last records are
// not what they were. So two things are asked besides. Whether anything in the log is as old as the record that was read: in a topic made
// anew nothing is, unless its producers gave it old times. And whether the group still has the offset that we committed: a broker
// forgets those of a topic with the topic.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "kafka/start.h"
#include "model/rows.h"

namespace holdfast::kafka {

struct LastRead {
  std::uint64_t offset = 0;
  std::int64_t time_ms = -1;  // Of the record; -1: it has none.
  std::uint64_t hash = 0;     // Of its key and value.
  bool operator==(const LastRead&) const = default;
};
[[nodiscard]] LastRead last_read_of(const rd_kafka_message_t& record);

// As it is kept, under a source's name of its own. None: the row says nothing of one.
[[nodiscard]] model::SourceRow encode_last_read(const LastRead& last);
[[nodiscard]] std::optional<LastRead> decode_last_read(const model::SourceRow& row);

enum class Instead : std::uint8_t {
  Another,  // Another record is at its offset.
  Nothing,  // No record is, though there are later ones: compaction, or a topic that has a marker there.
  Beyond,   // The log ends before it, or before the position.
};
// Whether the topic was made anew. `last` none: it is not known what was read; it matters for Beyond only.
[[nodiscard]] Result<bool> is_made_anew(Instead instead, const std::optional<LastRead>& last, const Questions& ask);

}  // namespace holdfast::kafka
