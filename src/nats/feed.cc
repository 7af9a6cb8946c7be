#include "nats/feed.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace holdfast::nats {
namespace {

constexpr Duration kRetryFirst{5};
constexpr Duration kRetryMax{500};
constexpr std::uint32_t kDoublingsMax = 10;

}  // namespace

struct Feed::Batch {
  ports::SourceBatch content;
  std::vector<std::string> replies;
  std::size_t messages = 0;
  std::uint64_t generation = 0;
};

Feed::Feed(std::string source, ports::Intake& intake, std::shared_ptr<WorkerLoop> loop, Positions positions, Hooks hooks)
    : source_(std::move(source)),
      intake_(intake),
      loop_(std::move(loop)),
      positions_(positions),
      hooks_(std::move(hooks)),
      self_(std::make_shared<Feed*>(this)) {}

Feed::~Feed() = default;

void Feed::start(std::optional<std::uint64_t> from, std::string incarnation) {
  queue_.clear();
  bytes_ = 0;
  refused_.reset();
  failures_ = 0;
  from_ = from;
  incarnation_ = std::move(incarnation);
  ++generation_;
  running_ = true;
  finish_halt();
}

void Feed::offer(Item item) {
  if (!running_) return;
  bytes_ += data_of(item.message.get()).size();
  queue_.push_back(std::move(item));
  pump();
}

void Feed::hold(bool held) {
  held_ = held;
  pump();
}

void Feed::halt(std::function<void()> done) {
  running_ = false;
  queue_.clear();
  bytes_ = 0;
  refused_.reset();
  failures_ = 0;
  halting_.push_back(std::move(done));
  if (!under_way_) finish_halt();
}

void Feed::finish_halt() {
  for (auto& done : std::exchange(halting_, {})) done();
}

void Feed::pump() {
  if (!running_ || held_ || under_way_ || refused_ || queue_.empty()) return;
  auto batch = std::make_shared<Batch>();
  batch->generation = generation_;
  batch->content.source = source_;
  batch->content.from = from_;
  batch->content.incarnation = incarnation_;
  std::uint64_t next = from_.value_or(0);
  std::size_t bytes = 0;
  while (!queue_.empty() && batch->messages < kBatchMessages && bytes < kBatchBytes) {
    Item item = std::move(queue_.front());
    queue_.pop_front();
    const std::size_t size = data_of(item.message.get()).size();
    bytes += size;
    bytes_ -= size;
    const std::uint64_t position = positions_ == Positions::Counted ? next : item.position;
    hooks_.route(item.message.get(), position, batch->content.commands);
    next = position + 1;
    ++batch->messages;
    if (replies_ == Replies::None) continue;
    if (const auto reply = reply_of(item.message.get()); !reply.empty()) {
      if (replies_ == Replies::Last) batch->replies.clear();
      batch->replies.emplace_back(reply);
    }
  }
  batch->content.next = next;
  submit(std::move(batch));
}

void Feed::submit(std::shared_ptr<Batch> batch) {
  under_way_ = true;
  // A copy: what is refused now is given again.
  intake_.take_in(
      ports::SourceBatch(batch->content),
      [weak = std::weak_ptr(self_), loop = loop_, batch](Result<void> result) {
        loop->post([weak, batch, result = std::move(result)]() mutable {
          if (const auto self = weak.lock()) (*self)->answered(batch, std::move(result));
        });
      },
      [weak = std::weak_ptr(self_), loop = loop_, batch] {
        loop->post([weak, batch] {
          const auto self = weak.lock();
          if (self && batch->generation == (*self)->generation_)
            (*self)->hooks_.durable(batch->content.next, std::move(batch->replies));
        });
      });
}

void Feed::answered(const std::shared_ptr<Batch>& batch, Result<void> result) {
  under_way_ = false;
  if (result) {
    taken_ += batch->messages;
    batch->content.commands = {};  // Nobody needs them again; the batch waits until it is durable.
  }
  if (batch->generation != generation_) {
    // Of before a start(), which waits for nobody; but only one batch is under way at a time.
    finish_halt();
    return pump();
  }
  if (result) {
    from_ = batch->content.next;
    failures_ = 0;
  }
  if (!running_) return finish_halt();
  if (result) {
    hooks_.room();
    return pump();
  }
  if (result.error().code == ErrorCode::Conflict) {
    log_warn("a source was moved from outside", {{"source", source_}, {"error", result.error().message}});
    running_ = false;
    queue_.clear();
    bytes_ = 0;
    return hooks_.displaced();
  }
  if (failures_ == 0 && result.error().code != ErrorCode::Overloaded && result.error().code != ErrorCode::Unavailable)
    log_error("a batch is not taken in", {{"source", source_}, {"error", result.error().message}});
  const auto doublings = std::min(failures_++, kDoublingsMax);
  refused_ = batch;
  loop_->after(Duration{std::min(kRetryMax.ms, kRetryFirst.ms << doublings)}, [weak = std::weak_ptr(self_), batch] {
    const auto self = weak.lock();
    if (!self || (*self)->refused_ != batch) return;
    (*self)->refused_.reset();
    (*self)->submit(batch);
  });
}

}  // namespace holdfast::nats
