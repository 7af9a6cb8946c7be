/// @file
/// Test kit: a function's call without any runtime, and what it did.
///
///     sf::TestContext test(functions, {"example/greeter", "bob"});
///     test.storage()[kSeen] = 41;
///     test.call("hi");                                       // Throws what the function throws.
///     EXPECT_EQ(test.storage()[kSeen].value(), 42);
///     EXPECT_THAT(test, sf::sent({"shop/mailer", "bob"}, "Hello"));
///     EXPECT_THAT(test, sf::sent_nothing_else());
///
/// The matchers are GoogleTest's by shape, without its headers; with another framework, `CHECK(sf::matches(test, sf::sent(…)))`.
/// What is looked at went through the bytes of the protocol, both ways.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/sdk/context.h"
#include "holdfast/sdk/functions.h"
#include "holdfast/sdk/message.h"
#include "holdfast/sdk/state.h"
#include "holdfast/sdk/type.h"

namespace holdfast::sdk {

/// A message that a function sent, as the runtime would be told.
struct SentMessage {
  Address target;    ///< To whom.
  TypedValue value;  ///< `value.as<T>()` reads it.

  friend bool operator==(const SentMessage&, const SentMessage&) = default;
};
/// A delayed one.
struct DelayedMessage {
  Address target;                      ///< To whom.
  TypedValue value;                    ///< `value.as<T>()` reads it.
  std::chrono::milliseconds delay{0};  ///< After the call.
  std::string token;                   ///< Empty: it cannot be taken back.

  friend bool operator==(const DelayedMessage&, const DelayedMessage&) = default;
};
/// A record for an egress.
struct EgressRecord {
  std::string egress;  ///< Its id, "namespace/name".
  TypedValue value;    ///< `value.as<T>()` reads it, unless it is one of these:

  [[nodiscard]] KafkaRecord kafka() const;      ///< Throws WrongType if it is none.
  [[nodiscard]] KinesisRecord kinesis() const;  ///< Throws WrongType if it is none.

  friend bool operator==(const EgressRecord&, const EgressRecord&) = default;
};

/// A call failed without an exception: by `Completion::fail(reason)`, a Completion that was dropped, or one that nobody completed.
class CallFailed : public Error {
 public:
  using Error::Error;
};

/// One address of a function, with its states, as a runtime without time would treat it: states never expire (remove() one to see what
/// happens then), and what the function sends goes nowhere but into the lists below.
class TestContext {
 public:
  /// Throws InvalidArgument if there is no such function among them.
  TestContext(Functions functions, Address self);
  /// With a single function.
  TestContext(FunctionSpec function, std::string id);
  ~TestContext();
  TestContext(const TestContext&) = delete;
  TestContext& operator=(const TestContext&) = delete;

  ///@{ Who sends the messages from now on. Nobody, as an ingress, unless it is set.
  TestContext& caller(Address caller);
  TestContext& no_caller();
  ///@}

  ///@{ What the runtime keeps for the address: to be set before a call, and looked at after it.
  [[nodiscard]] Storage& storage() noexcept;
  [[nodiscard]] const Storage& storage() const noexcept;
  ///@}

  /// Calls the function with a message: whatever Context::send takes. Waits for it if it completes later. Throws what the function
  /// throws; the states are as before then, and nothing was sent.
  template <typename... Value>
    requires(sizeof...(Value) > 0)
  void call(const Value&... value) {
    start(value...);
    finish();
  }
  /// With several messages in one batch, as a runtime does when they wait for the same address: `test.call_batch({sf::typed("a"), …})`.
  void call_batch(std::vector<TypedValue> messages) {
    start_batch(std::move(messages));
    finish();
  }
  /// With a delayed message that the function sent to its own address, when its time has come: the caller is this address itself, for
  /// this call. `test.deliver(test.delayed().at(0))`. Throws InvalidArgument if it is for another address.
  void deliver(DelayedMessage message);

  ///@{ The first half of call(), for a function that completes later by what happens before finish().
  template <typename... Value>
    requires(sizeof...(Value) > 0)
  void start(const Value&... value) {
    start_batch({typed(value...)});
  }
  void start_batch(std::vector<TypedValue> messages);
  ///@}
  /// The second half: waits, and takes over what was done, or throws. Throws CallFailed if the function has not completed within the limit.
  void finish(std::chrono::milliseconds limit = std::chrono::seconds(10));

  ///@{ What the last call did, in its order; nothing if it failed. Of cancelled messages, the tokens.
  [[nodiscard]] const std::vector<SentMessage>& sent() const noexcept;
  [[nodiscard]] const std::vector<DelayedMessage>& delayed() const noexcept;
  [[nodiscard]] const std::vector<std::string>& cancelled() const noexcept;
  [[nodiscard]] const std::vector<EgressRecord>& egress() const noexcept;
  ///@}
  /// Names of the states that it wrote or removed.
  [[nodiscard]] const std::vector<std::string>& changed() const noexcept;
  /// Where replies go.
  [[nodiscard]] const std::optional<Address>& caller() const noexcept;

  struct Impl;  ///< Private to the SDK.
  [[nodiscard]] Impl& impl() const noexcept { return *impl_; }  ///< Private to the SDK.

