/// @file
/// Functions as coroutines: they wait without a thread, and read from top to bottom.
///
///     sf::Task<> quote(sf::Context& ctx, const sf::Message& message) {
///       const auto price = co_await sf::callback<double>([&](sf::Resume<double> resume) {
///         prices.fetch(message.as<std::string>(), [resume](double price) { resume(price); });   // On any thread, at any time.
///       });
///       ctx.storage()[kLastPrice] = price;
///       ctx.reply(price);
///     }
///     functions.bind({"shop/quote", {kLastPrice}, sf::coroutine(quote)});
///
/// Context and Message are valid until the coroutine ends. It goes on on the thread that has what it waited for. An exception that
/// leaves it fails the call, as with any function.
///
/// A header of its own, for compilers whose coroutines are sound: clang 16, g++ 13, and later ones. g++ 12 destroys temporaries of co_await
/// expressions twice.
#pragma once

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13 && !defined(HOLDFAST_SDK_TRUST_COMPILER)
#error "holdfast/sdk/coroutine.h: g++ before 13 miscompiles coroutines (temporaries in co_await expressions are destroyed twice). Use g++ 13, clang 16 or later ones, or functions with a Completion; HOLDFAST_SDK_TRUST_COMPILER turns this check off."
#endif
#if !defined(__cpp_impl_coroutine) && !defined(__cpp_coroutines)
#error "holdfast/sdk/coroutine.h: no coroutines: it needs a compiler and -std=c++20 with them"
#endif

#include <atomic>
#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "holdfast/sdk/functions.h"

namespace holdfast::sdk {

template <typename T>
class Task;

namespace detail {

// Where the result of a Task or of a callback() waits: none yet, a value, or an exception.
template <typename T>
class Result {
 public:
  template <typename... Value>
  void set(Value&&... value) {
    result_.template emplace<1>(std::forward<Value>(value)...);
  }
  void fail(std::exception_ptr error) noexcept { result_.template emplace<2>(std::move(error)); }
  T take() {
    if (result_.index() == 2) std::rethrow_exception(std::get<2>(result_));
    if constexpr (!std::is_void_v<T>) return std::move(std::get<1>(result_));
  }

 private:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;
  std::variant<std::monostate, Value, std::exception_ptr> result_;
};

template <typename T>
class TaskPromiseBase {
 public:
  // Goes on with who waits for this one.
  struct Finish {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      return ended.promise().waiting;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] Finish final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { result.fail(std::current_exception()); }

  std::coroutine_handle<> waiting = std::noop_coroutine();
  Result<T> result;
};

template <typename T>
struct TaskPromise : TaskPromiseBase<T> {
  Task<T> get_return_object() noexcept;
  template <std::convertible_to<T> Value>
  void return_value(Value&& value) {
    this->result.set(std::forward<Value>(value));
  }
};
template <>
struct TaskPromise<void> : TaskPromiseBase<void> {
  Task<void> get_return_object() noexcept;
  void return_void() noexcept { result.set(); }
};

}  // namespace detail

/// What a coroutine returns that gives a T; a function returns Task<>. Nothing of it runs before it is awaited, which is done once:
/// `co_await price_of(item)`. It ends with those that it awaits: dropping a Task that is waiting is not possible, as the one who
/// awaits it holds it.
template <typename T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;  ///< For the compiler.

