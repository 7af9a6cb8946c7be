#include "runtime/stored_mail.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "codec/rows.h"
#include "runtime/invoker_fixture.h"
#include "testing/fake_store.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint16_t kPartitions = 3;
const std::vector<model::PartitionId> kAll{{0}, {1}, {2}};

struct Stored {
  void put(const model::Address& address, std::uint64_t first, std::uint64_t end, bool parked = false) {
    const auto partition = model::partition_of(address.id, kPartitions);
    for (std::uint64_t number = first; number < end; ++number) store.rows[codec::mail_key(partition, address, number)] = "ten bytes.";
    if (parked) store.rows[codec::address_key(partition, codec::RowKind::Parked, address)] = "p";
  }
  testing::FakeStore store;
  RowLayers layers{store};
};

TEST(StoredMail, CountsMessagesHoweverManyThereAre) {
  for (const std::uint64_t count : {1ull, 2ull, 999ull, 1'000ull, 1'001ull, 1'002ull, 1'003ull, 2'000ull, 5'311ull}) {
    Stored stored;
    stored.put({"t/f", "a"}, 7, 7 + count);
    stored.put({"t/f", "b"}, 0, 3);
    const auto partition = model::partition_of("a", kPartitions);
    const auto mail = stored_mail(stored.layers, partition, {"t/f", "a"}).value();
    ASSERT_TRUE(mail);
    EXPECT_EQ(mail->first, 7u);
    EXPECT_EQ(mail->end, 7 + count);
    EXPECT_EQ(mail->bytes, 10 * count);
    EXPECT_FALSE(stored_mail(stored.layers, partition, {"t/f", "aa"}).value());
  }
}

TEST(StoredMail, WalkMeetsEachAddressOnceInSlicesOfAnySize) {
  SeededRandom random(1);
  for (std::size_t rows = 1; rows < 60; ++rows) {
    Stored stored;
    std::map<model::Address, std::pair<std::uint64_t, bool>> expected;
    for (int i = 0; i < 25; ++i) {
      const model::Address address{"t/" + std::string(1, static_cast<char>('f' + random.below(3))), std::string(random.below(4), '\xff') + std::to_string(i)};
      const auto count = random.below(20) == 0 ? 1'500 : 1 + random.below(4);
      const bool parked = random.below(3) == 0;
      stored.put(address, random.below(5), 0);
      stored.put(address, 3, 3 + count, parked);
      expected[address] = {count, parked};
    }
    for (const char* type : {"", "t/f", "t/g", "t/nobody"}) {
      std::map<model::Address, std::pair<std::uint64_t, bool>> met;
      MailWalk at;
      for (bool done = false; !done;) {
        std::size_t left = rows;
        done = walk_mail(stored.layers, kAll, type, at, left, [&](const FoundMail& found) {
                 EXPECT_TRUE(met.emplace(found.address, std::pair(found.mail.end - found.mail.first, found.parked)).second);
                 EXPECT_EQ(kAll[at.partition], model::partition_of(found.address.id, kPartitions));
               }).value();
        EXPECT_LE(left, rows);
      }
      auto wanted = expected;
      std::erase_if(wanted, [&](const auto& entry) { return *type != '\0' && entry.first.type != type; });
      EXPECT_EQ(met, wanted) << type << " in slices of " << rows;
    }
  }
}

// --- Whose turn to be ready has not come -----------------------------------------------------------------------------

