#include "runtime/invoker.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "partition/expiry.h"
#include "partition/registration.h"

namespace holdfast::runtime {
namespace {

constexpr std::size_t kRequestOverhead = 1024;   // Address, names and tags around the payloads of a request, at most about.
constexpr std::size_t kMessageOverhead = 64;
constexpr Duration kNextProbe{1'000};  // A probe that has not answered by then is not waited for.
constexpr Duration kProbeAlone{250};  // How long a type's first call may keep the others waiting.
constexpr Duration kReportWindow{10'000};
constexpr std::uint32_t kReportsPerWindow = 10;

}  // namespace

Invoker::Invoker(const std::vector<model::EndpointSpec>& endpoints, std::size_t shards,
                 const ports::TargetFactory& make_target, Loop& loop, const Clock& clock, Random& random, Table& table,
                 InvokerHost& host, Limits limits)
    : loop_(loop), clock_(clock), random_(random), table_(table), host_(host), limits_(limits), room_(limits.call_bytes_max) {
  for (const auto& spec : endpoints) {
    auto endpoint = std::make_unique<Endpoint>();
    endpoint->spec = spec;
    endpoint->in_flight_max = std::max<std::uint32_t>(1, spec.max_concurrent / static_cast<std::uint32_t>(shards));
    endpoint->target = make_target(spec, loop);
    if (endpoint->target != nullptr) endpoint->target->share(room_);
    endpoints_.push_back(std::move(endpoint));
  }
}

Invoker::~Invoker() = default;

Endpoint* Invoker::endpoint_of(std::string_view type) const {
  Endpoint* found = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!endpoint->spec.matches(type)) continue;
    if (endpoint->spec.is_specific()) return endpoint.get();
    found = endpoint.get();
  }
  return found;
}

bool Invoker::knows(std::string_view type) const { return endpoint_of(type) != nullptr; }

FunctionType* Invoker::type_of(const std::string& name) {
  if (const auto it = types_.find(name); it != types_.end()) return it->second.get();
  Endpoint* endpoint = endpoint_of(name);
  if (endpoint == nullptr || types_.size() >= limits_.function_types_max) return nullptr;
  auto type = std::make_unique<FunctionType>();
  type->name = name;
  type->endpoint = endpoint;
  return types_.emplace(name, std::move(type)).first->second.get();
}

bool Invoker::walk_types(BucketWalk& walk, std::size_t& left, const std::function<void(const FunctionType&)>& visit) const {
  return walk_on(types_, walk, left, [&](const auto& named, std::size_t&) { visit(*named.second); });
}

void Invoker::attach(Entity& entity) {
  if (entity.type != nullptr) return;
  entity.type = type_of(entity.address.type);
  if (entity.type == nullptr) return;
  account(entity);
}

// Which of its endpoint's counts its messages are in.
void Invoker::account(Entity& entity) {
  Endpoint& endpoint = *entity.type->endpoint;
  std::uint64_t* count = entity.row.parked ? &endpoint.parked_backlog : &endpoint.backlog;
  if (entity.backlog == count) return;
  if (entity.backlog != nullptr) *entity.backlog -= entity.mailbox.size();
  *count += entity.mailbox.size();
  entity.backlog = count;
}

std::size_t Invoker::endpoint_index(std::string_view type) const {
  const Endpoint* endpoint = endpoint_of(type);
  for (std::size_t i = 0; i < endpoints_.size(); ++i)
    if (endpoints_[i].get() == endpoint) return i;
  return SIZE_MAX;
}

void Invoker::hold(FunctionType& type) {
  if (std::exchange(type.held, true)) return;
  ++held_;
}

void Invoker::release_held() {
  if (held_ == 0) return;
  held_ = 0;
  for (const auto& [name, type] : types_) {
    if (!std::exchange(type->held, false)) continue;
    if (!type->declaring && type->contact != FunctionType::Contact::Probing) release_waiting(*type);
  }
}

std::uint64_t Invoker::backlog(std::string_view type) const {
  const Endpoint* endpoint = endpoint_of(type);
  return endpoint == nullptr ? 0 : endpoint->backlog + endpoint->parked_backlog;
}

void Invoker::offer(Entity& entity) {
  if (entity.phase != Entity::Phase::Idle || entity.row.parked || entity.mailbox.empty()) return;
  attach(entity);
  if (entity.type == nullptr) return;  // No endpoint serves it (any more): its messages wait for one.
  account(entity);
  ready(entity);
}

void Invoker::ready(Entity& entity) {
  entity.phase = Entity::Phase::Ready;
  entity.type->endpoint->ready.push_back(&entity);
  host_.wake();
}

void Invoker::release_waiting(FunctionType& type) {
  auto waiting = std::exchange(type.waiting, {});
  for (Entity* entity : waiting) ready(*entity);
}

void Invoker::made_contact(FunctionType& type) {
  if (type.contact == FunctionType::Contact::Known) return;
  type.contact = FunctionType::Contact::Known;
  release_waiting(type);
}

void Invoker::lost_contact(FunctionType& type) {
  if (type.contact != FunctionType::Contact::Probing) return;
  type.contact = FunctionType::Contact::Unknown;
  // One of them tries next; sending all would have them all come back here, each time one fails.
  if (type.waiting.empty()) return;
  Entity& next = *type.waiting.front();
  type.waiting.pop_front();
  ready(next);
}

// Whatever it said: it is there, and what an outage left behind is over with it. A pause that went on would hide the next outage.
void Invoker::has_answered(Endpoint& endpoint) {
  if (endpoint.pausing) loop_.cancel(endpoint.pause);
  endpoint.down = endpoint.pausing = endpoint.probe_due = false;
  endpoint.is_down.set(0);
  endpoint.failures_in_a_row = 0;
}

void Invoker::pump() {
  take_waiting_answers();
  room_.pump();
  for (const auto& endpoint : endpoints_) {
    while (!endpoint->ready.empty() && endpoint->in_flight < endpoint->in_flight_max && in_flight_ < limits_.in_flight_max &&
           has_room() && host_.may_invoke()) {
      if (endpoint->down) {
        if (!endpoint->probe_due) break;
        endpoint->probe_due = false;
      }
      Entity& entity = *endpoint->ready.front();
      endpoint->ready.pop_front();
      const bool was_probe = endpoint->down;
      const std::uint32_t before = endpoint->in_flight;
      dispatch(*endpoint, entity);
      if (!was_probe) continue;
      if (endpoint->in_flight == before) endpoint->probe_due = true;  // It only joined a queue.
      else follow_probe(*endpoint);
    }
  }
}

// A probe is an ordinary call, which may take its time, or for ever. Until somebody has answered, others try.
void Invoker::follow_probe(Endpoint& endpoint) {
  loop_.after(kNextProbe, [this, &endpoint, failures = endpoint.failures_in_a_row] {
    if (!endpoint.down || endpoint.pausing || endpoint.failures_in_a_row != failures) return;
    endpoint.probe_due = true;
    host_.wake();
  });
}

void Invoker::dispatch(Endpoint& endpoint, Entity& entity) {
  FunctionType& type = *entity.type;
  HOLDFAST_CHECK(entity.phase == Entity::Phase::Ready && !entity.mailbox.empty());
  // A type that has declared its states before needs no first contact.
  if (type.contact == FunctionType::Contact::Unknown && table_.registration(type.name) != nullptr) made_contact(type);
  if (type.contact == FunctionType::Contact::Probing || type.declaring || type.held) {
    entity.phase = Entity::Phase::Waiting;
    type.waiting.push_back(&entity);
    return;
  }
  if (type.contact == FunctionType::Contact::Unknown) {
    // One call that hangs must not keep the whole type waiting.
    type.contact = FunctionType::Contact::Probing;
    loop_.after(kProbeAlone, [this, &type] {
      if (type.contact == FunctionType::Contact::Probing) made_contact(type);
    });
  }

  const auto& spec = endpoint.spec;
  std::uint64_t count_max = entity.batch_max;
  if (spec.max_batch != 0) count_max = std::min<std::uint64_t>(count_max, spec.max_batch);

  const Instant now = clock_.now();
  std::size_t bytes = kRequestOverhead;
  states_scratch_.clear();
  if (const auto* registration = table_.registration(type.name)) {
    for (const auto& state : registration->states) {
      const auto it = std::ranges::find(entity.row.states, state.name, &model::StateValue::name);
      const bool there = it != entity.row.states.end() && !partition::is_expired(*it, now);
      states_scratch_.push_back({&state, there ? &*it : nullptr});
      bytes += kMessageOverhead + state.name.size() + state.type_name.size() + (there ? it->value.size() : 0);
    }
  }
  const std::size_t room = spec.payload_bytes_max > bytes ? spec.payload_bytes_max - bytes : 0;
  table_.load_mail(entity, count_max, room);
  batch_scratch_.clear();
  std::string_view traceparent;
  for (std::size_t i = 0; i < std::min<std::uint64_t>(count_max, entity.mailbox.head_size()); ++i) {
    const model::Message& message = entity.mailbox.head(i);
    bytes += model::size_in_memory(message) + kMessageOverhead;
    if (i > 0 && bytes > spec.payload_bytes_max) break;  // One alone that is too large is the target's to refuse.
    batch_scratch_.push_back(&message);
    if (traceparent.empty()) traceparent = message.traceparent;
  }

  const auto batch = static_cast<std::uint32_t>(batch_scratch_.size());
  entity.phase = Entity::Phase::InFlight;
  entity.batch = batch;
  ++endpoint.in_flight;
  ++type.in_flight;
  ++in_flight_;
  request_bytes_ += bytes;
  endpoint.calls.add();
  endpoint.target->invoke({entity.address, states_scratch_, batch_scratch_, traceparent},
                          [this, &entity, batch, bytes, sent = static_cast<std::uint32_t>(states_scratch_.size()),
                           started = monotonic_us()](model::InvocationOutcome outcome) {
                            entity.type->endpoint->latency.record_us(monotonic_us() - started);
                            request_bytes_ -= bytes;
                            answered(entity, batch, sent, std::move(outcome));
                          });
}

void Invoker::answered(Entity& entity, std::uint32_t batch, std::size_t states_sent, model::InvocationOutcome&& outcome) {
  const auto* response = std::get_if<model::InvocationResponse>(&outcome);
  if (response == nullptr || (answers_.empty() && host_.may_accept())) return finish(entity, batch, states_sent, std::move(outcome));
  const std::size_t bytes = model::size_in_memory(*response);
  room_.hold(bytes);
  answers_.push_back({&entity, batch, states_sent, bytes, std::move(outcome)});
  host_.wake();
}

void Invoker::take_waiting_answers() {
  while (!answers_.empty() && host_.may_accept()) {
    Answer next = std::move(answers_.front());
    answers_.pop_front();
    room_.release(next.bytes);
    finish(*next.entity, next.batch, next.states_sent, std::move(next.outcome));
  }
}

void Invoker::finish(Entity& entity, std::uint32_t batch, std::size_t states_sent, model::InvocationOutcome&& outcome) {
  FunctionType& type = *entity.type;
  Endpoint& endpoint = *type.endpoint;
  HOLDFAST_CHECK(entity.phase == Entity::Phase::InFlight && endpoint.in_flight > 0);
  --endpoint.in_flight;
  --type.in_flight;
  --in_flight_;
  host_.wake();

  if (auto* failure = std::get_if<model::InvocationFailure>(&outcome)) {
    type.failures.add();
    endpoint.failed_calls.add();
    if (failure->kind == model::InvocationFailure::Kind::Unreachable) return on_unreachable(entity, std::move(failure->message));
    has_answered(endpoint);
    if (failure->kind == model::InvocationFailure::Kind::Refused) return on_refused(entity, batch, std::move(failure->message));
    return on_failed(entity, batch, std::move(failure->message));
  }
  if (endpoint.down) log_info("endpoint is back", {{"functions", endpoint.spec.functions}, {"url", endpoint.spec.url_template}});
  has_answered(endpoint);
  endpoint.last_error.clear();
  if (auto* incomplete = std::get_if<model::IncompleteContext>(&outcome))
    return on_incomplete(entity, batch, states_sent, std::move(incomplete->missing));

  std::string traceparent;
  for (std::uint32_t i = 0; i < batch && traceparent.empty(); ++i) traceparent = entity.mailbox.head(i).traceparent;
  auto accepted = host_.accept(entity, batch, traceparent, std::move(std::get<model::InvocationResponse>(outcome)));
  if (!accepted) {
    type.failures.add();
    return on_refused(entity, batch, std::move(accepted.error().message));
  }
  type.messages.add(batch);
  made_contact(type);
  entity.attempts = 0;
  entity.last_error.clear();
  if (entity.batch_max != UINT32_MAX) entity.batch_max = entity.batch_max > UINT32_MAX / 4 ? UINT32_MAX : entity.batch_max * 2;
  rest(entity);
}

// Nothing is under way for it any more.
void Invoker::rest(Entity& entity) {
  entity.phase = Entity::Phase::Idle;
  entity.batch = 0;
  offer(entity);
  table_.rest(entity);
}

void Invoker::on_incomplete(Entity& entity, std::uint32_t batch, std::size_t states_sent,
                            std::vector<model::StateSpec>&& missing) {
  FunctionType& type = *entity.type;
  const auto* registration = table_.registration(type.name);
  const auto is_known = [&](const model::StateSpec& spec) {
    return registration != nullptr && std::ranges::find(registration->states, spec.name, &model::StateSpec::name) !=
                                          registration->states.end();
  };
  const std::size_t known = registration == nullptr ? 0 : registration->states.size();
  const bool all_known = std::ranges::all_of(missing, is_known);
  if (missing.empty() || (known == states_sent && all_known)) {
    // Asking again would go on for ever.
    if (missing.empty()) return on_refused(entity, batch, "an incomplete context that names no missing state");
    std::string why = "an incomplete context for state \"" + missing.front().name + "\", which was sent along";
    const auto judged = partition::declare_states(type.name, registration, std::move(missing));
    return on_refused(entity, batch, judged ? std::move(why) : judged.error().message);
  }
  if (type.contact == FunctionType::Contact::Probing) type.contact = FunctionType::Contact::Unknown;
  entity.phase = Entity::Phase::Waiting;
  entity.batch = 0;
  if (all_known) return ready(entity);  // Declared while it was under way.
  type.asking.push_back(&entity);
  if (type.declaring) return;  // Decided soon; then this one is called again and asks again if it must.
  type.declaring = true;
  host_.declare(type.name, std::move(missing));
}

void Invoker::declared(const std::string& name, Result<void> outcome) {
  const auto it = types_.find(name);
  if (it == types_.end() || !it->second->declaring) return;
  FunctionType& type = *it->second;
  type.declaring = false;
  auto asking = std::exchange(type.asking, {});
  for (Entity* entity : asking) {
    if (outcome) {
      ready(*entity);
    } else {
      entity->phase = Entity::Phase::Idle;
      on_refused(*entity, 1, outcome.error().message);
    }
  }
  release_waiting(type);
}

void Invoker::on_unreachable(Entity& entity, std::string why) {
  Endpoint& endpoint = *entity.type->endpoint;
  entity.phase = Entity::Phase::Ready;
  entity.batch = 0;
  entity.last_error = why;
  endpoint.ready.push_front(&entity);
  lost_contact(*entity.type);
  if (endpoint.pausing || endpoint.probe_due) return;  // A call from before found out, too.
  if (!endpoint.down)
    log_warn("endpoint is down", {{"functions", endpoint.spec.functions}, {"url", endpoint.spec.url_template}, {"error", why}});
  endpoint.last_error = std::move(why);
  endpoint.down = true;
  endpoint.is_down.set(1);
  endpoint.pausing = true;
  model::RetryPolicy policy = endpoint.spec.on_failure.retry;
  policy.max = std::min(policy.max, limits_.endpoint_down_max);
  const Duration pause = backoff(policy, ++endpoint.failures_in_a_row);
  endpoint.pause = loop_.after(pause, [this, &endpoint] {
    endpoint.pausing = false;
    endpoint.probe_due = true;
    host_.wake();
  });
}

void Invoker::on_failed(Entity& entity, std::uint32_t batch, std::string why) {
  const auto& policy = entity.type->endpoint->spec.on_failure.retry;
  ++entity.attempts;
  made_contact(*entity.type);
  if (batch == 1 && policy.max_attempts != 0 && entity.attempts >= policy.max_attempts)
    return settle(entity, batch, std::move(why));
  entity.last_error = std::move(why);
  entity.batch_max = std::max<std::uint32_t>(1, batch / 2);
  entity.phase = Entity::Phase::Waiting;
  entity.batch = 0;
  loop_.after(backoff(policy, entity.attempts), [this, &entity] { ready(entity); });
}

void Invoker::on_refused(Entity& entity, std::uint32_t batch, std::string why) {
  made_contact(*entity.type);
  if (batch == 1) {
    ++entity.attempts;  // This one counts, too, for whoever reads why it is parked.
    return settle(entity, batch, std::move(why));
  }
  entity.last_error = std::move(why);
  entity.batch_max = batch / 2;
  rest(entity);
}

// One line each while they are few; a function that fails for everybody must not drown the log.
void Invoker::report(const Entity& entity, const std::string& why) {
  const Moment now = clock_.steady();
  if (!report_window_ || now - *report_window_ >= kReportWindow) {
    if (unreported_ > 0) log_warn("more messages failed for good", {{"count", unreported_}});
    report_window_ = now;
    reported_ = unreported_ = 0;
  }
  if (reported_ == kReportsPerWindow) {
    ++unreported_;
    return;
  }
  ++reported_;
  log_warn("a message failed for good",
           {{"address", entity.address.type + "/" + entity.address.id}, {"attempts", entity.attempts}, {"error", why}});
}

void Invoker::settle(Entity& entity, std::uint32_t batch, std::string why) {
  report(entity, why);
  entity.last_error = why;
  host_.settle(entity, entity.type->endpoint->spec.on_failure, batch, std::move(why));
  entity.attempts = 0;
  account(entity);
  if (!entity.row.parked) entity.last_error.clear();
  rest(entity);
}

Duration Invoker::backoff(const model::RetryPolicy& policy, std::uint32_t attempt) {
  double ms = static_cast<double>(policy.initial.ms) * std::pow(policy.factor, std::min<std::uint32_t>(attempt, 64) - 1);
  ms = std::min(ms, static_cast<double>(policy.max.ms));
  ms *= 1 + policy.jitter * (2 * random_.unit() - 1);
  return {std::max<std::int64_t>(1, static_cast<std::int64_t>(ms))};
}

}  // namespace holdfast::runtime
