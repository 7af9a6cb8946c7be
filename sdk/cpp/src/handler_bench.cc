// CPU nanoseconds (other load does not count) from a request's bytes to its answer's: a function with a state of 64 bytes that it reads
// and writes, and a reply; for one message, and for a batch of a hundred. And the parts: reading the request, a call without effects.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>

#include "batch.h"
#include "handling.h"
#include "holdfast/module_abi.h"
#include "holdfast/sdk.h"
#include "holdfast/sdk/module.h"
#include "request.h"

namespace sf = holdfast::sdk;

namespace {

// 64 bytes as they are: what they mean is not what is measured.
struct Account {
  std::int64_t fields[8] = {};
};
constexpr auto kAccountType = sf::custom_type<Account>(
    "bench/account",
    [](const Account& account, std::string& out) { out.append(reinterpret_cast<const char*>(account.fields), sizeof account.fields); },
    [](std::string_view bytes) {
      Account out;
      if (bytes.size() != sizeof out.fields) throw sf::WrongType("expected 64");
      std::memcpy(out.fields, bytes.data(), sizeof out.fields);
      return out;
    });
constexpr sf::State<Account> kAccount{"account", kAccountType};

sf::Functions make_functions() {
  sf::Functions out;
  out.bind({"bench/deposit", {kAccount}, [](sf::Context& ctx, const sf::Message& message) {
              const auto amount = message.as<std::int64_t>();
              const auto account = ctx.storage()[kAccount].update([&](Account& account) { account.fields[amount & 7] += amount; });
              ctx.reply(account.fields[amount & 7]);
            }});
  out.bind({"bench/nothing", {kAccount}, [](sf::Context&, const sf::Message&) {}});
  out.bind({"bench/later", {kAccount}, [](sf::Context&, const sf::Message&, sf::Completion done) { done.complete(); }});
  return out;
}

std::string request(const char* function, int messages) {
  sf::Request out({function, "customer-4711"});
  out.state("account", sf::typed(kAccountType, Account{}));
  for (int i = 0; i < messages; ++i) out.message(sf::typed(std::int64_t{1}), sf::Address{"bench/http", "caller-1"});
  return out.bytes();
}

template <typename F>
void measure(const char* what, int messages, F run) {
  const int rounds = 1'000'000 / messages;
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const std::clock_t start = std::clock();
    for (int i = 0; i < rounds; ++i) run();
    best = std::min(best, static_cast<double>(std::clock() - start) * (1e9 / CLOCKS_PER_SEC) / rounds);
  }
  std::printf("%-34s %8.0f ns a request, %6.0f ns a message\n", what, best, best / messages);
}

}  // namespace

int main() {
  const sf::Handler handler(make_functions());
  const auto one = request("bench/deposit", 1);
  const auto hundred = request("bench/deposit", 100);
  if (handler.handle(one).status != sf::Answer::Status::Ok) return 1;

  holdfast_host host{sizeof host, HOLDFAST_ABI_MAJOR, HOLDFAST_ABI_MINOR, "bench", [](holdfast_call, const void*, std::size_t) { return 1; },
                     [](holdfast_call, const char*, std::size_t) { return 1; }};
  const auto& module = *sf::module_descriptor<make_functions>();
  char error[100] = "";
  void* instance = module.create(&host, error, sizeof error);
  if (instance == nullptr) return 1;
  const auto invoke = [&](const std::string& bytes) {
    const holdfast_request call{sizeof call, {nullptr, 1}, bytes.data(), bytes.size(), "", 0, 0};
    module.invoke(instance, &call);
  };

  std::printf("request %zu bytes, answer %zu bytes\n", one.size(), handler.handle(one).body.size());
  sf::detail::Batch batch;
  measure("reading the request", 1, [&] { batch.read(one); });
  measure("a function that does nothing", 1, [&, bytes = request("bench/nothing", 1)] { (void)handler.handle(bytes); });
  measure("state and reply", 1, [&] { (void)handler.handle(one); });
  measure("state and reply, a batch of 100", 100, [&] { (void)handler.handle(hundred); });
  measure("state and reply, as a module", 1, [&] { invoke(one); });
  measure("completing later, from within", 1, [&, bytes = request("bench/later", 1)] { (void)handler.handle(bytes); });
  module.destroy(instance);
}
