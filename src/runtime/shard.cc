#include "runtime/shard.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"
#include "partition/delayed_send.h"
#include "partition/expiry.h"
#include "partition/failure.h"
#include "partition/item.h"
#include "partition/request.h"
#include "partition/response.h"
#include "partition/stream.h"
#include "runtime/stored_rows.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kTimersPerTurn = 1'000;
constexpr Duration kClockLook{1'000};  // The time of day may be set at any time; what has become due by it is late by this at most.
constexpr std::uint32_t kTrimBatch = 1'000;
constexpr std::size_t kSweepTurnsAtStart = 200;
constexpr std::size_t kUnservedMax = 10'000;  // Function types without an endpoint that are counted.
constexpr std::size_t kUnservedReportsMax = 10;
constexpr std::size_t kDirtyOverloadFactor = 8;  // Over this many times the bound on dirty rows, nothing is taken in.

Table::Limits table_limits(const Options& options) {
  return {options.partitions, options.mailbox_bytes_in_memory, options.address_mailbox_bytes_in_memory,
          options.state_cache_bytes, options.timers_in_memory_max, options.endpoints.size(), options.stream_bytes_in_memory};
}

}  // namespace

Shard::Shard(std::size_t index, const Options& options, const Runtime::World& world, Levels& levels,
             std::vector<model::PartitionId> owned)
    : index_(index),
      options_(options),
      world_(world),
      levels_(levels),
      loop_(*world.shard_loops[index]),
      clock_(*world.clock),
      random_(world.random_seed + index),
      table_(table_limits(options), std::move(owned), *world.store),
      invoker_(options.endpoints, world.shard_loops.size(), world.make_target, loop_, clock_, random_, table_, *this,
               {.in_flight_max = options.in_flight_max,
                .call_bytes_max = options.call_bytes_max,
                .endpoint_down_max = options.endpoint_down_max,
                .ready_addresses_max = options.ready_addresses_max,
                .mail_rows_per_turn = options.mail_rows_per_turn,
                .pace = {.burst_min = options.intake_backlog_messages,
                         .burst_max = options.intake_burst_messages_max,
                         .burst_time = options.intake_burst_time}}),
      unread_(std::make_shared<Unread>([this] { loop_.post([this] { serve_readers(); }); })) {}

// Loops have stopped by now, and nobody else lets go of pages.
Shard::~Shard() { unread_->close(); }

void Shard::add_recovered_row(std::string_view key, std::optional<std::string_view> value) {
  table_.add_recovered_row(key, value);
}

Result<void> Shard::recover(model::Epoch first, std::vector<Shard*> all, EpochCoordinator& epochs,
                            std::vector<std::pair<std::string, model::RegistrationRow>>& registrations) {
  all_ = std::move(all);
  epochs_ = &epochs;
  outboxes_.resize(all_.size());
  under_way_ = std::make_unique<std::atomic<std::size_t>[]>(all_.size());
  open_ = first;
  sequence_ = {{first.value, static_cast<std::uint32_t>(index_)}, static_cast<std::uint32_t>(all_.size())};
  table_.begin(first);
  auto recovered = table_.recover();
  if (!recovered) return fail(std::move(recovered.error()));
  for (auto& registration : recovered->registrations) registrations.push_back(std::move(registration));
  for (const model::PartitionId partition : table_.partitions()) {
    const std::string prefix = codec::kind_prefix(partition, codec::RowKind::Stream);
    table_.layers().scan(prefix, codec::range_end(prefix), [this](std::string_view key, std::string_view) {
      if (const auto name = codec::parse_name_key(key)) levels_.topics().add(*name);
      return true;
    });
  }
  for (auto& command : recovered->inbox) carry_out(std::move(command));
  // What is amiss is best said before we start; most have little waiting.
  for (std::size_t turns = kSweepTurnsAtStart; turns > 0; --turns)
    if (auto swept = sweep_mail(); !swept) return swept;
  return {};
}

void Shard::start() {
  started_ = true;
  for (const auto& outbox : options_.outboxes)
    if (shard_of(outbox.stream) == index_) show_outbox(outbox.stream);
  table_.for_each_registration([this](const std::string& type, const model::RegistrationRow& row) { drop_values(type, row); });
  wake();
  arm_timer();
}

