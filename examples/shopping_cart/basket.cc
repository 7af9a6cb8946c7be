// shop/basket: what a user wants to have. Only what its stock has reserved is in it.
#include <algorithm>

#include "functions.h"

namespace shop {
namespace {

void show(sf::Context& ctx, const Asker& asker, std::string note) {
  answer(ctx, asker, BasketView{.items = ctx.storage()[kBasketState].value_or({}).items, .note = std::move(note)});
}

void put(sf::Context& ctx, const std::string& item, std::int64_t more) {
  auto cell = ctx.storage()[kBasketState];
  Basket basket = cell.value_or({});
  auto& quantity = basket.items[item];
  quantity += more;
  if (quantity <= 0) basket.items.erase(item);
  if (basket.items.empty()) cell.remove();
  else cell = basket;
}

// The answer to the user comes when the stock has answered: who asked travels along.
void add(sf::Context& ctx, const Add& wish) {
  if (wish.quantity <= 0) return show(ctx, asker_of(ctx), "a quantity is 1 or more, not " + std::to_string(wish.quantity));
  if (wish.item.empty()) return show(ctx, asker_of(ctx), "an item has a name");
  ctx.send({kStock, wish.item}, Reserve{.quantity = wish.quantity, .asker = asker_of(ctx)});
}

void reserved(sf::Context& ctx, const Reserved& answer) {
  if (answer.quantity > 0) put(ctx, answer.item, answer.quantity);
  show(ctx, answer.asker, answer.quantity > 0 ? "" : "of " + answer.item + " there are " + std::to_string(answer.available));
}

void remove(sf::Context& ctx, const Remove& wish) {
  const auto items = ctx.storage()[kBasketState].value_or({}).items;
  if (const auto found = items.find(wish.item); found != items.end()) {
    ctx.send({kStock, wish.item}, Release{.quantity = found->second});
    put(ctx, wish.item, -found->second);
  }
  show(ctx, asker_of(ctx), "");
}

void done(sf::Context& ctx, const Paying& paying) {
  ctx.send_egress(kReceipts, sf::KafkaRecord{.topic = "receipts", .key = ctx.self().id, .value = sf::record_value(paying.receipt)});
  answer(ctx, paying.asker, paying.receipt);
}

void check_out(sf::Context& ctx) {
  if (ctx.storage()[kPaying]) return show(ctx, asker_of(ctx), "the last checkout has not ended yet");
  const auto basket = ctx.storage()[kBasketState].value_or({});
  if (basket.items.empty()) return show(ctx, asker_of(ctx), "there is nothing to pay");
  Paying paying{.waiting = {}, .receipt = {}, .asker = asker_of(ctx)};
  paying.receipt.user = ctx.self().id;
  for (const auto& [item, quantity] : basket.items) {
    ctx.send({kStock, item}, Buy{.quantity = quantity});
    paying.waiting.push_back(item);
  }
  ctx.storage()[kPaying] = paying;
  ctx.storage()[kBasketState].remove();
}

void sold(sf::Context& ctx, const Sold& sale) {
  auto cell = ctx.storage()[kPaying];
  Paying paying = *cell;
  std::erase(paying.waiting, sale.item);
  if (sale.quantity > 0) paying.receipt.lines.push_back({.item = sale.item, .quantity = sale.quantity, .price = sale.price});
  else paying.receipt.gone.push_back(sale.item);
  paying.receipt.total += sale.price;
  if (!paying.waiting.empty()) {
    cell = paying;
    return;
  }
  cell.remove();
  done(ctx, paying);
}

}  // namespace

void basket(sf::Context& ctx, const sf::Message& message) {
  if (message.is<Add>()) return add(ctx, message.as<Add>());
  if (message.is<Reserved>()) return reserved(ctx, message.as<Reserved>());
  if (message.is<Remove>()) return remove(ctx, message.as<Remove>());
  if (message.is<Checkout>()) return check_out(ctx);
  if (message.is<Sold>()) return sold(ctx, message.as<Sold>());
  if (message.is<HoldEnded>()) return put(ctx, message.as<HoldEnded>().item, -message.as<HoldEnded>().quantity);
  (void)message.as<ShowBasket>();  // Throws if it is something else.
  show(ctx, asker_of(ctx), "");
}

}  // namespace shop
