#include "partition/response.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "partition/delayed_send.h"
#include "partition/expiry.h"
#include "partition/registration.h"

namespace holdfast::partition {
namespace {

Result<void> check_target(const FunctionDirectory& functions, const model::Address& target) {
  const std::size_t id_bytes_max = target.type == model::kRequestType ? model::kRequestIdBytesMax : model::kIdBytesMax;
  if (target.id.size() > id_bytes_max)
    return fail(ErrorCode::Invalid, "message to " + target.type + " with an id of " + std::to_string(target.id.size()) +
                                        " bytes; at most " + std::to_string(id_bytes_max) + " are taken");
  if (target.type == model::kRequestType) return {};
  if (!functions.knows(target.type))
    return fail(ErrorCode::Invalid, "message to " + target.type + "/" + target.id + ": no endpoint serves this function type");
  return {};
}

std::string source_name(const model::Address& address) {
  std::string out;
  out.reserve(address.type.size() + 1 + address.id.size());
  out.append(address.type).push_back('/');
  out.append(address.id);
  return out;
}

Result<void> apply_mutations(const View& view, const AnsweredBatch& batch, std::vector<model::StateMutation>&& mutations,
                             Instant now, ChangeAddress& change) {
  if (mutations.empty()) return {};
  const model::RegistrationRow* registration = view.registration(batch.address.type);
  for (auto& mutation : mutations) {
    const model::StateSpec* spec = find_declared(registration, batch.sent, mutation.name);
    if (spec == nullptr) {
      // A person had it dropped while the function was at it: dropped it is.
      if (batch.sent != nullptr && std::ranges::find(batch.sent->states, mutation.name, &model::StateSpec::name) != batch.sent->states.end())
        continue;
      return fail(ErrorCode::Invalid, "mutation of state \"" + mutation.name + "\", which the function has not declared");
    }
    // Of several mutations of one state the last counts.
    std::erase_if(change.set, [&](const auto& s) { return s.name == mutation.name; });
    std::erase(change.removed, mutation.name);
    if (mutation.kind == model::StateMutation::Kind::Delete) {
      change.removed.push_back(std::move(mutation.name));
      continue;
    }
    if (mutation.type_name != spec->type_name)
      return fail(ErrorCode::Invalid, "state \"" + mutation.name + "\" is declared as " + spec->type_name + ", got a value of type " +
                                          mutation.type_name);
    change.set.push_back({std::move(mutation.name), std::move(mutation.value), expiry_after(*spec, now)});
  }
  return {};
}

}  // namespace

Result<Transition> apply_response(const View& view, const EgressResolver& egress, const FunctionDirectory& functions,
                                  const AnsweredBatch& batch, model::InvocationResponse&& response, Instant now,
                                  SequenceCounter& sequence) {
  HOLDFAST_CHECK(view.mailbox_size(batch.address) >= batch.size);
  Transition next;
  next.writes.reserve(1 + response.delayed.size() * 2);
  next.effects.reserve(response.sends.size() + response.egress.size());

  for (auto& send : response.sends) {
    if (auto ok = check_target(functions, send.target); !ok) return fail(std::move(ok.error()));
    next.effects.push_back(Deliver{model::Message{std::move(send.target), batch.address, std::move(send.argument),
                                                  std::string(batch.traceparent)}});
  }

  for (const auto& item : response.delayed) {
    if (item.kind != model::DelayedInvocation::Kind::Send) continue;
    if (auto ok = check_target(functions, item.message.target); !ok) return fail(std::move(ok.error()));
  }
  if (auto ok = apply_delayed(view, batch.address, batch.traceparent, std::move(response.delayed), now, sequence, next); !ok)
    return fail(std::move(ok.error()));

  for (auto& message : response.egress) {
    auto resolved = egress.resolve(std::move(message));
    if (!resolved) return fail(std::move(resolved.error()));
    resolved->record.source = source_name(batch.address);
    resolved->record.traceparent = batch.traceparent;
    resolved->record.time = now;
    next.effects.push_back(Deliver{model::AppendRecord{std::move(resolved->stream), std::move(resolved->record)}});
  }

  ChangeAddress change{.address = batch.address};
  change.mail_taken = batch.size;
  if (auto ok = apply_mutations(view, batch, std::move(response.mutations), now, change); !ok)
    return fail(std::move(ok.error()));
  watch_over_expiry(view, batch.address, now, sequence, change, next);
  next.writes.push_back(std::move(change));
  return next;
}

}  // namespace holdfast::partition
