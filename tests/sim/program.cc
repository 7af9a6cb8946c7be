#include "program.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t kStates = 3;  // log, sent, flag

void put(std::string& out, const Node& node) {
  append_varint(out, node.id);
  append_string(out, node.target.type);
  append_string(out, node.target.id);
  append_varint(out, node.ops.size());
  for (const Op& op : node.ops) {
    out.push_back(static_cast<char>(op.kind));
    append_be(out, op.delay_ms);
    append_varint(out, op.number);
    append_varint(out, op.way);
    append_string(out, op.token);
    out.push_back(op.child ? 1 : 0);
    if (op.child) put(out, *op.child);
  }
}

Node get(ByteReader& in) {
  Node node;
  node.id = in.varint();
  node.target.type = in.string();
  node.target.id = in.string();
  for (auto n = in.varint(); n > 0; --n) {
    Op op;
    op.kind = static_cast<Op::Kind>(in.be<std::uint8_t>());
    op.delay_ms = in.be<std::int64_t>();
    op.number = in.varint();
    op.way = in.varint();
    op.token = in.string();
    if (in.be<std::uint8_t>() != 0) op.child = std::make_unique<Node>(get(in));
    node.ops.push_back(std::move(op));
  }
  return node;
}

}  // namespace

std::string name_of(const model::Address& address) { return address.type + "/" + address.id; }

std::string record_text(std::uint64_t number) {
  // Most are short; some are as long as several others.
  return std::to_string(number) + ":" + std::string(number % 7 == 0 ? 300 : number % 5 * 10, 'x');
}

std::uint64_t number_of_record(std::string_view text) { return std::stoull(std::string(text.substr(0, text.find(':')))); }

std::string encode(const Node& node) {
  std::string out;
  put(out, node);
  return out;
}

std::string message_from_outside(const Node& node) {
  std::string out;
  append_varint(out, 0);
  put(out, node);
  return out;
}

std::uint64_t node_of_message(std::string_view message) {
  ByteReader in(message);
  (void)in.varint();
  return in.varint();
}

std::vector<Handled> parse_log(std::string_view log) {
  std::vector<Handled> out;
  ByteReader in(log);
  while (!in.at_end()) {
    Handled entry;
    entry.sender = in.string();
    entry.sequence = in.varint();
    entry.id = in.varint();
    HOLDFAST_CHECK(in.ok());
    out.push_back(std::move(entry));
  }
  return out;
}

model::InvocationOutcome run_function(const std::vector<std::pair<std::string, std::string>>& states, std::size_t states_sent,
                                      const std::vector<model::Message>& batch) {
  if (states_sent < kStates) {
    model::IncompleteContext incomplete;
    for (const char* name : {"log", "sent", "flag"}) incomplete.missing.push_back({name, std::string(kTextType), {}, {}});
    return incomplete;
  }
  std::string log;
  std::optional<std::string> flag;
  std::map<std::string, std::uint64_t> sent;  // By receiver: how many messages so far.
  for (const auto& [name, value] : states) {
    if (name == "log") log = value;
    if (name == "flag") flag = value;
    if (name != "sent") continue;
    ByteReader in(value);
    while (!in.at_end()) {
      std::string to(in.string());
      sent[to] = in.varint();
    }
  }
  const bool had_flag = flag.has_value();

  model::InvocationResponse response;
  // A message carries the number its sender gave it, then the program.
  const auto message_to = [&](const Node& child, bool in_order) {
    std::string payload;
    append_varint(payload, in_order ? ++sent[name_of(child.target)] : 0);
    put(payload, child);
    return model::OutgoingMessage{child.target, {std::string(kProgramType), std::move(payload), true}};
  };
  for (const model::Message& message : batch) {
    ByteReader in(message.argument.value);
    const std::uint64_t sequence = in.varint();
    const Node node = get(in);
    HOLDFAST_CHECK(in.ok() && in.at_end());
    const bool from_function = message.caller && message.caller->type != model::kRequestType;
    append_string(log, from_function ? name_of(*message.caller) : "");
    append_varint(log, sequence);
    append_varint(log, node.id);
    for (const Op& op : node.ops) {
      switch (op.kind) {
        case Op::Kind::Send: response.sends.push_back(message_to(*op.child, true)); break;
        case Op::Kind::SendLater:
          response.delayed.push_back(
              {model::DelayedInvocation::Kind::Send, {op.delay_ms}, message_to(*op.child, false), op.token});
          break;
        case Op::Kind::Cancel:
          response.delayed.push_back({model::DelayedInvocation::Kind::Cancel, {}, {}, op.token});
          break;
        case Op::Kind::Egress:
          response.egress.push_back({std::string(name_of_way(op.way)), {std::string(kTextType), record_text(op.number), true}});
          break;
        case Op::Kind::SetFlag: flag = std::to_string(op.number); break;
        case Op::Kind::DeleteFlag: flag.reset(); break;
        case Op::Kind::Reply:
          if (message.caller)
            response.sends.push_back({*message.caller, {std::string(kTextType), std::to_string(node.id) + ":" + std::to_string(parse_log(log).size()), true}});
          break;
      }
    }
  }
  using Kind = model::StateMutation::Kind;
  response.mutations.push_back({Kind::Modify, "log", std::string(kTextType), log});
  if (!sent.empty()) {
    std::string text;
    for (const auto& [to, count] : sent) {
      append_string(text, to);
      append_varint(text, count);
    }
    response.mutations.push_back({Kind::Modify, "sent", std::string(kTextType), std::move(text)});
  }
  if (flag) response.mutations.push_back({Kind::Modify, "flag", std::string(kTextType), *flag});
  else if (had_flag) response.mutations.push_back({Kind::Delete, "flag", "", ""});
  return response;
}

}  // namespace holdfast::sim
