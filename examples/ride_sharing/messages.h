// Who says what:
//
//   person    --Book-->           passenger  --Requested-->   ride
//   ride      --FindDriver-->     cell       --DriverFound / NoDriver-->  ride
//   ride      --PickUp-->         driver     --PickedUp / Busy-->         ride  --Started-->    passenger
//   person    --DriverAt-->       driver     --Leave, Join-->             cell
//                                 driver     --Arrived-->                 ride  --Ended-->      passenger
//   person    --CancelBooking-->  passenger  --CancelRide-->              ride  --Ended-->      passenger, --DropFare--> driver
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "holdfast/sdk.h"

namespace rides {

namespace sf = holdfast::sdk;

inline constexpr sf::TypeName kPassenger{"rides/passenger"};
inline constexpr sf::TypeName kRide{"rides/ride"};      // id: "<passenger>-<number>"
inline constexpr sf::TypeName kDriver{"rides/driver"};
inline constexpr sf::TypeName kCell{"rides/cell"};      // id: the number of a square of the map
inline constexpr sf::TypeName kUpdates{"rides/updates"};

// A message that says all by its name: {}.
struct NoFields {
  friend void to_json(nlohmann::json& out, const NoFields&) { out = nlohmann::json::object(); }
  friend void from_json(const nlohmann::json&, NoFields&) {}
};

// --- from people

struct Book {
  static constexpr sf::TypeName kName{"rides/Book"};
  std::int64_t from = 0;
  std::int64_t to = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Book, from, to)
};
struct CancelBooking : NoFields {
  static constexpr sf::TypeName kName{"rides/CancelBooking"};
};
struct DriverAt {
  static constexpr sf::TypeName kName{"rides/DriverAt"};
  std::int64_t cell = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(DriverAt, cell)
};

// --- a ride and its passenger

struct Requested {
  static constexpr sf::TypeName kName{"rides/Requested"};
  std::int64_t from = 0;
  std::int64_t to = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Requested, from, to)
};
struct CancelRide : NoFields {
  static constexpr sf::TypeName kName{"rides/CancelRide"};
};
struct Started {
  static constexpr sf::TypeName kName{"rides/Started"};
  std::string driver;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Started, driver)
};
struct Ended {
  static constexpr sf::TypeName kName{"rides/Ended"};
  std::string how;  // "arrived", "no driver", "cancelled"
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Ended, how)
};

// --- a ride and a cell

struct FindDriver : NoFields {
  static constexpr sf::TypeName kName{"rides/FindDriver"};
};
struct DriverFound {
  static constexpr sf::TypeName kName{"rides/DriverFound"};
  std::string driver;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(DriverFound, driver)
};
struct NoDriver : NoFields {
  static constexpr sf::TypeName kName{"rides/NoDriver"};
};
// From a ride to itself, later.
struct LookAgain : NoFields {
  static constexpr sf::TypeName kName{"rides/LookAgain"};
};

// --- a ride and its driver

struct PickUp {
  static constexpr sf::TypeName kName{"rides/PickUp"};
  std::int64_t to = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(PickUp, to)
};
struct PickedUp : NoFields {
  static constexpr sf::TypeName kName{"rides/PickedUp"};
};
struct Busy : NoFields {
  static constexpr sf::TypeName kName{"rides/Busy"};
};
// The passenger changed their mind.
struct DropFare : NoFields {
  static constexpr sf::TypeName kName{"rides/DropFare"};
};
struct Arrived : NoFields {
  static constexpr sf::TypeName kName{"rides/Arrived"};
};

// --- a driver and a cell

struct Join : NoFields {
  static constexpr sf::TypeName kName{"rides/Join"};
};
struct Leave : NoFields {
  static constexpr sf::TypeName kName{"rides/Leave"};
};

// --- what the world is told: records of the stream rides/updates, topic "rides"

struct Update {
  static constexpr sf::TypeName kName{"rides/Update"};
  std::string ride;
  std::string passenger;
  std::string what;  // "requested", "started", "arrived", "no driver", "cancelled"
  std::string driver;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Update, ride, passenger, what, driver)
};

}  // namespace rides

// Whatever says a kName is a value of that type, as JSON.
template <typename T>
  requires requires { T::kName; }
inline constexpr auto holdfast::sdk::type_of<T> = holdfast::sdk::json_type<T, nlohmann::json>(T::kName);
