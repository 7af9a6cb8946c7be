// bank/transfer: takes money from one account and puts it into another; if that cannot be, puts it back. A saga, in which each step and
// what is known about it become durable together, so none is ever done twice or forgotten.
#include "functions.h"

namespace bank {
namespace {

constexpr std::int64_t kAmountMax = 1'000'000'000'000;

void begin(sf::Context& ctx, const Transfer& order) {
  UnderWay now{.order = order, .phase = "withdrawing"};
  if (const auto caller = ctx.caller()) {
    now.asker_types.push_back(caller->type);
    now.asker_ids.push_back(caller->id);
  }
  ctx.send({kAccount, order.from}, Withdraw{order.amount});
  ctx.storage()[kUnderWay] = now;
}

void end(sf::Context& ctx, const UnderWay& now, bool done) {
  const Outcome outcome{.transfer = ctx.self().id, .done = done, .reason = now.reason};
  for (std::size_t i = 0; i < now.asker_types.size(); ++i) ctx.send({now.asker_types[i], now.asker_ids[i]}, outcome);
  ctx.storage()[kUnderWay].remove();
  ctx.storage()[kEnded] = Ended{.order = now.order, .outcome = outcome};
}

void refuse(sf::Context& ctx, const std::string& reason) {
  if (ctx.caller()) ctx.reply(Outcome{.transfer = ctx.self().id, .done = false, .reason = reason});
}

void ordered(sf::Context& ctx, const Transfer& order) {
  if (const auto ended = ctx.storage().get(kEnded)) {
    if (ended->order != order) return refuse(ctx, "this id is that of another transfer");
    if (ctx.caller()) ctx.reply(ended->outcome);
    return;
  }
  auto cell = ctx.storage()[kUnderWay];
  if (cell) {
    UnderWay now = *cell;
    if (now.order != order) return refuse(ctx, "this id is that of another transfer");
    if (const auto caller = ctx.caller()) {
      now.asker_types.push_back(caller->type);
      now.asker_ids.push_back(caller->id);
      cell = now;
    }
    return;
  }
  if (order.amount <= 0 || order.amount > kAmountMax)
    return refuse(ctx, "an amount is 1 to " + std::to_string(kAmountMax) + ", not " + std::to_string(order.amount));
  if (order.from.empty() || order.to.empty() || order.from == order.to) return refuse(ctx, "a transfer has two accounts");
  begin(ctx, order);
}

void moved(sf::Context& ctx, const Moved& answer) {
  auto cell = ctx.storage()[kUnderWay];
  UnderWay now = *cell;
  if (now.phase == "withdrawing") {
    if (!answer.ok) {
      now.reason = answer.reason;
      return end(ctx, now, false);
    }
    now.phase = "depositing";
    ctx.send({kAccount, now.order.to}, Deposit{now.order.amount});
  } else if (now.phase == "depositing") {
    if (answer.ok) return end(ctx, now, true);
    now.phase = "refunding";
    now.reason = answer.reason;
    ctx.send({kAccount, now.order.from}, Deposit{now.order.amount, true});
  } else {
    if (!answer.ok) throw sf::Error("a refund was refused: " + answer.reason);  // Accounts do not close: it cannot be.
    return end(ctx, now, false);
  }
  cell = now;
}

}  // namespace

void transfer(sf::Context& ctx, const sf::Message& message) {
  if (message.is<Moved>()) return moved(ctx, message.as<Moved>());
  ordered(ctx, message.as<Transfer>());
}

}  // namespace bank
