#include "partition/delayed_send.h"

#include <utility>

#include "base/check.h"

namespace holdfast::partition {

Result<void> apply_delayed(const View& view, const model::Address& owner, std::string_view traceparent,
                           std::vector<model::DelayedInvocation>&& delayed, Instant now, SequenceCounter& sequence,
                           Transition& next) {
  // What this very answer did to tokens: the view does not know yet. None: cancelled.
  std::map<std::string, std::optional<model::TimerKey>, std::less<>> here;
  const auto pending = [&](const std::string& token) -> std::optional<model::TimerKey> {
    if (const auto it = here.find(token); it != here.end()) return it->second;
    return view.token({owner, token});
  };

  for (auto& item : delayed) {
    if (item.kind == model::DelayedInvocation::Kind::Cancel) {
      if (item.token.empty()) return fail(ErrorCode::Invalid, "a cancellation carries no token");
      const auto timer = pending(item.token);
      if (!timer) continue;
      next.writes.push_back(DeleteTimer{owner.id, *timer});
      next.writes.push_back(DeleteToken{{owner, item.token}});
      here[item.token] = std::nullopt;
      continue;
    }
    if (item.delay.ms < 0)
      return fail(ErrorCode::Invalid, "delayed send to " + item.message.target.type + "/" + item.message.target.id +
                                          " has delay_ms=" + std::to_string(item.delay.ms));
    const model::TimerKey key{now + item.delay, sequence.take()};
    if (item.token.size() > kCancellationTokenBytesMax)
      return fail(ErrorCode::Invalid, "a cancellation token of " + std::to_string(item.token.size()) + " bytes; at most " +
                                          std::to_string(kCancellationTokenBytesMax) + " are allowed");
    if (!item.token.empty()) {
      if (pending(item.token))
        return fail(ErrorCode::Invalid, "cancellation token \"" + item.token + "\" is already pending");
      next.writes.push_back(PutToken{{owner, item.token}, key});
      here[item.token] = key;
    }
    model::Message message{std::move(item.message.target), owner, std::move(item.message.argument),
                           std::string(traceparent)};
    next.writes.push_back(PutTimer{owner.id, key, model::DelayedSend{std::move(message), std::move(item.token)}});
  }
  return {};
}

Transition fire_delayed_send(const model::TimerKey& key, model::DelayedSend&& send) {
  HOLDFAST_CHECK(send.message.caller);
  const model::Address& owner = *send.message.caller;
  Transition next;
  next.writes.push_back(DeleteTimer{owner.id, key});
  if (!send.token.empty()) next.writes.push_back(DeleteToken{{owner, std::move(send.token)}});
  next.effects.push_back(Deliver{std::move(send.message)});
  return next;
}

}  // namespace holdfast::partition
