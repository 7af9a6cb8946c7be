// Program: what the simulated functions do. A message carries a tree of commands; the function carries them out, keeps a log of
// what it handled in its own state, and numbers what it sends, so that afterwards one can tell what happened, how often and in which order.
#pragma once

#include <array>
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
    Egress,          // a record with this number, to `way`
    SetFlag,         // a state with this number as its value
    DeleteFlag,
    Reply,           // to the caller
  };
  Kind kind = Kind::Send;
  std::int64_t delay_ms = 0;
  std::uint64_t number = 0;
  std::size_t way = 0;
  std::string token;
  std::unique_ptr<Node> child;
};

struct Node {
  std::uint64_t id = 0;
  model::Address target;
  std::vector<Op> ops;
};

[[nodiscard]] std::string name_of(const model::Address& address);

std::string encode(const Node& node);
// A message as a client or a source sends it: without a number of its sender.
[[nodiscard]] std::string message_from_outside(const Node& node);
// Which node a message carries.
[[nodiscard]] std::uint64_t node_of_message(std::string_view message);

// All function types. Two endpoints serve the first ones; those of the third, one for each egress that records leave by, send to nothing else.
inline constexpr std::array<std::string_view, 7> kTypes = {"sim/first",     "sim/second",    "far/first",    "far/late",
                                                           "only/transactions", "only/messages", "only/loose"};
inline constexpr std::array<std::string_view, 3> kEndpoints = {"sim/*", "far/*", "only/*"};
inline constexpr std::size_t kFarEndpoint = 1;
inline constexpr std::size_t kOnlyTypes = 4;  // Index of the first of those in kTypes.

inline constexpr std::string_view kProgramType = "sim/program";
inline constexpr std::string_view kTextType = "sim/text";

// The ways that records can go: streams of ours first, then egresses with an outbox.
inline constexpr std::array<std::string_view, 4> kTopics = {"sim/out/kept", "sim/out/popped", "sim/out/short", "sim/out/young"};
inline constexpr std::array<std::string_view, 3> kAway = {"away/transactions", "away/messages", "away/loose"};
inline constexpr std::size_t kWays = kTopics.size() + kAway.size();
[[nodiscard]] constexpr std::size_t way_to(std::size_t away) { return kTopics.size() + away; }
[[nodiscard]] constexpr std::string_view name_of_way(std::size_t way) {
  return way < kTopics.size() ? kTopics[way] : kAway[way - kTopics.size()];
}

// Of a record: its number, and more or less beside it.
[[nodiscard]] std::string record_text(std::uint64_t number);
[[nodiscard]] std::uint64_t number_of_record(std::string_view text);

// One entry of a function's log: who sent the message, under which number of that sender, and which it was.
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
