#include "functions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

namespace bench {
namespace {

namespace sf = holdfast::sdk;

// 64 bytes: a counter, little endian, and what else such a state would hold.
struct Cell {
  std::int64_t count = 0;
  std::array<char, 56> rest{};
};
static_assert(sizeof(Cell) == 64 && std::endian::native == std::endian::little);

constexpr auto kCell = sf::custom_type<Cell>(
    "bench/Cell", [](const Cell& cell, std::string& out) { out.append(reinterpret_cast<const char*>(&cell), sizeof cell); },
    [](std::string_view bytes) {
      if (bytes.size() != sizeof(Cell)) throw sf::WrongType("expected 64 bytes");
      Cell cell;
      std::memcpy(&cell, bytes.data(), sizeof cell);
      return cell;
    });
constexpr sf::State<Cell> kState{"cell", kCell};

constexpr sf::TypeName kCellFunction{"bench/cell"};
constexpr std::int64_t kStride = 7919;  // Coprime to the number of keys: neighbours in time are not neighbours in the key space.

void cell(sf::Context& ctx, const sf::Message& message) {
  if (const auto add = message.try_as<std::int32_t>()) {
    ctx.storage()[kState].update([&](Cell& state) { state.count += *add; });
  } else if (const auto add_and_answer = message.try_as<std::int64_t>()) {
    ctx.storage()[kState].update([&](Cell& state) { state.count += *add_and_answer; });
    ctx.reply(true);
  } else {
    const auto state = ctx.storage()[kState].value_or({});
    ctx.send_egress("bench/out", {.topic = "audit", .key = ctx.self().id, .value = std::to_string(state.count)});
    if (message.as<std::string>().ends_with('!')) ctx.reply(true);
  }
}

constexpr sf::State<std::string> kRest{"rest"};           // What is left of the order.
constexpr sf::State<std::int32_t> kPending{"pending"};    // Cells that have not answered.
constexpr std::int64_t kAnswersEach = 25;                 // Every 25th cell answers: some of them are handled last.

void send_portion(sf::Context& ctx, const std::string& what_is_left) {
  std::istringstream order(what_is_left);
  std::string what;
  std::int64_t next = 0, end = 0, step = 0, keys = 0, portion = 0;
  if (!(order >> what >> next >> end >> step >> keys >> portion)) throw sf::WrongType("expected \"add NEXT END STEP KEYS PORTION\"");
  char id[24] = "k";
  std::int32_t pending = 0;
  for (std::int64_t sent = 1; sent <= portion && next < end; ++sent, next += step) {
    const auto written = std::to_chars(id + 1, std::end(id), next * kStride % keys);
    const sf::AddressView target{kCellFunction, std::string_view(id, static_cast<std::size_t>(written.ptr - id))};
    const bool answers = sent % kAnswersEach == 0 || sent == portion;
    pending += answers ? 1 : 0;
    if (what == "audit") ctx.send(target, answers ? "audit!" : "audit");
    else if (answers) ctx.send(target, std::int64_t{1});
    else ctx.send(target, std::int32_t{1});
  }
  if (next >= end) return ctx.storage().remove(kRest);
  std::ostringstream rest;
  rest << what << ' ' << next << ' ' << end << ' ' << step << ' ' << keys << ' ' << portion;
  ctx.storage()[kRest] = rest.str();
  ctx.storage()[kPending] = pending;
}

void source(sf::Context& ctx, const sf::Message& message) {
  if (message.is<std::string>()) return send_portion(ctx, message.as<std::string>());
  if ((ctx.storage()[kPending] -= 1) > 0) return;
  if (const auto rest = ctx.storage()[kRest].get()) send_portion(ctx, *rest);
}

}  // namespace

sf::Functions functions() {
  sf::Functions out;
  out.bind({"bench/cell", {kState}, cell});
  out.bind({"bench/source", {kRest, kPending}, source});
  return out;
}

}  // namespace bench
