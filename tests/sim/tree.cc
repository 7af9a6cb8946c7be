#include "tree.h"

namespace holdfast::sim {

model::Address Trees::any_address() {
  static const char* kIds[] = {"", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
  static constexpr std::size_t kTypesOf[] = {0, 0, 0, 1, 1, 2};
  return {std::string(kTypes[kTypesOf[random_.below(std::size(kTypesOf))]]), kIds[random_.below(std::size(kIds))]};
}

Op Trees::egress(std::size_t way, Known& node) {
  Op op;
  op.kind = Op::Kind::Egress;
  op.number = ++last_record_;
  op.way = way;
  node.records.emplace_back(way, op.number);
  return op;
}

Node Trees::any(int depth, Known made) {
  Node node;
  node.id = ++last_id_;
  node.target = made.target = any_address();
  if (random_.below(150) == 0) {
    made.is_poison = made.was_poison = true;
    world_.poison.insert(node.id);
  }
  const auto self = name_of(node.target);
  const auto ops = random_.below(depth == 0 ? 3 : 6);
  for (std::uint64_t i = 0; i < ops; ++i) {
    Op op;
    switch (random_.below(depth == 0 ? 4 : 9)) {
      case 0:
      case 1: {
        op = egress(random_.below(kWays), made);
        if (op.way >= kTopics.size() && random_.below(4) == 0)
          world_.brokers[op.way - kTopics.size()].unsendable.insert(record_text(op.number));
        break;
      }
      case 2:
        op.kind = Op::Kind::SetFlag;
        op.number = random_.below(1000);
        made.flags.emplace_back(op.kind, op.number);
        break;
      case 3:
        op.kind = Op::Kind::DeleteFlag;
        made.flags.emplace_back(op.kind, 0);
        break;
      case 4:
      case 5:
        op.kind = Op::Kind::Send;
        op.child = std::make_unique<Node>(any(depth - 1, {.sender = self, .fate = Fate::Once, .parent = node.id}));
        break;
      case 6:
      case 7: add_delayed_send(depth, node, self); continue;
      default:
        op.kind = Op::Kind::Cancel;  // Of nothing.
        op.token = "nothing";
        break;
    }
    node.ops.push_back(std::move(op));
  }
  known[node.id] = std::move(made);
  return node;
}

void Trees::add_delayed_send(int depth, Node& node, const std::string& self) {
  Op op;
  op.kind = Op::Kind::SendLater;
  op.delay_ms = static_cast<std::int64_t>(random_.below(200));
  Known child{.sender = self, .fate = Fate::Once, .parent = node.id};
  switch (random_.below(4)) {
    case 0: break;  // No token.
    case 1:         // Cancelled in the same breath.
      op.token = "t" + std::to_string(last_id_);
      child.fate = Fate::Never;
      break;
    case 2:  // Cancelled by a message to ourselves: whoever is first.
      op.token = "t" + std::to_string(last_id_);
      child.fate = Fate::AtMostOnce;
      break;
    case 3:  // Never due within this run.
      op.delay_ms = kFarAway_ms;
      child.fate = Fate::Pending;
      break;
  }
  const Fate fate = child.fate;
  Op cancel;
  cancel.kind = Op::Kind::Cancel;
  cancel.token = op.token;
  op.child = std::make_unique<Node>(any(depth - 1, std::move(child)));
  node.ops.push_back(std::move(op));
  if (fate == Fate::Never) node.ops.push_back(std::move(cancel));
  if (fate != Fate::AtMostOnce) return;
  Node canceller;
  canceller.id = ++last_id_;
  canceller.target = node.target;
  canceller.ops.push_back(std::move(cancel));
  known[canceller.id] = {.target = node.target, .sender = self, .fate = Fate::Once, .parent = node.id};
  Op send;
  send.kind = Op::Kind::Send;
  send.child = std::make_unique<Node>(std::move(canceller));
  node.ops.push_back(std::move(send));
}

Node Trees::emitter(model::Address target, std::size_t way, Known made) {
  Node node;
  node.id = ++last_id_;
  node.target = made.target = std::move(target);
  node.ops.push_back(egress(way, made));
  known[node.id] = std::move(made);
  return node;
}

Node Trees::later(model::Address target, Duration delay, Node child) {
  Node node;
  node.id = ++last_id_;
  node.target = target;
  auto& below = known.at(child.id);
  below.sender = name_of(target);
  below.parent = node.id;
  Op op;
  op.kind = Op::Kind::SendLater;
  op.delay_ms = delay.ms;
  op.child = std::make_unique<Node>(std::move(child));
  node.ops.push_back(std::move(op));
  known[node.id] = {.target = std::move(target)};
  return node;
}

}  // namespace holdfast::sim
