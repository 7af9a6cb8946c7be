// Outbox: sends the records of a stream on through a sink, in order, and takes away what is sent.
//
//   opening --position known--> reading --records--> sending --some settled--> reading
//      ^                           ^                    | |
//      |                           +-- a pause that grows <-- nothing goes for now
//      +---- a pause that grows <---- outcome unknown --+
//
// What of a page is settled (sent or refused) is let go of at once, and the rest comes again with what has come meanwhile. Refused records
// are set aside as a set, before anything behind them is.
//
// The stream is part of the epochs, so a record is here exactly if its cause has happened. With a sink that keeps a position, each is sent
// once: after any doubt the sink is opened anew and says how far it has got; records below that are taken away, the rest is sent.
//
// Three things are nobody's to decide but an operator's, and stop it until resume(): the sink knows no position although records have
// been sent before (its memory was deleted), or one beyond the end that the stream had at the start (this data directory is older than what
// was sent), or somebody else has sent in our name since (a copy of this data directory is in use, too).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/loop.h"
#include "base/metrics.h"
#include "ports/edges.h"
#include "ports/record_sink.h"
#include "ports/streams.h"

namespace holdfast::connect {

// The one stream of an egress whose records leave.
[[nodiscard]] std::string outbox_stream(const std::string& egress);
// Records that the outside will never take.
[[nodiscard]] std::string unsendable_stream(const std::string& egress);

struct OutboxSpec {
  std::string id;        // Of the egress.
  std::string kind;      // For people.
  std::string delivery;  // For people.
  std::uint64_t bytes_max = 0;
  std::uint32_t page_records = 10'000;
  std::size_t page_bytes = 4u << 20;
  std::uint64_t unsendable_bytes_max = 1ull << 30;  // Records that are set aside; beyond it nothing is sent until somebody retries or skips them.
};

class Outbox final : public ports::Egress {
 public:
  // `loop`: where the sink's blocking calls are made; nothing else should run there.
  Outbox(OutboxSpec spec, Loop& loop, ports::Streams& streams, std::unique_ptr<ports::RecordSink> sink);
  ~Outbox() override;

  [[nodiscard]] const std::string& id() const override { return spec_.id; }
  void start() override;
  void stop(Duration grace, std::function<void()> done) override;
  void info(Done<ports::EgressInfo> done) override;
  void resume(Done<void> done) override;
  void retry_unsendable(Done<std::uint64_t> done) override;
  void skip_unsendable(Done<std::uint64_t> done) override;
  void collect(MetricsSink& sink) const override;

 private:
  struct Metrics {
    Counter sent, parked, reopened, position, trouble;
    LatencyHistogram send_latency;
  };

  void look_at_stream();
  void open();
  void opened(std::optional<std::uint64_t> known, const ports::StreamPage& stream);
  // Takes away what the sink has sent already, page by page, then goes on.
  void skip_to(std::uint64_t position);
  void read();
  void send(ports::StreamPage&& page);
  // `page` has what was given to the sink; `places`, all that it had when it was read.
  struct Place {
    std::uint64_t position = 0;
    std::uint64_t bytes = 0;
  };
  void settle(const ports::StreamPage& page, std::span<const Place> places, ports::SendOutcome&& outcome, Duration took);
  void set_aside(ports::Settlement&& settlement);
  void look_at_unsendable();
  void try_again(const Error& error);
  void tell_trouble(const std::string& trouble);
  // Shows the trouble, and goes on with `next` after a pause that grows.
  void pause(const std::string& trouble, void (Outbox::*next)());
  void all_is_well();
  void stand_still(std::string why);
  void handle_unsendable(std::string to, Done<std::uint64_t> done);
  void end();
  void query(ports::StreamQuery query, std::function<void(ports::StreamPage&&)> then);
  void show(std::string trouble, bool stopped);

  const OutboxSpec spec_;
  Loop& loop_;
  ports::Streams& streams_;
  std::unique_ptr<ports::RecordSink> sink_;
  std::shared_ptr<Outbox*> self_;  // Answers from elsewhere hold it weakly.

  // Where the stream ended before anything new came in: what an ingress takes in again makes an old stream long enough, not the right one.
  std::optional<std::uint64_t> end_at_start_;
  bool was_open_ = false;
  std::uint64_t from_ = 0;    // All below it are sent.
  std::uint64_t first_ = 0;   // Oldest record kept, as of opening.
  std::uint32_t failures_ = 0;
  bool unsendable_changed_ = true;  // It is not known to have room.
  bool told_ = false;         // The log knows of the trouble.
  bool standing_ = false;     // Until resume().
  bool pausing_ = false;      // Until the next try.
  bool over_ = false;         // It has seen that it is to end, maybe before stop() came to say who waits for it.
  std::atomic<bool> ending_{false};
  std::shared_ptr<std::atomic<bool>> handling_unsendable_ = std::make_shared<std::atomic<bool>>(false);
  bool under_way_ = false;    // A question to the stream.
  std::function<void()> ended_;

  mutable std::mutex mutex_;  // Over what info() shows.
  std::string trouble_;
  bool stopped_ = false;
  Metrics metrics_;
};

}  // namespace holdfast::connect
