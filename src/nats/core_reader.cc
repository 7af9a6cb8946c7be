// Core NATS: what is published while nobody listens is gone, so a message counts from when it is here. Its source has no positions of its
// own; ours counts the messages that were taken in. What is here and not yet in an epoch is lost in a crash; what is in one is not.
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "nats/feed.h"
#include "nats/reader.h"

namespace holdfast::nats {
namespace {

// Messages that are ours already, between the library's thread and the feed. Beyond this the library keeps them, up to its own bounds, and
// then it drops.
constexpr std::size_t kHereMessagesMax = 4'096;
constexpr std::size_t kHereBytesMax = 16u << 20;
constexpr std::size_t kFeedMessagesMax = 2 * Feed::kBatchMessages;
constexpr std::size_t kFeedBytesMax = 8u << 20;
constexpr Subscription::Limits kLibraryLimits{.messages = 65'536, .bytes = 64 << 20};

// Between the library's thread, which waits while it is full, and the loop.
struct Arrivals {
  std::mutex mutex;
  std::condition_variable room;
  std::vector<MessagePtr> messages;
  std::size_t bytes = 0;
  bool closing = false;
};

class CoreReader final : public Reader {
 public:
  CoreReader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject)
      : world_(std::move(world)),
        subject_(subject),
        source_(world_.spec.id + "/" + subject_.source.topic),
        arrivals_(std::make_shared<Arrivals>()),
        self_(std::make_shared<CoreReader*>(this)),
        feed_(source_, world_.intake, world_.loop, Feed::Positions::Counted,
              {.route = [this](natsMsg* message, std::uint64_t position,
                               std::vector<model::Command>& out) { route_message(world_.router, subject_, message, {}, position, out); },
               .room = [this] { drain(); },
               .displaced = [this] { ask(); },
               .durable = [](std::uint64_t, const std::vector<std::string>&) {}}) {}

  ~CoreReader() override { unsubscribe(); }

  void start() override {
    if (running_) return;
    running_ = true;
    ask();
    subscribe();
  }

  void stop(std::function<void()> done) override {
    running_ = false;
    ready_ = false;
    ++question_;
    unsubscribe();
    {
      const std::lock_guard lock(arrivals_->mutex);
      arrivals_->messages.clear();
      arrivals_->bytes = 0;
    }
    feed_.halt(std::move(done));
  }

  void connected() override { subscribe(); }
  void connection_ends() override { unsubscribe(); }
  void hold(bool held) override { feed_.hold(held); }

  void seek(ports::SeekTo, Done<void> done) override {
    done(fail(ErrorCode::Invalid, "core NATS keeps no messages: there is no position of " + source_ + " to go to"));
  }

  ports::SourceInfo info() override {
    std::size_t here = feed_.messages();
    {
      const std::lock_guard lock(arrivals_->mutex);
      here += arrivals_->messages.size();
    }
    const bool behind = feed_.waiting();
    return {.source = source_, .next = feed_.next(), .end = std::nullopt, .lag = here, .waiting = behind};
  }

  const std::string& source() const override { return source_; }
  std::string trouble() const override { return trouble_; }

  void tick() override {
    if (running_ && !subscription_) subscribe();
    count();
  }

  void count() override {
    count_dropped();
    metrics_.taken.set(feed_.taken());
    metrics_.next.set(feed_.next().value_or(0));
    metrics_.has_next.set(feed_.next() ? 1 : 0);
    metrics_.lag.set(info().lag.value_or(0));
    metrics_.has_lag.set(1);
    metrics_.waiting.set(feed_.waiting() ? 1 : 0);
    if (feed_.waiting() && !was_waiting_) metrics_.waits.add();
    was_waiting_ = feed_.waiting();
  }

 private:
  // Asks how far the count is, and goes on from there.
  void ask() {
    ready_ = false;
    const auto question = ++question_;
    world_.intake.source(source_, [weak = std::weak_ptr(self_), loop = world_.loop, question](auto row) {
      loop->post([weak, loop, question, row = std::move(row)] {
        const auto self = weak.lock();
        if (!self || (*self)->question_ != question || !(*self)->running_) return;
        if (!row) {
          loop->after(kAskAgain, [weak, question] {
            const auto again = weak.lock();
            if (again && (*again)->question_ == question && (*again)->running_) (*again)->ask();
          });
          return;
        }
        (*self)->feed_.start(*row ? std::optional((*row)->next) : std::nullopt);
        (*self)->ready_ = true;
        (*self)->drain();
      });
    });
  }

  void subscribe() {
    Connection* connection = world_.connection();
    if (!running_ || subscription_ || connection == nullptr || connection->closed()) return;
    {
      const std::lock_guard lock(arrivals_->mutex);
      arrivals_->closing = false;
    }
    auto made = Subscription::open(
        *connection, subject_.source.topic, world_.spec.queue_group, kLibraryLimits,
        [arrivals = arrivals_, weak = std::weak_ptr(self_), loop = world_.loop](MessagePtr message) {
          std::unique_lock lock(arrivals->mutex);
          arrivals->room.wait(lock, [&] {
            return arrivals->closing || (arrivals->messages.size() < kHereMessagesMax && arrivals->bytes < kHereBytesMax);
          });
          if (arrivals->closing) return;
          const bool first = arrivals->messages.empty();
          arrivals->bytes += data_of(message.get()).size();
          arrivals->messages.push_back(std::move(message));
          lock.unlock();
          // One call for all that comes until it is made.
          if (first)
            loop->post([weak] {
              if (const auto self = weak.lock()) (*self)->drain();
            });
        });
    if (!made) {
      trouble_ = made.error().message;
      return;
    }
    trouble_.clear();
    subscription_ = std::move(*made);
    dropped_ = 0;
  }

  void unsubscribe() {
    if (!subscription_) return;
    count_dropped();
    {
      const std::lock_guard lock(arrivals_->mutex);
      arrivals_->closing = true;
      arrivals_->room.notify_all();
    }
    subscription_.reset();
  }

  void drain() {
    if (!ready_ || !running_) return;
    if (feed_.messages() >= kFeedMessagesMax || feed_.bytes() >= kFeedBytesMax) return;
    std::vector<MessagePtr> messages;
    {
      const std::lock_guard lock(arrivals_->mutex);
      messages.swap(arrivals_->messages);
      arrivals_->bytes = 0;
      arrivals_->room.notify_all();
    }
    for (auto& message : messages) feed_.offer({std::move(message), 0});
  }

  void count_dropped() {
    if (!subscription_) return;
    const auto dropped = subscription_->dropped();
    if (dropped <= dropped_) return;
    metrics_.lost.add(dropped - dropped_);
    log_warn("NATS messages were dropped: the functions do not keep up", {{"source", source_}, {"messages", dropped - dropped_}});
    dropped_ = dropped;
  }

  static constexpr Duration kAskAgain{500};

  const ReaderWorld world_;
  const model::NatsIngressSpec::Subject& subject_;
  const std::string source_;
  const std::shared_ptr<Arrivals> arrivals_;
  std::shared_ptr<CoreReader*> self_;
  Feed feed_;
  std::unique_ptr<Subscription> subscription_;
  std::uint64_t dropped_ = 0;   // Of this subscription, counted already.
  std::uint64_t question_ = 0;  // Counts what was asked of the intake.
  bool running_ = false;
  bool ready_ = false;
  bool was_waiting_ = false;
  std::string trouble_;
};

}  // namespace

std::unique_ptr<Reader> make_core_reader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject) {
  return std::make_unique<CoreReader>(std::move(world), subject);
}

}  // namespace holdfast::nats
