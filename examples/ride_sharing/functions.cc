#include "functions.h"

holdfast::sdk::Functions make_functions() {
  using namespace rides;
  sf::Functions functions;
  functions.bind({std::string(kPassenger), {kCurrentRide, kBooked, kArrived}, passenger});
  functions.bind({std::string(kRide), {kTrip}, ride});
  functions.bind({std::string(kDriver), {kFare, kWhere}, driver});
  functions.bind({std::string(kCell), {kDrivers}, cell});
  return functions;
}
