// Random models for comparing our codec with libprotobuf.
#pragma once

#include <cstdint>
#include <iterator>
#include <random>
#include <string>

#include "model/address.h"
#include "model/message.h"

namespace holdfast::codec {

inline constexpr int kRounds = 1500;

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool coin() { return below(2) == 0; }
  std::string text(std::size_t least = 0) {
    static const std::string kPieces[] = {"a", "Z", "0", "_", "-", ".", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    std::string out;
    // Now and then long enough for a length of two and of three bytes.
    const std::size_t size = least + (below(40) == 0 ? 100 + below(20'000) : below(12));
    for (std::size_t i = 0; i < size; ++i) out += kPieces[below(std::size(kPieces))];
    return out;
  }
  std::string bytes() {
    std::string out = coin() ? "" : text();
    for (std::size_t i = below(6); i-- > 0;) out.push_back(static_cast<char>(below(256)));
    return out;
  }
  std::int64_t number() {
    const auto bits = random_() >> below(64);
    return static_cast<std::int64_t>(coin() ? bits : ~bits + 1);
  }
  model::TypedValue value() { return {coin() ? "" : text() + "/" + text(), coin() ? "" : bytes(), coin()}; }
  model::Address address() { return {below(10) == 0 ? text(1) : text(1) + "/" + text(1), text()}; }

 private:
  std::mt19937_64 random_;
};

// Bits turned, bytes lost, and pieces doubled (which protobuf merges); or nothing.
inline void damage(std::string& bytes, Dice& dice) {
  for (std::size_t i = dice.below(3); i-- > 0 && !bytes.empty();) {
    const auto at = dice.below(bytes.size());
    switch (dice.below(4)) {
      case 0: bytes[at] = static_cast<char>(bytes[at] ^ 1 << dice.below(8)); break;
      case 1: bytes.resize(at); break;
      case 2: bytes.erase(at, 1 + dice.below(3)); break;
      case 3: bytes += std::string(bytes); break;
    }
  }
}

}  // namespace holdfast::codec
