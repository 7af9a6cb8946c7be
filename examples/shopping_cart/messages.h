// What stock, baskets and people say to each other. All of it is JSON, so that `holdfast call --type shop/Add … '{"item": "tea", "quantity": 2}'`
// and functions in other languages can join in.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "holdfast/sdk.h"

namespace shop {

namespace sf = holdfast::sdk;

inline constexpr sf::TypeName kStock{"shop/stock"};    // id: an item
inline constexpr sf::TypeName kBasket{"shop/basket"};  // id: a user
inline constexpr sf::TypeName kReceipts{"shop/receipts"};

// Who waits for an answer that comes through several functions. Nobody, if the type is empty: JSON has no address that is none.
struct Asker {
  std::string type;
  std::string id;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Asker, type, id)
};

inline Asker asker_of(const sf::Context& ctx) {
  const auto caller = ctx.caller();
  return caller ? Asker{caller->type, caller->id} : Asker{};
}

template <typename T>
void answer(sf::Context& ctx, const Asker& asker, const T& value) {
  if (!asker.type.empty()) ctx.send({asker.type, asker.id}, value);
}

// A message that says all by its name: {}.
struct NoFields {
  friend void to_json(nlohmann::json& out, const NoFields&) { out = nlohmann::json::object(); }
  friend void from_json(const nlohmann::json&, NoFields&) {}
};

// --- people to stock

struct Restock {
  static constexpr sf::TypeName kName{"shop/Restock"};
  std::int64_t quantity = 0;
  std::int64_t price = 0;             // Cents.
  std::int64_t hold_ms = 15 * 60'000;  // How long a basket may keep one from all others.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE_WITH_DEFAULT(Restock, quantity, price, hold_ms)
};
struct ShowStock : NoFields {
  static constexpr sf::TypeName kName{"shop/ShowStock"};
};
struct StockView {
  static constexpr sf::TypeName kName{"shop/StockView"};
  std::string item;
  std::int64_t available = 0;
  std::int64_t held = 0;
  std::int64_t sold = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(StockView, item, available, held, sold)
};

// --- basket to stock, and its answers

struct Reserve {
  static constexpr sf::TypeName kName{"shop/Reserve"};
  std::int64_t quantity = 0;
  Asker asker;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Reserve, quantity, asker)
};
struct Reserved {
  static constexpr sf::TypeName kName{"shop/Reserved"};
  std::string item;
  std::int64_t quantity = 0;   // All of it, or 0.
  std::int64_t available = 0;  // What is left.
  Asker asker;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Reserved, item, quantity, available, asker)
};
struct Release {
  static constexpr sf::TypeName kName{"shop/Release"};
  std::int64_t quantity = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Release, quantity)
};
struct Buy {
  static constexpr sf::TypeName kName{"shop/Buy"};
  std::int64_t quantity = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Buy, quantity)
};
struct Sold {
  static constexpr sf::TypeName kName{"shop/Sold"};
  std::string item;
  std::int64_t quantity = 0;  // 0: the hold had expired.
  std::int64_t price = 0;     // Of all of them.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Sold, item, quantity, price)
};
// From stock to itself, later.
struct HoldEnds {
  static constexpr sf::TypeName kName{"shop/HoldEnds"};
  std::string user;
  std::int64_t number = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(HoldEnds, user, number)
};
// From stock to the basket, unasked.
struct HoldEnded {
  static constexpr sf::TypeName kName{"shop/HoldEnded"};
  std::string item;
  std::int64_t quantity = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(HoldEnded, item, quantity)
};

// --- people to a basket

struct Add {
  static constexpr sf::TypeName kName{"shop/Add"};
  std::string item;
  std::int64_t quantity = 1;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE_WITH_DEFAULT(Add, item, quantity)
};
struct Remove {
  static constexpr sf::TypeName kName{"shop/Remove"};
  std::string item;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Remove, item)
};
struct ShowBasket : NoFields {
  static constexpr sf::TypeName kName{"shop/ShowBasket"};
};
struct Checkout : NoFields {
  static constexpr sf::TypeName kName{"shop/Checkout"};
};
struct BasketView {
  static constexpr sf::TypeName kName{"shop/BasketView"};
  std::map<std::string, std::int64_t> items;
  std::string note;  // What could not be done, and why.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(BasketView, items, note)
};
struct Line {
  std::string item;
  std::int64_t quantity = 0;
  std::int64_t price = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Line, item, quantity, price)
};
struct Receipt {
  static constexpr sf::TypeName kName{"shop/Receipt"};
  std::string user;
  std::vector<Line> lines;
  std::vector<std::string> gone;  // Items whose hold had expired when it came to paying.
  std::int64_t total = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Receipt, user, lines, gone, total)
};

}  // namespace shop

// Whatever says a kName is a value of that type, as JSON.
template <typename T>
  requires requires { T::kName; }
inline constexpr auto holdfast::sdk::type_of<T> = holdfast::sdk::json_type<T, nlohmann::json>(T::kName);
