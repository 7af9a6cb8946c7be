#include "base/byte_budget.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

// Wants so many bytes, and reads ten at a time.
class Download final : public ByteBudget::Reader {
 public:
  Download(ByteBudget& budget, std::size_t wanted) : budget_(budget), wanted_(wanted) {}
  ~Download() { budget_.leave(*this); }
  // Until it has all, or may not. What it has then waits, whole.
  void go_on() override {
    while (read_ < wanted_) {
      read_ += 10;
      if (read_ == wanted_) break;
      if (!budget_.may_go_on(*this, read_)) return;
    }
    budget_.leave(*this);
    budget_.hold(wanted_);
  }
  [[nodiscard]] bool is_done() const { return read_ == wanted_; }

 private:
  ByteBudget& budget_;
  std::size_t wanted_;
  std::size_t read_ = 0;
};

TEST(ByteBudget, ReadersPauseAtTheBoundAndOneAlwaysFinishes) {
  ByteBudget budget(100);
  Download first(budget, 80), second(budget, 80);
  first.go_on();
  EXPECT_TRUE(first.is_done());
  second.go_on();  // 80 wait whole: there is room for 20 more.
  EXPECT_FALSE(second.is_done());
  EXPECT_EQ(budget.used(), 100u);
  budget.pump();
  EXPECT_FALSE(second.is_done());
  budget.release(80);
  budget.pump();
  EXPECT_TRUE(second.is_done());
  EXPECT_EQ(budget.used(), 80u);
  EXPECT_EQ(budget.paused(), 0u);
}

TEST(ByteBudget, HalvesThatFillItDoNotWaitForEachOther) {
  ByteBudget budget(100);
  class Half final : public ByteBudget::Reader {
   public:
    void go_on() override { ++told; }
    int told = 0;
  } one, other, third;
  EXPECT_TRUE(budget.may_go_on(one, 60));
  EXPECT_TRUE(budget.may_go_on(other, 60));  // Over it; but nothing whole waits, so this one finishes.
  EXPECT_FALSE(budget.may_go_on(one, 70));
  EXPECT_FALSE(budget.may_go_on(third, 10));
  EXPECT_TRUE(budget.may_go_on(other, 500));
  budget.leave(other);
  budget.hold(500);
  budget.pump();
  EXPECT_EQ(one.told, 0);
  budget.release(500);
  budget.pump();
  EXPECT_EQ(one.told, 1);
  EXPECT_EQ(third.told, 0);  // One reading's worth fits.
  budget.leave(one);
  budget.pump();
  EXPECT_EQ(third.told, 1);
  budget.leave(third);
  EXPECT_EQ(budget.used(), 0u);
}

// Of what comes one after the other over one connection, one is let through, not all.
TEST(ByteBudget, OneThatGoesOnForMoreIsNotFirstForEver) {
  ByteBudget budget(100);
  class Reader final : public ByteBudget::Reader {
   public:
    void go_on() override { ++told; }
    int told = 0;
  } stream, other;
  EXPECT_TRUE(budget.may_go_on(other, 100));  // The first,
  EXPECT_FALSE(budget.may_go_on(stream, 10));
  budget.leave(other);
  budget.pump();
  EXPECT_EQ(stream.told, 1);
  EXPECT_TRUE(budget.may_go_on(stream, 150));  // and now this one.
  budget.got_whole(stream);
  budget.hold(150);
  EXPECT_FALSE(budget.may_go_on(stream, 10));
  budget.release(150);
  budget.leave(stream);
  EXPECT_EQ(budget.used(), 0u);
}

TEST(ByteBudget, AReaderThatLeavesWhilePausedIsNotTold) {
  ByteBudget budget(10);
  class Reader final : public ByteBudget::Reader {
   public:
    void go_on() override { ADD_FAILURE() << "it has left"; }
  } reader;
  budget.hold(10);
  EXPECT_FALSE(budget.may_go_on(reader, 5));
  budget.leave(reader);
  budget.release(10);
  budget.pump();
  EXPECT_EQ(budget.used(), 0u);
}

}  // namespace
}  // namespace holdfast
