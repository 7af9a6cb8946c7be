// The simulator: random trees of commands through runtime and partition, on a simulated clock, disk, functions and brokers, with crashes at any
// point, against an obvious model: everything accepted happens exactly once, in order, what was seen stays true, and what is well is not
// kept waiting by what is not.
//
//   HOLDFAST_SIM_SEEDS=1000  how many seeds
//   HOLDFAST_SIM_FIRST=1     the first of them; a failing seed is printed and run again with HOLDFAST_SIM_FIRST=<seed> HOLDFAST_SIM_SEEDS=1
//   HOLDFAST_SIM_FAILURES=5  after how many failing ones it is enough
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/log.h"
#include "history.h"

namespace holdfast::sim {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Simulation, EverythingAcceptedHappensExactlyOnceInOrderAndWhatWasSeenStaysTrue) {
  init_log(std::getenv("HOLDFAST_SIM_LOG") != nullptr ? LogLevel::Debug : LogLevel::Off, LogFormat::Text);
  const std::uint64_t first = from_environment("HOLDFAST_SIM_FIRST", 1);
  const std::uint64_t seeds = from_environment("HOLDFAST_SIM_SEEDS", 1000);
  const std::uint64_t failures = from_environment("HOLDFAST_SIM_FAILURES", 5);
  std::uint64_t crashes = 0, failed = 0;
  for (std::uint64_t seed = first; seed < first + seeds && failed < failures; ++seed) {
    if (std::getenv("HOLDFAST_SIM_SHOW") != nullptr) std::fprintf(stderr, "seed %llu\n", static_cast<unsigned long long>(seed));
    History run(seed);
    const std::string why = run.go();
    crashes += run.crashes();
    if (why.empty()) continue;
    ++failed;
    ADD_FAILURE() << "seed " << seed << ": " << why << "\n  again with HOLDFAST_SIM_FIRST=" << seed << " HOLDFAST_SIM_SEEDS=1";
  }
  if (failed == 0 && seeds >= 10) {
    EXPECT_GT(crashes, seeds) << "too few crashes to mean anything";
  }
  RecordProperty("crashes", static_cast<int>(crashes));
  std::printf("%llu seeds, %llu crashes\n", static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(crashes));
}

TEST(Simulation, ASeedRepeatsItselfByteForByte) {
  init_log(LogLevel::Off, LogFormat::Text);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::uint64_t prints[2];
    for (auto& print : prints) {
      History run(seed);
      (void)run.go();
      print = run.fingerprint();
    }
    EXPECT_EQ(prints[0], prints[1]) << "seed " << seed;
  }
}

}  // namespace
}  // namespace holdfast::sim
