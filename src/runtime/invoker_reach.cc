// Invoker: what can be reached and what cannot; see upstream.h.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "runtime/invoker.h"

namespace holdfast::runtime {
namespace {

constexpr Duration kNextProbe{1'000};  // A probe that has not answered by then is not waited for.

}  // namespace

void Invoker::made_contact(FunctionType& type) {
  if (type.contact == FunctionType::Contact::Known) return;
  type.contact = FunctionType::Contact::Known;
  release_waiting(type);
}

// One of them tries next, not all: they would all come back here.
void Invoker::lost_contact(FunctionType& type) {
  if (type.contact != FunctionType::Contact::Probing) return;
  type.contact = FunctionType::Contact::Unknown;
  line_up(type);
}

// Whatever it said: it is there.
void Invoker::has_answered(Upstream& upstream) {
  ++upstream.balance;
  upstream.reached = true;
  upstream.suspected = false;
  is_up(upstream);
}

// What an outage left behind is over with it. A pause that went on would hide the next outage.
void Invoker::is_up(Upstream& upstream) {
  upstream.failures_in_a_row = 0;
  if (!upstream.down) return;
  if (std::exchange(upstream.is_reported, false))
    log_info("endpoint is back", {{"functions", upstream.endpoint->spec.functions}, {"host", upstream.origin}});
  if (upstream.timer != 0) loop_.cancel(std::exchange(upstream.timer, 0));
  upstream.down = upstream.pausing = upstream.probe_due = false;
  upstream.last_error.clear();
  std::erase(upstream.endpoint->down, &upstream);
  show_down(*upstream.endpoint);
  line_up(upstream);
  host_.wake();
}

void Invoker::show_down(Endpoint& endpoint) {
  endpoint.is_down.set(!endpoint.down.empty() && endpoint.down.size() == endpoint.upstreams.size() ? 1 : 0);
  endpoint.upstreams_down.set(endpoint.down.size());
}

// A probe is an ordinary call, which may take its time, or for ever. Until somebody has answered, others try.
void Invoker::follow_probe(Upstream& upstream) {
  if (upstream.timer != 0) loop_.cancel(upstream.timer);
  upstream.timer = loop_.after(kNextProbe, [this, &upstream] {
    upstream.timer = 0;
    upstream.probe_due = true;
    line_up(upstream);
    host_.wake();
  });
}

void Invoker::pause(Upstream& upstream, std::string why, Duration not_before) {
  if (upstream.pausing || upstream.probe_due) return;  // A call from before found out, too.
  Endpoint& endpoint = *upstream.endpoint;
  if (!upstream.down) {
    upstream.is_reported = may_report();
    if (upstream.is_reported) log_warn("endpoint is down", {{"functions", endpoint.spec.functions}, {"host", upstream.origin}, {"error", why}});
    ++upstream.outages;  // What comes back may be something else: it is asked for its declaration.
    upstream.down = true;
    upstream.reached = false;
    endpoint.down.push_back(&upstream);
    show_down(endpoint);
    for (FunctionType* type : upstream.line) stuck(*type);
  }
  upstream.last_error = std::move(why);
  upstream.pausing = true;
  model::RetryPolicy policy = endpoint.spec.on_failure.retry;
  policy.max = std::min(policy.max, limits_.endpoint_down_max);
  if (upstream.timer != 0) loop_.cancel(upstream.timer);
  upstream.timer = loop_.after(std::max(backoff(policy, ++upstream.failures_in_a_row), not_before), [this, &upstream] {
    upstream.timer = 0;
    upstream.pausing = false;
    upstream.probe_due = true;
    line_up(upstream);
    host_.wake();
  });
}

// The batch is innocent. It goes to the back: somebody else tries next.
void Invoker::on_unreachable(Entity& entity, std::string why, Duration not_before) {
  FunctionType& type = *entity.type;
  entity.batch = 0;
  entity.sent.reset();
  entity.last_error = why;
  lost_contact(type);
  ready(entity);
  pause(*type.upstream, std::move(why), not_before);
  table_.let_go_of_mail(entity);
}

// A proxy in front of the function answered in its place. Whether nobody gets through or only this address does not is told by what the
// others see: as long as more of them are answered than sent away, the upstream is not paused for it, and from the second time on it
// counts as a failure of this batch, so that a message that always ends there is given up like any other. Where nobody is answered (the
// second call in a row tells), the upstream is down, and no attempt is used up, however long that lasts.
void Invoker::on_away(Entity& entity, std::uint32_t batch, model::InvocationFailure&& failure) {
  Upstream& upstream = *entity.type->upstream;
  const bool others_are_answered = upstream.balance > entity.balance_seen;
  entity.balance_seen = --upstream.balance;
  const bool again = entity.away++ > 0;
  const Duration not_before = failure.retry_after;
  if (others_are_answered && again && failure.counts) return on_failed(entity, batch, std::move(failure.message), not_before);
  if (!others_are_answered && entity.attempts == 0 && std::exchange(upstream.suspected, true))
    return on_unreachable(entity, std::move(failure.message), not_before);
  if (others_are_answered) made_contact(*entity.type);
  else lost_contact(*entity.type);
  wait_alone(entity, std::move(failure.message), std::max(backoff(entity.type->endpoint->spec.on_failure.retry, entity.away), not_before));
}

}  // namespace holdfast::runtime
