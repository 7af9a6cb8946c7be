// Shard: taking in from sources outside that can wait.
#include <algorithm>
#include <utility>

#include "partition/source.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kWaitingBatchesMax = 10'000;
constexpr std::int64_t kRateWindow_ms = 50;
constexpr Duration kBurstOver{100};  // After so long without anything taken in.

}  // namespace

void Shard::take_in(ports::SourceBatch&& batch, Runtime::Done<void> taken, std::function<void()> durable) {
  if (refusing_) return taken(fail(ErrorCode::Unavailable, "the runtime is stopping"));
  if (intake_.size() >= kWaitingBatchesMax)
    return taken(fail(ErrorCode::Overloaded, std::to_string(intake_.size()) + " batches are waiting already"));
  intake_.push_back({std::move(batch), std::move(taken), std::move(durable)});
  wake();
}

// A source can wait, so it waits early: for functions that are behind, for an egress that is full of its dead letters, and in memory that
// need not be used. Whoever is behind makes only itself wait: of the memory as well, an endpoint has its share whatever the others hold.
bool Shard::has_room_for(const ports::SourceBatch& batch) const {
  if (batch.commands.empty()) return true;
  if (taken_in_ >= burst()) return false;
  const std::size_t memory = options_.mailbox_bytes_in_memory / 2;
  const std::string* seen = nullptr;
  for (const auto& command : batch.commands) {
    const auto* message = std::get_if<model::Message>(&command);
    if (message == nullptr)
      if (const auto* outbox = levels_.outbox(std::get<model::AppendRecord>(command).stream); outbox != nullptr && outbox->is_full())
        return false;
    if (message == nullptr || (seen != nullptr && *seen == message->target.type)) continue;
    seen = &message->target.type;
    const Endpoint* endpoint = invoker_.endpoint_of(*seen);
    if (endpoint == nullptr) continue;
    // Where an endpoint has several hosts, each has its share in turn.
    if (levels_.backlog(endpoint->index) >= options_.intake_backlog_messages &&
        (endpoint->upstreams.size() <= 1 ||
         invoker_.backlog_of_upstream(*seen) >=
             std::max<std::uint64_t>(1, options_.intake_backlog_messages / (endpoint->upstreams.size() * all_.size()))))
      return false;
    if (!admit_mail(*seen)) return false;
    if (table_.mail_bytes_in_memory() >= memory &&
        endpoint->backlog.bytes_in_memory + endpoint->parked_backlog.bytes_in_memory >= memory / options_.endpoints.size())
      return false;
  }
  return true;
}

void Shard::pump_intake() {
  if (intake_.empty() || !started_ || !admit_anything()) return;
  for (std::size_t left = intake_.size(); left > 0; --left) {
    WaitingBatch next = std::move(intake_.front());
    intake_.pop_front();
    if (!has_room_for(next.batch)) {
      intake_.push_back(std::move(next));
      continue;
    }
    const std::size_t count = next.batch.commands.size();
    auto position = partition::take_in(table_, next.batch.source, next.batch.from, next.batch.next, next.batch.incarnation);
    if (!position) {
      next.taken(fail(std::move(position.error())));
      continue;
    }
    if (taken_in_ == 0) burst_began_ = clock_.steady();
    last_taken_in_ = clock_.steady();
    taken_in_ += count;
    metrics_.messages_in.add(count);
    table_.apply(std::move(*position));
    for (auto& command : next.batch.commands) route(std::move(command));
    if (next.durable) patient_gate_.push_back(std::move(next.durable));
    next.taken({});
  }
  // The burst is over, and more is there.
  if (!intake_.empty() && taken_in_ >= burst() && !is_worth_waiting()) want_close();
}

std::uint64_t Shard::burst() const {
  const auto soon = static_cast<std::uint64_t>(handled_per_ms_ * static_cast<double>(options_.intake_burst_time.ms));
  return std::clamp(soon, options_.intake_burst_min, std::max(options_.intake_burst_min, options_.intake_backlog_messages));
}

std::uint64_t Shard::backlog() const {
  std::uint64_t sum = 0;
  for (const auto& endpoint : invoker_.endpoints())
    if (endpoint->is_down.get() == 0) sum += endpoint->backlog.messages;
  return sum;
}

// Whether what was taken in will be handled soon, so that the epoch should not be cut before that.
bool Shard::is_worth_waiting() const {
  constexpr std::uint64_t kTail = 32;  // The last part of a burst is not waited for: its answers and the next burst overlap.
  const std::uint64_t waiting = backlog();
  if (waiting <= std::max<std::uint64_t>(burst() / kTail, 1)) return false;
  const Moment now = clock_.steady();
  if (now - last_taken_in_ >= kBurstOver || now - burst_began_ >= options_.intake_burst_max) return false;
  return static_cast<double>(waiting) <= handled_per_ms_ * static_cast<double>(options_.intake_burst_max.ms);
}

void Shard::count_handled(std::uint32_t batch) {
  handled_ += batch;
  const Moment now = clock_.steady();
  const std::int64_t past = (now - handled_since_).ms;
  if (past < kRateWindow_ms) return;
  handled_per_ms_ = (handled_per_ms_ + static_cast<double>(handled_) / static_cast<double>(past)) / 2;
  handled_ = 0;
  handled_since_ = now;
}

void Shard::set_source(std::string name, model::SourceRow row, Runtime::Done<void> done) {
  if (auto ok = admit_anything(); !ok) return done(fail(std::move(ok.error())));
  table_.apply(partition::PutSource{std::move(name), row});
  gate([done = std::move(done)] { done({}); });
}

void Shard::dismiss_intake() {
  for (auto& waiting : std::exchange(intake_, {})) waiting.taken(fail(ErrorCode::Unavailable, "the runtime is stopping"));
}

}  // namespace holdfast::runtime
