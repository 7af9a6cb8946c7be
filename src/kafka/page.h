// Page: what a sink has been given to send, as Kafka's records: which of them are still to be sent, and which never will be.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kafka/producer.h"
#include "ports/record_sink.h"

namespace holdfast::kafka {

// By Kafka's own rule. librdkafka has no handle for a name that breaks it.
[[nodiscard]] bool is_topic_name(std::string_view name);

class Page {
 public:
  // What is no record for Kafka is refused.
  explicit Page(std::span<const ports::StreamPage::Entry> records);

  [[nodiscard]] std::size_t size() const { return records_.size(); }
  [[nodiscard]] const OutgoingRecord& operator[](std::size_t index) const { return records_[index]; }
  // To be sent, ascending.
  [[nodiscard]] const std::vector<std::size_t>& left() const { return left_; }
  [[nodiscard]] bool is_left(std::size_t index) const;
  [[nodiscard]] bool has_refused() const { return !refused_.empty(); }

  // Refuses those of what is left that `is_meant` says.
  void refuse(const std::function<bool(std::size_t index)>& is_meant, const std::function<std::string(std::size_t index)>& why);
  // All but these of what is left is done with.
  void keep(const std::function<bool(std::size_t index)>& is_meant);
  // The last word; the page is empty then.
  [[nodiscard]] ports::SendOutcome outcome(std::size_t settled);

 private:
  std::vector<OutgoingRecord> records_;
  std::vector<std::size_t> left_;
  std::vector<ports::SendOutcome::Refused> refused_;
};

}  // namespace holdfast::kafka
