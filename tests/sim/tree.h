// Tree: random trees of commands, and what is known of each node from its making on: who may send it, how often it may be handled, what it
// must leave behind.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "program.h"
#include "world.h"

namespace holdfast::sim {

constexpr std::int64_t kFarAway_ms = 1'000'000'000'000;  // A delay that does not end within a run.

// What must become of a node, given that its parent was handled.
enum class Fate : std::uint8_t { Once, AtMostOnce, Never, Pending };

struct Known {
  model::Address target;
  std::string sender;  // Empty: from outside.
  Fate fate = Fate::Once;
  std::optional<std::uint64_t> parent;
  std::vector<std::pair<std::size_t, std::uint64_t>> records;  // By way and number.
  std::vector<std::pair<Op::Kind, std::uint64_t>> flags;
  bool is_poison = false;   // The function chokes on it now,
  bool was_poison = false;  // or has.
  bool skipped = false;
  std::optional<std::pair<std::size_t, std::uint64_t>> incoming;  // It came in from outside: from which source, at which position.
  bool is_bad_record = false;                                     // There was, or is, no way to route it.
};

class Trees {
 public:
  Trees(Random& random, World& world) : random_(random), world_(world) {}

  // With all below it.
  [[nodiscard]] Node any(int depth, Known known);
  // One that emits one record and does nothing else.
  [[nodiscard]] Node emitter(model::Address target, std::size_t way, Known known = {});
  // One that sends `child` to itself after a delay.
  [[nodiscard]] Node later(model::Address target, Duration delay, Node child);
  [[nodiscard]] model::Address any_address();
  [[nodiscard]] std::uint64_t last_record() const { return last_record_; }

  std::map<std::uint64_t, Known> known;

 private:
  [[nodiscard]] Op egress(std::size_t way, Known& node);
  void add_delayed_send(int depth, Node& node, const std::string& self);

  Random& random_;
  World& world_;
  std::uint64_t last_id_ = 0;
  std::uint64_t last_record_ = 0;
};

}  // namespace holdfast::sim
