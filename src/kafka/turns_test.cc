#include "kafka/turns.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace holdfast::kafka {
namespace {

struct World {
  Turns turns{100, 40};
  std::array<std::size_t, 5> records{};
  std::array<bool, 5> got{};
  std::string begun;

  void ask(std::size_t who) {
    turns.ask(&records[who], {.go = [this, who] { begun.push_back(static_cast<char>('0' + who)); },
                              .records = [this, who] { return got[who] ? records[who] : turns.records_first(); }});
  }
  void has(std::size_t who, std::size_t count) {
    got[who] = true;
    records[who] = count;
  }
};

TEST(Turns, AsManyBeginAsThereIsRoomForWhatTheyMayBring) {
  World world;
  for (std::size_t who = 0; who < 5; ++who) world.ask(who);
  EXPECT_EQ(world.begun, "01");
  world.has(0, 10);
  world.turns.admit();
  EXPECT_EQ(world.begun, "012");
  world.has(1, 90);
  world.has(2, 0);
  world.turns.admit();
  EXPECT_EQ(world.begun, "012");
  world.has(1, 0);
  world.turns.admit();
  EXPECT_EQ(world.begun, "01234");
  EXPECT_FALSE(world.turns.someone_waits());
}

TEST(Turns, WhoLeavesMakesRoomAndComesLastIfHeAsksAgain) {
  World world;
  for (std::size_t who = 0; who < 4; ++who) world.ask(who);
  world.turns.leave(&world.records[0]);
  EXPECT_EQ(world.begun, "012");
  world.ask(0);
  world.turns.leave(&world.records[3]);  // He was only waiting.
  EXPECT_FALSE(world.turns.waits(&world.records[3]));
  world.turns.leave(&world.records[1]);
  EXPECT_EQ(world.begun, "0120");
}

TEST(Turns, NobodyBeginsOnceItIsClosed) {
  World world;
  for (std::size_t who = 0; who < 4; ++who) world.ask(who);
  world.turns.close();
  world.turns.leave(&world.records[0]);
  world.turns.leave(&world.records[1]);
  world.ask(4);
  EXPECT_EQ(world.begun, "01");
}

}  // namespace
}  // namespace holdfast::kafka
