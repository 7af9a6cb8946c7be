/// @file
/// Handler: request bytes in, answer bytes out. For a server of your own, or a Lambda; `holdfast/sdk/server.h` has one ready.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "holdfast/sdk/functions.h"

namespace holdfast::sdk {

/// What a handler answers. Over HTTP: `status`, and `body` with content type application/octet-stream when it is 200, text/plain else.
struct Answer {
  /// HTTP's numbers.
  enum class Status : std::uint16_t {
    Ok = 200,         ///< `body` is the protocol's FromFunction.
    Malformed = 400,  ///< Not a request of the protocol; `body` says why.
    NotFound = 404,   ///< No such function here; `body` says which there are.
    Failed = 500,     ///< The function threw, or failed; `body` is the reason.
  };
  Status status = Status::Ok;          ///< Ok also if the answer asks for states.
  std::string body;                    ///< Bytes of the protocol, or a reason in text.
  std::exception_ptr error = nullptr;  ///< Failed by an exception: which. For logs and tests; it does not travel.
};

/// Speaks StateFun's request-reply protocol, version 3, with the functions it was given. Any number of threads may call it at once.
class Handler {
 public:
  /// Of these functions, and no others later.
  explicit Handler(Functions functions);
  ~Handler();
  ///@{ Not while it handles something.
  Handler(Handler&&) noexcept;
  Handler& operator=(Handler&&) noexcept;
  ///@}

  /// Waits for functions that complete later; never throws.
  [[nodiscard]] Answer handle(std::string_view request) const;
  /// The same without waiting: `done` is called exactly once, from within this call or later from the thread that completes the last
  /// function of the batch. `request` is copied if a function is asynchronous. The handler must live until then.
  void handle(std::string_view request, std::function<void(Answer&&)> done) const;

  /// Those it was made of.
  [[nodiscard]] const Functions& functions() const noexcept { return *functions_; }

 private:
  std::unique_ptr<const Functions> functions_;
};

/// "application/octet-stream", which requests and answers of the protocol have.
inline constexpr std::string_view kContentType = "application/octet-stream";

}  // namespace holdfast::sdk
