// Mail that is in rows: of one address, and who has any at all. A start looks for nobody's, and whoever waits long is let go of, so that
// memory and time to start do not grow with what waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/address.h"
#include "runtime/row_layers.h"

namespace holdfast::runtime {

// Rows of so many messages of one address are looked at, or of so many bytes; where the mailbox ends is asked for, and the bytes of the others are
// taken to be like them.
inline constexpr std::uint64_t kMailCountedMax = 1'000;
inline constexpr std::uint64_t kMailBytesCountedMax = 1u << 20;

struct StoredMail {
  std::uint64_t first = 0;  // Messages [first, end).
  std::uint64_t end = 0;
  std::uint64_t bytes = 0;  // Of their rows, about; the same each time while they are the same.
};

struct FoundMail {
  model::Address address;
  StoredMail mail;
  bool parked = false;
};

// Where somebody is who looks at all that there is.
struct MailWalk {
  std::size_t partition = 0;  // How manieth of the shard's.
  std::string after;          // Prefix of the rows of the last address that was looked at in it; empty: none yet.
};

// None: it has no mail in rows. Damaged: its messages are not numbered without gaps.
[[nodiscard]] Result<std::optional<StoredMail>> stored_mail(const RowLayers& layers, model::PartitionId partition, const model::Address& address);

// Goes on for `left` rows, which it takes off, or some more, to the end of an address; true: that was the last. Of one function type, or of
// all. What changes meanwhile is met or not; what is there all the while is met once.
[[nodiscard]] Result<bool> walk_mail(const RowLayers& layers, const std::vector<model::PartitionId>& partitions, std::string_view type, MailWalk& at,
                                     std::size_t& left, const std::function<void(const FoundMail& found)>& visit);

}  // namespace holdfast::runtime
