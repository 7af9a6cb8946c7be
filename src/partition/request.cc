#include "partition/request.h"

#include <utility>

#include "base/bytes.h"
#include "base/hash.h"

namespace holdfast::partition {
namespace {

std::uint64_t fingerprint(const OpenRequest& request) {
  std::string text;
  text.push_back(static_cast<char>(request.kind));
  append_string(text, request.message.target.type);
  append_string(text, request.message.target.id);
  append_string(text, request.message.argument.type_name);
  append_string(text, request.message.argument.value);
  return stable_hash(text);
}

}  // namespace

Result<Transition> open_request(const View& view, OpenRequest&& request, Instant now, SequenceCounter& sequence) {
  Transition next;
  const std::uint64_t print = fingerprint(request);
  if (auto row = view.request(request.id)) {
    if (row->fingerprint != print)
      return fail(ErrorCode::Conflict, "the idempotency key was used before for another request");
    if (row->answered) next.effects.push_back(Answer{std::move(request.id), std::move(row->reply), std::move(row->failure)});
    return next;
  }
  model::RequestRow row{.fingerprint = print};
  if (request.kind == RequestKind::Call) {
    request.message.caller = model::Address{std::string(model::kRequestType), request.id};
  } else {
    row.answered = true;
    next.effects.push_back(Answer{request.id, std::nullopt, {}});
  }
  next.effects.push_back(Deliver{std::move(request.message)});
  next.writes.push_back(PutTimer{request.id, {now + request.retention, sequence.take()}, model::ForgetRequest{request.id}});
  next.writes.push_back(PutRequest{std::move(request.id), std::move(row)});
  return next;
}

Transition answer_request(const View& view, const std::string& id, model::TypedValue&& value) {
  Transition next;
  if (auto row = view.request(id)) {
    if (row->answered) return next;
    row->answered = true;
    row->reply = value;
    next.writes.push_back(PutRequest{id, std::move(*row)});
  }
  next.effects.push_back(Answer{id, std::move(value), {}});
  return next;
}

Transition fail_request(const View& view, model::FailRequest&& failure) {
  Transition next;
  if (auto row = view.request(failure.request)) {
    if (row->answered) return next;
    row->answered = true;
    row->failure = failure.reason;
    next.writes.push_back(PutRequest{failure.request, std::move(*row)});
  }
  next.effects.push_back(Answer{std::move(failure.request), std::nullopt, std::move(failure.reason)});
  return next;
}

Transition fire_forget_request(const model::TimerKey& key, const std::string& id) {
  Transition next;
  next.writes.push_back(DeleteTimer{id, key});
  next.writes.push_back(DeleteRequest{id});
  return next;
}

}  // namespace holdfast::partition