std::size_t Shard::shard_of(std::string_view id) const { return table_.partition_of(id).value % all_.size(); }

// --- Taking in -------------------------------------------------------------------------------------------------------

// Whoever asks, whatever for.
Result<void> Shard::admit_anything() const {
  if (refusing_) return fail(ErrorCode::Unavailable, "the runtime is stopping");
  if (epochs_->is_stalled()) return fail(ErrorCode::NoSpace, "the disk is full");
  if (is_behind() || table_.open_bytes() > options_.open_epoch_bytes_max * 2)
    return fail(ErrorCode::Overloaded, "the disk does not keep up");
  return {};
}

Result<void> Shard::admit(const SendRequest& request) const {
  if (auto ok = admit_anything(); !ok) return ok;
  const std::size_t size = request.value.value.size();
  if (size > options_.message_bytes_max)
    return fail(ErrorCode::TooLarge, "a message of " + std::to_string(size) + " bytes; at most " +
                                         std::to_string(options_.message_bytes_max) + " are taken (limits.messageBytes)");
  if (!invoker_.knows(request.target.type)) {
    const Endpoint* endpoint = invoker_.endpoint_of(request.target.type);
    if (endpoint == nullptr) return fail(ErrorCode::NotFound, "no endpoint serves the function type " + request.target.type);
    return fail(ErrorCode::Invalid, "the function type " + request.target.type + " cannot be called: its name would not stand for itself in " +
                                        endpoint->spec.shown_url());
  }
  if (auto ok = admit_mail(request.target.type); !ok) return ok;
  if (waiting_ >= options_.waiting_requests_max)
    return fail(ErrorCode::Overloaded, std::to_string(waiting_) + " requests are waiting already");
  return {};
}

// Beyond a bound on what waits, an endpoint that holds less than its share of it is still served: one that is down must not shut the
// others out. So the bounds are kept at most twice over.
Result<void> Shard::admit_mail(std::string_view type) const {
  const Endpoint* endpoint = invoker_.endpoint_of(type);
  if (endpoint == nullptr) return {};
  const std::uint64_t share = options_.endpoints.size();
  if (table_.mail_count() >= options_.backlog_messages_max &&
      endpoint->backlog.messages + endpoint->parked_backlog.messages >= options_.backlog_messages_max / share)
    return fail(ErrorCode::Overloaded, std::to_string(table_.mail_count()) + " messages are waiting already (limits.backlogMessages)");
  if (table_.mail_bytes() >= options_.backlog_bytes_max &&
      endpoint->backlog.bytes + endpoint->parked_backlog.bytes >= options_.backlog_bytes_max / share)
    return fail(ErrorCode::Overloaded, std::to_string(table_.mail_bytes()) + " bytes of messages are waiting already (limits.backlogBytes)");
  if (!invoker_.has_room_for(type))
    return fail(ErrorCode::Overloaded, "messages are waiting for too many function types already; " + std::string(type) + " would be one more");
  return {};
}

void Shard::send(SendRequest&& request, Runtime::Done<void> done) {
  if (auto ok = admit(request); !ok) return done(fail(std::move(ok.error())));
  metrics_.messages_in.add();
  route(model::Message{std::move(request.target), std::nullopt, std::move(request.value), std::move(request.traceparent)});
  gate([done = std::move(done)] { done({}); });
}

Result<void> Shard::admit_call(const model::Address& target) const {
  const auto& parked = table_.address(target).parked;
  if (!parked) return {};
  return fail(ErrorCode::Parked, target.type + "/" + target.id + " is parked until somebody retries or skips what failed: " + parked->reason);
}

void Shard::call(SendRequest&& request, std::string id, Duration timeout, Runtime::Done<model::TypedValue> done) {
  if (auto ok = admit(request); !ok) return done(fail(std::move(ok.error())));
  if (auto ok = admit_call(request.target); !ok) return done(fail(std::move(ok.error())));
  metrics_.messages_in.add();
  add_waiter(id, timeout, [done = std::move(done)](Result<std::optional<model::TypedValue>> answer) {
    if (!answer) return done(fail(std::move(answer.error())));
    done(std::move(**answer));
  });
  route(model::Message{std::move(request.target), model::Address{std::string(model::kRequestType), std::move(id)},
                       std::move(request.value), std::move(request.traceparent)});
}

