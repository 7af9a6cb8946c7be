// Two functions, shop/stock and shop/basket; messages.h says what they are told, stock.cc and basket.cc what they do.
#pragma once

#include <map>

#include "messages.h"

namespace shop {

// A user's hold on some of an item: nobody else can have them, until its timer goes off.
struct Hold {
  std::int64_t quantity = 0;
  std::int64_t number = 0;  // Tells it from earlier holds of the same user.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Hold, quantity, number)
};
struct Stock {
  static constexpr sf::TypeName kName{"shop/Stock"};
  std::int64_t available = 0;
  std::int64_t sold = 0;
  std::int64_t price = 0;
  std::int64_t hold_ms = 0;
  std::int64_t holds_made = 0;
  std::map<std::string, Hold> holds;  // By user.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Stock, available, sold, price, hold_ms, holds_made, holds)
};
inline constexpr sf::State<Stock> kStockState{"stock"};

struct Basket {
  static constexpr sf::TypeName kName{"shop/Basket"};
  std::map<std::string, std::int64_t> items;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Basket, items)
};
// A basket that nobody touches is forgotten; what it held is free again long before.
inline constexpr sf::State<Basket> kBasketState{"basket", sf::expire_after_write(std::chrono::hours(24))};

struct Paying {
  static constexpr sf::TypeName kName{"shop/Paying"};
  std::vector<std::string> waiting;  // Items whose stock has not answered yet.
  Receipt receipt;
  Asker asker;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Paying, waiting, receipt, asker)
};
inline constexpr sf::State<Paying> kPaying{"paying"};

void stock(sf::Context& ctx, const sf::Message& message);
void basket(sf::Context& ctx, const sf::Message& message);

}  // namespace shop

holdfast::sdk::Functions make_functions();
