#include "connect/ingress_parts.h"

#include <utility>

#include "base/log.h"

namespace holdfast::connect {

RecordRouterOptions router_options(const std::string& ingress, const model::BadRecordPolicy& on_bad_record, const IngressWorld& world) {
  RecordRouterOptions options;
  options.ingress = ingress;
  options.on_bad_record = on_bad_record;
  options.dead_letter_is_stream = world.dead_letter_is_stream;
  options.message_bytes_max = world.message_bytes_max;
  options.serves = world.serves;
  return options;
}

ParkedKeeper::ParkedKeeper(std::string ingress, ports::Streams& streams, RecordRouter& router, std::shared_ptr<WorkerLoop> loop,
                           std::function<void()> changed)
    : ingress_(std::move(ingress)), streams_(streams), router_(router), loop_(std::move(loop)), changed_(std::move(changed)) {}

void ParkedKeeper::handle(ports::Ingress::Done<std::uint64_t> done, std::function<void(PostTask, ParkedDone)> how) {
  loop_->post([this, done = std::move(done), how = std::move(how)] {
    if (std::exchange(handling_, true))
      return done(fail(ErrorCode::Conflict, "parked records of " + ingress_ + " are being handled already"));
    how([loop = loop_](auto task) { loop->post(std::move(task)); },
        [this, done](Result<std::uint64_t> count) {
          handling_ = false;
          seen_ = UINT64_MAX;
          look();
          done(std::move(count));
        });
  });
}

void ParkedKeeper::retry(ports::Ingress::Done<std::uint64_t> done) {
  handle(std::move(done), [this](PostTask post, ParkedDone handled) { retry_parked(streams_, router_, ingress_, std::move(post), std::move(handled)); });
}

void ParkedKeeper::skip(ports::Ingress::Done<std::uint64_t> done) {
  handle(std::move(done), [this](PostTask post, ParkedDone handled) { skip_parked(streams_, ingress_, std::move(post), std::move(handled)); });
}

void ParkedKeeper::look() {
  const auto seen = router_.counters().parked.get();
  if (counting_ || (seen == seen_ && !full_)) return;
  counting_ = true;
  count_parked(streams_, ingress_, [this, loop = loop_, seen](Result<ParkedCount> count) {
    loop->post([this, seen, count = std::move(count)] {
      counting_ = false;
      if (!count) return;
      seen_ = seen;
      count_.set(count->records);
      const bool full = count->bytes >= kParkedBytesMax;
      if (std::exchange(full_, full) == full) return;
      if (full)
        log_error("an ingress keeps too many parked records, and takes in nothing more",
                  {{"ingress", ingress_}, {"records", count->records}, {"bytes", count->bytes}});
      else log_info("an ingress takes in again", {{"ingress", ingress_}});
      changed_();
    });
  });
}

void IngressMetrics::add_source(const std::string& source, const SourceMetrics& metrics) {
  taken_ += metrics.taken.get();
  lost_ += metrics.lost.get();
  made_anew_ += metrics.made_anew.get();
  waits_ += metrics.waits.get();
  const MetricLabels labels{{"ingress", ingress_}, {"source", source}};
  if (metrics.has_next.get() != 0)
    sink_.gauge("holdfast_ingress_position", "Position of the next record to be taken in.", labels, static_cast<double>(metrics.next.get()));
  if (metrics.has_lag.get() != 0)
    sink_.gauge("holdfast_ingress_lag_records", "Records that wait outside.", labels, static_cast<double>(metrics.lag.get()));
  sink_.gauge("holdfast_ingress_waiting", "1 while the functions do not keep up.", labels, static_cast<double>(metrics.waiting.get()));
}

void IngressMetrics::finish(const RecordRouter::Counters& counters, const State& state) {
  const MetricLabels labels{{"ingress", ingress_}};
  sink_.counter("holdfast_ingress_records_total", "Records taken in.", labels, taken_);
  sink_.counter("holdfast_ingress_parked_total", "Records that could not be routed and were parked.", labels, counters.parked.get());
  sink_.counter("holdfast_ingress_dead_letters_total", "Records that could not be routed and went to dead letters.", labels,
                counters.dead_letters.get());
  sink_.counter("holdfast_ingress_skipped_total", "Records that could not be routed and were skipped.", labels, counters.skipped.get());
  sink_.counter("holdfast_ingress_lost_total", "Records that the broker no longer had, or dropped.", labels, lost_);
  sink_.counter("holdfast_ingress_made_anew_total", "Times a source turned out to have been deleted and made anew.", labels, made_anew_);
  sink_.counter("holdfast_ingress_waits_total", "Times it had to wait for functions that do not keep up.", labels, waits_);
  sink_.gauge("holdfast_ingress_parked_records", "Records that are parked now.", labels, static_cast<double>(state.parked));
  sink_.gauge("holdfast_ingress_paused", "1 while it is paused.", labels, state.paused ? 1 : 0);
  sink_.gauge("holdfast_ingress_in_trouble", "1 while something keeps it from going on.", labels, state.in_trouble ? 1 : 0);
}

}  // namespace holdfast::connect