void Shard::open_request(SendRequest&& request, std::string id, partition::RequestKind kind, Duration timeout,
                         std::function<void(Result<std::optional<model::TypedValue>>)> done) {
  if (auto ok = admit(request); !ok) return done(fail(std::move(ok.error())));
  const std::size_t owner = shard_of(request.target.id);
  if (kind != partition::RequestKind::Call || !(owner == index_ || levels_.has_parked(owner)))
    return accept_request(std::move(request), std::move(id), kind, timeout, std::move(done));
  // One that has its answer gets it again, wherever the address stands now.
  const auto is_answered = [this](const std::string& request_id) {
    const auto row = table_.request(request_id);
    return row && row->answered;
  };
  if (owner == index_) {
    if (auto ok = admit_call(request.target); !ok && !is_answered(id)) return done(fail(std::move(ok.error())));
    return accept_request(std::move(request), std::move(id), kind, timeout, std::move(done));
  }
  all_[owner]->loop().post([=, this, other = all_[owner], request = std::move(request), id = std::move(id), done = std::move(done)]() mutable {
    auto ok = other->admit_call(request.target);
    loop_.post([=, this, request = std::move(request), id = std::move(id), done = std::move(done), ok = std::move(ok)]() mutable {
      if (!ok && !is_answered(id)) return done(fail(std::move(ok.error())));
      // Meanwhile things have gone on here.
      if (auto still = admit(request); !still) return done(fail(std::move(still.error())));
      accept_request(std::move(request), std::move(id), kind, timeout, std::move(done));
    });
  });
}

void Shard::accept_request(SendRequest&& request, std::string id, partition::RequestKind kind, Duration timeout,
                           std::function<void(Result<std::optional<model::TypedValue>>)> done) {
  partition::OpenRequest open{.id = id,
                              .kind = kind,
                              .message = {std::move(request.target), std::nullopt, std::move(request.value),
                                          std::move(request.traceparent)},
                              .retention = options_.idempotency_retention};
  auto transition = partition::open_request(table_, std::move(open), clock_.now(), sequence_);
  if (!transition) return done(fail(std::move(transition.error())));
  metrics_.messages_in.add();
  add_waiter(id, timeout, std::move(done));
  perform(std::move(*transition));
}

void Shard::add_waiter(const std::string& id, Duration timeout,
                       std::function<void(Result<std::optional<model::TypedValue>>)> done) {
  const std::uint64_t number = next_waiter_++;
  const auto timer = loop_.after(timeout, [this, id, number] {
    const auto it = waiters_.find(id);
    if (it == waiters_.end()) return;
    const auto waiter = std::ranges::find(it->second, number, &Waiter::id);
    if (waiter == it->second.end()) return;
    auto late = std::move(waiter->done);
    it->second.erase(waiter);
    if (it->second.empty()) waiters_.erase(it);
    --waiting_;
    late(fail(ErrorCode::Timeout, "no reply in time; the message stays accepted"));
  });
  waiters_[id].push_back({std::move(done), timer, number});
  ++waiting_;
}

void Shard::resolve(const std::string& id, const Result<std::optional<model::TypedValue>>& answer) {
  const auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  auto waiters = std::move(it->second);
  waiters_.erase(it);
  waiting_ -= waiters.size();
  for (auto& waiter : waiters) {
    loop_.cancel(waiter.timer);
    waiter.done(answer);
  }
}

// --- Carrying out ----------------------------------------------------------------------------------------------------

void Shard::perform(partition::Transition&& transition) {
  for (auto& write : transition.writes) {
    if (const auto* put = std::get_if<partition::PutItem>(&write)) undurable_items_.changed(put->item, open_);
    else if (const auto* del = std::get_if<partition::DeleteItem>(&write)) undurable_items_.changed(del->item, open_);
    table_.apply(std::move(write));
  }
  for (std::size_t i = 0; i < transition.effects.size(); ++i) {
    auto& effect = transition.effects[i];
    if (auto* deliver = std::get_if<partition::Deliver>(&effect)) {
      auto* append = std::get_if<model::AppendRecord>(&deliver->command);
      if (append == nullptr || shard_of(append->stream) != index_) {
        route(std::move(deliver->command));
        continue;
      }
      // Records to one stream come in a row.
      const std::string stream = std::move(append->stream);
      std::vector<model::StreamRecord> records;
      records.push_back(std::move(append->record));
      for (; i + 1 < transition.effects.size(); ++i) {
        auto* next = std::get_if<partition::Deliver>(&transition.effects[i + 1]);
        auto* another = next == nullptr ? nullptr : std::get_if<model::AppendRecord>(&next->command);
        if (another == nullptr || another->stream != stream) break;
        records.push_back(std::move(another->record));
      }
      this->append(stream, std::move(records));
    } else {
      auto& answer = std::get<partition::Answer>(effect);
      if (!waiters_.contains(answer.request)) continue;  // Nobody waits (any more).
      Result<std::optional<model::TypedValue>> outcome = std::move(answer.value);
      if (!answer.failure.empty()) outcome = fail(ErrorCode::Failed, std::move(answer.failure));
      gate([this, id = std::move(answer.request), outcome = std::move(outcome)] { resolve(id, outcome); });
    }
  }
  wake();
}

