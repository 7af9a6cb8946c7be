// shopping_cart_server [port]: stock and baskets behind HTTP; port 0 takes a free one.
#include <cstdlib>

#include "functions.h"
#include "holdfast/sdk/server.h"

int main(int argc, char** argv) {
  const int port = argc > 1 ? std::atoi(argv[1]) : 8000;
  return holdfast::sdk::serve(make_functions(), {.port = static_cast<std::uint16_t>(port)});
}
