// View: what the partition remembers, as the state machine may see it: read-only, as of the last Transition.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/rows.h"

namespace holdfast::partition {

struct StoredTimer {
  model::TimerKey key;
  model::TimerRow row;
};
struct StoredRecord {
  std::uint64_t position = 0;
  std::uint64_t bytes = 0;  // As counted in StreamRow::bytes.
  Instant time;
};

class View {
 public:
  virtual ~View() = default;
  // Never null: an address of which nothing is kept has an empty row. Valid until the next Transition is applied.
  [[nodiscard]] virtual const model::AddressRow& address(const model::Address& address) const = 0;
  [[nodiscard]] virtual std::uint64_t mailbox_size(const model::Address& address) const = 0;
  // The oldest `count` messages of the mailbox, or as many as there are.
  [[nodiscard]] virtual std::vector<model::Message> oldest_mail(const model::Address& address, std::uint32_t count) const = 0;
  [[nodiscard]] virtual const model::RegistrationRow* registration(std::string_view type) const = 0;
  [[nodiscard]] virtual std::optional<model::TimerKey> token(const model::TokenKey& token) const = 0;
  [[nodiscard]] virtual std::optional<model::RequestRow> request(std::string_view id) const = 0;
  [[nodiscard]] virtual model::StreamRow stream(std::string_view name) const = 0;
  [[nodiscard]] virtual std::optional<model::SourceRow> source(std::string_view name) const = 0;
  // As it is kept: its time may be over.
  [[nodiscard]] virtual std::optional<model::ItemRow> item(const model::ItemKey& item) const = 0;
  // Oldest records first.
  [[nodiscard]] virtual std::vector<StoredRecord> oldest_records(std::string_view stream, std::uint32_t count) const = 0;
};

}  // namespace holdfast::partition