Invoker::Limits few_ready(std::size_t rows_per_turn = 1'000) {
  return {.call_bytes_max = 1'000'000, .endpoint_down_max = {5'000}, .ready_addresses_max = 8, .mail_rows_per_turn = rows_per_turn};
}

TEST(Left, ManyAddressesAreHandledThoughFewAreReadyAtOnce) {
  for (const std::size_t rows : {1u, 7u, 1'000u}) {
    World world({endpoint("shop/*"), endpoint("other/*")}, few_ready(rows));
      world.open = false;
    world.send_many("shop/cart", 300, 2);
    world.send_many("other/f", 20);
    world.loop.advance({10});
    EXPECT_LE(world.invoker.endpoints()[0]->waiting, 8u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 600u);
    world.close_epoch();
    EXPECT_LT(world.table.mail_bytes_in_memory(), world.table.mail_bytes() / 10);
    world.open = true;
    world.wake();
    for (int i = 0; i < 400 && world.handled_count() < 620; ++i) {
      world.loop.advance({10});
    }
    EXPECT_EQ(world.handled_count(), 620u);
    for (const auto& [address, payloads] : world.handled) {
      if (address.type != "shop/cart") continue;
      EXPECT_EQ(payloads, (std::vector<std::string>{"0", "1"})) << address.id;
    }
    EXPECT_EQ(world.table.mail_count(), 0u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 0u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.bytes, 0u);
  }
}

TEST(Left, ThoseOfATypeThatIsDownKeepNobodyElseFromBeingReady) {
  World world({endpoint("shop/*"), endpoint("other/*")}, few_ready());
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 300);
  world.loop.advance({100});
  world.close_epoch();
  world.send_many("other/f", 50);
  for (int i = 0; i < 100; ++i) {
    world.loop.advance({10});
  }
  EXPECT_EQ(world.handled_count(), 50u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  for (int i = 0; i < 1'000 && world.handled_count() < 350; ++i) {
    world.loop.advance({10});
  }
  EXPECT_EQ(world.handled_count(), 350u);
}

TEST(Left, OfATypeThatNobodyWillCallSoonFewStayReady) {
  auto limits = few_ready();
  limits.ready_addresses_max = 200;
  World world({endpoint("shop/*")}, limits);
  world.targets[0]->hold = true;
  world.send_many("shop/cart", 90);
  world.loop.advance({10});
  world.targets[0]->hold = false;
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  while (!world.targets[0]->held.empty()) world.targets[0]->give(0, unreachable());
  world.loop.advance({1'000});
  const Endpoint& shop = *world.invoker.endpoints()[0];
  EXPECT_LE(shop.waiting, 4u);
  EXPECT_GE(shop.left, 85u);
  EXPECT_EQ(shop.backlog.messages, 90u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.loop.advance({20'000});
  EXPECT_EQ(world.handled_count(), 90u);
  EXPECT_EQ(shop.left, 0u);
}

TEST(Left, MailOfThemCanBeDroppedLikeAnyOther) {
  World world({endpoint("shop/*")}, few_ready());
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 100);
  world.loop.advance({5'000});
  world.close_epoch();
  EXPECT_EQ(world.invoker.drop_unreachable("shop/cart", "77", 100).messages, 1u);
  std::uint64_t dropped = 1;
  for (int i = 0; i < 200 && dropped < 100; ++i) {
    const auto some = world.invoker.drop_unreachable("shop/cart", std::nullopt, 1'000);
    dropped += some.messages;
    EXPECT_TRUE(some.messages + some.tried > 0 || !some.more) << dropped;
    world.loop.advance({1'000});
  }
  EXPECT_EQ(dropped, 100u);
  EXPECT_EQ(world.table.mail_count(), 0u);
}

// What is known of an address that has been refused (batch_max) goes with it when it leaves memory.
TEST(Left, ABadMessageAmongOthersIsIsolatedThoughItsAddressLeavesMemory) {
  auto spec = endpoint("shop/*");
  spec.max_concurrent = 2;
  World world({spec}, few_ready(), 0);
  world.targets[0]->answer = [](const Call& call) { return std::ranges::find(call.payloads, "0") != call.payloads.end() ? refused() : ok(); };
  world.send_many("shop/cart", 40, 4);  // Message "0" of each is bad; "1" to "3" are good.
  for (int i = 0; i < 2'000; ++i) {
    world.loop.advance({1});
    world.close_epoch();
  }
  std::size_t of_four = 0;
  for (const auto& call : world.targets[0]->calls) of_four += call.payloads.size() == 4;
  EXPECT_EQ(world.handled_count(), 120u) << world.calls() << " calls, " << of_four << " of them with the whole batch";
  EXPECT_EQ(world.settled.size(), 40u);
}

std::uint64_t drop_for_as_long_as_there_is_more(World& world) {
  world.loop.advance({100});
  world.close_epoch();
  world.loop.advance({100});
  std::uint64_t dropped = 0;
  bool more = true;
  for (int asked = 0; more && asked < 1'000; ++asked) {
    const auto some = world.invoker.drop_unreachable("shop/cart", std::nullopt, 1'000);
    dropped += some.messages;
    more = some.more;
    world.loop.run();
    world.close_epoch();
  }
  return dropped;
}

TEST(Left, DropGoesOnBehindManyThatAreParked) {
  auto spec = endpoint("shop/*");
  spec.on_failure.then = model::FailureAction::Park;
  World world({spec}, few_ready(50), 0);
  world.targets[0]->answer = [](const Call&) { return refused(); };
  world.send_many("shop/cart", 2'000);
  world.loop.advance({5'000});
  for (int i = 0; i < 1'000; ++i) {
    world.close_epoch();
    world.loop.advance({10});
  }
  ASSERT_EQ(world.settled.size(), 2'000u);
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  for (int i = 0; i < 30; ++i) world.send({"shop/cart", "x" + std::to_string(i)}, "x");
  EXPECT_EQ(drop_for_as_long_as_there_is_more(world), 30u);
}

TEST(Left, DropGoesOnWithThoseThatAreLeft) {
  World world({endpoint("shop/*")}, few_ready(), 0);
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 30);
  EXPECT_EQ(drop_for_as_long_as_there_is_more(world), 30u);
}

TEST(Left, ThoseThatWaitToBeTriedAgainDoNotFillTheMemory) {
  auto spec = endpoint("shop/*");
  spec.on_failure.retry.initial = {60'000};
  spec.on_failure.retry.max = {60'000};
  World world({spec}, few_ready(), 0);
  world.targets[0]->answer = [](const Call&) { return failed(); };
  world.open = false;
  world.send_many("shop/cart", 3'000);
  world.close_epoch();
  EXPECT_LE(world.table.entity_count(), 20u);
  world.open = true;
  for (int i = 0; i < 1'000; ++i) {
    world.loop.advance({10});
    world.close_epoch();
  }
  EXPECT_LE(world.table.entity_count(), 300u);  // 256 are called at once.
}

// A parked address whose type has been forgotten is retried when there are many types.
TEST(Left, ParkedBacklogIsNothingWhenNothingIsParked) {
  auto spec = endpoint("shop/*");
  spec.on_failure.then = model::FailureAction::Park;
  auto limits = few_ready();
  limits.function_types_max = 8;
  World world({spec}, limits);
  world.targets[0]->answer = [](const Call& call) { return call.payloads[0] == "bad" ? refused() : ok(); };
  world.send({"shop/first", "a"}, "bad");
  world.loop.advance({100});
  world.close_epoch();
  ASSERT_EQ(world.invoker.endpoints()[0]->parked_backlog.messages, 1u);
  for (int i = 0; i < 15; ++i) {  // The type of the parked one is forgotten, and there are as many as there may be.
    world.send({"shop/t" + std::to_string(i), "a"}, "good");
    world.loop.advance({100});
    world.close_epoch();
  }
  // A person retries it.
  world.table.apply(partition::ChangeAddress{.address = {"shop/first", "a"}, .park = partition::ChangeAddress::Park::Clear});
  world.targets[0]->answer = [](const Call&) { return ok(); };
  world.invoker.offer(world.table.entity({"shop/first", "a"}));
  world.loop.advance({100});
  world.close_epoch();
  EXPECT_EQ(world.handled_count(), 16u);
  EXPECT_EQ(world.invoker.endpoints()[0]->parked_backlog.messages, 0u);
  EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 0u);
}

class CountingStore final : public ports::StateStore {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;
  Rows rows;
  mutable std::size_t bytes = 0;
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const override {
    const auto it = rows.find(key);
    return it == rows.end() ? std::nullopt : std::optional(it->second);
  }
  [[nodiscard]] std::unique_ptr<ports::StoreCursor> scan(std::string_view from, std::string_view to) const override {
    struct Cursor final : ports::StoreCursor {
      Rows::const_iterator at, end;
      std::size_t* bytes;
      void count() const { if (valid()) *bytes += at->second.size(); }
      [[nodiscard]] bool valid() const override { return at != end; }
      [[nodiscard]] std::string_view key() const override { return at->first; }
      [[nodiscard]] std::string_view value() const override { return at->second; }
      void next() override { ++at; count(); }
      [[nodiscard]] Result<void> status() const override { return {}; }
    };
    auto cursor = std::make_unique<Cursor>();
    cursor->at = rows.lower_bound(from);
    cursor->end = to.empty() ? rows.end() : rows.lower_bound(to);
    cursor->bytes = &bytes;
    cursor->count();
    return cursor;
  }
  [[nodiscard]] Result<void> apply(std::span<const ports::StoreWrite> writes, model::Epoch) override {
    for (const auto& write : writes) rows[std::string(write.key)] = std::string(*write.value);
    return {};
  }
  [[nodiscard]] Result<model::Epoch> checkpoint() override { return model::Epoch{}; }
  [[nodiscard]] model::Epoch reached() const override { return {}; }
};

TEST(Left, OneSliceReadsABoundedPartOfWhatThereIs) {
  CountingStore store;
  const std::string value(100'000, 'x');
  for (int i = 0; i < 1'000; ++i) {
    const model::Address address{"t/f", i < 500 ? std::to_string(i) : "one"};
    const std::string key = codec::mail_key(model::partition_of(address.id, kPartitions), address, static_cast<std::uint64_t>(i));
    const ports::StoreWrite write{key, std::string_view(value)};
    ASSERT_TRUE(store.apply({&write, 1}, {1}));
  }
  RowLayers layers(store);
  MailWalk at;
  std::size_t left = 1'000, found = 0;
  (void)walk_mail(layers, kAll, "", at, left, [&](const FoundMail&) { ++found; }).value();
  EXPECT_LE(store.bytes, 16u << 20) << "in one slice of 1,000 rows; " << found;
  store.bytes = 0;
  (void)stored_mail(layers, model::partition_of("one", kPartitions), {"t/f", "one"}).value();  // As each eviction, and each coming in, does.
  EXPECT_LE(store.bytes, 16u << 20) << "of one address";
}

// O: at random; what is counted stays what is there.
TEST(Left, RandomHistoryKeepsItsCounts) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    auto spec = endpoint("shop/*");
    spec.max_concurrent = 1 + random.below(4);
    spec.on_failure.then = random.below(2) == 0 ? model::FailureAction::Park : model::FailureAction::Drop;
    auto limits = few_ready(1 + random.below(30));
    limits.function_types_max = 2 + random.below(6);
    World world({spec}, limits, random.below(3) * 4'000);
    world.sweeps = false;
    // Rows of a former life.
    std::uint64_t mails = 0;
    const bool had = random.below(2) == 0;
    if (had) {
      for (int i = 0; i < 40; ++i) {
        const model::Address a{"shop/" + std::string(1, static_cast<char>('a' + random.below(12))), "old" + std::to_string(i)};
        const auto p = world.table.partition_of(a.id);
        const auto first = random.below(5), count = 1 + random.below(5);
        for (std::uint64_t n = first; n < first + count; ++n)
          world.table.add_recovered_row(codec::mail_key(p, a, n), codec::encode(model::Message{a, std::nullopt, {"v", "good", true}, ""}));
        mails += count;
        if (random.below(4) == 0) {
          model::AddressRow row;
          row.parked = model::Parked{"why", {}, 1, 1};
          world.table.add_recovered_row(codec::address_key(p, codec::RowKind::Address, a), codec::encode(row));
          world.table.add_recovered_row(codec::address_key(p, codec::RowKind::Parked, a), "\1");
        }
      }
    }
    std::set<model::Address> parked;
    int mood = 0;
    world.targets[0]->answer = [&](const Call& call) {
      if (mood == 1) return unreachable();
      if (mood == 2) return failed();
      if (mood == 3) return away();
      return std::ranges::find(call.payloads, "bad") != call.payloads.end() ? refused() : ok();
    };
    const auto pick = [&] {
      if (had && random.below(2) == 0) return model::Address{"shop/" + std::string(1, static_cast<char>('a' + random.below(12))), "old" + std::to_string(random.below(40))};
      return model::Address{"shop/" + std::string(1, static_cast<char>('a' + random.below(12))), std::to_string(random.below(60))};
    };
    for (int step = 0; step < 400; ++step) {
      switch (random.below(10)) {
        case 0: case 1: case 2: {
          const auto n = 1 + random.below(30);
          for (std::uint64_t i = 0; i < n; ++i, ++mails) world.send(pick(), random.below(10) == 0 ? "bad" : "good");
          break;
        }
        case 3: case 4: world.close_epoch(); break;
        case 5: world.loop.advance({static_cast<std::int64_t>(random.below(50))}); break;
        case 6: (void)world.table.sweep_mail(1 + random.below(20), [&](const FoundMail& f) { world.invoker.passed(f); }).value(); break;
        case 7: mood = static_cast<int>(random.below(6)); break;
        case 8: {
          const auto a = pick();
          if (!world.table.address(a).parked) break;
          world.table.apply(partition::ChangeAddress{.address = a, .park = partition::ChangeAddress::Park::Clear});
          world.invoker.offer(world.table.entity(a));
          break;
        }
        case 9: {
          const auto a = pick();
          const auto d = world.invoker.drop_unreachable(a.type, random.below(2) == 0 ? std::optional(a.id) : std::nullopt, 1 + random.below(20));
          (void)d;
          break;
        }
      }
    }
    // To the end.
    mood = 0;
    for (int i = 0; i < 400 || !world.table.is_swept(); ++i) {
      (void)world.table.sweep_mail(5, [&](const FoundMail& f) { world.invoker.passed(f); }).value();
      world.wake();
      world.loop.advance({1'000});
      world.close_epoch();
    }
    std::uint64_t waiting = 0;
    for (std::uint16_t p = 0; p < 4; ++p)
      world.table.layers().scan(codec::kind_prefix({p}, codec::RowKind::Mail), codec::range_end(codec::kind_prefix({p}, codec::RowKind::Mail)), [&](auto key, auto) {
        ++waiting;
        const auto m = codec::parse_mail_key(key).value();
        EXPECT_TRUE(world.table.layers().get(codec::address_key({p}, codec::RowKind::Parked, m.address))) << seed << " left behind: " << m.address.type << "/" << m.address.id;
        return true;
      });
    ASSERT_EQ(world.table.mail_count(), waiting) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->backlog.messages, 0u) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->backlog.bytes, 0u) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->backlog.bytes_in_memory, 0u) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->waiting, 0u) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->parked_backlog.messages, waiting) << seed;
    ASSERT_EQ(world.invoker.endpoints()[0]->parked_backlog.bytes, world.table.mail_bytes()) << seed;
    if (::testing::Test::HasFailure()) return;
  }
}

// Who looks at what is parked (Shard::look(ParkedInfo), a call that is refused) brings it in; nothing lets go of it before an epoch closes.
TEST(Left, LookingAtManyAddressesDoesNotFillTheMemory) {
  World world({endpoint("shop/*")}, few_ready(), 100'000);
  for (int i = 0; i < 3'000; ++i) {
    const model::Address a{"shop/cart", std::to_string(i)};
    const auto p = world.table.partition_of(a.id);
    world.table.add_recovered_row(codec::mail_key(p, a, 0), codec::encode(model::Message{a, std::nullopt, {"v", "good", true}, ""}));
    model::AddressRow row;
    row.parked = model::Parked{"why", {}, 1, 1};
    world.table.add_recovered_row(codec::address_key(p, codec::RowKind::Address, a), codec::encode(row));
    world.table.add_recovered_row(codec::address_key(p, codec::RowKind::Parked, a), "\1");
  }
  while (!world.table.sweep_mail(1'000, [&](const FoundMail& f) { world.invoker.passed(f); }).value()) {}
  EXPECT_EQ(world.table.entity_count(), 0u);
  for (int i = 0; i < 3'000; ++i) {
    (void)world.table.address({"shop/cart", std::to_string(i)});
    if (i % 10 == 0) world.table.let_go_of_idle();
  }
  EXPECT_LE(world.table.cached_bytes(), 300'000u) << world.table.entity_count();
}

// The same upstream is known to be down by another type; the sweep has not been everywhere.
TEST(Left, DropSaysThatThereIsMoreWhileNotEverythingIsFound) {
  World world({endpoint("shop/*")}, few_ready());
  world.sweeps = false;
  for (int i = 0; i < 30; ++i) {
    const model::Address a{"shop/cart", std::to_string(i)};
    world.table.add_recovered_row(codec::mail_key(world.table.partition_of(a.id), a, 0), codec::encode(model::Message{a, std::nullopt, {"v", "good", true}, ""}));
  }
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send({"shop/other", "a"}, "x");
  world.loop.advance({100});
  ASSERT_FALSE(world.table.is_swept());
  const auto dropped = world.invoker.drop_unreachable("shop/cart", std::nullopt, 1'000);
  EXPECT_TRUE(dropped.messages > 0 || dropped.more);
  EXPECT_EQ(world.invoker.drop_unreachable("shop/cart", "7", 1'000).messages, 1u);
}

// Held: nothing spins while those that are left have no rows yet.
TEST(Left, NobodySpins) {
  World world({endpoint("shop/*")}, few_ready());
  world.targets[0]->hold = true;
  world.send_many("shop/cart", 300);
  EXPECT_TRUE(world.loop.run(1'000));
  const auto wakes = world.wakes;
  EXPECT_TRUE(world.loop.advance({10'000}));
  EXPECT_LE(world.wakes, wakes + 1'000);
}

}  // namespace
}  // namespace holdfast::runtime
