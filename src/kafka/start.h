// Where reading a partition begins, and where it goes on when its position is gone from the broker: the document's words, made offsets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/result.h"
#include "kafka/consumer.h"
#include "model/edges.h"
#include "ports/edges.h"

namespace holdfast::kafka {

// The questions to the broker that deciding takes; each may be asked or not.
struct Questions {
  std::function<Result<Watermarks>()> watermarks;
  std::function<Result<std::optional<std::uint64_t>>(Instant)> offset_at;
  std::function<Result<std::optional<std::uint64_t>>()> committed;
};

enum class Birth : std::uint8_t {
  Known,  // The partition was there when the topic was first seen: it begins where the document says.
  Later,  // It has come since: all of its records are taken in.
};
[[nodiscard]] Result<std::uint64_t> start_offset(const model::KafkaIngressSpec& spec, const PartitionName& name, Birth birth, const Questions& ask);

struct NextAfterLoss {
  std::uint64_t next = 0;
  std::uint64_t lost = 0;  // Records, as far as can be told.
};
// None: the position is not gone.
[[nodiscard]] std::optional<NextAfterLoss> next_after_loss(std::uint64_t position, const Watermarks& there, bool reset_to_earliest);

// Invalid: there is no such position.
[[nodiscard]] Result<std::uint64_t> seek_offset(const PartitionName& name, const ports::SeekTo& to, const Questions& ask);

}  // namespace holdfast::kafka
