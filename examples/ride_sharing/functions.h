// Four functions, each in a file of its own; messages.h says what they tell each other.
#pragma once

#include "messages.h"

namespace rides {

// --- states of rides/passenger

inline constexpr sf::State<std::string> kCurrentRide{"ride"};  // While there is one.
inline constexpr sf::State<std::int64_t> kBooked{"booked"};
inline constexpr sf::State<std::int64_t> kArrived{"arrived"};

// --- states of rides/ride

struct Trip {
  static constexpr sf::TypeName kName{"rides/Trip"};
  std::string passenger;
  std::int64_t from = 0;
  std::int64_t to = 0;
  std::int64_t looked = 0;    // How often a cell was asked for a driver.
  std::string driver;         // Who was asked, or drives.
  std::string phase;          // "looking": the cell is asked. "waiting" until it is asked again. "asking": a driver. "driving".
  bool cancelled = false;     // While somebody is asked, who must be told when they answer.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Trip, passenger, from, to, looked, driver, phase, cancelled)
};
inline constexpr sf::State<Trip> kTrip{"trip"};
inline constexpr std::chrono::milliseconds kLookAgainAfter{200};
inline constexpr std::int64_t kLooksMax = 50;

// --- states of rides/driver

struct Fare {
  static constexpr sf::TypeName kName{"rides/Fare"};
  std::string ride;
  std::int64_t to = 0;
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Fare, ride, to)
};
inline constexpr sf::State<Fare> kFare{"fare"};            // While somebody is in the car.
inline constexpr sf::State<std::int64_t> kWhere{"cell"};

// --- states of rides/cell

struct Drivers {
  static constexpr sf::TypeName kName{"rides/Drivers"};
  std::vector<std::string> waiting;  // Longest first.
  NLOHMANN_DEFINE_TYPE_INTRUSIVE(Drivers, waiting)
};
inline constexpr sf::State<Drivers> kDrivers{"drivers"};

void passenger(sf::Context& ctx, const sf::Message& message);
void ride(sf::Context& ctx, const sf::Message& message);
void driver(sf::Context& ctx, const sf::Message& message);
void cell(sf::Context& ctx, const sf::Message& message);

}  // namespace rides

holdfast::sdk::Functions make_functions();
