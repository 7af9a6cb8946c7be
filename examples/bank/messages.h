// What accounts, transfers and people say to each other, as JSON. Amounts are whole cents.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "holdfast/sdk.h"

namespace bank {

namespace sf = holdfast::sdk;

inline constexpr sf::TypeName kAccount{"bank/account"};    // id: a name
inline constexpr sf::TypeName kTransfer{"bank/transfer"};  // id: chosen by whoever wants the transfer, once
inline constexpr sf::TypeName kLedger{"bank/ledger"};

// What people write as an amount. JSON's other numbers would be cut to one that nobody meant.
inline std::int64_t cents(const nlohmann::json& amount) {
  if (!amount.is_number_integer()) throw sf::WrongType("an amount is whole cents, not " + amount.dump());
  return amount.get<std::int64_t>();
}

// --- people to an account

// A new account, with money from outside: the only way money comes into this bank.
struct Open {
  static constexpr sf::TypeName kName{"bank/Open"};
  std::int64_t balance = 0;
  friend void to_json(nlohmann::json& out, const Open& open) { out = {{"balance", open.balance}}; }
  friend void from_json(const nlohmann::json& in, Open& open) { open.balance = cents(in.at("balance")); }
};
struct ShowAccount {
  static constexpr sf::TypeName kName{"bank/ShowAccount"};
  friend void to_json(nlohmann::json& out, const ShowAccount&) { out = nlohmann::json::object(); }
  friend void from_json(const nlohmann::json&, ShowAccount&) {}
};
struct AccountView {
  static constexpr sf::TypeName kName{"bank/AccountView"};
  std::string account;
  bool open = false;
  std::int64_t balance = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(AccountView, account, open, balance)
};

// --- people to a transfer

// Under one id it happens once, however often it is said; another one under the same id is refused.
struct Transfer {
  static constexpr sf::TypeName kName{"bank/Transfer"};
  std::string from;
  std::string to;
  std::int64_t amount = 0;
  friend void to_json(nlohmann::json& out, const Transfer& t) { out = {{"from", t.from}, {"to", t.to}, {"amount", t.amount}}; }
  friend void from_json(const nlohmann::json& in, Transfer& t) {
    in.at("from").get_to(t.from);
    in.at("to").get_to(t.to);
    t.amount = cents(in.at("amount"));
  }

  friend bool operator==(const Transfer&, const Transfer&) = default;
};
struct Outcome {
  static constexpr sf::TypeName kName{"bank/Outcome"};
  std::string transfer;
  bool done = false;
  std::string reason;  // Why not.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Outcome, transfer, done, reason)
};

// --- a transfer and an account

struct Withdraw {
  static constexpr sf::TypeName kName{"bank/Withdraw"};
  std::int64_t amount = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Withdraw, amount)
};
struct Deposit {
  static constexpr sf::TypeName kName{"bank/Deposit"};
  std::int64_t amount = 0;
  bool refund = false;  // Money that comes back to where it was is always taken.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Deposit, amount, refund)
};
struct Moved {
  static constexpr sf::TypeName kName{"bank/Moved"};
  bool ok = false;
  std::string reason;  // Why not.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Moved, ok, reason)
};

// --- the ledger: a record of the stream bank/ledger, topic "entries", for each change of a balance

struct Entry {
  static constexpr sf::TypeName kName{"bank/Entry"};
  std::string account;
  std::int64_t change = 0;
  std::int64_t balance = 0;  // Afterwards.
  std::string transfer;      // Empty: the account was opened.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Entry, account, change, balance, transfer)
};

}  // namespace bank

// Whatever says a kName is a value of that type, as JSON.
template <typename T>
  requires requires { T::kName; }
inline constexpr auto holdfast::sdk::type_of<T> = holdfast::sdk::json_type<T, nlohmann::json>(T::kName);