void Shard::route(model::Command&& command) {
  const std::size_t owner = shard_of(model::routing_id(command));
  if (owner == index_) return carry_out(std::move(command));
  metrics_.messages_sent_on.add();
  tell(owner, std::move(command));
}

void Shard::tell(std::size_t shard, LinkItem item) {
  if (const auto* command = std::get_if<model::Command>(&item)) sent_on_bytes_ += model::size_in_memory(*command);
  under_way_[shard].fetch_add(1, std::memory_order_relaxed);
  outboxes_[shard].push_back(std::move(item));
  wake();
}

void Shard::carry_out(model::Command&& command) {
  if (auto* record = std::get_if<model::AppendRecord>(&command)) {
    std::vector<model::StreamRecord> records;
    records.push_back(std::move(record->record));
    return append(record->stream, std::move(records));
  }
  if (auto* failure = std::get_if<model::FailRequest>(&command)) return perform(partition::fail_request(table_, std::move(*failure)));
  if (auto* write = std::get_if<model::WriteItem>(&command)) {
    if (write->row) sequence_.pass(write->row->version);  // Of the shard that led; ours come after it.
    return perform(partition::write_item(table_, world_.watchers, std::move(*write)));
  }
  auto& message = std::get<model::Message>(command);
  if (message.target.type == model::kRequestType) {
    // Taken out first: the id is the message's, and the message is given away.
    const std::string id = std::move(message.target.id);
    return perform(partition::answer_request(table_, id, std::move(message.argument)));
  }
  metrics_.messages_delivered.add();
  Entity& entity = table_.entity(message.target);
  invoker_.attach(entity);
  table_.add_mail(entity, std::move(message));
  invoker_.offer(entity);
  wake();
}

void Shard::append(const std::string& stream, std::vector<model::StreamRecord>&& records) {
  metrics_.records_appended.add(records.size());
  if (!visible_.contains(stream)) visible_.emplace(stream, visible_end(stream));  // As of before these.
  if (readers_.contains(stream)) readers_wait_ = true;
  perform(partition::append_records(table_, world_.egress->retention(stream), stream, std::move(records), clock_.now(), sequence_));
  show_outbox(stream);
}

Result<void> Shard::accept(Entity& entity, std::uint32_t batch, std::string_view traceparent,
                           model::InvocationResponse&& response, Duration took) {
  auto transition = partition::apply_response(table_, *world_.egress, invoker_, {entity.address, batch, traceparent, entity.sent.get()},
                                              std::move(response), clock_.now(), sequence_);
  if (!transition) {
    metrics_.refusals.add();
    return fail(std::move(transition.error()));
  }
  if (auto ok = check_topics(*transition); !ok) {
    metrics_.refusals.add();
    return ok;
  }
  metrics_.responses.add();
  hold_for(*transition, *entity.type);
  patience_ = std::min(Duration{took.ms / 2}, options_.answers_linger_max);
  perform(std::move(*transition));
  patience_ = {};
  if (!prompt_due_ && entity.mailbox.empty() && entity.type->ready.empty()) prompt_due_ = clock_.steady() + options_.prompt_answer_max;
  return {};
}

