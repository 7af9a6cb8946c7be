// Lists: in pages, found in slices, complete whatever goes on meanwhile.
#include <set>

#include "core_fixture.h"
#include "runtime/listing.h"

namespace holdfast {
namespace {

constexpr int kAddresses = 3'000;
constexpr std::uint32_t kLimit = 170;

// Keeps what it hears; and as it is told, fails, sends something later, or emits.
Outcome keep(const Asked& asked) {
  if (asked.states == 0) return model::IncompleteContext{{{.name = "heard", .type_name = std::string(model::kStringType)}}};
  if (asked.text() == "fail") return failure("no such order");
  model::InvocationResponse response;
  response.mutations.push_back({.name = "heard", .type_name = std::string(model::kStringType), .value = asked.text()});
  if (asked.text() == "later")
    response.delayed.push_back({model::DelayedInvocation::Kind::Send, {100'000 + std::stoll(asked.address.id.substr(2)) % 7}, {asked.address, value("now")}, ""});
  if (asked.text() == "emit") response.egress.push_back({Core::kEgress, value(asked.address.id)});
  return response;
}

class Listing : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    core.options.state_cache_bytes = 300'000;  // Some addresses are in memory,
    core.options.dirty_bytes_max = 100'000;    // some are in rows above the store, most are in it.
    core.options.endpoints[0].max_concurrent = 100;
    core.function = keep;
    core.start();
  }
  void fill(const std::string& text) {
    core.send_all(kAddresses, text);
    core.run();
    core.advance({20});
  }
  template <typename Info>
  using Ask = void (runtime::Runtime::*)(runtime::AddressQuery, runtime::Runtime::Done<runtime::Page<Info>>);
  // All pages. `between` runs after each turn of the loop while a page is looked for.
  template <typename Info>
  std::vector<Info> all(Ask<Info> ask, runtime::AddressQuery query = {}, const std::function<void()>& between = [] {}) {
    std::vector<Info> out;
    query.limit = kLimit;
    do {
      bool answered = false;
      ((core.runtime()).*ask)(query, [&](Result<runtime::Page<Info>> page) {
        answered = true;
        EXPECT_LE(page->size(), kLimit);
        out.insert(out.end(), page->begin(), page->end());
        query.after = page->next;
      });
      for (int turns = 0; !answered && turns < 100'000; ++turns) {
        core.loop().run_posted();
        between();
      }
      EXPECT_TRUE(answered);
      if (!answered) break;
    } while (!query.after.empty());
    return out;
  }
  static std::set<std::string> expected() {
    std::set<std::string> out;
    for (int i = 0; i < kAddresses; ++i) out.insert("id" + std::to_string(i));
    return out;
  }
  template <typename Info>
  static void expect_all(const std::vector<Info>& infos) {
    std::set<std::string> ids;
    for (const auto& info : infos) ids.insert(info.address.id);
    EXPECT_EQ(infos.size(), ids.size());
    EXPECT_TRUE(std::ranges::is_sorted(infos, {}, [](const Info& info) { return info.address; }));
    EXPECT_EQ(ids, expected());
  }
  Core core{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Shards, Listing, ::testing::Values(1, 3));

TEST_P(Listing, StatesAreAllThereInOrder) {
  fill("x");
  expect_all(all(&runtime::Runtime::states));
  EXPECT_EQ(all(&runtime::Runtime::states, {.type = "test/f", .id_prefix = "id12"}).size(), 111u);
  EXPECT_TRUE(all(&runtime::Runtime::states, {.type = "test/other"}).empty());
}

TEST_P(Listing, StatesAreAllThereWhileTheyChangeAndGoDownToTheStore) {
  fill("x");
  int count = 0;
  expect_all(all(&runtime::Runtime::states, {}, [&] {
    for (int i = 0; i < 20; ++i) core.runtime().send({{"test/f", "id" + std::to_string(count++ * 7 % kAddresses)}, value("y"), "", ""}, [](Result<void>) {});
    core.disk().run_posted();
  }));
  EXPECT_GT(count, 1'000);
}

TEST_P(Listing, AfterARestartWithNothingInMemory) {
  fill("x");
  core.crash();
  core.start();
  expect_all(all(&runtime::Runtime::states));
}

// A shard looks at a bounded part of what it has before it does something else.
TEST_P(Listing, ALongListTakesManyTurnsOfTheLoop) {
  fill("x");
  int turns = 0;
  bool answered = false;
  core.runtime().states({.limit = 10}, [&](Result<runtime::Page<runtime::StateInfo>> page) {
    answered = true;
    EXPECT_EQ(page->size(), 10u);
  });
  for (; !answered; ++turns) ASSERT_GT(core.loop().run_posted(), 0u);
  EXPECT_GE(turns, 2);
}

TEST_P(Listing, ParkedAddressesAndThoseWithWorkAreAllThere) {
  fill("x");
  fill("fail");
  expect_all(all(&runtime::Runtime::addresses));
  const auto parked = all(&runtime::Runtime::parked);
  expect_all(parked);
  EXPECT_EQ(parked.front().batch.size(), 1u);
  EXPECT_TRUE(all(&runtime::Runtime::parked, {.messages = 0}).front().batch.empty());
}

TEST_P(Listing, TimersComeByTheTimeTheyAreDueAndNoneTwice) {
  fill("later");
  const auto timers = all(&runtime::Runtime::timers);
  std::set<std::string> ids;
  for (const auto& timer : timers) ids.insert(timer.target.id);
  EXPECT_EQ(timers.size(), static_cast<std::size_t>(kAddresses));
  EXPECT_EQ(ids, expected());
  EXPECT_TRUE(std::ranges::is_sorted(timers, {}, &runtime::TimerInfo::due));
}

TEST_P(Listing, StreamsAndFunctionsHavePagesToo) {
  fill("emit");
  const auto streams = all(&runtime::Runtime::streams);
  EXPECT_EQ(streams.size(), static_cast<std::size_t>(kAddresses));
  EXPECT_TRUE(std::ranges::is_sorted(streams, {}, &runtime::StreamInfo::name));
  EXPECT_EQ(streams.front().row.next, 1u);
  const auto functions = all(&runtime::Runtime::functions);
  ASSERT_EQ(functions.size(), 1u);
  EXPECT_EQ(functions.front().invocations, static_cast<std::uint64_t>(kAddresses));
}

class ListingOfLargeValues : public Listing {
  void SetUp() override {
    core.function = keep;
    core.start();
  }
};
INSTANTIATE_TEST_SUITE_P(Shards, ListingOfLargeValues, ::testing::Values(1, 3));

// However few entries it has: a page does not fill the memory.
TEST_P(ListingOfLargeValues, HasShortPages) {
  for (int i = 0; i < 20; ++i) core.send("id" + std::to_string(i), std::string(1u << 20, 'x'));
  core.advance({20});
  bool answered = false;
  core.runtime().states({.limit = 100}, [&](Result<runtime::Page<runtime::StateInfo>> page) {
    answered = true;
    EXPECT_LE(page->size(), runtime::kPageBytesMax >> 20);
    EXPECT_GE(page->size(), 1u);
    EXPECT_FALSE(page->next.empty());
  });
  core.run();
  EXPECT_TRUE(answered);
  EXPECT_EQ(all(&runtime::Runtime::states).size(), 20u);
}

// What people have looked at does not stay in the memory that intake needs.
TEST(ListingParked, LeavesRoomForIntake) {
  Core core{1};
  core.options.mailbox_bytes_in_memory = 1 << 20;
  core.function = [](const Asked& asked) { return asked.text() == "hi" ? reply(asked, "ok") : failure("no such order"); };
  core.start();
  core.send_all(400, std::string(2'000, 'x'));
  core.advance({200});
  std::size_t seen = 0;
  runtime::AddressQuery query{.limit = 100};
  do {
    core.runtime().parked(query, [&](Result<runtime::Page<runtime::ParkedInfo>> page) {
      seen += page->size();
      query.after = page->next;
    });
    core.run();
  } while (!query.after.empty());
  EXPECT_EQ(seen, 400u);
  bool taken = false;
  core.runtime().take_in({"test/in/0", std::nullopt, 1, {model::Message{{"test/f", "other"}, std::nullopt, value("hi"), ""}}},
                         [&](Result<void> ok) { taken = ok.has_value(); }, {});
  core.advance({10});
  EXPECT_TRUE(taken);
}

}  // namespace
}  // namespace holdfast
