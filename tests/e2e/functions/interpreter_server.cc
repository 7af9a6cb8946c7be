// interpreter_server NAMESPACE [UNIX_SOCKET] PORT: the interpreter functions behind the SDK's server. With a socket the port is of no matter.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "holdfast/sdk/server.h"
#include "interpreter.h"

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: interpreter_server NAMESPACE [UNIX_SOCKET] PORT\n");
    return 2;
  }
  holdfast::sdk::ServerOptions options;
  if (argc == 4) options.unix_path = argv[2];
  options.port = static_cast<std::uint16_t>(std::atoi(argv[argc - 1]));
  options.threads = 2;
  return holdfast::sdk::serve(holdfast::test::interpreters(argv[1]), options);
}
