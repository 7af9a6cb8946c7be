// Part 6, serving. The same functions behind a port, TLS, or a unix socket; or without any server:
//
//   showcase_server [PORT]                  HTTP; 0 takes a free port
//   showcase_server --tls CERT KEY [PORT]   HTTPS, from PEM files
//   showcase_server --unix PATH             HTTP on a unix socket
//   showcase_server --bytes                 one request from standard input, its answer to standard output: what a Lambda does
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "functions.h"
#include "holdfast/sdk/server.h"

namespace sf = holdfast::sdk;

namespace {

int serve_bytes() {
  const std::string request(std::istreambuf_iterator<char>(std::cin), {});
  const sf::Handler handler(make_functions());
  const sf::Answer answer = handler.handle(request);
  if (answer.status != sf::Answer::Status::Ok) {
    std::cerr << static_cast<int>(answer.status) << ": " << answer.body << "\n";
    return 1;
  }
  std::cout << answer.body << std::flush;
  return 0;
}

int usage() {
  std::cerr << "usage: showcase_server [PORT] | --tls CERT KEY [PORT] | --unix PATH | --bytes\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--bytes") return argc == 2 ? serve_bytes() : usage();

  sf::ServerOptions options;
  options.threads = 2;  // Functions run on them. Those that block are bound with Execution::Blocking, and run on others.
  int next = 1;
  if (first == "--unix") {
    if (argc != 3) return usage();
    options.unix_path = argv[2];
    next = 3;
  } else if (first == "--tls") {
    if (argc < 4) return usage();
    options.tls = {.certificate = argv[2], .key = argv[3]};
    next = 4;
  }
  if (argc > next + 1) return usage();
  if (argc > next) options.port = static_cast<std::uint16_t>(std::atoi(argv[next]));
  // Until SIGTERM or SIGINT; then what is under way is answered first.
  return sf::serve(make_functions(), options);
}
