// Program: what the simulated functions do. A message carries a tree of commands; the function carries them out, keeps a log of
// what it handled in its own state, and numbers what it sends, so that afterwards one can tell what happened, how often and in which order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/invocation.h"
#include "model/message.h"
#include "ports/function_target.h"

namespace holdfast::sim {

struct Node;

struct Op {
  enum class Kind : std::uint8_t {
    Send = 1,        // child
    SendLater,       // child after delay_ms, under token unless empty
    Cancel,          // token
    Egress,          // a record with this number
    SetFlag,         // a state with this number as its value
    DeleteFlag,
    Reply,           // to the caller
  };
  Kind kind = Kind::Send;
  std::int64_t delay_ms = 0;
  std::uint64_t number = 0;
  std::string token;
  std::unique_ptr<Node> child;
};

struct Node {
  std::uint64_t id = 0;
  model::Address target;
  std::vector<Op> ops;
};

std::string encode(const Node& node);

inline constexpr std::string_view kProgramType = "sim/program";
inline constexpr std::string_view kTextType = "sim/text";
inline constexpr std::string_view kEgress = "sim/out";          // Records with even numbers: kept in a stream of ours.
inline constexpr std::string_view kOutsideEgress = "sim/away";  // With odd ones: sent on by an outbox.

// One entry of a function's log: who sent the message, under which number of that sender, and which it was; then what it did to the flag.
struct Handled {
  std::string sender;  // Empty: from outside.
  std::uint64_t sequence = 0;
  std::uint64_t id = 0;
};
std::vector<Handled> parse_log(std::string_view log);

// What the function answers to a batch: pure, so that asking twice is the same as asking once.
model::InvocationOutcome run_function(const std::vector<std::pair<std::string, std::string>>& states,
                                      std::size_t states_sent, const std::vector<model::Message>& batch);

}  // namespace holdfast::sim
