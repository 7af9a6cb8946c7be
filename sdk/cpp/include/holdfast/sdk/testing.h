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

/// What a function did, as the runtime would be told.
struct SentMessage {
  Address target;
  TypedValue value;
};
struct DelayedMessage {
  Address target;
  TypedValue value;
  std::chrono::milliseconds delay{0};
  std::string token;  ///< Empty: none.
};
struct EgressRecord {
  std::string egress;
  TypedValue value;
};

}  // namespace holdfast::sdk
