// A mailbox against a queue; its rows are kept in a map, the way the table keeps them in the layers.
#include "runtime/mailbox.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>

#include "base/random.h"
#include "testing/every.h"

namespace holdfast::runtime {
namespace {

model::Message message(std::size_t number) {
  return {{"t", "i"}, std::nullopt, {"v", std::string(number % 5, 'x') + std::to_string(number), true}, ""};
}

class World {
 public:
  void push() {
    model_.push_back(message(born_));
    mailbox_.push(message(born_++));
  }
  void take(std::uint64_t count) {
    while (mailbox_.head_size() < count) unspill();
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(mailbox_.head(i), model_[i]);
    mailbox_.take(count);
    model_.erase(model_.begin(), model_.begin() + static_cast<std::ptrdiff_t>(count));
  }
  // As Table::close() does it: rows of what was taken go first. A row is written once and erased once.
  void close() {
    mailbox_.erase_taken([this](std::uint64_t number) { ASSERT_EQ(rows_.erase(number), 1u) << "no row " << number; });
    mailbox_.store_fresh([this](std::uint64_t number, const model::Message& m) {
      ASSERT_TRUE(rows_.emplace(number, m).second) << "row " << number << " is there";
    });
    ASSERT_EQ(mailbox_.has_rows(), !rows_.empty());
    ASSERT_EQ(rows_.size(), model_.size());
    std::uint64_t number = mailbox_.begin();
    for (const auto& m : model_) ASSERT_EQ(rows_.at(number++), m);
  }
  void spill(std::uint64_t keep) {
    const std::size_t before = mailbox_.bytes_in_memory();
    const std::size_t head = mailbox_.head_size();
    const std::size_t freed = mailbox_.spill(keep);
    ASSERT_EQ(mailbox_.bytes_in_memory(), before - freed);
    ASSERT_EQ(mailbox_.head_size(), std::min<std::size_t>(keep, head));
  }
  void unspill() {
    ASSERT_GT(mailbox_.spilled(), 0u);
    mailbox_.unspill(model::Message(rows_.at(mailbox_.spilled_begin())));
  }
  // A restart: what is left are the rows.
  void restart() {
    close();
    Mailbox again;
    if (!rows_.empty()) again.recover(rows_.begin()->first, rows_.rbegin()->first + 1);
    mailbox_ = std::move(again);
  }
  void check() const {
    ASSERT_EQ(mailbox_.size(), model_.size());
    ASSERT_EQ(mailbox_.empty(), model_.empty());
    ASSERT_EQ(mailbox_.end() - mailbox_.begin(), model_.size());
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < model_.size(); ++i) {
      const bool is_spilled = i >= mailbox_.head_size() && i < mailbox_.head_size() + mailbox_.spilled();
      if (!is_spilled) bytes += model::size_in_memory(model_[i]);
      if (i < mailbox_.head_size()) {
        ASSERT_EQ(mailbox_.head(i), model_[i]);
      }
      if (is_spilled) {
        ASSERT_EQ(rows_.at(mailbox_.begin() + i), model_[i]);
      }
    }
    ASSERT_EQ(mailbox_.bytes_in_memory(), bytes);
  }
  [[nodiscard]] const Mailbox& mailbox() const { return mailbox_; }

 private:
  Mailbox mailbox_;
  std::map<std::uint64_t, model::Message> rows_;
  std::deque<model::Message> model_;
  std::size_t born_ = 0;
};

// After each close the rows are exactly the waiting messages, and whatever lies in memory and whatever does not, they come out in
// the order in which they went in.
TEST(Mailbox, AgreesWithAQueueInEveryShortHistory) {
  const std::size_t histories = testing::every_case([](testing::Choices& choose) {
    World world;
    if (choose.below(2) == 1) {  // Somewhere in the middle of its life.
      for (int i = 0; i < 4; ++i) world.push();
      world.close();
      world.take(1);
      world.spill(1);
      world.push();
    }
    for (int step = 0; step < 5; ++step) {
      switch (choose.below(7)) {
        case 0: world.push(); break;
        case 1:
          if (!world.mailbox().empty()) world.take(1);
          break;
        case 2: world.take(world.mailbox().size()); break;
        case 3: world.close(); break;
        case 4:
          world.close();
          world.spill(0);
          break;
        case 5:
          world.close();
          world.spill(1);
          break;
        case 6:
          if (world.mailbox().spilled() > 0) world.unspill();
          break;
      }
      world.check();
    }
    world.take(world.mailbox().size());
    world.close();
    world.check();
  });
  EXPECT_EQ(histories, 33'614u);  // 2 * 7^5
}

TEST(Mailbox, LongOnesAgreeToo) {
  SeededRandom random(1);
  World world;
  for (int step = 0; step < 3'000; ++step) {
    for (std::uint64_t n = random.below(40); n > 0; --n) world.push();
    const std::uint64_t size = world.mailbox().size();
    world.take(size > 600 ? size : random.below(std::min<std::uint64_t>(size, 60) + 1));
    if (random.below(4) == 0) world.close();
    if (random.below(8) == 0) {
      world.close();
      world.spill(random.below(50));
    }
    if (random.below(50) == 0) world.restart();
    if (step % 50 == 0) world.check();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Mailbox, EmptyOneThatIsShrunkHoldsNoMemory) {
  const auto ignore = [](std::uint64_t, auto&&...) {};
  for (const bool was_spilled : {false, true}) {
    Mailbox mailbox;
    mailbox.push(message(1));
    if (was_spilled) {
      mailbox.store_fresh(ignore);
      mailbox.spill(0);
      mailbox.push(message(2));
      mailbox.unspill(message(1));
    }
    mailbox.take(mailbox.size());
    mailbox.shrink();
    EXPECT_EQ(mailbox.room(), 0u);
  }
}

TEST(Mailbox, MessageThatArrivesAndIsTakenWithinAnEpochHasNoRow) {
  Mailbox mailbox;
  const auto never = [](std::uint64_t, auto&&...) { ADD_FAILURE() << "a row"; };
  for (int epoch = 0; epoch < 3; ++epoch) {
    mailbox.push(message(1));
    mailbox.push(message(2));
    mailbox.take(2);
    mailbox.erase_taken(never);
    mailbox.store_fresh(never);
    EXPECT_FALSE(mailbox.has_rows());
  }
}

}  // namespace
}  // namespace holdfast::runtime