// Streams are for ever, and their names come from functions.
Result<void> Shard::check_topics(const partition::Transition& transition) {
  for (const auto& effect : transition.effects) {
    const auto* deliver = std::get_if<partition::Deliver>(&effect);
    const auto* append = deliver == nullptr ? nullptr : std::get_if<model::AppendRecord>(&deliver->command);
    if (append == nullptr) continue;
    if (known_topics_.contains(append->stream) || levels_.outbox(append->stream) != nullptr) continue;
    if (!levels_.topics().admit(append->stream))
      return fail(ErrorCode::Overloaded, "egress " + append->stream.substr(0, append->stream.rfind('/')) + " has " +
                                             std::to_string(options_.topics_per_egress_max) + " topics already, and takes no new one: " +
                                             append->stream.substr(append->stream.rfind('/') + 1));
    known_topics_.insert(append->stream);
  }
  return {};
}

// Whoever has just added to a full outbox is not called until there is room.
void Shard::hold_for(const partition::Transition& transition, FunctionType& type) {
  for (const auto& effect : transition.effects) {
    const auto* deliver = std::get_if<partition::Deliver>(&effect);
    const auto* append = deliver == nullptr ? nullptr : std::get_if<model::AppendRecord>(&deliver->command);
    if (append == nullptr) continue;
    if (const auto* outbox = levels_.outbox(append->stream); outbox != nullptr && outbox->is_full()) invoker_.hold(type, *outbox);
  }
}

void Shard::settle(Entity& entity, const model::FailurePolicy& policy, std::uint32_t batch, std::string reason) {
  switch (policy.then) {
    case model::FailureAction::Park: metrics_.parked.add(); break;
    case model::FailureAction::DeadLetter: metrics_.dead_lettered.add(batch); break;
    case model::FailureAction::Drop: metrics_.dropped.add(batch); break;
  }
  auto transition =
      partition::settle_failure(table_, *world_.egress, policy, {entity.address, batch, entity.attempts, std::move(reason)}, clock_.now());
  hold_for(transition, *entity.type);
  perform(std::move(transition));
}

bool Shard::may_invoke() const {
  if (!started_ || quiescing_) return false;
  if (!may_accept()) return false;
  for (std::size_t i = 0; i < all_.size(); ++i)
    if (under_way_[i].load(std::memory_order_relaxed) > options_.link_messages_max) return false;
  return true;
}

// An answer that would make an epoch large is part of the next: what an epoch may hold is bounded, whatever functions answer.
bool Shard::may_accept() const { return open_bytes() <= options_.open_epoch_bytes_max && !is_behind(); }

// The view does not keep up with the log. It is written again as soon as it can be (EpochCoordinator::view_idle).
bool Shard::is_behind() const { return table_.dirty_bytes() > options_.dirty_bytes_max * kDirtyOverloadFactor; }

void Shard::unpark(Result<partition::Transition>&& transition, const model::Address& address, Runtime::Done<void> done) {
  if (!transition) return done(fail(std::move(transition.error())));
  perform(std::move(*transition));
  invoker_.offer(table_.entity(address));
  gate([done = std::move(done)] { done({}); });
}

void Shard::retry_parked(const model::Address& address, Runtime::Done<void> done) {
  unpark(partition::retry_parked(table_, address), address, std::move(done));
}

void Shard::skip_parked(const model::Address& address, Runtime::Done<void> done) {
  unpark(partition::skip_parked(table_, address), address, std::move(done));
}

void Shard::drop_mail(const MailQuery& query, Runtime::Done<MailDropped> done) {
  if (auto ok = admit_anything(); !ok) return done(fail(std::move(ok.error())));
  if (!invoker_.knows(query.type)) return done(fail(ErrorCode::NotFound, "no endpoint serves the function type " + query.type));
  const MailDropped dropped = invoker_.drop_unreachable(query.type, query.id, query.messages_max);
  if (dropped.messages == 0) return done(dropped);
  log_info("mail was dropped on request", {{"type", query.type}, {"messages", dropped.messages}});
  gate([done = std::move(done), dropped] { done(dropped); });
}

// --- Epochs ----------------------------------------------------------------------------------------------------------

// Whoever waits for an epoch costs it a sync. An answer that took long can wait a little for those that are about to come.
void Shard::gate(Task task) {
  const Moment now = clock_.steady();
  if (gate_.empty()) gate_began_ = now;
  gate_due_ = gate_.empty() ? now + patience_ : std::min(gate_due_, now + patience_);
  gate_.push_back(std::move(task));
  wake();
}

