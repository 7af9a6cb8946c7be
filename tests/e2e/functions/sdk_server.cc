// sdk_server [UNIX_SOCKET] PORT: functions behind the C++ SDK's server, for sdk_server_test.py. With a socket the port is of no matter.
//
//   cpp/counter  adds the number it is told to its state, and answers with the number of messages and the sum
//   cpp/blocks   the same on the pool, after waiting for a while as those do that ask a database
//   cpp/later    the same, completed on a thread of its own
//   cpp/throws   throws its message, if there is the file that MOOD_FILE names; else answers "fine"
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>

#include "holdfast/sdk.h"
#include "holdfast/sdk/server.h"

namespace {

namespace sf = holdfast::sdk;

constexpr sf::State<std::int64_t> kCount{"count"};
constexpr sf::State<std::int64_t> kSum{"sum"};

void count(sf::Context& ctx, const sf::Message& message) {
  const std::int64_t messages = ctx.storage()[kCount] += 1;
  const std::int64_t sum = ctx.storage()[kSum] += std::stoll(message.as<std::string>());
  const std::string now = std::to_string(messages) + " " + std::to_string(sum);
  ctx.send_egress("test/out", sf::KafkaRecord{.topic = "added", .key = sf::to_string(ctx.self()), .value = now});
  if (ctx.caller()) ctx.reply(now);
}

void block(sf::Context& ctx, const sf::Message& message) {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  count(ctx, message);
}

void later(sf::Context& ctx, const sf::Message& message, sf::Completion done) {
  std::thread([&ctx, &message, done]() mutable {
    try {
      count(ctx, message);
      done.complete();
    } catch (...) {
      done.fail(std::current_exception());
    }
  }).detach();
}

void throw_or_not(sf::Context& ctx, const sf::Message& message) {
  const char* mood = std::getenv("MOOD_FILE");
  if (mood != nullptr && std::filesystem::exists(mood)) throw std::runtime_error(message.as<std::string>());
  if (ctx.caller()) ctx.reply("fine");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fprintf(stderr, "usage: sdk_server [UNIX_SOCKET] PORT\n");
    return 2;
  }
  sf::Functions functions;
  functions.bind({"cpp/counter", {kCount, kSum}, count});
  functions.bind({"cpp/blocks", {kCount, kSum}, block, sf::Execution::Blocking});
  functions.bind({"cpp/later", {kCount, kSum}, later});
  functions.bind({"cpp/throws", throw_or_not});
  sf::ServerOptions options;
  if (argc == 3) options.unix_path = argv[1];
  options.port = static_cast<std::uint16_t>(std::atoi(argv[argc - 1]));
  return sf::serve(functions, options);
}
