#include "runtime/invoker.h"

#include <algorithm>
#include <bit>
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
constexpr Duration kProbeAlone{250};  // How long a call that asks for a type's declaration may keep the others waiting.
constexpr Duration kAskEvery{600'000};  // A type whose replicas are replaced in turns is never away: it is asked so often, too.

}  // namespace

Invoker::Invoker(const std::vector<model::EndpointSpec>& endpoints, std::size_t shards,
                 const ports::TargetFactory& make_target, Loop& loop, const Clock& clock, Random& random, Table& table,
                 InvokerHost& host, Limits limits)
    : loop_(loop), clock_(clock), random_(random), table_(table), host_(host), limits_(limits), room_(limits.call_bytes_max) {
  for (const auto& spec : endpoints) {
    auto endpoint = std::make_unique<Endpoint>();
    endpoint->index = endpoints_.size();
    endpoint->spec = spec;
    endpoint->in_flight_max = std::max<std::uint32_t>(1, spec.max_concurrent / static_cast<std::uint32_t>(shards));
    endpoint->target = make_target(spec, loop);
    if (endpoint->target != nullptr) endpoint->target->share(room_);
    endpoints_.push_back(std::move(endpoint));
  }
  table.set_ledger(*this);
}

Invoker::~Invoker() = default;

