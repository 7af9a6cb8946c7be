/// @file
/// What the SDK throws. Everything derives from Error; messages say what, which and got: "state 'seen' of example/greeter is a
/// io.statefun.types/long, not a io.statefun.types/string".
///
/// An exception that leaves a function fails the call: the runtime is told the reason (`what()`), tries again by its policy, and shows
/// the reason where it shows what it has parked. Nothing of the failed call has an effect.
#pragma once

#include <stdexcept>
#include <string>

namespace holdfast::sdk {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value is of another type than it was asked for, or its bytes are none of that type.
class WrongType : public Error {
 public:
  using Error::Error;
};

/// A state that its function did not declare, or declared with another type.
class WrongState : public Error {
 public:
  using Error::Error;
};

/// An argument that cannot be sent: an address without a type, a negative delay, an empty token. Also what `Functions::bind` refuses.
class InvalidArgument : public Error {
 public:
  using Error::Error;
};

/// The bytes are no request of the protocol, or for a function that is not bound here.
class MalformedRequest : public Error {
 public:
  using Error::Error;
};

}  // namespace holdfast::sdk
