// bank/account: a balance that is never below zero, and an entry in the ledger for each of its changes.
#include "functions.h"

namespace bank {
namespace {

// Far below what an integer holds, so that money that comes back to where it was always has room.
constexpr std::int64_t kBalanceMax = 1'000'000'000'000'000;

void change(sf::Context& ctx, std::int64_t by, const std::string& transfer) {
  const std::int64_t balance = ctx.storage()[kBalance] += by;
  const Entry entry{.account = ctx.self().id, .change = by, .balance = balance, .transfer = transfer};
  ctx.send_egress(kLedger, sf::KafkaRecord{.topic = "entries", .key = ctx.self().id, .value = sf::record_value(entry)});
}

// Nobody but a transfer moves money: it alone knows where the other half goes.
std::string transfer_of(const sf::Context& ctx) {
  const auto caller = ctx.caller();
  if (!caller || caller->type != kTransfer.text()) throw sf::InvalidArgument("money is moved by " + std::string(kTransfer.text()) + " only");
  return caller->id;
}

void withdraw(sf::Context& ctx, std::int64_t amount) {
  const std::string transfer = transfer_of(ctx);
  const auto balance = ctx.storage().get(kBalance);
  if (!balance) return ctx.reply(Moved{false, "there is no account " + ctx.self().id});
  if (*balance < amount) return ctx.reply(Moved{false, ctx.self().id + " has " + std::to_string(*balance) + ", not " + std::to_string(amount)});
  change(ctx, -amount, transfer);
  ctx.reply(Moved{true, ""});
}

void deposit(sf::Context& ctx, const Deposit& order) {
  const std::string transfer = transfer_of(ctx);
  const auto balance = ctx.storage().get(kBalance);
  if (!balance) return ctx.reply(Moved{false, "there is no account " + ctx.self().id});
  if (!order.refund && *balance > kBalanceMax)
    return ctx.reply(Moved{false, ctx.self().id + " has " + std::to_string(*balance) + ", and takes no more"});
  change(ctx, order.amount, transfer);
  ctx.reply(Moved{true, ""});
}

void show(sf::Context& ctx) {
  if (!ctx.caller()) return;
  const auto balance = ctx.storage().get(kBalance);
  ctx.reply(AccountView{.account = ctx.self().id, .open = balance.has_value(), .balance = balance.value_or(0)});
}

}  // namespace

void account(sf::Context& ctx, const sf::Message& message) {
  if (message.is<Withdraw>()) return withdraw(ctx, message.as<Withdraw>().amount);
  if (message.is<Deposit>()) return deposit(ctx, message.as<Deposit>());
  if (message.is<Open>()) {
    const std::int64_t balance = message.as<Open>().balance;
    if (balance < 0 || balance > kBalanceMax) throw sf::InvalidArgument("an account is not opened with " + std::to_string(balance));
    if (!ctx.storage()[kBalance]) change(ctx, balance, "");  // Said again, it changes nothing.
    return show(ctx);
  }
  (void)message.as<ShowAccount>();
  show(ctx);
}

}  // namespace bank
