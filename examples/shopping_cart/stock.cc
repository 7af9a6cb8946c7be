// shop/stock: how much there is of one item, and who holds some of it.
#include <algorithm>

#include "functions.h"

namespace shop {
namespace {

// One for each hold: a token that is still in use cannot be used again.
sf::CancellationToken token(const sf::Context& ctx, const std::string& user, const Hold& hold) {
  return sf::CancellationToken("hold/" + ctx.self().id + "/" + user + "/" + std::to_string(hold.number));
}

void reserve(sf::Context& ctx, Stock& stock, const Reserve& wish) {
  const std::string user = ctx.caller().value().id;
  Reserved answer{.item = ctx.self().id, .quantity = 0, .available = stock.available, .asker = wish.asker};
  if (wish.quantity > 0 && wish.quantity <= stock.available) {
    stock.available -= wish.quantity;
    Hold& hold = stock.holds[user];
    if (hold.quantity == 0) {
      hold.number = ++stock.holds_made;
      ctx.send_after(std::chrono::milliseconds(stock.hold_ms), token(ctx, user, hold), ctx.self(), HoldEnds{user, hold.number});
    }
    hold.quantity += wish.quantity;
    answer.quantity = wish.quantity;
    answer.available = stock.available;
  }
  ctx.reply(answer);
}

// Takes up to `quantity` out of the caller's hold; the hold, and its timer, end when nothing is left. How many that were.
std::int64_t take(sf::Context& ctx, Stock& stock, std::int64_t quantity) {
  const auto found = stock.holds.find(ctx.caller().value().id);
  if (found == stock.holds.end()) return 0;
  const std::int64_t taken = std::min(quantity, found->second.quantity);
  found->second.quantity -= taken;
  if (found->second.quantity == 0) {
    ctx.cancel_delayed_message(token(ctx, found->first, found->second));
    stock.holds.erase(found);
  }
  return taken;
}

// The timer may be on its way already when it is taken back: then its number is that of no hold any more.
void end_hold(sf::Context& ctx, Stock& stock, const HoldEnds& ends) {
  const auto found = stock.holds.find(ends.user);
  if (found == stock.holds.end() || found->second.number != ends.number) return;
  stock.available += found->second.quantity;
  ctx.send({kBasket, ends.user}, HoldEnded{.item = ctx.self().id, .quantity = found->second.quantity});
  stock.holds.erase(found);
}

StockView view_of(const sf::Context& ctx, const Stock& stock) {
  StockView view{.item = ctx.self().id, .available = stock.available, .held = 0, .sold = stock.sold};
  for (const auto& [user, hold] : stock.holds) view.held += hold.quantity;
  return view;
}

}  // namespace

void stock(sf::Context& ctx, const sf::Message& message) {
  auto cell = ctx.storage()[kStockState];
  Stock stock = cell.value_or({});
  if (message.is<Reserve>()) {
    reserve(ctx, stock, message.as<Reserve>());
  } else if (message.is<Release>()) {
    stock.available += take(ctx, stock, message.as<Release>().quantity);
  } else if (message.is<Buy>()) {
    const std::int64_t bought = take(ctx, stock, message.as<Buy>().quantity);
    stock.sold += bought;
    ctx.reply(Sold{.item = ctx.self().id, .quantity = bought, .price = bought * stock.price});
  } else if (message.is<HoldEnds>()) {
    end_hold(ctx, stock, message.as<HoldEnds>());
  } else if (message.is<ShowStock>()) {
    return ctx.reply(view_of(ctx, stock));
  } else {
    const auto more = message.as<Restock>();
    stock.available += more.quantity;
    stock.price = more.price;
    stock.hold_ms = more.hold_ms;
    if (ctx.caller()) ctx.reply(view_of(ctx, stock));
  }
  cell = stock;
}

}  // namespace shop
