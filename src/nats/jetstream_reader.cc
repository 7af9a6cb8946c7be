// JetStream: every message of a stream that matches a subject once, in the stream's order. The position of the source, which is part of the
// epochs, is the stream sequence to go on from; the server's consumer is nothing but a way of reading, and is never believed.
//
//   asking --row--> opening --consumer--> (catching up) --> reading
//                     ^  |                                     |
//                     |  +--no connection, no stream: later    |
//                     +--------- a gap, silence, a lost connection
//
// What makes it sound: deliveries of a consumer are numbered. As long as the numbers have no holes, nothing the consumer has delivered was
// missed, and what it delivers for the first time comes in the order of the stream. So a delivery with the expected number is taken if its
// sequence is not below what was read (else it is one that was delivered before), and any other number means that something was missed: the
// consumer is let go of, and reading goes on, with a new one, behind what was read last.
//
// A stream that was deleted and made anew counts from its beginning again: when a stream was made is kept beside the position, and looked at
// whenever a consumer is opened and every few seconds. Another one is read from its first message, whatever `startFrom` says.
//
// Three kinds of consumers:
//  - one of our own, without a name and without acknowledgements (no `durable`);
//  - `durable`, which we make at the position, and make anew whenever we would make the other one: what it acknowledges is what is
//    durable here, so others see our progress;
//  - `durable` where it must not go: on a stream that keeps messages by interest or as a work queue, where messages go with it, or when
//    somebody else has made it. There it is used as it stands; what it had delivered before, and is not below the position, is read
//    from the stream message by message.
#include <algorithm>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/time.h"
#include "nats/feed.h"
#include "nats/jetstream.h"
#include "nats/reader.h"
#include "nats/wire.h"