void Invoker::dispatch(Endpoint& endpoint, Entity& entity) {
  FunctionType& type = *entity.type;
  Upstream& upstream = *type.upstream;
  HOLDFAST_CHECK(entity.phase == Entity::Phase::Ready && !entity.mailbox.empty());
  const Instant now = clock_.now();
  const std::uint64_t question = this->question(upstream);
  const bool is_old = type.answered == question && clock_.steady() - type.answered_at >= kAskEvery;
  // Once, until it is answered: a call that asks and fails leaves the question open.
  const bool asks = (type.answered < question || is_old) && (type.asked < question || !type.asks);
  if (asks && type.asked < question && type.contact == FunctionType::Contact::Known) type.contact = FunctionType::Contact::Unknown;
  if (asks) {
    type.asked = question;
    type.asks = true;
  }
  if (type.contact == FunctionType::Contact::Unknown) {
    // One call that hangs must not keep the whole type waiting.
    type.contact = FunctionType::Contact::Probing;
    if (type.contact_timer != 0) loop_.cancel(type.contact_timer);
    type.contact_timer = loop_.after(kProbeAlone, [this, &type] {
      type.contact_timer = 0;
      if (type.contact == FunctionType::Contact::Probing) made_contact(type);
    });
  }

  const auto& spec = endpoint.spec;
  std::uint64_t count_max = entity.batch_max;
  if (spec.max_batch != 0) count_max = std::min<std::uint64_t>(count_max, spec.max_batch);

  std::size_t bytes = kRequestOverhead;
  states_scratch_.clear();
  entity.sent = asks ? nullptr : table_.shared_registration(type.name);
  if (entity.sent != nullptr) {
    for (const auto& state : entity.sent->states) {
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
  if (entity.away == 0) entity.balance_seen = upstream.balance;
  const bool is_unsure = !upstream.reached;
  if (is_unsure) ++endpoint.unsure_in_flight;
  ++endpoint.in_flight;
  ++type.in_flight;
  ++in_flight_;
  request_bytes_ += bytes;
  endpoint.calls.add();
  endpoint.target->invoke({entity.address, states_scratch_, batch_scratch_, traceparent},
                          [this, &entity, batch, bytes, question = asks ? question : 0, is_unsure, began = clock_.steady(),
                           started = monotonic_us()](model::InvocationOutcome outcome) {
                            entity.type->endpoint->latency.record_us(monotonic_us() - started);
                            if (is_unsure) --entity.type->endpoint->unsure_in_flight;
                            request_bytes_ -= bytes;
                            answered({&entity, batch, question, clock_.steady() - began, std::move(outcome)});
                          });
}

void Invoker::answered(Answer&& answer) {
  const auto* response = std::get_if<model::InvocationResponse>(&answer.outcome);
  if (response == nullptr || (answers_.empty() && host_.may_accept())) return finish(std::move(answer));
  answer.bytes = model::size_in_memory(*response);
  room_.hold(answer.bytes);
  answers_.push_back(std::move(answer));
  host_.wake();
}

void Invoker::take_waiting_answers() {
  while (!answers_.empty() && host_.may_accept()) {
    Answer next = std::move(answers_.front());
    answers_.pop_front();
    room_.release(next.bytes);
    finish(std::move(next));
  }
}

void Invoker::finish(Answer&& answer) {
  Entity& entity = *answer.entity;
  const auto batch = answer.batch;
  const auto question = answer.question;
  auto& outcome = answer.outcome;
  FunctionType& type = *entity.type;
  Endpoint& endpoint = *type.endpoint;
  HOLDFAST_CHECK(entity.phase == Entity::Phase::InFlight && endpoint.in_flight > 0);
  --endpoint.in_flight;
  --type.in_flight;
  --in_flight_;
  line_up(endpoint);
  host_.wake();
  if (question != 0 && question == type.asked) type.asks = false;

  if (auto* failure = std::get_if<model::InvocationFailure>(&outcome)) {
    type.failures.add();
    endpoint.failed_calls.add();
    if (failure->kind == model::InvocationFailure::Kind::Unreachable) return on_unreachable(entity, std::move(failure->message));
    if (failure->kind == model::InvocationFailure::Kind::Away) return on_away(entity, batch, std::move(*failure));
    has_answered(*type.upstream);
    if (failure->kind == model::InvocationFailure::Kind::Refused) return on_refused(entity, batch, std::move(failure->message));
    return on_failed(entity, batch, std::move(failure->message));
  }
  has_answered(*type.upstream);
  if (auto* incomplete = std::get_if<model::IncompleteContext>(&outcome))
    return on_incomplete(entity, batch, question, std::move(incomplete->missing));
  if (question != 0 && !answers_without_states(entity, question, std::get<model::InvocationResponse>(outcome))) return;

  std::string traceparent;
  for (std::uint32_t i = 0; i < batch && traceparent.empty(); ++i) traceparent = entity.mailbox.head(i).traceparent;
  auto accepted = host_.accept(entity, batch, traceparent, std::move(std::get<model::InvocationResponse>(outcome)), answer.took);
  if (!accepted) {
    type.failures.add();
    return on_refused(entity, batch, std::move(accepted.error().message));
  }
  type.messages.add(batch);
  type.upstream->pace.note_handled(batch, answer.took, clock_.steady());
  keep_pace(*type.upstream);
  made_contact(type);
  entity.attempts = entity.away = 0;
  entity.last_error.clear();
  if (entity.batch_max != UINT32_MAX) entity.batch_max = entity.batch_max > UINT32_MAX / 4 ? UINT32_MAX : entity.batch_max * 2;
  rest(entity);
}

// The function was asked, and has done its work without any state: it declares none. False: it has not, and is called again.
bool Invoker::answers_without_states(Entity& entity, std::uint64_t question, const model::InvocationResponse& response) {
  FunctionType& type = *entity.type;
  const bool is_news = question >= type.answered;
  if (is_news) {
    type.answered = question;
    type.answered_at = clock_.steady();
  }
  const auto* registration = table_.registration(type.name);
  if (registration == nullptr || registration->states.empty()) return true;
  // One that changes a state it knows of without having seen it does not ask for its states, though it has once: what it says of a call
  // without them is not to be believed.
  const bool is_blind = type.endpoint->spec.protocol == model::FunctionProtocol::V3 &&
                        std::ranges::any_of(response.mutations, [&](const auto& mutation) {
                          return partition::find_declared(registration, nullptr, mutation.name) != nullptr;
                        });
  if (is_blind) {
    made_contact(type);
    entity.batch = 0;
    ready(entity);
    return false;
  }
  if (is_news && !type.declaring) declare(type, {}, partition::Declaration::Whole);
  return true;
}

void Invoker::declare(FunctionType& type, std::vector<model::StateSpec>&& states, partition::Declaration kind) {
  type.declaring = true;
  host_.declare(type.name, std::move(states), kind);
}

void Invoker::on_incomplete(Entity& entity, std::uint32_t batch, std::uint64_t question, std::vector<model::StateSpec>&& missing) {
  FunctionType& type = *entity.type;
  if (missing.empty()) return on_refused(entity, batch, "an incomplete context that names no missing state");
  const auto kind = question != 0 ? partition::Declaration::Whole : partition::Declaration::More;
  const auto* registration = table_.registration(type.name);
  const auto sent = std::exchange(entity.sent, nullptr);
  const auto is_among = [](const model::RegistrationRow* row, const model::StateSpec& spec) {
    return row != nullptr && std::ranges::find(row->states, spec.name, &model::StateSpec::name) != row->states.end();
  };
  if (sent != nullptr && std::ranges::all_of(missing, [&](const auto& spec) { return is_among(sent.get(), spec); })) {
    // Asking again would go on for ever.
    std::string why = "an incomplete context for state \"" + missing.front().name + "\", which was sent along";
    const auto judged = partition::declare_states(type.name, registration, std::move(missing), kind);
    return on_refused(entity, batch, judged.refusal ? judged.refusal->message : std::move(why));
  }
  if (type.contact == FunctionType::Contact::Probing) type.contact = FunctionType::Contact::Unknown;
  entity.phase = Entity::Phase::Waiting;
  entity.batch = 0;
  if (type.declaring) {  // Decided soon; then this one is called again and asks again if it must.
    type.asking.push_back(&entity);
    return;
  }
  const bool is_stale = question != 0 && question < type.answered;  // A newer question has been answered: what it declares is known.
  if (question != 0 && !is_stale) {
    type.answered = question;
    type.answered_at = clock_.steady();
  }
  // Declared while it was under way; or it has said nothing new, as after most starts.
  const bool is_known = is_stale || (kind == partition::Declaration::More && std::ranges::all_of(missing, [&](const auto& spec) {
                                       return is_among(registration, spec);
                                     }));
  if (!is_known) {
    const auto judged = partition::declare_states(type.name, registration, std::vector(missing), kind);
    if (judged.refusal || registration == nullptr || judged.row != *registration) {
      type.asking.push_back(&entity);
      return declare(type, std::move(missing), kind);
    }
  }
  made_contact(type);
  ready(entity);
}

void Invoker::declared(const std::string& name, Result<void> outcome) {
  const auto it = types_.find(name);
  if (it == types_.end() || !it->second->declaring) return;
  FunctionType& type = *it->second;
  type.declaring = false;
  if (outcome) made_contact(type);
  else type.answered = 0;  // It may declare something else once people have seen why.
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

void Invoker::on_failed(Entity& entity, std::uint32_t batch, std::string why, Duration not_before) {
  const auto& policy = entity.type->endpoint->spec.on_failure.retry;
  ++entity.attempts;
  made_contact(*entity.type);
  if (batch == 1 && policy.max_attempts != 0 && entity.attempts >= policy.max_attempts)
    return settle(entity, batch, std::move(why));
  entity.batch_max = std::max<std::uint32_t>(1, batch / 2);
  wait_alone(entity, std::move(why), std::max(backoff(policy, std::max(entity.attempts, entity.away)), not_before));
}

void Invoker::wait_alone(Entity& entity, std::string why, Duration pause) {
  entity.last_error = std::move(why);
  report_failing(entity);
  entity.phase = Entity::Phase::Waiting;
  entity.batch = 0;
  entity.sent.reset();
  account(entity);
  loop_.after(pause, [this, &entity] { ready(entity); });
  table_.let_go_of_mail(entity);
}

void Invoker::on_refused(Entity& entity, std::uint32_t batch, std::string why) {
  made_contact(*entity.type);
  if (batch == 1) {
    ++entity.attempts;  // This one counts, too, for whoever reads why it is parked.
    return settle(entity, batch, std::move(why));
  }
  entity.last_error = std::move(why);
  entity.batch_max = batch / 2;
  entity.batch = 0;
  entity.sent.reset();
  ready(entity);  // What is known of it is in memory alone.
}

// One line each while they are few; a function that fails for everybody must not drown the log.
bool Invoker::may_report() {
  if (!final_reports_.may_report(clock_.steady())) return false;
  if (const auto count = final_reports_.take_left_out(); count > 0)
    log_warn("more messages failed for good, or hosts were down", {{"count", count}});
  return true;
}

// Long before its message is parked or gone, somebody looks for why nothing comes of it. Fewer as time goes by: the reason stays the same.
void Invoker::report_failing(const Entity& entity) {
  const std::uint32_t failures = std::max(entity.attempts, entity.away);
  if (!std::has_single_bit(failures) || !failing_reports_.may_report(clock_.steady())) return;
  if (const auto count = failing_reports_.take_left_out(); count > 0) log_warn("more calls failed, and are made again", {{"count", count}});
  log_warn("a call failed, and is made again",
           {{"address", entity.address.type + "/" + entity.address.id}, {"failures", failures}, {"error", entity.last_error}});
}

void Invoker::report(const Entity& entity, const std::string& why) {
  if (!may_report()) return;
  log_warn("a message failed for good",
           {{"address", entity.address.type + "/" + entity.address.id}, {"attempts", entity.attempts}, {"error", why}});
}

void Invoker::settle(Entity& entity, std::uint32_t batch, std::string why) {
  report(entity, why);
  entity.last_error = why;
  host_.settle(entity, entity.type->endpoint->spec.on_failure, batch, std::move(why));
  entity.attempts = entity.away = 0;
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
