// every_case: runs a test body once for each way its choices can fall. For small spaces this beats random testing: a pass is a
// proof. The first case that fails ends the run and says which choices led to it.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::testing {

class Choices {
 public:
  // An index below `count`. Each run of the body sees another combination.
  std::size_t below(std::size_t count) {
    if (next_ == picks_.size()) picks_.push_back({0, count});
    return picks_[next_++].value;
  }
  bool advance() {
    next_ = 0;
    while (!picks_.empty() && picks_.back().value + 1 == picks_.back().count) picks_.pop_back();
    if (picks_.empty()) return false;
    ++picks_.back().value;
    return true;
  }
  [[nodiscard]] std::string text() const {
    std::string out;
    for (const Pick& pick : picks_) out += (out.empty() ? "" : ",") + std::to_string(pick.value);
    return out;
  }

 private:
  struct Pick {
    std::size_t value;
    std::size_t count;
  };
  std::vector<Pick> picks_;
  std::size_t next_ = 0;
};

// Returns the number of cases, so that a test can say that the space was really covered.
template <typename Body>
std::size_t every_case(Body body) {
  Choices choices;
  std::size_t cases = 0;
  do {
    body(choices);
    ++cases;
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "choices: " << choices.text();
      break;
    }
  } while (choices.advance());
  return cases;
}

}  // namespace holdfast::testing
