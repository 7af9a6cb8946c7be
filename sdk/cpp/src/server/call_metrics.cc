#include "server/call_metrics.h"

#include <utility>

namespace holdfast::sdk::server {

CallMetrics::CallMetrics(std::vector<std::string> functions, std::size_t threads) : functions_(std::move(functions)) {
  for (std::size_t i = 0; i <= threads; ++i) shards_.emplace_back(functions_.size());
}

void CallMetrics::count_begin(std::size_t thread, std::size_t function, std::size_t messages) {
  PerFunction& of = shard(thread).of[function];
  of.calls.add();
  of.messages.add(messages);
}

void CallMetrics::count_end(std::size_t thread, std::size_t function, Answer::Status status, std::uint64_t duration_us) {
  if (thread != kElsewhere) return add_end(shard(thread), function, status, duration_us);
  const std::lock_guard lock(elsewhere_);
  add_end(shard(thread), function, status, duration_us);
}

void CallMetrics::add_end(Shard& shard, std::size_t function, Answer::Status status, std::uint64_t duration_us) {
  PerFunction& of = shard.of[function];
  of.ended.add();
  of.duration.record_us(duration_us);
  if (status == Answer::Status::Failed) of.failed.add();
  if (status == Answer::Status::Malformed) shard.malformed.add();
  if (status == Answer::Status::NotFound) shard.not_found.add();
}

void CallMetrics::collect(MetricsSink& sink) const {
  // Calls that end elsewhere have begun on a shard that is read after it: what is under way is never less than nothing.
  for (auto at = shards_.rbegin(); at != shards_.rend(); ++at) {
    const Shard& shard = *at;
    for (std::size_t i = 0; i < functions_.size(); ++i) {
      const PerFunction& of = shard.of[i];
      const MetricLabels labels{{"function", functions_[i]}};
      const std::uint64_t ended = of.ended.get();  // Before the calls, for the same reason.
      sink.counter("holdfast_sdk_calls_total", "Calls of functions, one for each batch.", labels, of.calls.get());
      sink.counter("holdfast_sdk_messages_total", "Messages of these calls.", labels, of.messages.get());
      sink.counter("holdfast_sdk_failures_total", "Calls whose function failed.", labels, of.failed.get());
      sink.gauge("holdfast_sdk_calls_under_way", "Calls that have come and are not answered yet.", labels,
                 static_cast<double>(static_cast<std::int64_t>(of.calls.get() - ended)));
      sink.histogram("holdfast_sdk_call_duration_seconds", "From a request to its answer, waiting included.", labels, of.duration);
    }
    constexpr std::string_view kRefused = "Requests that no function was called for.";
    sink.counter("holdfast_sdk_refused_total", kRefused, {{"reason", "malformed"}}, shard.malformed.get());
    sink.counter("holdfast_sdk_refused_total", kRefused, {{"reason", "not_found"}}, shard.not_found.get());
  }
}

}  // namespace holdfast::sdk::server
