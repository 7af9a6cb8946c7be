// Requests: an HTTP caller is an address too. A function that sends to its caller answers the request with the same id.
//
// A request with an idempotency key leaves a row: the first time it does its work, every later time it gets the first answer,
// until the row is forgotten. One without leaves none; its answer goes to whoever still waits. That the message was given up is an answer,
// too: nobody else would ever give one.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "model/command.h"
#include "model/message.h"
#include "partition/transition.h"
#include "partition/view.h"

namespace holdfast::partition {

enum class RequestKind : std::uint8_t { Send, Call };

struct OpenRequest {
  std::string id;        // Of the request; derived from the idempotency key.
  RequestKind kind = RequestKind::Send;
  model::Message message;  // A call's gets the request as its caller.
  Duration retention;
};

// Conflict when the id was used for another request.
[[nodiscard]] Result<Transition> open_request(const View& view, OpenRequest&& request, Instant now, SequenceCounter& sequence);

// A function has sent `value` to the request. Only the first counts.
[[nodiscard]] Transition answer_request(const View& view, const std::string& id, model::TypedValue&& value);

// The request's message was given up, for that reason. An answer that is there already stays.
[[nodiscard]] Transition fail_request(const View& view, model::FailRequest&& failure);

// What the ForgetRequest timer does when it fires.
[[nodiscard]] Transition fire_forget_request(const model::TimerKey& key, const std::string& id);

}  // namespace holdfast::partition
