#include "kafka/page.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "codec/egress_records.h"
#include "codec/utf8.h"

namespace holdfast::kafka {
namespace {

constexpr std::string_view kTraceHeader = "traceparent";
constexpr std::size_t kTopicNameMax = 249;

Result<OutgoingRecord> outgoing_record(const model::StreamRecord& record) {
  if (!record.value.type_name.empty() && !codec::is_kafka_record(record.value.type_name))
    return fail(ErrorCode::Invalid, "expected a KafkaProducerRecord, got " + codec::excerpt(record.value.type_name));
  auto parsed = codec::parse_kafka_record(record.value.value);
  if (!parsed) return fail(ErrorCode::Invalid, std::move(parsed.error().message));
  if (!is_topic_name(parsed->topic)) return fail(ErrorCode::Invalid, "not a topic name: " + codec::excerpt(parsed->topic));
  OutgoingRecord out;
  out.topic = std::move(parsed->topic);
  out.key = std::move(parsed->key);
  out.value = std::move(parsed->value);
  bool traced = record.traceparent.empty();
  for (auto& header : parsed->headers) {
    traced = traced || header.key == kTraceHeader;
    out.headers.push_back({std::move(header.key), std::move(header.value)});
  }
  if (!traced) out.headers.push_back({std::string(kTraceHeader), record.traceparent});
  return out;
}

}  // namespace

bool is_topic_name(std::string_view name) {
  const auto is_legal = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= kTopicNameMax && std::ranges::all_of(name, is_legal);
}

Page::Page(std::span<const ports::StreamPage::Entry> records) {
  records_.reserve(records.size());
  left_.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto record = outgoing_record(records[i].record);
    if (record) left_.push_back(i);
    else refused_.push_back({i, std::move(record.error().message)});
    records_.push_back(record ? std::move(*record) : OutgoingRecord{});
  }
}

bool Page::is_left(std::size_t index) const { return std::ranges::binary_search(left_, index); }

void Page::refuse(const std::function<bool(std::size_t)>& is_meant, const std::function<std::string(std::size_t)>& why) {
  std::erase_if(left_, [&](std::size_t i) {
    if (!is_meant(i)) return false;
    refused_.push_back({i, why(i)});
    return true;
  });
}

void Page::keep(const std::function<bool(std::size_t)>& is_meant) { std::erase_if(left_, std::not_fn(is_meant)); }

ports::SendOutcome Page::outcome(std::size_t settled) {
  std::ranges::sort(refused_, {}, &ports::SendOutcome::Refused::index);
  ports::SendOutcome outcome;
  outcome.settled = settled;
  outcome.refused = std::move(refused_);
  return outcome;
}

}  // namespace holdfast::kafka