namespace holdfast::nats {
namespace {

constexpr std::size_t kPullMessages = 1'000;
constexpr std::size_t kPullBytes = 8u << 20;  // Or twice the largest payload.
constexpr Duration kPullExpires{30'000};
constexpr Duration kHeartbeat{5'000};
constexpr Duration kSilenceMax{12'000};  // Two heartbeats, and some.
// The next pull is made when so little is left of the last.
constexpr std::size_t kFeedMessagesLow = kPullMessages;
constexpr std::size_t kFeedBytesLow = 4u << 20;
constexpr Duration kConsumerInactive{120'000};
constexpr std::uint64_t kCatchUpStep = 64;  // Requests in one turn of the loop.
constexpr Duration kRetryFirst{100};
constexpr Duration kRetryMax{5'000};
constexpr std::uint32_t kDoublingsMax = 6;
constexpr std::uint64_t kLookEveryTicks = 5;

// From the library's thread to the loop.
struct Arrivals {
  std::mutex mutex;
  std::vector<MessagePtr> messages;
};

class JetStreamReader final : public Reader {
 public:
  JetStreamReader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject)
      : world_(std::move(world)),
        subject_(subject),
        pattern_(subject_.source.topic),
        source_(world_.spec.id + "/" + world_.spec.stream + "/" + pattern_),
        durable_(durable_name(world_.spec, pattern_)),
        description_("Holdfast ingress " + world_.spec.id),
        self_(std::make_shared<JetStreamReader*>(this)),
        feed_(source_, world_.intake, world_.loop, Feed::Positions::OfSource,
              {.route = [this](natsMsg* message, std::uint64_t position, std::vector<model::Command>& out) {
                 route_message(world_.router, subject_, message, world_.spec.stream, position, out);
               },
               .room = [this] { read_on(); },
               .displaced =
                   [this] {
                     close_consumer();
                     ask();
                   },
               .durable = [this](std::uint64_t next, const std::vector<std::string>& replies) { acknowledge(next, replies); }}) {}

  void start() override {
    if (running_) return;
    running_ = true;
    failures_ = 0;
    ask();
  }

  void stop(std::function<void()> done) override {
    running_ = false;
    ++turn_;
    close_consumer();
    state_ = State::Stopped;
    trouble_.clear();
    feed_.halt(std::move(done));
  }

  void connected() override {
    if (!running_ || state_ == State::Asking || state_ == State::Stuck) return;
    if (state_ == State::Reading || state_ == State::CatchingUp) metrics_.reopened.add();
    failures_ = 0;
    reopen();
  }

  void connection_ends() override {
    jetstream_.reset();
    subscription_.reset();
    consumer_.clear();
    if (state_ == State::Reading || state_ == State::CatchingUp) state_ = State::Opening;
  }

  void hold(bool held) override { feed_.hold(held); }
  void seek(ports::SeekTo to, Done<void> done) override;
  ports::SourceInfo info() override;
  const std::string& source() const override { return source_; }
  std::string trouble() const override { return trouble_; }
  void tick() override;
  void count() override;

 private:
  enum class State : std::uint8_t { Stopped, Asking, Opening, CatchingUp, Reading, Stuck };

  // --- Where to go on

  // Asks the epochs how far the source is.
  void ask() {
    state_ = State::Asking;
    position_.reset();
    const auto turn = ++turn_;
    world_.intake.source(source_, [weak = std::weak_ptr(self_), loop = world_.loop, turn](auto row) {
      loop->post([weak, turn, row = std::move(row)] {
        const auto self = weak.lock();
        if (!self || (*self)->turn_ != turn) return;
        if (!row) return (*self)->try_later(row.error().message);
        if (*row) (*self)->go_on_from((*row)->next, (*row)->incarnation);
        (*self)->open();
      });
    });
  }

  void go_on_from(std::uint64_t position, const std::string& incarnation) {
    position_ = position;
    incarnation_ = incarnation;
    durable_next_ = position;
    feed_.start(position, incarnation);
  }

  // Writes down where a source without a position begins, so that it begins there whatever happens.
  void begin_at(std::uint64_t position, const std::string& incarnation) {
    state_ = State::Asking;
    const auto turn = ++turn_;
    world_.intake.set_source(source_, {.next = position, .incarnation = incarnation},
                             [weak = std::weak_ptr(self_), loop = world_.loop, turn, position, incarnation](Result<void> done) {
                               loop->post([weak, turn, position, incarnation, done = std::move(done)] {
                                 const auto self = weak.lock();
                                 if (!self || (*self)->turn_ != turn) return;
                                 if (!done) return (*self)->try_later(done.error().message);
                                 log_info("a source begins", {{"source", (*self)->source_}, {"position", position}});
                                 (*self)->go_on_from(position, incarnation);
                                 (*self)->open();
                               });
                             });
  }

  void try_later(std::string why) {
    close_consumer();
    if (trouble_ != why) log_warn("an ingress cannot read", {{"source", source_}, {"error", why}});
    trouble_ = std::move(why);
    const bool asked = position_.has_value();
    if (state_ != State::Asking || asked) state_ = State::Opening;
    const auto turn = ++turn_;
    const auto doublings = std::min(failures_++, kDoublingsMax);
    world_.loop->after(Duration{std::min(kRetryMax.ms, kRetryFirst.ms << doublings)}, [weak = std::weak_ptr(self_), turn] {
      const auto self = weak.lock();
      if (!self || (*self)->turn_ != turn) return;
      if ((*self)->state_ == State::Asking) (*self)->ask();
      else (*self)->open();
    });
  }

  // Nothing that time will mend: somebody has to say where to go on.
  void stand_still(std::string why) {
    close_consumer();
    ++turn_;
    state_ = State::Stuck;
    log_error("an ingress stands still until somebody decides",
              {{"source", source_}, {"why", why}, {"then", "holdfast ingress seek " + world_.spec.id}});
    trouble_ = std::move(why);
  }

  // --- The consumer

  void reopen() {
    close_consumer();
    ++turn_;
    open();
  }

  void open() {
    state_ = State::Opening;
    Connection* connection = world_.connection();
    if (connection == nullptr || !connection->connected()) return;  // connected() comes back here.
    auto jetstream = JetStream::over(*connection);
    if (!jetstream) return try_later(jetstream.error().message);
    jetstream_ = std::move(*jetstream);
    if (auto opened = try_open(*connection); !opened) return try_later(opened.error().message);
  }

  // An error is something to try again for; all else it does itself.
  Result<void> try_open(Connection& connection) {
    auto stream = jetstream_->stream(world_.spec.stream);
    if (!stream) return fail(std::move(stream.error()));
    end_ = stream->last + 1;
    if (position_ && !incarnation_.empty() && incarnation_ != stream->incarnation) {
      begin_anew(*stream);
      return {};
    }
    const bool by_limits = stream->retention == StreamState::Retention::Limits;
    whole_stream_ = std::ranges::all_of(stream->subjects, [this](const auto& taken) { return covers(pattern_, taken); });
    if (durable_.empty() && !by_limits)
      return fail(ErrorCode::Invalid, "stream " + world_.spec.stream + " keeps messages only for consumers that stay (retention is " +
                                          "not limits): the ingress needs `durable`");
    std::optional<ConsumerState> existing;
    keep_ = false;
    if (!durable_.empty()) {
      auto found = jetstream_->consumer(world_.spec.stream, durable_);
      if (found) existing = std::move(*found);
      else if (found.error().code != ErrorCode::NotFound) return fail(std::move(found.error()));
      keep_ = !by_limits || (existing && existing->description != description_);
      if (existing && keep_)
        if (auto fits = check_kept(*existing); !fits) return fits;
    }
    if (!position_) {
      const bool work_queue = stream->retention == StreamState::Retention::WorkQueue;
      if (existing && keep_) begin_at(existing->acked_stream + 1, stream->incarnation);
      else begin_at(work_queue || world_.spec.start_at_earliest ? stream->first : stream->last + 1, stream->incarnation);
      return {};
    }
    if (*position_ > stream->last + 1) {
      stand_still("stream " + world_.spec.stream + " ends at " + std::to_string(stream->last) + ", and " + std::to_string(*position_) +
                  " was to be read next: it was made anew, or has lost messages");
      return {};
    }
    if (incarnation_.empty()) go_on_from(*position_, stream->incarnation);  // The position is from before they were kept.
    if (by_limits) count_removed(stream->first);
    return read_with(connection, std::move(existing), stream->retention);
  }

  // What of the old one was not read is gone; nothing of the new one was.
  void begin_anew(const StreamState& stream) {
    log_warn("a stream was deleted and made anew, and is read from its first message",
             {{"source", source_}, {"position_in_the_old_one", *position_}, {"position", stream.first}, {"end", stream.last + 1}});
    metrics_.made_anew.add();
    begin_at(stream.first, stream.incarnation);
  }

  Result<void> check_kept(const ConsumerState& consumer) const {
    const std::string what = "consumer " + durable_ + " of stream " + world_.spec.stream;
    if (!consumer.is_pull) return fail(ErrorCode::Invalid, what + " is a push consumer, and must be a pull consumer");
    if (!consumer.acks_each) return fail(ErrorCode::Invalid, what + " must have ack policy explicit");
    if (consumer.filter != pattern_ && !(consumer.filter.empty() && whole_stream_))
      return fail(ErrorCode::Invalid, what + " has filter subject \"" + consumer.filter + "\", not " + pattern_);
    return {};
  }

  // Messages below `first` are not there any more.
  void count_removed(std::uint64_t first) {
    if (first <= *position_) return;
    const auto removed = first - *position_;
    if (whole_stream_) metrics_.lost.add(removed);
    log_warn("messages were removed from a stream before they were read",
             {{"source", source_}, {"from", *position_}, {"to", first - 1}, {"all_of_this_subject", whole_stream_ ? "yes" : "not known"}});
    position_ = first;
  }

  Result<void> read_with(Connection& connection, std::optional<ConsumerState> existing, StreamState::Retention retention) {
    auto inbox = new_inbox();
    if (!inbox) return fail(std::move(inbox.error()));
    auto arrivals = std::make_shared<Arrivals>();
    auto subscription = Subscription::open(
        connection, *inbox, "", {}, [arrivals, weak = std::weak_ptr(self_), loop = world_.loop](MessagePtr message) {
          bool first = false;
          {
            const std::lock_guard lock(arrivals->mutex);
            first = arrivals->messages.empty();
            arrivals->messages.push_back(std::move(message));
          }
          // One call for all that comes until it is made.
          if (first)
            loop->post([weak, arrivals] {
              if (const auto self = weak.lock()) (*self)->arrived(arrivals);
            });
        });
    if (!subscription) return fail(std::move(subscription.error()));

    std::optional<ConsumerState> consumer;
    if (existing && keep_) {
      consumer = std::move(existing);
    } else {
      if (existing)
        if (auto gone = jetstream_->delete_consumer(world_.spec.stream, durable_); !gone) return gone;
      NewConsumer wanted{.stream = world_.spec.stream,
                         .durable = durable_,
                         .description = description_,
                         .filter = pattern_,
                         .sequence = *position_,
                         .inactive = kConsumerInactive};
      if (keep_) wanted.ack = NewConsumer::Ack::Each;
      else if (!durable_.empty()) wanted.ack = NewConsumer::Ack::All;
      if (retention == StreamState::Retention::WorkQueue) wanted.from = NewConsumer::From::First;  // The only way it is allowed there.
      auto made = jetstream_->add_consumer(wanted);
      if (!made) return fail(std::move(made.error()));
      consumer = std::move(*made);
    }
    feed_.want(durable_.empty() ? Feed::Replies::None : keep_ ? Feed::Replies::Each : Feed::Replies::Last);
    inbox_ = std::move(*inbox);
    arrivals_ = std::move(arrivals);
    subscription_ = std::move(*subscription);
    consumer_ = consumer->name;
    expected_ = consumer->delivered_consumer + 1;
    pending_ = consumer->pending;
    asked_for_ = 0;
    pull_one_ = false;
    trouble_.clear();
    heard_us_ = monotonic_us();
    caught_up_to_ = keep_ ? consumer->delivered_stream : 0;
    state_ = *position_ <= caught_up_to_ ? State::CatchingUp : State::Reading;
    read_on();
    return {};
  }

  void close_consumer() {
    subscription_.reset();
    arrivals_.reset();
    Connection* connection = world_.connection();
    if (!consumer_.empty() && durable_.empty() && jetstream_ && connection != nullptr && connection->connected())
      // Should it not go now, it goes by itself.
      static_cast<void>(jetstream_->delete_consumer(world_.spec.stream, consumer_));
    consumer_.clear();
    jetstream_.reset();
  }

  // Something was missed: on with a new consumer, behind what was read.
  void start_over(const std::string& why) {
    log_info("a consumer is made anew", {{"source", source_}, {"why", why}, {"position", *position_}});
    metrics_.reopened.add();
    if (fruitless_++ < kFruitlessMax) return reopen();
    try_later(why);
  }

  // --- Reading

  void read_on() {
    if (state_ == State::CatchingUp) catch_up();
    if (state_ == State::Reading) pull();
  }

  void pull() {
    if (asked_for_ > 0 || feed_.messages() >= kFeedMessagesLow || feed_.bytes() >= kFeedBytesLow) return;
    Connection* connection = world_.connection();
    const std::string subject = "$JS.API.CONSUMER.MSG.NEXT." + world_.spec.stream + "." + consumer_;
    const std::size_t bytes = std::max(kPullBytes, 2 * static_cast<std::size_t>(std::max<std::int64_t>(connection->payload_bytes_max(), 0)));
    const std::size_t messages = pull_one_ ? 1 : kPullMessages;
    std::string body = "{\"batch\":" + std::to_string(messages) + ",\"expires\":" + std::to_string(kPullExpires.ms) +
                       "000000,\"idle_heartbeat\":" + std::to_string(kHeartbeat.ms) + "000000";
    if (!pull_one_) body += ",\"max_bytes\":" + std::to_string(bytes);
    body += "}";
    pull_one_ = false;
    const auto status =
        natsConnection_PublishRequestString(connection->handle(), subject.c_str(), inbox_.c_str(), body.c_str());
    if (status != NATS_OK) return try_later(describe("pull from " + consumer_, status));
    asked_for_ = messages;
    unheard_ = true;
    heard_us_ = monotonic_us();
  }

  void arrived(const std::shared_ptr<Arrivals>& arrivals) {
    if (arrivals != arrivals_) return;  // Of a consumer before this one.
    std::vector<MessagePtr> messages;
    {
      const std::lock_guard lock(arrivals->mutex);
      messages.swap(arrivals->messages);
    }
    heard_us_ = monotonic_us();
    unheard_ = false;
    for (auto& message : messages) {
      const auto delivered = parse_ack_subject(reply_of(message.get()));
      if (delivered) take(std::move(message), *delivered);
      else hear(message.get());
      if (arrivals != arrivals_) return;  // It was let go of.
    }
    read_on();
  }

  void take(MessagePtr message, const DeliveredAs& delivered) {
    if (asked_for_ > 0) --asked_for_;
    if (delivered.consumer_sequence != expected_)
      return start_over("delivery " + std::to_string(expected_) + " is missing, got " + std::to_string(delivered.consumer_sequence));
    ++expected_;
    fruitless_ = 0;
    failures_ = 0;
    pending_ = delivered.pending;
    if (delivered.stream_sequence < *position_) {
      // Delivered again. What is durable can be acknowledged now; the rest will be when it is.
      if (keep_ && delivered.stream_sequence < durable_next_) acknowledge_one(std::string(reply_of(message.get())));
      return;
    }
    if (whole_stream_ && !keep_ && delivered.stream_sequence > *position_) {
      // Logged by tick(): a stream that keeps the last message of each subject has many holes.
      const auto removed = delivered.stream_sequence - *position_;
      metrics_.lost.add(removed);
      removed_ += removed;
    }
    offer(std::move(message), delivered.stream_sequence);
  }

  void offer(MessagePtr message, std::uint64_t sequence) {
    position_ = sequence + 1;
    end_ = std::max(end_, *position_);
    feed_.offer({std::move(message), sequence});
  }

  // Not a message of the stream, but something the server says.
  void hear(natsMsg* message) {
    if (natsMsg_IsNoResponders(message)) return start_over("the consumer is gone");
    const auto status = header_of(message, "Status");
    const auto text = header_of(message, "Description");
    if (status == "100") {
      const auto last = header_of(message, "Nats-Last-Consumer");
      if (!last.empty() && last != std::to_string(expected_ - 1))
        start_over("delivery " + std::to_string(expected_) + " is missing, the server is at " + std::string(last));
    } else if (status == "408" || status == "404") {
      asked_for_ = 0;
    } else if (text == "Message Size Exceeds MaxBytes") {
      asked_for_ = 0;
      pull_one_ = true;
    } else {
      start_over("the server says " + std::string(status) + " " + std::string(text));
    }
  }

  // What a consumer that is kept has delivered to whoever used it before is read from the stream.
  void catch_up() {
    for (std::uint64_t step = 0; step < kCatchUpStep && *position_ <= caught_up_to_; ++step) {
      if (feed_.messages() >= kFeedMessagesLow || feed_.bytes() >= kFeedBytesLow) return;  // room() comes back here.
      auto found = jetstream_->message(world_.spec.stream, *position_);
      if (!found) return try_later(found.error().message);
      if (*found && matches(pattern_, natsMsg_GetSubject(found->value().get()))) offer(std::move(**found), *position_);
      else ++*position_;
    }
    if (*position_ > caught_up_to_) {
      state_ = State::Reading;
      return;
    }
    if (std::exchange(stepping_, true)) return;
    world_.loop->post([weak = std::weak_ptr(self_)] {
      const auto self = weak.lock();
      if (!self) return;
      (*self)->stepping_ = false;
      (*self)->read_on();
    });
  }

  // --- Acknowledging

  void acknowledge(std::uint64_t next, const std::vector<std::string>& replies) {
    durable_next_ = std::max(durable_next_, next);
    for (const auto& reply : replies) acknowledge_one(reply);
  }

  // A consumer that is gone does not mind.
  void acknowledge_one(const std::string& reply) {
    Connection* connection = world_.connection();
    if (connection != nullptr && connection->connected())
      natsConnection_PublishString(connection->handle(), reply.c_str(), "+ACK");
  }

  // `incarnation`: of the stream that the position counts in, if it was asked.
  Result<std::uint64_t> resolve(const ports::SeekTo& to, std::string& incarnation);
  void look();

  static constexpr std::uint32_t kFruitlessMax = 3;

  const ReaderWorld world_;
  const model::NatsIngressSpec::Subject& subject_;
  const std::string pattern_;
  const std::string source_;
  const std::string durable_;
  const std::string description_;  // By which a consumer is known as ours.
  std::shared_ptr<JetStreamReader*> self_;
  Feed feed_;

  State state_ = State::Stopped;
  bool running_ = false;
  std::uint64_t turn_ = 0;  // Whatever waits for something of an earlier turn is not wanted any more.
  std::optional<std::uint64_t> position_;  // Stream sequence to read next: all below it is in the feed, or behind it.
  std::string incarnation_;                // Of the stream that it counts in; empty: not known.
  std::uint64_t durable_next_ = 0;         // All below it is durable.
  std::string trouble_;
  std::uint32_t failures_ = 0;
  std::uint32_t fruitless_ = 0;  // Consumers in a row that delivered nothing.

  std::optional<JetStream> jetstream_;
  std::unique_ptr<Subscription> subscription_;
  std::shared_ptr<Arrivals> arrivals_;
  std::string inbox_;
  std::string consumer_;
  bool keep_ = false;          // `durable` is used as it stands.
  bool whole_stream_ = false;  // Every message of the stream is ours.
  std::uint64_t expected_ = 1;      // Number of the next delivery.
  std::uint64_t caught_up_to_ = 0;  // Stream sequence that a kept consumer had delivered before.
  std::size_t asked_for_ = 0;       // Messages of the pull under way that have not come.
  bool pull_one_ = false;           // The next message is larger than a pull.
  bool unheard_ = false;            // Nothing has come since it was made.
  std::uint64_t heard_us_ = 0;
  std::uint64_t pending_ = 0;       // At the server.
  std::uint64_t end_ = 0;           // Of the stream, as of some seconds ago.
  std::uint64_t removed_ = 0;       // From among messages that were read, since the last tick.
  std::uint64_t ticks_ = 0;
  bool stepping_ = false;           // catch_up() goes on in the loop's next turn.
  bool was_waiting_ = false;
};

void JetStreamReader::seek(ports::SeekTo to, Done<void> done) {
  std::string incarnation;
  auto position = resolve(to, incarnation);
  if (!position) return done(fail(std::move(position.error())));
  world_.intake.set_source(source_, {.next = *position, .incarnation = incarnation},
                           [loop = world_.loop, done = std::move(done)](Result<void> set) {
                             loop->post([done, set = std::move(set)]() mutable { done(std::move(set)); });
                           });
}

Result<std::uint64_t> JetStreamReader::resolve(const ports::SeekTo& to, std::string& incarnation) {
  if (to.kind == ports::SeekTo::Kind::Position && to.position == 0) return 1;
  Connection* connection = world_.connection();
  if (connection == nullptr || !connection->connected())
    return fail(ErrorCode::Unavailable, connection != nullptr ? connection->trouble() : "not connected");
  auto jetstream = JetStream::over(*connection);
  if (!jetstream) return fail(std::move(jetstream.error()));
  const auto stream = jetstream->stream(world_.spec.stream);
  if (!stream) return fail(stream.error());
  incarnation = stream->incarnation;
  switch (to.kind) {
    case ports::SeekTo::Kind::Earliest: return stream->first;
    case ports::SeekTo::Kind::Latest: return stream->last + 1;
    case ports::SeekTo::Kind::Position:
      if (to.position > stream->last + 1)
        return fail(ErrorCode::Invalid, "stream " + world_.spec.stream + " ends at " + std::to_string(stream->last) + ", " +
                                            std::to_string(to.position) + " is beyond");
      return to.position;
    case ports::SeekTo::Kind::Time: break;
  }
  if (stream->retention == StreamState::Retention::WorkQueue)
    return fail(ErrorCode::Invalid, "stream " + world_.spec.stream + " is a work queue: a time cannot be looked up in it");
  // A consumer that would begin at that time says where that is.
  auto probe = jetstream->add_consumer({.stream = world_.spec.stream,
                                        .description = description_ + " looks up a time",
                                        .filter = pattern_,
                                        .from = NewConsumer::From::Time,
                                        .time = to.time,
                                        .inactive = Duration{1'000}});
  if (!probe) return fail(std::move(probe.error()));
  static_cast<void>(jetstream->delete_consumer(world_.spec.stream, probe->name));
  return std::max(probe->delivered_stream + 1, stream->first);
}

ports::SourceInfo JetStreamReader::info() {
  ports::SourceInfo info{.source = source_, .next = feed_.next(), .waiting = feed_.waiting()};
  if (state_ == State::Stopped) return info;
  if (end_ > 0) info.end = end_;
  if (state_ == State::Reading) info.lag = pending_ + feed_.messages();
  return info;
}

void JetStreamReader::tick() {
  ++ticks_;
  if (removed_ > 0)
    log_warn("messages were removed from a stream before they were read",
             {{"source", source_}, {"messages", std::exchange(removed_, 0)}});
  if (state_ == State::Reading) {
    if (asked_for_ > 0 && monotonic_us() - heard_us_ > static_cast<std::uint64_t>(kSilenceMax.ms) * 1000) {
      Connection* connection = world_.connection();
      if (connection != nullptr && connection->connected()) start_over("the server is silent");
    } else if (ticks_ % kLookEveryTicks == 0 || (asked_for_ > 0 && unheard_)) {
      // A pull from a consumer that is gone is not answered at all.
      look();
    }
  }
  count();
}

void JetStreamReader::count() {
  const auto told = info();
  metrics_.taken.set(feed_.taken());
  metrics_.next.set(told.next.value_or(0));
  metrics_.has_next.set(told.next ? 1 : 0);
  metrics_.lag.set(told.lag.value_or(0));
  metrics_.has_lag.set(told.lag ? 1 : 0);
  metrics_.waiting.set(feed_.waiting() ? 1 : 0);
  if (feed_.waiting() && !was_waiting_) metrics_.waits.add();
  was_waiting_ = feed_.waiting();
}

// Nothing arrives while nothing is asked for, so lag is asked for.
void JetStreamReader::look() {
  Connection* connection = world_.connection();
  if (connection == nullptr || !connection->connected()) return;
  if (const auto stream = jetstream_->stream(world_.spec.stream)) {
    end_ = stream->last + 1;
    if (stream->incarnation != incarnation_) return start_over("the stream was made anew");
  }
  if (const auto consumer = jetstream_->consumer(world_.spec.stream, consumer_)) pending_ = consumer->pending;
  else if (consumer.error().code == ErrorCode::NotFound) start_over("the consumer is gone");
}

}  // namespace

std::unique_ptr<Reader> make_jetstream_reader(ReaderWorld world, const model::NatsIngressSpec::Subject& subject) {
  return std::make_unique<JetStreamReader>(std::move(world), subject);
}

}  // namespace holdfast::nats