bool Shard::is_gate_due() {
  if (gate_.empty()) return false;
  const Moment now = clock_.steady();
  if (now >= gate_due_ || invoker_.in_flight() <= gate_.size()) return true;
  if (gate_timer_ != 0 && gate_look_ <= gate_due_) return false;
  if (gate_timer_ != 0) loop_.cancel(gate_timer_);
  gate_look_ = gate_due_;
  gate_timer_ = loop_.after(gate_due_ - now, [this] {
    gate_timer_ = 0;
    wake();
  });
  return false;
}

void Shard::wake() {
  if (turn_scheduled_ || !started_) return;
  turn_scheduled_ = true;
  loop_.post([this] {
    turn_scheduled_ = false;
    turn();
  });
}

// Once per turn of the loop, after whatever came in.
void Shard::turn() {
  invoker_.release_held();
  if (auto swept = sweep_mail(); !swept) end_of_mail(swept.error());
  bool any_parked = false;
  for (std::size_t i = 0; i < invoker_.endpoints().size(); ++i) {
    levels_.set_backlog(index_, i, invoker_.endpoints()[i]->backlog.messages);
    any_parked |= invoker_.endpoints()[i]->parked_backlog.messages > 0;
  }
  levels_.set_parked(index_, any_parked || !table_.is_swept());
  pump_intake();
  invoker_.pump();
  flush_links();
  if (is_gate_due() || open_bytes() > options_.open_epoch_bytes_max / 2 || (readers_wait_ && !is_worth_waiting())) {
    want_close();
  } else if (!table_.is_clean() && lazy_close_ == 0) {
    // Nobody waits for what has changed; still it should not be lost for long.
    lazy_close_ = loop_.after(options_.epoch_open_max, [this] {
      lazy_close_ = 0;
      if (table_.is_clean()) return;
      if (!gate_.empty() || is_worth_waiting()) return wake();
      want_close();
    });
  }
  arm_timer();
  table_.let_go_of_idle();
  show_levels();
  if (quiescing_) check_quiet();
}

// Whatever much waits, a start does not wait for all of it to be found: the rest is found meanwhile.
Result<void> Shard::sweep_mail() {
  if (table_.is_swept()) return {};
  const auto done = table_.sweep_mail(options_.mail_rows_per_turn, [this](const FoundMail& found) {
    if (invoker_.passed(found)) return;
    if (unserved_.size() < kUnservedMax || unserved_.contains(found.address.type)) unserved_[found.address.type] += found.mail.end - found.mail.first;
  });
  if (!done) return fail(done.error());
  if (!*done) wake();
  else all_[0]->loop().post([first = all_[0], unserved = std::exchange(unserved_, {})] { first->report_unserved(unserved); });
  return {};
}

// Mail that nobody will be called for, which nothing else shows before somebody looks: once, when all shards have found theirs.
void Shard::report_unserved(const std::map<std::string, std::uint64_t>& of_a_shard) {
  for (const auto& [type, messages] : of_a_shard) unserved_[type] += messages;
  if (++shards_swept_ < all_.size()) return;
  std::size_t said = 0;
  for (const auto& [type, messages] : unserved_) {
    if (++said > kUnservedReportsMax) break;
    log_warn("messages wait for a function that no endpoint serves", {{"function", type}, {"messages", messages}});
  }
  if (unserved_.size() > kUnservedReportsMax)
    log_warn("and for more functions that no endpoint serves", {{"functions", unserved_.size() - kUnservedReportsMax}});
  unserved_.clear();
}

void Shard::want_close() {
  if (std::exchange(close_wanted_, true)) return;
  epochs_->request_close();
}

void Shard::flush_links() {
  for (std::size_t i = 0; i < outboxes_.size(); ++i) {
    if (outboxes_[i].empty()) continue;
    LinkBatch batch{index_, open_, std::exchange(outboxes_[i], {})};
    all_[i]->loop().post([to = all_[i], batch = std::move(batch)]() mutable { to->receive(std::move(batch)); });
  }
}