 private:
  std::unique_ptr<Impl> impl_;
};

/// A statement about a TestContext, for EXPECT_THAT and matches(). Made by the functions below.
class CallMatcher {
 public:
  using is_gtest_matcher = void;  ///< GoogleTest takes it for a matcher by this name.
  /// Says to `why`, which may be null, what is the case instead.
  using Check = std::function<bool(const TestContext& test, std::ostream* why)>;

  /// One of your own.
  CallMatcher(std::string description, Check check) : description_(std::move(description)), check_(std::move(check)) {}

  ///@{ What GoogleTest asks.
  bool MatchAndExplain(const TestContext& test, std::ostream* why) const { return check_(test, why); }
  void DescribeTo(std::ostream* out) const { *out << description_; }
  void DescribeNegationTo(std::ostream* out) const { *out << "not: " << description_; }
  ///@}

 private:
  std::string description_;
  Check check_;
};

/// For test frameworks other than GoogleTest. `why`, if it is there, is told why not.
[[nodiscard]] inline bool matches(const TestContext& test, const CallMatcher& matcher, std::ostream* why = nullptr) {
  return matcher.MatchAndExplain(test, why);
}

namespace detail {
[[nodiscard]] CallMatcher match_sent(Address target, std::optional<TypedValue> value);
[[nodiscard]] CallMatcher match_replied(std::optional<TypedValue> value);
[[nodiscard]] CallMatcher match_sent_after(std::chrono::milliseconds delay, std::optional<std::string> token, Address target,
                                           std::optional<TypedValue> value);
[[nodiscard]] CallMatcher match_sent_egress(std::string egress, std::optional<TypedValue> value);
[[nodiscard]] CallMatcher match_state(std::string_view name, std::string_view type, std::optional<TypedValue> value);

template <typename... Value>
std::optional<TypedValue> typed_if_any(const Value&... value) {
  if constexpr (sizeof...(Value) == 0) return std::nullopt;
  else return typed(value...);
}
}  // namespace detail

/// The last call sent this to there; without a value: anything. It may have done more: see sent_nothing_else().
template <typename... Value>
[[nodiscard]] CallMatcher sent(Address target, const Value&... value) {
  return detail::match_sent(std::move(target), detail::typed_if_any(value...));
}
/// The same, to whoever sent the message.
template <typename... Value>
[[nodiscard]] CallMatcher replied(const Value&... value) {
  return detail::match_replied(detail::typed_if_any(value...));
}
/// With this delay, and any token or none.
template <typename... Value>
[[nodiscard]] CallMatcher sent_after(std::chrono::milliseconds delay, Address target, const Value&... value) {
  return detail::match_sent_after(delay, std::nullopt, std::move(target), detail::typed_if_any(value...));
}
/// With this delay and this token.
template <typename... Value>
[[nodiscard]] CallMatcher sent_after(std::chrono::milliseconds delay, const CancellationToken& token, Address target,
                                     const Value&... value) {
  return detail::match_sent_after(delay, token.text(), std::move(target), detail::typed_if_any(value...));
}
///@{ It took the delayed message of this token back.
[[nodiscard]] CallMatcher cancelled(std::string token);
[[nodiscard]] inline CallMatcher cancelled(const CancellationToken& token) { return cancelled(token.text()); }
///@}

///@{ A record for this egress; without a value: any.
[[nodiscard]] inline CallMatcher sent_egress(std::string egress, const KafkaRecord& record) {
  return detail::match_sent_egress(std::move(egress), typed(record));
}
[[nodiscard]] inline CallMatcher sent_egress(std::string egress, const KinesisRecord& record) {
  return detail::match_sent_egress(std::move(egress), typed(record));
}
template <typename... Value>
[[nodiscard]] CallMatcher sent_egress(std::string egress, const Value&... value) {
  return detail::match_sent_egress(std::move(egress), detail::typed_if_any(value...));
}
///@}

/// The last call sent nothing: no message, now or later, no record, and took nothing back.
[[nodiscard]] CallMatcher sent_nothing();
/// Nothing but what the matchers before have found, each of them one thing.
[[nodiscard]] CallMatcher sent_nothing_else();

/// The state holds this value now.
template <typename T>
[[nodiscard]] CallMatcher state_is(const State<T>& state, const std::type_identity_t<T>& value) {
  return detail::match_state(state.name(), state.type().name(), typed(state.type(), value));
}
/// It holds none.
template <typename T>
[[nodiscard]] CallMatcher state_is_empty(const State<T>& state) {
  return detail::match_state(state.name(), state.type().name(), std::nullopt);
}
/// The last call wrote and removed no state.
[[nodiscard]] CallMatcher changed_no_state();

///@{ How test frameworks show them: standard types by their value, text as text, all else by its bytes.
std::ostream& operator<<(std::ostream& out, const Address& address);
std::ostream& operator<<(std::ostream& out, const TypedValue& value);
std::ostream& operator<<(std::ostream& out, const SentMessage& message);
std::ostream& operator<<(std::ostream& out, const DelayedMessage& message);
std::ostream& operator<<(std::ostream& out, const EgressRecord& record);
///@}
/// What the last call did.
std::ostream& operator<<(std::ostream& out, const TestContext& test);

}  // namespace holdfast::sdk
