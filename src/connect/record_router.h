// RecordRouter: what becomes of a record that came in from outside, whichever way it came: a message to each function it is for, or,
// where that cannot be, what the ingress's policy says (model::BadRecordPolicy). One bad record never stops those behind it.
//
// Pure but for its counters. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "model/command.h"
#include "model/edges.h"

namespace holdfast::connect {

using model::parked_stream;

// The id that a key stands for: its bytes as UTF-8. What is not UTF-8 is replaced by U+FFFD exactly as Java's
// `new String(bytes, UTF_8)` does, which is how StateFun makes ids: keys that differ in such bytes alone are one id.
[[nodiscard]] std::string id_of_key(std::string_view key);

// Everything is borrowed for the duration of the call.
struct IncomingRecord {
  std::string_view topic;                 // SourceTopic::topic, of the configuration.
  std::optional<std::string_view> key;    // None: the record has none. An empty one is the empty id, as in StateFun.
  std::optional<std::string_view> value;  // None: a tombstone.
  std::string_view traceparent;           // Of its headers; may be empty, and anything: only a well-formed one is passed on.
  // Where exactly it came from, for people: a partition, a stream, a subject; and its position there.
  std::string_view place;
  std::uint64_t position = 0;
};

// More targets, worked out from the value (protobuf-router of module.yaml 1.0 and 2.0). An error makes the record a bad one.
using RouteByValue = std::function<Result<std::vector<model::Address>>(std::string_view value)>;

struct RecordRouterOptions {
  std::string ingress;  // Its id.
  std::vector<model::SourceTopic> topics;
  model::BadRecordPolicy on_bad_record;
  // What kind of egress on_bad_record names: one whose topics are streams of ours (holdfast.streams), or one with an outbox.
  bool dead_letter_is_stream = false;
  std::uint64_t message_bytes_max = 16ull << 20;  // Of key and value together.
  std::function<bool(std::string_view type)> serves;
  RouteByValue by_value;  // Empty: there are no such routes.
};

class RecordRouter {
 public:
  struct Counters {
    Counter routed;
    Counter parked;
    Counter dead_letters;
    Counter skipped;
    [[nodiscard]] std::uint64_t bad() const { return parked.get() + dead_letters.get() + skipped.get(); }
  };

  explicit RecordRouter(RecordRouterOptions options);

  // Appends the record's commands to `out`; none, if it is skipped. `counting` No: it has been counted before, and is tried again.
  enum class Counting : std::uint8_t { Yes, No };
  void route(const IncomingRecord& record, std::vector<model::Command>& out, Counting counting = Counting::Yes);

  // Routes a record of parked_stream() again, by the configuration of today. What is still bad is parked again, whatever the policy:
  // somebody has asked for this one.
  void route_again(const model::StreamRecord& parked, std::vector<model::Command>& out);

  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  [[nodiscard]] Result<void> append_messages(const IncomingRecord& record, const model::SourceTopic& topic,
                                             std::vector<model::Command>& out);
  void append_bad(const IncomingRecord& record, std::string_view value_type, std::string why, std::uint64_t count,
                  std::vector<model::Command>& out);
  [[nodiscard]] std::string origin_of(const IncomingRecord& record) const;

  RecordRouterOptions options_;
  std::string parked_stream_;
  std::map<std::string, model::SourceTopic, std::less<>> topics_;
  Counters counters_;
};

}  // namespace holdfast::connect
