// Two functions: bank/account keeps money, bank/transfer moves it. Money is in an account, or in exactly one transfer on its way.
#pragma once

#include "messages.h"

namespace bank {

inline constexpr sf::State<std::int64_t> kBalance{"balance"};  // None: the account is not open.

// A transfer that has not ended: where it is, and who waits for its outcome. It does not expire: money may be in it.
struct UnderWay {
  static constexpr sf::TypeName kName{"bank/UnderWay"};
  Transfer order;
  std::string phase;  // "withdrawing", "depositing", "refunding"
  std::string reason;
  std::vector<std::string> asker_types;  // Addresses, types and ids side by side.
  std::vector<std::string> asker_ids;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(UnderWay, order, phase, reason, asker_types, asker_ids)
};
inline constexpr sf::State<UnderWay> kUnderWay{"under_way"};

// One that has ended is remembered for a day: so long its id cannot be used for another one.
struct Ended {
  static constexpr sf::TypeName kName{"bank/Ended"};
  Transfer order;
  Outcome outcome;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Ended, order, outcome)
};
inline constexpr sf::State<Ended> kEnded{"ended", sf::expire_after_write(std::chrono::hours(24))};

void account(sf::Context& ctx, const sf::Message& message);
void transfer(sf::Context& ctx, const sf::Message& message);

}  // namespace bank

holdfast::sdk::Functions make_functions();
