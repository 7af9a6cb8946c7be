#include "partition/expiry.h"

#include <algorithm>

namespace holdfast::partition {
namespace {

Instant earlier(Instant a, Instant b) {
  if (a.unix_ms == 0) return b;
  if (b.unix_ms == 0) return a;
  return std::min(a, b);
}

}  // namespace

Instant expiry_after(const model::StateSpec& spec, Instant now) {
  if (spec.expire_mode == model::ExpireMode::None) return {};
  return now + spec.expire_after;
}

void watch_over_expiry(const View& view, const model::Address& address, Instant now, SequenceCounter& sequence,
                       ChangeAddress& change, Transition& next) {
  const model::RegistrationRow* registration = view.registration(address.type);
  if (registration == nullptr) return;
  // Values of a former declaration may expire though none does by this one: their timer is set already, unless they are of this change.
  const bool any = std::ranges::any_of(registration->states, [](const auto& s) { return s.expire_mode != model::ExpireMode::None; }) ||
                   std::ranges::any_of(change.set, [](const auto& v) { return v.expires_at.unix_ms != 0; });
  if (!any) return;

  const model::AddressRow& row = view.address(address);
  Instant first;
  for (const auto& value : change.set) first = earlier(first, value.expires_at);
  for (const auto& value : row.states) {
    const bool mutated = std::ranges::find(change.set, value.name, &model::StateValue::name) != change.set.end() ||
                         std::ranges::find(change.removed, value.name) != change.removed.end();
    if (mutated) continue;
    if (is_expired(value, now)) {
      change.removed.push_back(value.name);
      continue;
    }
    const auto spec = std::ranges::find(registration->states, value.name, &model::StateSpec::name);
    if (spec != registration->states.end() && spec->expire_mode == model::ExpireMode::AfterInvoke) {
      change.set.push_back({value.name, value.value, expiry_after(*spec, now)});
      first = earlier(first, change.set.back().expires_at);
    } else {
      first = earlier(first, value.expires_at);
    }
  }
  if (first.unix_ms == 0 || row.expiry_armed.unix_ms != 0) return;
  change.expiry_armed = first;
  next.writes.push_back(PutTimer{address.id, {first, sequence.take()}, model::ExpireStates{address}});
}

Transition fire_expire_states(const View& view, const model::TimerKey& key, const model::Address& address, Instant now,
                              SequenceCounter& sequence) {
  Transition next;
  ChangeAddress change{.address = address};
  Instant first;
  for (const auto& value : view.address(address).states) {
    if (is_expired(value, now)) change.removed.push_back(value.name);
    else first = earlier(first, value.expires_at);
  }
  next.writes.push_back(DeleteTimer{address.id, key});
  if (first.unix_ms != 0) next.writes.push_back(PutTimer{address.id, {first, sequence.take()}, model::ExpireStates{address}});
  change.expiry_armed = first;
  next.writes.push_back(std::move(change));
  return next;
}

}  // namespace holdfast::partition
