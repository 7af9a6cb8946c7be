// Expiry, through answers and timers: time is an argument.
#include "partition/expiry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "partition/response.h"
#include "testing/every.h"
#include "testing/partition_table.h"

namespace holdfast::partition {
namespace {

const model::Address kCart{"shop/cart", "alice"};

// A world of one address with a state of each kind: "write" expires 4 ms after it was written, "invoke" 3 ms after the address was
// last called, "stays" never.
struct World {
  testing::PartitionTable table;

  World() {
    const std::string t(model::kStringType);
    table.registrations["shop/cart"] = {{{"write", t, model::ExpireMode::AfterWrite, {4}},
                                         {"invoke", t, model::ExpireMode::AfterInvoke, {3}},
                                         {"stays", t, model::ExpireMode::None, {}}}};
  }
  void answer(std::vector<model::StateMutation> mutations, Instant now) {
    static const testing::FakeEgress egress{{}};
    static const testing::FakeDirectory functions{{}};
    model::InvocationResponse response;
    response.mutations = std::move(mutations);
    auto next = apply_response(table, egress, functions, {kCart, 0, ""}, std::move(response), now, table.sequence);
    ASSERT_TRUE(next);
    table.apply(std::move(*next));
  }
  void set(std::string name, std::string value, Instant now) {
    answer({{model::StateMutation::Kind::Modify, std::move(name), std::string(model::kStringType), std::move(value)}}, now);
  }
  // Timers fire at `now`, which may be later than they are due.
  void fire_due(Instant now) {
    while (!table.timers.empty() && table.timers.begin()->first.due <= now) {
      const auto [key, row] = *table.timers.begin();
      table.apply(fire_expire_states(table, key, std::get<model::ExpireStates>(row).address, now, table.sequence));
    }
  }
  // What a function would be shown.
  std::map<std::string, std::string> visible(Instant now) {
    std::map<std::string, std::string> out;
    for (const auto& value : table.addresses[kCart].states)
      if (!is_expired(value, now)) out.emplace(value.name, value.value);
    return out;
  }
  std::size_t stored() { return table.addresses[kCart].states.size(); }
};

TEST(Expiry, ValueIsGoneAtItsTimeAndThereAMillisecondBefore) {
  World world;
  world.set("write", "x", {100});
  EXPECT_EQ(world.visible({103}).size(), 1u);
  EXPECT_EQ(world.visible({104}).size(), 0u);
  EXPECT_EQ(world.stored(), 1u);
  world.fire_due({104});
  EXPECT_EQ(world.stored(), 0u);
  EXPECT_TRUE(world.table.timers.empty());
  EXPECT_EQ(world.table.addresses[kCart].expiry_armed.unix_ms, 0);
}

TEST(Expiry, CallWithoutAWriteRefreshesWhatLivesByCallsOnly) {
  World world;
  world.set("write", "w", {100});
  world.set("invoke", "i", {100});
  world.answer({}, {102});
  EXPECT_EQ(world.visible({104}), (std::map<std::string, std::string>{{"invoke", "i"}}));
  EXPECT_EQ(world.visible({105}).size(), 0u);
}

TEST(Expiry, CallAfterTheTimeDoesNotBringAValueBack) {
  World world;
  world.set("invoke", "i", {100});
  world.answer({}, {103});
  EXPECT_EQ(world.stored(), 0u);
}

TEST(Expiry, RefreshingWritesNoTimer) {
  World world;
  world.set("invoke", "i", {100});
  const auto timers = world.table.timers;
  world.answer({}, {101});
  world.set("invoke", "j", {102});
  EXPECT_EQ(world.table.timers, timers);
  world.fire_due({103});
  ASSERT_EQ(world.table.timers.size(), 1u);  // Set again for the time the value has now.
  EXPECT_EQ(world.table.timers.begin()->first.due, (Instant{105}));
}

TEST(Expiry, StatesThatNeverExpireCostNoTimer) {
  World world;
  world.set("stays", "x", {100});
  EXPECT_TRUE(world.table.timers.empty());
  EXPECT_EQ(world.table.addresses[kCart].expiry_armed.unix_ms, 0);
}

TEST(Expiry, TimeForeverSaturates) {
  EXPECT_EQ(expiry_after({"s", "t", model::ExpireMode::AfterWrite, {INT64_MAX}}, {100}).unix_ms, INT64_MAX);
  EXPECT_EQ(expiry_after({"s", "t", model::ExpireMode::None, {5}}, {100}).unix_ms, 0);
}

TEST(Expiry, AnotherDeclarationCountsFromTheNextWriteOnAndForWhatLivesByCallsFromTheNextCall) {
  World world;
  world.set("write", "w", {100});
  world.set("invoke", "i", {100});
  const std::string t(model::kStringType);
  world.table.registrations["shop/cart"] = {{{"write", t, model::ExpireMode::None, {}}, {"invoke", t, model::ExpireMode::AfterInvoke, {50}}}};
  world.answer({}, {102});
  EXPECT_EQ(world.visible({104}), (std::map<std::string, std::string>{{"invoke", "i"}}));  // "write" keeps the time it was written with.
  EXPECT_EQ(world.visible({151}).size(), 1u);
  world.set("write", "w2", {105});
  for (const std::int64_t now : {110, 200, 300}) world.fire_due({now});
  EXPECT_EQ(world.visible({1'000'000}), (std::map<std::string, std::string>{{"write", "w2"}}));
}

TEST(Expiry, ValueWithAShorterTimeThanTheTimerIsGoneInItsTimeAndItsBytesWithTheNextCallOrTheTimer) {
  for (const bool is_called : {true, false}) {
    World world;
    world.set("write", "w", {100});
    world.table.registrations["shop/cart"].states[0].expire_after = {1};
    world.set("write", "x", {101});
    EXPECT_EQ(world.visible({101}).size(), 1u);
    EXPECT_EQ(world.visible({102}).size(), 0u);
    if (is_called) world.answer({}, {103});
    else world.fire_due({104});
    EXPECT_EQ(world.stored(), 0u);
    world.fire_due({104});
    EXPECT_TRUE(world.table.timers.empty());
  }
}

TEST(Expiry, OrphanKeepsItsTimeAndCallsDoNotRefreshIt) {
  World world;
  world.set("invoke", "i", {100});
  auto& row = world.table.registrations["shop/cart"];
  row.orphans.push_back({row.states[1], false});
  row.states.clear();
  world.answer({}, {102});
  EXPECT_EQ(world.visible({102}).size(), 1u);
  EXPECT_EQ(world.visible({103}).size(), 0u);
  world.fire_due({103});
  EXPECT_EQ(world.stored(), 0u);
}

// Goal: a function is shown exactly the values that are not past their time; there is never more than one timer, the row knows when it
// is due, and while a value that can expire is stored there is one; in the end nothing that expired is left.
// Method: every order of five steps – four kinds of answer, time passing with and without timers getting their turn.
TEST(Expiry, AgreesWithTheObviousModelInEveryShortHistory) {
  struct Value {
    std::string value;
    Instant expires;  // 0: never.
  };
  const std::size_t histories = testing::every_case([](testing::Choices& choose) {
    World world;
    std::map<std::string, Value> model;
    Instant now{100};
    const auto called = [&] {
      std::erase_if(model, [&](const auto& v) { return v.second.expires.unix_ms != 0 && v.second.expires <= now; });
      if (const auto it = model.find("invoke"); it != model.end()) it->second.expires = now + Duration{3};
    };
    for (int step = 0; step < 5; ++step) {
      const std::string value = std::to_string(step);
      switch (choose.below(7)) {
        case 0:
          world.set("write", value, now);
          called();
          model["write"] = {value, now + Duration{4}};
          break;
        case 1:
          world.set("invoke", value, now);
          called();
          model["invoke"] = {value, now + Duration{3}};
          break;
        case 2:
          world.set("stays", value, now);
          called();
          model["stays"] = {value, {}};
          break;
        case 3:
          world.answer({}, now);
          called();
          break;
        case 4:
          world.answer({{model::StateMutation::Kind::Delete, "write", "", ""}}, now);
          called();
          model.erase("write");
          break;
        case 5: now = now + Duration{2}; break;
        case 6:
          now = now + Duration{2};
          world.fire_due(now);
          break;
      }
      std::map<std::string, std::string> alive;
      for (const auto& [name, v] : model)
        if (v.expires.unix_ms == 0 || now < v.expires) alive.emplace(name, v.value);
      ASSERT_EQ(world.visible(now), alive);
      const auto& row = world.table.addresses[kCart];
      ASSERT_LE(world.table.timers.size(), 1u);
      ASSERT_EQ(row.expiry_armed, world.table.timers.empty() ? Instant{} : world.table.timers.begin()->first.due);
      if (std::ranges::any_of(row.states, [](const auto& s) { return s.expires_at.unix_ms != 0; })) {
        ASSERT_EQ(world.table.timers.size(), 1u);
      }
    }
    for (int i = 0; i < 10; ++i) {
      now = now + Duration{2};
      world.fire_due(now);
    }
    ASSERT_EQ(world.stored(), model.contains("stays") ? 1u : 0u);
    ASSERT_TRUE(world.table.timers.empty());
  });
  EXPECT_EQ(histories, 16'807u);
}

}  // namespace
}  // namespace holdfast::partition