void Shard::close_open_epoch() {
  HOLDFAST_CHECK(!cut_);
  flush_links();
  if (!gate_.empty()) metrics_.gate_wait.record_us(static_cast<std::uint64_t>((clock_.steady() - gate_began_).ms) * 1'000);
  const model::Epoch epoch = open_;
  std::vector<std::pair<std::string, std::uint64_t>> streams;
  Cut cut;
  cut.epoch = epoch;
  cut.payload = table_.close({epoch.value + 1}, streams);
  cut.closed_by = std::exchange(early_closed_, 0);
  open_ = {epoch.value + 1};
  sequence_.next = {open_.value, static_cast<std::uint32_t>(index_)};
  sent_on_bytes_ = 0;
  if (!streams.empty()) {
    gate_.push_back([this, streams = std::move(streams)] {
      for (const auto& [stream, end] : streams) {
        visible_[stream] = end;
        wake_readers(stream);
      }
    });
  }
  if (auto items = undurable_items_.take_open(); !items.empty())
    gate_.push_back([this, epoch, items = std::move(items)] { undurable_items_.durable(items, epoch); });
  for (auto& task : std::exchange(patient_gate_, {})) gate_.push_back(std::move(task));
  readers_wait_ = false;
  epoch_began_ = clock_.steady();
  prompt_due_.reset();
  // The first outputs of a burst are early; the longer it goes on, the less it matters when the next ones are.
  const bool goes_on = std::exchange(has_taken_in_, false) || invoker_.is_burst_under_way();
  hold_max_ = goes_on ? std::min(Duration{hold_max_.ms * 2}, options_.intake_burst_max) : kHoldFirst;
  invoker_.epoch_closed();
  gates_.emplace_back(epoch, std::exchange(gate_, {}));
  close_wanted_ = false;
  cut_ = std::move(cut);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    if (i == index_) continue;
    LinkBatch closed{index_, epoch, {}};
    closed.items.emplace_back(EpochClosed{});
    all_[i]->loop().post([to = all_[i], closed = std::move(closed)]() mutable { to->receive(std::move(closed)); });
  }
}

void Shard::close_epoch(model::Epoch epoch, Freeze freeze) {
  if (epoch == open_) close_open_epoch();
  HOLDFAST_CHECK(cut_ && cut_->epoch == epoch);
  cut_->requested = true;
  cut_->freeze = freeze;
  seal_if_complete();
}

void Shard::seal_if_complete() {
  if (!cut_ || !cut_->requested || cut_->closed_by + 1 < all_.size()) return;
  EpochCoordinator::Sealed part;
  part.payload = std::move(cut_->payload);
  if (cut_->freeze == Freeze::Yes) part.frozen = table_.freeze();
  table_.seal();
  part.dirty_bytes = table_.dirty_bytes();
  const model::Epoch epoch = cut_->epoch;
  cut_.reset();
  if (index_ == 0) {
    // Not from within close_epoch(): the coordinator may still be telling others.
    loop_.post([this, epoch, part = std::move(part)]() mutable { epochs_->sealed(0, epoch, std::move(part)); });
    return;
  }
  epochs_->home().post([epochs = epochs_, index = index_, epoch, part = std::move(part)]() mutable {
    epochs->sealed(index, epoch, std::move(part));
  });
}

void Shard::durable(model::Epoch epoch) {
  while (!gates_.empty() && gates_.front().first <= epoch) {
    auto tasks = std::move(gates_.front().second);
    gates_.pop_front();
    for (auto& task : tasks) task();
  }
  wake();
}

void Shard::thaw() {
  world_.view_loop->post([rows = table_.thaw()] {});
}

void Shard::receive(LinkBatch&& batch) {
  // Whoever sent this has cut the epoch before; what it caused here must not come before that cut.
  if (batch.epoch > open_) {
    HOLDFAST_CHECK(batch.epoch.value == open_.value + 1);
    close_open_epoch();
  }
  const bool late = batch.epoch < open_;
  std::size_t taken = 0;
  for (auto& item : batch.items) {
    if (auto* command = std::get_if<model::Command>(&item)) {
      ++taken;
      if (late) {
        // It was under way when the epoch was cut: it belongs to that epoch, though it has its effect in this one.
        HOLDFAST_CHECK(cut_ && cut_->epoch == batch.epoch);
        table_.add_inbox(cut_->payload, *command, {batch.epoch.value, cut_->late++});
      }
      carry_out(std::move(*command));
    } else if (std::holds_alternative<EpochClosed>(item)) {
      if (late) {
        HOLDFAST_CHECK(cut_ && cut_->epoch == batch.epoch);
        ++cut_->closed_by;
      } else {
        ++early_closed_;
      }
    } else if (auto* ask = std::get_if<DeclareStates>(&item)) {
      ++taken;
      decide_declaration(batch.from, std::move(*ask));
    } else if (auto* declared = std::get_if<StatesDeclared>(&item)) {
      ++taken;
      take_declaration(std::move(*declared));
    } else if (auto* dropped = std::get_if<ValuesDropped>(&item)) {
      ++taken;
      count_drop(*dropped);
    } else {
      ++taken;
      take_item_message(std::move(item));
    }
  }
  all_[batch.from]->under_way_[index_].fetch_sub(taken, std::memory_order_relaxed);
  seal_if_complete();
  wake();
}

