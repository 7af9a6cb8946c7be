/// @file
/// Functions: which there are, with their states.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "holdfast/sdk/context.h"
#include "holdfast/sdk/message.h"
#include "holdfast/sdk/state.h"

namespace holdfast::sdk {

/// The end of an asynchronous call, whenever and on whichever thread it comes. Exactly one of complete() and fail() has an effect, the
/// first; one that is destroyed without either fails the call. The Context and the Message are valid until then, and not after.
///
///     void quote(sf::Context& ctx, const sf::Message& message, sf::Completion done) {
///       prices.fetch(message.as<std::string>(), [&ctx, done = std::move(done)](double price) mutable {
///         ctx.reply(price);
///         done.complete();
///       });
///     }
///
/// Copies are the same end: it fits into a std::function.
class Completion {
 public:
  struct Call;  ///< Private to the SDK.

  /// The call is done: what it did counts, together with the rest of the batch.
  void complete();
  ///@{ The call has failed, with a reason that is shown where parked messages are. Nothing of the batch counts.
  void fail(std::string reason);
  void fail(std::exception_ptr error);
  ///@}

  /// Private to the SDK.
  explicit Completion(std::shared_ptr<Call> call) : call_(std::move(call)) {}

 private:
  std::shared_ptr<Call> call_;
};

/// Where a function runs (see docs/sdk/guide.md).
enum class Execution : std::uint8_t {
  Quick,     ///< On the thread of the runtime's shard, or of the server that read the request: it computes and returns, in microseconds.
  Blocking,  ///< On a pool of threads: it may wait for files, databases, locks.
};

/// The call ends when it returns.
using SyncFunction = std::function<void(Context&, const Message&)>;
/// The call ends with its Completion.
using AsyncFunction = std::function<void(Context&, const Message&, Completion)>;

/// A function as it is bound: its type, its states, and the code. Code is anything that can be called with (Context&, const Message&),
/// or, to complete later, with (Context&, const Message&, Completion). It may be called from several threads at once, for different
/// addresses; what it shares between calls is its own to protect.
struct FunctionSpec {
  std::string type;  ///< "namespace/name".
  std::vector<StateSpec> states;                   ///< What it may store; a constant State converts to one.
  std::variant<SyncFunction, AsyncFunction> code;  ///< By its signature.
  Execution execution = Execution::Quick;          ///< Where it runs as a native function.

  ///@{ `functions.bind({"example/greeter", {kSeen}, greet})`; without states, the list is left out.
  template <typename Code>
    requires(std::invocable<Code&, Context&, const Message&> || std::invocable<Code&, Context&, const Message&, Completion>)
  FunctionSpec(std::string type_name, std::vector<StateSpec> state_specs, Code function, Execution where = Execution::Quick)
      : type(std::move(type_name)), states(std::move(state_specs)), code(wrap(std::move(function))), execution(where) {}
  template <typename Code>
    requires(std::invocable<Code&, Context&, const Message&> || std::invocable<Code&, Context&, const Message&, Completion>)
  FunctionSpec(std::string type_name, Code function, Execution where = Execution::Quick)
      : FunctionSpec(std::move(type_name), {}, std::move(function), where) {}
  ///@}

 private:
  template <typename Code>
  static std::variant<SyncFunction, AsyncFunction> wrap(Code function) {
    if constexpr (std::invocable<Code&, Context&, const Message&>) {
      static_assert(std::is_void_v<std::invoke_result_t<Code&, Context&, const Message&>>,
                    "a function returns nothing; a coroutine is wrapped by sf::coroutine() of holdfast/sdk/coroutine.h");
      return SyncFunction(std::move(function));
    } else {
      return AsyncFunction(std::move(function));
    }
  }
};

/// The functions of a program.
class Functions {
 public:
  /// Throws InvalidArgument, naming the function: a type that is no "namespace/name", in namespace "holdfast" or bound already, a state whose name is none or
  /// declared twice, an expiration of no time, a function that is empty.
  Functions& bind(FunctionSpec spec);

  /// Null if it is not bound here.
  [[nodiscard]] const FunctionSpec* find(std::string_view type) const;
  [[nodiscard]] std::vector<std::string> types() const;  ///< Sorted.

 private:
  std::map<std::string, FunctionSpec, std::less<>> specs_;
};

}  // namespace holdfast::sdk
