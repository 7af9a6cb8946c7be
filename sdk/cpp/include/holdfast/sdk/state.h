/// @file
/// States: what a function declares, and how it reads and writes them.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "holdfast/sdk/error.h"
#include "holdfast/sdk/type.h"

namespace holdfast::sdk {

/// Letters, digits and '_', not beginning with a digit: what every StateFun SDK accepts, but for JavaScript's, which knows no upper case
/// and no digits.
[[nodiscard]] constexpr bool is_state_name(std::string_view name) noexcept {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

/// When the runtime forgets a state. Made by expire_after_write() and expire_after_call().
struct Expiration {
  /// Since when the time counts. Numbers of the protocol.
  enum class Mode : std::uint8_t { Never = 0, AfterWrite = 1, AfterCall = 2 };
  Mode mode = Mode::Never;             ///< Never: it is kept until it is removed.
  std::chrono::milliseconds after{0};  ///< At least one, unless it is kept.

  friend bool operator==(const Expiration&, const Expiration&) = default;
};

namespace detail {
constexpr Expiration expiration(Expiration::Mode mode, std::chrono::milliseconds after) {
  if (after.count() <= 0) throw InvalidArgument("a state expires after at least one millisecond");
  return {mode, after};
}
}  // namespace detail

/// So long after the last time it was written. At least a millisecond.
[[nodiscard]] constexpr Expiration expire_after_write(std::chrono::milliseconds after) {
  return detail::expiration(Expiration::Mode::AfterWrite, after);
}
/// So long after the function was last called.
[[nodiscard]] constexpr Expiration expire_after_call(std::chrono::milliseconds after) {
  return detail::expiration(Expiration::Mode::AfterCall, after);
}

/// A state of a function: its name, the type of its value, and when it expires. A constant; a name that is none does not compile.
///
///     constexpr sf::State<std::int64_t> kSeen{"seen"};
///     constexpr sf::State<Basket> kBasket{"basket", kBasketType, sf::expire_after_write(std::chrono::hours(1))};
template <typename T>
class State {
 public:
  /// Of the type that T has by itself.
  template <std::size_t N>
    requires HasType<T>
  consteval State(const char (&name)[N], Expiration expiration = {}) : State(name, type_of<T>, expiration) {}
  /// Of a type that is named.
  template <std::size_t N>
  constexpr State(const char (&name)[N], Type<T> type, Expiration expiration = {})
      : name_(name, N - 1), type_(type), expiration_(expiration) {
    if (!is_state_name(name_)) throw InvalidArgument("a state's name is letters, digits and '_', and begins with no digit");
  }

  ///@{ As it was declared.
  [[nodiscard]] constexpr std::string_view name() const noexcept { return name_; }
  [[nodiscard]] constexpr const Type<T>& type() const noexcept { return type_; }
  [[nodiscard]] constexpr Expiration expiration() const noexcept { return expiration_; }
  ///@}

 private:
  std::string_view name_;
  Type<T> type_;
  Expiration expiration_;
};

/// A declaration without its C++ type, as FunctionSpec keeps it.
struct StateSpec {
  std::string name;       ///< Letters, digits and '_'.
  std::string type;       ///< Name of the value's type.
  Expiration expiration;  ///< When the runtime forgets it.

  /// What a constant declares.
  template <typename T>
  StateSpec(const State<T>& state)  // NOLINT(google-explicit-constructor): {kSeen, kBasket} is a list of specs.
      : name(state.name()), type(state.type().name()), expiration(state.expiration()) {}
  /// For names that are known only when the program runs; Functions::bind checks them.
  StateSpec(std::string state_name, std::string type_name, Expiration when = {})
      : name(std::move(state_name)), type(std::move(type_name)), expiration(when) {}
};

namespace detail {
class Batch;
// Of a state of the batch: none if it is empty. Throws WrongState.
[[nodiscard]] std::optional<std::string_view> read_state(Batch& batch, std::string_view name, std::string_view type);
// Where the bytes of the new value go; it is written once the function has returned.
[[nodiscard]] std::string& write_state(Batch& batch, std::string_view name, std::string_view type);
void remove_state(Batch& batch, std::string_view name, std::string_view type);
// Empty, with the room it had.
[[nodiscard]] std::string& scratch(Batch& batch);
}  // namespace detail

template <typename T>
class StateCell;

/// The states of the address that is called. Reads see what was written before, in this call and in those of the same batch. Only what
/// was written or removed goes back to the runtime, all of it or, when the function throws, nothing.
class Storage {
 public:
  /// Private to the SDK.
  explicit Storage(detail::Batch& batch) : batch_(batch) {}

  /// None if there is none yet, or if it has expired. Throws WrongState if the function did not declare it so.
  template <typename T>
  [[nodiscard]] std::optional<T> get(const State<T>& state) const {
    const auto bytes = detail::read_state(batch_, state.name(), state.type().name());
    if (!bytes) return std::nullopt;
    return state.type().read(*bytes);
  }
  /// Throws WrongState, and what the type's writer throws; the old value is still there then.
  template <typename T>
  void set(const State<T>& state, const std::type_identity_t<T>& value) {
    std::string& bytes = detail::scratch(batch_);
    state.type().write(value, bytes);
    detail::write_state(batch_, state.name(), state.type().name()).swap(bytes);
  }
  /// The state is empty then; nothing happens if it was. Throws WrongState.
  template <typename T>
  void remove(const State<T>& state) {
    detail::remove_state(batch_, state.name(), state.type().name());
  }
  /// Without reading the value. Throws WrongState.
  template <typename T>
  [[nodiscard]] bool contains(const State<T>& state) const {
    return detail::read_state(batch_, state.name(), state.type().name()).has_value();
  }
  /// A state as if it were a variable: see StateCell.
  template <typename T>
  [[nodiscard]] StateCell<T> operator[](const State<T>& state) {
    return StateCell<T>(*this, state);
  }

 private:
  detail::Batch& batch_;
};

/// One state, read and written through:
///
///     ctx.storage()[kSeen] += 1;                                  // An empty one counts as T{}.
///     if (auto basket = ctx.storage()[kBasket]) use(*basket);
///     ctx.storage()[kName] = "bob";
///     ctx.storage()[kBasket].update([&](Basket& basket) { basket.add(item); });
///     ctx.storage()[kBasket].remove();
template <typename T>
class StateCell {
 public:
  /// Storage::operator[] makes it.
  StateCell(Storage& storage, const State<T>& state) : storage_(storage), state_(state) {}

  /// None if it is empty.
  [[nodiscard]] std::optional<T> get() const { return storage_.get(state_); }
  /// The fallback if it is empty.
  [[nodiscard]] T value_or(T fallback) const { return get().value_or(std::move(fallback)); }
  ///@{ Whether it is not empty.
  [[nodiscard]] bool has_value() const { return storage_.contains(state_); }
  explicit operator bool() const { return has_value(); }
  ///@}
  ///@{ The value. Throws WrongState if it is empty.
  [[nodiscard]] T operator*() const { return value(); }
  [[nodiscard]] T value() const {
    auto out = get();
    if (!out) throw WrongState("state '" + std::string(state_.name()) + "' is empty");
    return *std::move(out);
  }
  ///@}

  /// Writes the value.
  StateCell& operator=(const T& value) {  // NOLINT(misc-unconventional-assign-operator)
    storage_.set(state_, value);
    return *this;
  }
  /// A number with a fraction does not become one without by itself.
  template <std::floating_point Fraction>
    requires std::integral<T>
  StateCell& operator=(Fraction) = delete;
  /// Empties it.
  void remove() { storage_.remove(state_); }
  /// `change` gets a T&, T{} for an empty state; what it leaves there is written, and is the result.
  template <std::invocable<T&> Change>
  T update(Change&& change) {
    T value = value_or(T{});
    std::invoke(std::forward<Change>(change), value);
    storage_.set(state_, value);
    return value;
  }
  ///@{ Changes the value, T{} for an empty state, and gives the new one.
  template <typename U>
  T operator+=(const U& more) {
    return update([&](T& value) { value += more; });
  }
  template <typename U>
  T operator-=(const U& less) {
    return update([&](T& value) { value -= less; });
  }
  T operator++() { return *this += 1; }
  T operator--() { return *this -= 1; }
  ///@}

  StateCell(const StateCell&) = delete;
  StateCell& operator=(const StateCell&) = delete;

 private:
  Storage& storage_;
  const State<T>& state_;
};

}  // namespace holdfast::sdk
