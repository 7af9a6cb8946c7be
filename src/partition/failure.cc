#include "partition/failure.h"

#include <algorithm>
#include <utility>

namespace holdfast::partition {
namespace {

// Of the first `count` messages of a mailbox, which go away.
void tell_requests(const View& view, const model::Address& address, std::uint32_t count, const std::string& what, Transition& next) {
  for (auto& message : view.oldest_mail(address, count)) {
    if (message.caller && message.caller->type == model::kRequestType)
      next.effects.push_back(Deliver{model::FailRequest{std::move(message.caller->id), what}});
  }
}

}  // namespace

Transition settle_failure(const View& view, const EgressResolver& egress, const model::FailurePolicy& policy, FailedBatch&& batch,
                          Instant now) {
  Transition next;
  ChangeAddress change{.address = batch.address};
  if (policy.then == model::FailureAction::Park) {
    change.park = ChangeAddress::Park::Set;
    change.parked = {std::move(batch.reason), now, batch.size, batch.attempts};
    next.writes.push_back(std::move(change));
    return next;
  }
  const bool is_kept = policy.then == model::FailureAction::DeadLetter;
  tell_requests(view, batch.address, batch.size,
                (is_kept ? "the message failed for good and is a dead letter now: " : "the message failed for good and was dropped: ") + batch.reason, next);
  if (policy.then == model::FailureAction::DeadLetter) {
    for (auto& message : view.oldest_mail(batch.address, batch.size)) {
      DeadLetter letter;
      letter.key = batch.address.id;
      letter.value = std::move(message.argument);
      letter.source = batch.address.type + "/" + batch.address.id;
      letter.error = batch.reason;
      letter.attempts = batch.attempts;
      letter.caller = std::move(message.caller);
      letter.traceparent = std::move(message.traceparent);
      letter.time = now;
      next.effects.push_back(Deliver{egress.dead_letter(policy, std::move(letter))});
    }
  }
  change.mail_taken = batch.size;
  next.writes.push_back(std::move(change));
  return next;
}

namespace {

Result<ChangeAddress> unpark(const View& view, const model::Address& address) {
  if (!view.address(address).parked)
    return fail(ErrorCode::NotFound, address.type + "/" + address.id + " is not parked");
  ChangeAddress change{.address = address};
  change.park = ChangeAddress::Park::Clear;
  return change;
}

}  // namespace

Result<Transition> retry_parked(const View& view, const model::Address& address) {
  auto change = unpark(view, address);
  if (!change) return fail(std::move(change.error()));
  Transition next;
  next.writes.push_back(std::move(*change));
  return next;
}

Result<Transition> skip_parked(const View& view, const model::Address& address) {
  auto change = unpark(view, address);
  if (!change) return fail(std::move(change.error()));
  const model::Parked& parked = *view.address(address).parked;
  change->mail_taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(parked.batch, view.mailbox_size(address)));
  Transition next;
  tell_requests(view, address, change->mail_taken, "the message failed and was skipped: " + parked.reason, next);
  next.writes.push_back(std::move(*change));
  return next;
}

}  // namespace holdfast::partition
