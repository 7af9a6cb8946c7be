// The bench's functions as a server: a port, 0 for a free one, or a path for a unix socket.
#include <holdfast/sdk/server.h>

#include <cctype>
#include <cstdlib>
#include <string>

#include "functions.h"

int main(int argc, char** argv) {
  const std::string where = argc > 1 ? argv[1] : "0";
  holdfast::sdk::ServerOptions options;
  if (std::isdigit(static_cast<unsigned char>(where[0])) != 0) options.port = static_cast<std::uint16_t>(std::atoi(where.c_str()));
  else options.unix_path = where;
  return holdfast::sdk::serve(bench::functions(), options);
}
