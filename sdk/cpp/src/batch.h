// Batch: one request while it is answered. It reads the request once, borrowing; writes what the functions do in the form of the answer as
// they do it; and puts the answer together in the end.
//
//   request ──read()──▶ target, states, messages ──functions──▶ sends, delayed, egress (encoded), states touched ──finish()──▶ answer
//
// One thread at a time. What is not here: calling the functions, which is handler.cc's.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/sdk/address.h"
#include "holdfast/sdk/functions.h"
#include "holdfast/sdk/message.h"

namespace holdfast::sdk::detail {

// An address as it is written in the request.
struct WrittenAddress {
  std::string_view space;
  std::string_view name;
  std::string_view id;

  // All empty is no address, in every SDK.
  [[nodiscard]] bool is_there() const { return !space.empty() || !name.empty() || !id.empty(); }
  [[nodiscard]] Address address() const;
};

// A TypedValue as it is written in the request.
struct WrittenValue {
  std::string_view type;
  std::string_view bytes;
  bool there = false;
};

struct Invocation {
  WrittenAddress caller;
  WrittenValue value;
};

class Batch {
 public:
  // Throws MalformedRequest. The bytes stay where they are until the answer is made.
  void read(std::string_view request);

  [[nodiscard]] std::string_view function_type() const { return type_; }
  [[nodiscard]] const std::vector<Invocation>& invocations() const { return invocations_; }

  // Takes the function's declarations for the states of the batch. False: the request lacks some, and the answer is the one that asks
  // for them; see ask_for_states().
  [[nodiscard]] bool declare(const FunctionSpec& spec);
  void ask_for_states(std::string& out) const;

  // The one that is called now.
  void set_current(std::size_t index) { current_ = index; }
  [[nodiscard]] const Invocation& current() const { return invocations_[current_]; }
  [[nodiscard]] const Address& self();
  [[nodiscard]] const WrittenAddress& target() const { return target_; }

  [[nodiscard]] std::optional<std::string_view> read_state(std::string_view name, std::string_view type);
  [[nodiscard]] std::string& write_state(std::string_view name, std::string_view type);
  void remove_state(std::string_view name, std::string_view type);

  void send(AddressView target, std::string_view type, std::string_view bytes);
  void send_to_caller(std::string_view type, std::string_view bytes);
  void send_after(std::chrono::milliseconds delay, AddressView target, std::string_view type, std::string_view bytes, std::string_view token);
  void cancel(std::string_view token);
  void send_egress(std::string_view egress, std::string_view type, std::string_view bytes);

  [[nodiscard]] std::string& scratch() {
    scratch_.clear();
    return scratch_;
  }

  // The answer: what all the calls did. It replaces what was in `out`.
  void finish(std::string& out) const;

  // Memory it keeps for the next request.
  [[nodiscard]] std::size_t held_bytes() const;

 private:
  // A state as the request has it.
  struct Listed {
    std::string_view name;
    WrittenValue value;
  };
  // A state as the function declares it.
  struct Cell {
    enum class Change : std::uint8_t { None, Written, Removed };
    const StateSpec* spec = nullptr;
    const Listed* listed = nullptr;  // Null: the runtime does not know of it.
    Change change = Change::None;
    std::string written;
  };

  [[nodiscard]] Cell& cell(std::string_view name, std::string_view type);
  void read_batch(std::string_view bytes);

  WrittenAddress target_;
  std::string type_;  // "namespace/name" of the target.
  std::optional<Address> self_;
  std::vector<Invocation> invocations_;
  std::size_t current_ = 0;
  std::vector<Listed> listed_;
  std::vector<Cell> cells_;  // The first `cell_count_` of them: strings are reused.
  std::size_t cell_count_ = 0;
  const FunctionSpec* spec_ = nullptr;
  std::string sends_;
  std::string delayed_;
  std::string egress_;
  std::string scratch_;
};

}  // namespace holdfast::sdk::detail
