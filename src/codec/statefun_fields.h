// Field numbers of request-reply.proto (StateFun 3.0 - 3.3) and of http-function.proto (2.0 - 2.2), which are the same but for what is
// said here. Shared by what reads and what writes them. Private to codec/.
#pragma once

#include <cstdint>

namespace holdfast::codec::fields {

struct Address {
  enum : std::uint32_t { kNamespace = 1, kType = 2, kId = 3 };
};
struct TypedValue {
  enum : std::uint32_t { kTypeName = 1, kHasValue = 2, kValue = 3 };
};
struct Any {  // In v2, where v3 has a TypedValue; states are plain bytes there.
  enum : std::uint32_t { kTypeUrl = 1, kValue = 2 };
};

struct ToFunction {
  enum : std::uint32_t { kInvocation = 100 };
  struct PersistedValue {
    enum : std::uint32_t { kName = 1, kValue = 2 };
  };
  struct Invocation {
    enum : std::uint32_t { kCaller = 1, kArgument = 2 };
  };
  struct Batch {
    enum : std::uint32_t { kTarget = 1, kState = 2, kInvocations = 3 };
  };
};

struct FromFunction {
  enum : std::uint32_t { kInvocationResult = 100, kIncompleteContext = 101 };
  struct Mutation {
    enum : std::uint32_t { kType = 1, kName = 2, kValue = 3 };
    enum Type : std::uint64_t { kDelete = 0, kModify = 1 };
  };
  struct Invocation {
    enum : std::uint32_t { kTarget = 1, kArgument = 2 };
  };
  struct Delayed {
    enum : std::uint32_t { kDelayMs = 1, kTarget = 2, kArgument = 3, kIsCancellation = 10, kToken = 11 };  // v2 ends with 3.
  };
  struct Egress {
    enum : std::uint32_t { kNamespace = 1, kType = 2, kArgument = 3 };
  };
  struct Response {
    enum : std::uint32_t { kMutations = 1, kSends = 2, kDelayed = 3, kEgress = 4 };
  };
  struct Expiration {
    enum : std::uint32_t { kMode = 1, kAfterMs = 2 };
  };
  struct Spec {
    enum : std::uint32_t { kName = 1, kExpiration = 2, kTypeName = 3 };  // v2 ends with 2.
  };
  struct Incomplete {
    enum : std::uint32_t { kMissing = 1 };
  };
};

}  // namespace holdfast::codec::fields