// --- Timers ----------------------------------------------------------------------------------------------------------

void Shard::arm_timer() {
  // While the disk does not keep up, what is due has to wait; the next durable epoch looks again.
  if (quiescing_ || table_.open_bytes() > options_.open_epoch_bytes_max) return;
  const auto next = table_.next_timer();
  if (!next) return;
  const Instant now = clock_.now();
  const Duration delay = next->key.due <= now ? Duration{0} : now + kClockLook < next->key.due ? kClockLook : next->key.due - now;
  const Moment look = clock_.steady() + delay;
  if (timer_ != 0) {
    if (timer_look_ <= look) return;
    loop_.cancel(timer_);
  }
  timer_look_ = look;
  timer_ = loop_.after(delay, [this] {
    timer_ = 0;
    fire_timers();
  });
}

void Shard::fire_timers() {
  const Instant now = clock_.now();
  for (std::size_t i = 0; i < kTimersPerTurn; ++i) {
    const auto next = table_.next_timer();
    if (!next || next->key.due > now || quiescing_ || table_.open_bytes() > options_.open_epoch_bytes_max) break;
    auto row = table_.timer(*next);
    if (!row) {
      table_.set_timer_aside(*next);
      continue;
    }
    metrics_.timers_fired.add();
    if (auto* send = std::get_if<model::DelayedSend>(&*row)) {
      perform(partition::fire_delayed_send(next->key, std::move(*send)));
    } else if (auto* expire = std::get_if<model::ExpireStates>(&*row)) {
      perform(partition::fire_expire_states(table_, next->key, expire->address, now, sequence_));
    } else if (auto* forget = std::get_if<model::ForgetRequest>(&*row)) {
      perform(partition::fire_forget_request(next->key, forget->id));
    } else if (auto* item = std::get_if<model::ExpireItem>(&*row)) {
      perform(partition::fire_expire_item(table_, world_.watchers, next->key, item->item));
    } else {
      const auto& trim = std::get<model::TrimStream>(*row);
      perform(partition::fire_trim_stream(table_, world_.egress->retention(trim.name), next->key, trim.name, now, kTrimBatch,
                                          sequence_));
    }
  }
  wake();
}

// --- Stopping --------------------------------------------------------------------------------------------------------

void Shard::quiesce(std::function<void()> done) {
  refusing_ = true;
  quiescing_ = true;
  quiet_ = std::move(done);
  answer_readers();
  dismiss_intake();
  wake();
}

void Shard::dismiss_waiters() {
  dismiss_transactions();
  for (auto& [id, waiters] : std::exchange(waiters_, {})) {
    waiting_ -= waiters.size();
    for (auto& waiter : waiters) {
      loop_.cancel(waiter.timer);
      waiter.done(fail(ErrorCode::Timeout, "the runtime is stopping; the message stays accepted"));
    }
  }
}

void Shard::check_quiet() {
  if (!quiet_ || invoker_.in_flight() > 0 || !led_.empty() || !item_waiters_.empty()) return;
  std::exchange(quiet_, nullptr)();
}

void Shard::show_levels() {
  metrics_.mail_count.set(table_.mail_count());
  metrics_.mail_bytes.set(table_.mail_bytes());
  metrics_.entities.set(table_.addresses_in_memory());
  metrics_.cached_bytes.set(table_.cached_bytes());
  metrics_.dirty_bytes.set(table_.dirty_bytes());
  metrics_.waiters.set(waiting_);
  metrics_.in_flight.set(invoker_.in_flight());
  metrics_.answer_bytes.set(invoker_.answer_bytes());
}

}  // namespace holdfast::runtime
