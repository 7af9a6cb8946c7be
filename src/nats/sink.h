// Sink: where the outbox of a NATS egress sends its records.
//
// JetStream: a page is published as one stream of messages, each under the Nats-Msg-Id
// "<directory id>/<egress id>/<position>-<time of its appending>", and is sent when the server has acknowledged every one. After any doubt
// the outbox sends again from its first record that is not released.
//
// What holds: no record is lost, and each is stored once
//  - if it is sent again within the stream's window of de-duplication (`duplicate_window`, two minutes unless set), because the server knows
//    its id; or, however late,
//  - if the newest message on its subject is one of ours: before the first pages after open() are published, that message is looked at,
//    and what it shows to be stored is left out. So it holds for subjects that nobody else publishes to, as long as the stream keeps
//    their newest message.
// Otherwise, which takes a crash just after a page was sent, an outage longer than the window, and a subject shared with others (or emptied: a
// work queue, a short retention), records of that page are stored twice.
// A data directory restored from a backup numbers new records as it had numbered others; the time tells them apart, so they are sent.
// Order: as the outbox has it. Where a replicated stream changes its leader in the middle of a page, records of that page may end up behind
// later ones of it; all are stored, once.
//
// Core: a page is handed to the server and counts as sent when the server has answered the flush. Whoever does not listen at that moment misses
// it; a page in doubt is handed over again.
//
// A KafkaProducerRecord goes to the subject that is its topic, its key as header Holdfast-Key, its headers as headers, but for those that
// begin with "Nats-", which are orders to the server. Any other value goes to the default subject, its type as header Holdfast-Type. The
// trace context is header traceparent. What would not arrive as it is (control characters, blanks at the ends) goes in Base64, in a header whose
// name ends in -Base64.
//
// No messages of a page are published before each of it is known to be well-formed. One thread, but for interrupt().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/edges.h"
#include "nats/connection.h"
#include "nats/jetstream.h"
#include "ports/record_sink.h"

namespace holdfast::nats {

inline constexpr std::string_view kKeyHeader = "Holdfast-Key";
inline constexpr std::string_view kBase64Suffix = "-Base64";
inline constexpr std::string_view kTypeHeader = "Holdfast-Type";
inline constexpr std::string_view kTraceHeader = "traceparent";
inline constexpr std::string_view kMessageIdHeader = "Nats-Msg-Id";

// What is published for a record; views into it where possible.
struct OutgoingMessage {
  std::string subject;
  std::string data;
  std::vector<std::pair<std::string, std::string>> headers;
  [[nodiscard]] std::size_t size_with_headers() const;
};
// Invalid: it can never be sent, with the reason.
[[nodiscard]] Result<OutgoingMessage> outgoing_message(const model::StreamRecord& record, const std::string& default_subject);

// Which record a message of ours is.
struct RecordId {
  std::uint64_t position = 0;
  std::int64_t time_ms = 0;  // When it was appended to the outbox.
  bool operator==(const RecordId&) const = default;
};
[[nodiscard]] std::string message_id(std::string_view prefix, const RecordId& record);
// None: it is somebody else's.
[[nodiscard]] std::optional<RecordId> parse_message_id(std::string_view id, std::string_view prefix);
// Whether `record` is stored if `newest` is: it is that, or came before it.
[[nodiscard]] bool is_stored(const RecordId& record, const RecordId& newest);

class Sink final : public ports::RecordSink {
 public:
  // `directory_id` tells our records from those of another Holdfast with an egress of the same id.
  Sink(model::NatsEgressSpec spec, std::string directory_id);
  ~Sink() override;

  [[nodiscard]] Result<std::optional<std::uint64_t>> open() override;
  [[nodiscard]] Result<ports::SendOutcome> send(std::span<const ports::StreamPage::Entry> records, std::uint64_t next) override;
  [[nodiscard]] Result<void> reset(std::uint64_t) override { return {}; }
  void interrupt() override;
  [[nodiscard]] bool keeps_position() const override { return false; }

 private:
  struct Answers;
  struct KnownStream {
    std::string name;
    std::vector<std::string> subjects;
  };

  [[nodiscard]] Result<ports::SendOutcome> send_core(const std::vector<OutgoingMessage>& messages);
  [[nodiscard]] Result<ports::SendOutcome> send_jetstream(std::span<const ports::StreamPage::Entry> records,
                                                          const std::vector<OutgoingMessage>& messages);
  // Which of `records` a predecessor has stored already.
  [[nodiscard]] Result<std::vector<bool>> stored_already(std::span<const ports::StreamPage::Entry> records,
                                                         const std::vector<OutgoingMessage>& messages);
  // Our newest record on the subject; none: its newest message is not ours, or there is none.
  [[nodiscard]] Result<std::optional<RecordId>> newest_on(const std::string& subject);
  [[nodiscard]] Result<const KnownStream*> stream_of(const std::string& subject);
  [[nodiscard]] Result<ports::SendOutcome> judge(const std::vector<OutgoingMessage>& messages);
  [[nodiscard]] tl::unexpected<Error> in_doubt(std::string what) const;

  const model::NatsEgressSpec spec_;
  const std::string id_prefix_;  // Of our Nats-Msg-Ids.

  std::shared_ptr<Answers> answers_;
  std::unique_ptr<Connection> connection_;
  std::optional<JetStream> jetstream_;
  std::string inbox_;
  std::unique_ptr<Subscription> inbox_subscription_;

  // Since open().
  std::uint64_t fresh_records_ = 0;  // In a row that no predecessor had stored; enough of them, and nobody looks any more.
  std::map<std::string, std::optional<RecordId>, std::less<>> newest_;
  std::vector<KnownStream> streams_;
  std::uint64_t losses_ = 0;  // Of the connection, when the page began.
  std::uint64_t page_ = 0;
};

}  // namespace holdfast::nats
