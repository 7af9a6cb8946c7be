#include "connect/record_router.h"

#include <utility>

#include "codec/utf8.h"
#include "connect/dead_letter.h"
#include "connect/outbox.h"

namespace holdfast::connect {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool is_continuation(unsigned char byte) { return (byte & 0xc0) == 0x80; }

// How many bytes of an ill-formed sequence one U+FFFD of Java's stands for. It is the longest prefix of a well-formed one, but that
// surrogates count as well-formed up to their end, and that what is cut off by the end of the key is one whatever its length.
std::size_t malformed_length(std::string_view rest) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
  const unsigned char lead = at(0);
  if (lead >= 0xe0 && lead <= 0xef) {
    if (rest.size() < 2) return 1;
    if ((lead == 0xe0 && (at(1) & 0xe0) == 0x80) || !is_continuation(at(1))) return 1;
    if (rest.size() < 3) return 2;
    return is_continuation(at(2)) ? 3 : 2;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (rest.size() < 2) return 1;
    if ((lead == 0xf0 && at(1) < 0x90) || (lead == 0xf4 && at(1) > 0x8f) || !is_continuation(at(1))) return 1;
    if (rest.size() < 3) return 2;
    if (!is_continuation(at(2))) return 2;
    return 3;
  }
  return 1;
}

// W3C trace context, level 1: version-traceid-parentid-flags in lower-case hex.
bool is_traceparent(std::string_view text) {
  if (text.size() < 55 || text.size() > 256) return false;
  for (std::size_t i = 0; i < 55; ++i) {
    const char c = text[i];
    const bool dash = i == 2 || i == 35 || i == 52;
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return text.size() == 55 || (text[55] == '-' && !text.starts_with("00") && codec::is_text(text));
}

}  // namespace

std::string id_of_key(std::string_view key) {
  if (codec::is_utf8(key)) return std::string(key);
  std::string id;
  id.reserve(key.size());
  for (std::size_t at = 0; at < key.size();) {
    if (const std::size_t length = codec::utf8_sequence(key, at); length != 0) {
      id.append(key, at, length);
      at += length;
    } else {
      id.append(kReplacement);
      at += malformed_length(key.substr(at));
    }
  }
  return id;
}

RecordRouter::RecordRouter(RecordRouterOptions options)
    : options_(std::move(options)), parked_stream_(parked_stream(options_.ingress)) {
  for (const auto& topic : options_.topics) topics_.emplace(topic.topic, topic);
}

void RecordRouter::route(const IncomingRecord& record, std::vector<model::Command>& out, Counting counting) {
  const std::uint64_t count = counting == Counting::Yes ? 1 : 0;
  const auto topic = topics_.find(record.topic);
  if (topic == topics_.end()) {
    append_bad(record, "", "the ingress has no topic " + codec::excerpt(record.topic), count, out);
    return;
  }
  const std::size_t before = out.size();
  if (auto routed = append_messages(record, topic->second, out); !routed) {
    out.resize(before);
    append_bad(record, topic->second.value_type, std::move(routed.error().message), count, out);
    return;
  }
  counters_.routed.add(count);
}

void RecordRouter::route_again(const model::StreamRecord& parked, std::vector<model::Command>& out) {
  // "<ingress>/<topic>/<place>@<position>". A subject's topic may have slashes of its own, so topics are tried, the longest first.
  const std::string prefix = options_.ingress + "/";
  const model::SourceTopic* topic = nullptr;
  for (const auto& [name, candidate] : topics_)
    if (parked.source.starts_with(prefix + name + "/") && (topic == nullptr || name.size() > topic->topic.size())) topic = &candidate;

  std::string why = "the ingress has no such topic any more";
  if (topic != nullptr) {
    IncomingRecord record;
    record.topic = topic->topic;
    if (!parked.key.empty() || parked.has_empty_key) record.key = parked.key;
    if (parked.value.has_value) record.value = parked.value.value;
    record.traceparent = parked.traceparent;
    const std::size_t before = out.size();
    auto routed = append_messages(record, *topic, out);
    if (routed) {
      counters_.routed.add();
      return;
    }
    out.resize(before);
    why = std::move(routed.error().message);
  }
  model::StreamRecord again = parked;
  again.error = std::move(why);
  out.emplace_back(model::AppendRecord{parked_stream_, std::move(again)});
}

Result<void> RecordRouter::append_messages(const IncomingRecord& record, const model::SourceTopic& topic,
                                           std::vector<model::Command>& out) {
  const auto refuse = [](std::string why) { return fail(ErrorCode::Invalid, std::move(why)); };
  if (!record.value) return refuse("no value (a tombstone)");
  const std::uint64_t bytes = record.value->size() + (record.key ? record.key->size() : 0);
  if (bytes > options_.message_bytes_max)
    return refuse("key and value have " + std::to_string(bytes) + " bytes, limits.messageBytes is " +
                  std::to_string(options_.message_bytes_max));

  const auto append = [&](model::Address target) -> Result<void> {
    if (target.id.size() > model::kIdBytesMax)
      return refuse("the id for " + target.type + " has " + std::to_string(target.id.size()) + " bytes, at most " +
                    std::to_string(model::kIdBytesMax) + " are allowed");
    if (!options_.serves(target.type)) return refuse("no endpoint serves " + codec::excerpt(target.type));
    model::Message message;
    message.target = std::move(target);
    message.argument = {topic.value_type, std::string(*record.value), true};
    if (is_traceparent(record.traceparent)) message.traceparent = record.traceparent;
    out.emplace_back(std::move(message));
    return {};
  };

  if (!topic.targets.empty()) {
    if (!record.key) return refuse("no key, which would be the id");
    const std::string id = id_of_key(*record.key);
    for (const std::string& type : topic.targets)
      if (auto done = append({type, id}); !done) return done;
  }
  if (options_.by_value) {
    auto targets = options_.by_value(*record.value);
    if (!targets) return fail(std::move(targets.error()));
    for (auto& target : *targets)
      if (auto done = append(std::move(target)); !done) return done;
  }
  return {};
}

void RecordRouter::append_bad(const IncomingRecord& record, std::string_view value_type, std::string why, std::uint64_t count,
                              std::vector<model::Command>& out) {
  const model::BadRecordPolicy& policy = options_.on_bad_record;
  if (policy.then == model::BadRecordAction::Skip) {
    counters_.skipped.add(count);
    return;
  }
  partition::DeadLetter letter;
  letter.key = record.key.value_or("");
  letter.has_empty_key = record.key && record.key->empty();
  letter.value = {std::string(value_type), std::string(record.value.value_or("")), record.value.has_value()};
  letter.source = origin_of(record);
  letter.error = std::move(why);
  if (is_traceparent(record.traceparent)) letter.traceparent = record.traceparent;
  if (policy.then == model::BadRecordAction::Park) {
    counters_.parked.add(count);
    out.emplace_back(dead_letter_record(parked_stream_, "", std::move(letter)));
    return;
  }
  counters_.dead_letters.add(count);
  const bool leaves = !options_.dead_letter_is_stream;
  out.emplace_back(dead_letter_record(leaves ? outbox_stream(policy.dead_letter_egress)
                                             : model::stream_name(policy.dead_letter_egress, policy.dead_letter_topic),
                                      leaves ? policy.dead_letter_topic : "", std::move(letter)));
}

std::string RecordRouter::origin_of(const IncomingRecord& record) const {
  std::string origin = options_.ingress;
  origin.append("/").append(record.topic).append("/").append(record.place);
  return origin.append("@").append(std::to_string(record.position));
}

}  // namespace holdfast::connect
