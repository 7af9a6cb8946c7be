#include "functions.h"

holdfast::sdk::Functions make_functions() {
  using namespace rides;
  sf::Functions functions;
  functions.bind({kPassenger, {kCurrentRide, kBooked, kArrived}, passenger});
  functions.bind({kRide, {kTrip}, ride});
  functions.bind({kDriver, {kFare, kWhere}, driver});
  functions.bind({kCell, {kDrivers}, cell});
  return functions;
}