  ///@{ Moved, not copied: it owns its coroutine.
  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  ///@}
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  /// For `co_await`.
  auto operator co_await() && noexcept {
    struct Awaiter {
      [[nodiscard]] bool await_ready() const noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) const noexcept {
        task.promise().waiting = waiting;
        return task;
      }
      T await_resume() const { return task.promise().result.take(); }
      std::coroutine_handle<promise_type> task;
    };
    return Awaiter{coroutine_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

// Runs by itself, and is gone at its end.
struct Detached {
  struct promise_type {
    [[nodiscard]] Detached get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }  // Nothing there throws.
  };
};

inline Detached run(Task<> task, Completion done) {
  std::exception_ptr error;
  {
    Task<> running = std::move(task);  // Gone before the call ends: what it refers to may end with the call.
    try {
      co_await std::move(running);
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error) done.fail(std::move(error));
  else done.complete();
}

// One operation that a coroutine waits for. The result may be there before the coroutine has suspended, and may come while it does: the
// later of the two goes on.
template <typename T>
struct Operation {
  enum class State : std::uint8_t { Starting, Waiting, Ended };

  // False: it has ended already.
  bool wait() { return state.exchange(State::Waiting, std::memory_order_acq_rel) == State::Starting; }
  void end() {
    if (state.exchange(State::Ended, std::memory_order_acq_rel) == State::Waiting) std::exchange(waiting, nullptr).resume();
  }

  std::coroutine_handle<> waiting;
  Result<T> result;
  std::atomic<State> state = State::Starting;
};

// Its end, for all copies of a Resume.
template <typename T>
struct OperationEnd {
  explicit OperationEnd(std::shared_ptr<Operation<T>> started) : operation(std::move(started)) {}
  OperationEnd(const OperationEnd&) = delete;
  OperationEnd& operator=(const OperationEnd&) = delete;
  ~OperationEnd() {
    if (!ended) fail(std::make_exception_ptr(Error("an operation that a coroutine waits for was dropped without a result")));
  }

  template <typename... Value>
  void set(Value&&... value) {
    if (ended.exchange(true)) return;
    operation->result.set(std::forward<Value>(value)...);
    std::exchange(operation, nullptr)->end();
  }
  void fail(std::exception_ptr error) {
    if (ended.exchange(true)) return;
    operation->result.fail(std::move(error));
    std::exchange(operation, nullptr)->end();
  }

  std::shared_ptr<Operation<T>> operation;
  std::atomic<bool> ended = false;
};

}  // namespace detail

/// How an operation tells its coroutine to go on, once, from any thread: the first call counts. If all copies of it are gone without
/// one, the coroutine goes on with an exception.
template <typename T = void>
class Resume {
 public:
  /// Private to the SDK: callback() makes it.
  explicit Resume(std::shared_ptr<detail::OperationEnd<T>> end) : end_(std::move(end)) {}

  /// With the value that `co_await` gives; none for void.
  template <typename... Value>
    requires(std::is_void_v<T> ? sizeof...(Value) == 0 : sizeof...(Value) == 1 && (std::convertible_to<Value, T> && ...))
  void operator()(Value&&... value) const {
    end_->set(std::forward<Value>(value)...);
  }
  ///@{ With the exception that `co_await` throws, or an Error with the reason.
  void fail(std::exception_ptr error) const { end_->fail(std::move(error)); }
  void fail(const std::string& reason) const { fail(std::make_exception_ptr(Error(reason))); }
  ///@}

 private:
  std::shared_ptr<detail::OperationEnd<T>> end_;
};

/// An operation with a callback, for co_await: `start` is called with a Resume<T>, which it keeps for whoever has the result.
template <typename T = void, std::invocable<Resume<T>> Start>
[[nodiscard]] auto callback(Start start) {
  struct Awaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> waiting) {
      const auto operation = std::make_shared<detail::Operation<T>>();  // This awaiter may be gone once it waits.
      operation->waiting = waiting;
      operation_ = operation;
      start_(Resume<T>(std::make_shared<detail::OperationEnd<T>>(operation)));
      return operation->wait();
    }
    T await_resume() const { return operation_->result.take(); }

    Start start_;
    std::shared_ptr<detail::Operation<T>> operation_ = nullptr;
  };
  return Awaiter{std::move(start)};
}

/// A function whose code is a coroutine: anything that can be called with (Context&, const Message&) and returns a Task<>. What it
/// captures lives as long as the Functions it is bound in.
template <typename Code>
  requires std::same_as<std::invoke_result_t<Code&, Context&, const Message&>, Task<>>
[[nodiscard]] AsyncFunction coroutine(Code code) {
  return [code = std::move(code)](Context& ctx, const Message& message, Completion done) mutable {
    detail::run(code(ctx, message), std::move(done));
  };
}

}  // namespace holdfast::sdk
