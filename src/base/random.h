// Random: where chance comes in (jitter, request ids). The simulator hands in a seeded one.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace holdfast {

class Random {
 public:
  virtual ~Random() = default;
  [[nodiscard]] virtual std::uint64_t next() = 0;

  // Uniform in [0, bound); 0 for bound 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  // Uniform in [0, 1).
  [[nodiscard]] double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
};

// Repeats itself for the same seed. One thread.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  [[nodiscard]] std::uint64_t next() override { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// A seed from the system's entropy.
[[nodiscard]] std::uint64_t entropy();

}  // namespace holdfast
