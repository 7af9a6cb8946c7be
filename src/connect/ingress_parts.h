// What ingresses of every kind have in common beside reading: the world they stand in, their parked records, their metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/metrics.h"
#include "base/worker_loop.h"
#include "connect/parked_records.h"
#include "connect/record_router.h"
#include "model/edges.h"
#include "ports/edges.h"
#include "ports/intake.h"
#include "ports/streams.h"

namespace holdfast::connect {

// All of it is borrowed and outlives the ingress, but for calls of the intake and of the streams that answer later.
struct IngressWorld {
  ports::Intake& intake;
  ports::Streams& streams;
  std::function<bool(std::string_view type)> serves;
  bool dead_letter_is_stream = false;  // As in RecordRouterOptions.
  std::uint64_t message_bytes_max = 16ull << 20;
};

// Without topics.
[[nodiscard]] RecordRouterOptions router_options(const std::string& ingress, const model::BadRecordPolicy& on_bad_record,
                                                 const IngressWorld& world);

// The parked records of one ingress: what people say of them, and whether they are so many that nothing more may be taken in. What it
// posts to `loop` is dropped when that ends, which must be before this does.
class ParkedKeeper {
 public:
  // `changed` is called on the loop when is_full() has changed.
  ParkedKeeper(std::string ingress, ports::Streams& streams, RecordRouter& router, std::shared_ptr<WorkerLoop> loop,
               std::function<void()> changed);

  // Any thread. Conflict: another one is at it.
  void retry(ports::Ingress::Done<std::uint64_t> done);
  void skip(ports::Ingress::Done<std::uint64_t> done);

  // On the loop.
  void look();  // Counts, if there may be others than at the last look.
  [[nodiscard]] bool is_full() const { return full_; }
  // Any thread.
  [[nodiscard]] std::uint64_t count() const { return count_.get(); }  // As of the last look.

 private:
  void handle(ports::Ingress::Done<std::uint64_t> done, std::function<void(PostTask, ParkedDone)> how);

  const std::string ingress_;
  ports::Streams& streams_;
  RecordRouter& router_;
  std::shared_ptr<WorkerLoop> loop_;
  std::function<void()> changed_;
  bool handling_ = false;
  bool counting_ = false;
  bool full_ = false;
  std::uint64_t seen_ = UINT64_MAX;  // Of the router's counter, when they were counted last.
  Counter count_;
};

struct SourceMetrics {
  Counter taken, lost;
  Counter made_anew;  // Times what has the source's name turned out to be another one than before (ports/intake.h, incarnation).
  Counter waits;  // Times it had to wait for functions that do not keep up.
  Counter next, has_next, lag, has_lag, waiting;
};

// Shows what is the same for all kinds: of each source, then, with what they come to together, of the ingress.
class IngressMetrics {
 public:
  IngressMetrics(MetricsSink& sink, std::string ingress) : sink_(sink), ingress_(std::move(ingress)) {}
  void add_source(const std::string& source, const SourceMetrics& metrics);
  struct State {
    std::uint64_t parked = 0;
    bool paused = false;
    bool in_trouble = false;
  };
  void finish(const RecordRouter::Counters& counters, const State& state);

 private:
  MetricsSink& sink_;
  std::string ingress_;
  std::uint64_t taken_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t made_anew_ = 0;
  std::uint64_t waits_ = 0;
};

}  // namespace holdfast::connect
