// Sink: where the outbox of a NATS egress sends its records.
//
// JetStream: a page is published as one stream of messages, each under the Nats-Msg-Id
// "<directory id>/<egress id>/<position>-<time of its appending>". What of it counts as sent is what the server has acknowledged, up to the
// first record that is not; those behind it that are stored all the same are remembered and left out when they come again. After any
// doubt (a lost connection, a crash) the outbox sends again from its first record that is not released.
//
// What holds: no record is lost, and each is stored once
//  - if it is sent again within the stream's window of de-duplication (`duplicate_window`, two minutes unless set), because the server knows
//    its id; or, however late,
//  - if it is still in the stream: records that are older than half the window when they are first sent after open() are looked for there,
//    by their ids (StoredRecords).
// Otherwise, which takes a crash or a lost connection just after a page was sent, an outage longer than the window, and a stream that was
// emptied meanwhile (a work queue, a short retention), records of that page are stored twice.
// A data directory restored from a backup numbers new records as it had numbered others; the time tells them apart, so they are sent.
//
// A full stream (`discard: new`) is waited for, and what room it gets is used: no more of a page is on its way than there is room for. Nothing
// else of the egress is sent meanwhile, whatever its subject: an egress keeps its order. What a stream will not take whatever its room
// (too large, over the bound of its subject where `discard_new_per_subject` is set, a subject that no stream takes, or that the server does not
// permit) is refused.
// Order: as the outbox has it. Where a stream refuses a record in the middle of a page and takes a later one (others fill it at the same
// moment, an account's storage runs out, a replicated stream changes its leader), that one stands before it; records come one at a time
// after that, and more again as they are taken.
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
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/edges.h"
#include "nats/connection.h"
#include "nats/jetstream.h"
#include "nats/stored_records.h"
#include "nats/tls_options.h"
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
    bool may_be_full = false;  // It refuses what is above its bounds.
    Duration duplicates;       // Its window of de-duplication.
  };
  // What has become of the records of a page.
  struct Fates;

  [[nodiscard]] Result<ports::SendOutcome> send_core(const std::vector<OutgoingMessage>& messages);
  [[nodiscard]] Result<ports::SendOutcome> send_jetstream(std::span<const ports::StreamPage::Entry> records,
                                                          const std::vector<OutgoingMessage>& messages);
  // Has what a predecessor stored of `records` in stored_.
  [[nodiscard]] Result<void> look_for_stored(std::span<const ports::StreamPage::Entry> records,
                                             const std::vector<OutgoingMessage>& messages);
  // How many of `indexes`, the first ones, go now. 0: `trouble` says why.
  [[nodiscard]] Result<std::size_t> fitting(std::span<const std::size_t> indexes, const std::vector<OutgoingMessage>& messages,
                                            std::string& trouble);
  // Returns when all are answered. An error: that is not so, and it is not known what the server has done.
  [[nodiscard]] Result<void> publish(std::span<const std::size_t> indexes, const std::vector<OutgoingMessage>& messages);
  void note_stored(std::span<const std::size_t> indexes, Fates& fates);
  // What those that are answered, and not stored, come to.
  void judge(const std::vector<OutgoingMessage>& messages, Fates& fates);
  // Null: no stream takes the subject.
  [[nodiscard]] Result<const KnownStream*> stream_of(const std::string& subject);
  // Why nothing answers for the subject. A reason to refuse it, or a trouble that may pass.
  struct NoAnswer {
    bool refused = false;
    std::string why;
  };
  [[nodiscard]] NoAnswer why_no_answer(const std::string& subject);
  [[nodiscard]] bool is_interrupted() const;
  [[nodiscard]] bool is_forbidden(const std::string& subject) const;
  [[nodiscard]] tl::unexpected<Error> in_doubt(std::string what) const;

  const model::NatsEgressSpec spec_;
  const std::string id_prefix_;  // Of our Nats-Msg-Ids.

  TlsOptions tls_;
  std::shared_ptr<Answers> answers_;
  std::unique_ptr<Connection> connection_;
  std::optional<JetStream> jetstream_;
  std::string inbox_;
  std::unique_ptr<Subscription> inbox_subscription_;

  StoredRecords stored_;
  std::size_t window_;  // Records on their way at once.
  std::vector<KnownStream> streams_;
  std::map<std::string, std::size_t, std::less<>> stream_by_subject_;  // Index in streams_.

  // Since open().
  std::uint64_t fresh_records_ = 0;  // In a row that no predecessor had stored; enough of them, and nobody looks any more.
  std::set<std::string, std::less<>> looked_at_;  // Subjects.
  std::set<std::string> looked_at_whole_;         // Streams.
  std::uint64_t losses_ = 0;  // Of the connection, when the page began.
  std::uint64_t page_ = 0;
};

}  // namespace holdfast::nats
