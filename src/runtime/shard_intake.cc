// Shard: taking in from sources outside that can wait.
#include <algorithm>
#include <utility>

#include "partition/source.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kWaitingBatchesMax = 10'000;
constexpr Duration kIntakeLook{50};  // Who waits for answers is looked at so often: that none are to be expected any more tells nobody.
constexpr std::size_t kEpochShare = 4;  // An epoch that has so much of what it may hold is given no more: the rest is for what becomes of it.

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
Invoker::Admission Shard::admission(const ports::SourceBatch& batch) const {
  using enum Invoker::Admission;
  if (open_bytes() > options_.open_epoch_bytes_max / kEpochShare) return NextEpoch;
  const std::size_t memory = options_.mailbox_bytes_in_memory / 2;
  const std::string* seen = nullptr;
  for (const auto& command : batch.commands) {
    const auto* message = std::get_if<model::Message>(&command);
    if (const auto* append = std::get_if<model::AppendRecord>(&command))
      if (const auto* outbox = levels_.outbox(append->stream); outbox != nullptr && outbox->is_full()) return AfterAnswers;
    if (message == nullptr || (seen != nullptr && *seen == message->target.type)) continue;
    seen = &message->target.type;
    const Endpoint* endpoint = invoker_.endpoint_of(*seen);
    if (endpoint == nullptr) continue;
    // Where an endpoint has several hosts, each has its share in turn.
    if (levels_.backlog(endpoint->index) >= options_.intake_backlog_messages &&
        (endpoint->upstreams.size() <= 1 ||
         invoker_.backlog_of_upstream(*seen) >=
             std::max<std::uint64_t>(1, options_.intake_backlog_messages / (endpoint->upstreams.size() * all_.size()))))
      return AfterAnswers;
    if (!admit_mail(*seen)) return AfterAnswers;
    if (table_.mail_bytes_in_memory() >= memory &&
        endpoint->backlog.bytes_in_memory + endpoint->parked_backlog.bytes_in_memory >= memory / options_.endpoints.size())
      return AfterAnswers;
    if (const auto when = invoker_.admission(*seen); when != Now) return when;
  }
  return Now;
}

void Shard::pump_intake() {
  if (intake_.empty() || !started_ || !admit_anything()) return;
  bool is_burst_full = false;
  bool is_any_held_up = false;
  for (std::size_t left = intake_.size(); left > 0; --left) {
    WaitingBatch next = std::move(intake_.front());
    intake_.pop_front();
    if (const auto when = admission(next.batch); when != Invoker::Admission::Now) {
      (when == Invoker::Admission::NextEpoch ? is_burst_full : is_any_held_up) = true;
      intake_.push_back(std::move(next));
      continue;
    }
    const std::size_t count = next.batch.commands.size();
    auto position = partition::take_in(table_, next.batch.source, next.batch.from, next.batch.next, next.batch.incarnation);
    if (!position) {
      next.taken(fail(std::move(position.error())));
      continue;
    }
    metrics_.messages_in.add(count);
    table_.apply(std::move(*position));
    note_taken_in(next.batch);
    has_taken_in_ = true;
    for (auto& command : next.batch.commands) route(std::move(command));
    if (next.durable) patient_gate_.push_back(std::move(next.durable));
    next.taken({});
  }
  // The burst is over, and more is there.
  if (is_burst_full && !is_worth_waiting()) want_close();
  if (!is_any_held_up || intake_timer_ != 0) return;
  intake_timer_ = loop_.after(kIntakeLook, [this] {
    intake_timer_ = 0;
    wake();
  });
}

void Shard::note_taken_in(const ports::SourceBatch& batch) {
  const std::string* type = nullptr;
  std::uint64_t count = 0;
  for (const auto& command : batch.commands) {
    const auto* message = std::get_if<model::Message>(&command);
    if (message == nullptr) continue;
    if (type != nullptr && *type != message->target.type) invoker_.note_taken_in(*type, std::exchange(count, 0));
    type = &message->target.type;
    ++count;
  }
  if (count > 0) invoker_.note_taken_in(*type, count);
}

// Whether what was taken in is being handled, so that the epoch should not be cut before that.
bool Shard::is_worth_waiting() const {
  const Moment now = clock_.steady();
  return now < epoch_began_ + hold_max_ && (!prompt_due_ || now < *prompt_due_) && invoker_.is_burst_under_way();
}

void Shard::set_source(std::string name, model::SourceRow row, ports::Intake::Hurry hurry, Runtime::Done<void> done) {
  if (auto ok = admit_anything(); !ok) return done(fail(std::move(ok.error())));
  table_.apply(partition::PutSource{std::move(name), row});
  auto durable = [done = std::move(done)] { done({}); };
  if (hurry == ports::Intake::Hurry::Yes) return gate(std::move(durable));
  patient_gate_.push_back(std::move(durable));
  wake();
}

void Shard::dismiss_intake() {
  for (auto& waiting : std::exchange(intake_, {})) waiting.taken(fail(ErrorCode::Unavailable, "the runtime is stopping"));
}

}  // namespace holdfast::runtime
