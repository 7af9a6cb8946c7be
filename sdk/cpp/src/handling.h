// Handling: a request from its bytes to the bytes of its answer, for all that get requests: Handler, modules, the server.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "batch.h"
#include "holdfast/sdk/functions.h"
#include "holdfast/sdk/handler.h"

namespace holdfast::sdk::detail {

struct Failure {
  explicit Failure(std::exception_ptr thrown);
  explicit Failure(std::string text) : reason(std::move(text)) {}
  std::string reason;
  std::exception_ptr error;  // Null: told by its reason.
};

// Reads the request and finds its function. False: the answer is there already, for a request that is malformed, for nobody, or without
// the states of its function. `answer.body` may come with room to be used.
[[nodiscard]] bool prepare(Batch& batch, const Functions& functions, std::string_view request, const FunctionSpec*& spec, Answer& answer);
// "example/greeter/bob: what went wrong".
void fail(Batch& batch, Failure failure, Answer& answer);

// False, and nothing was done: the function completes later. Never throws.
[[nodiscard]] bool answer_now(const Functions& functions, std::string_view request, Answer& answer);
// `done` is called once, from within or later. The request is copied; the functions must stay.
void answer_later(const Functions& functions, std::string_view request, std::function<void(Answer&&)> done);

}  // namespace holdfast::sdk::detail
