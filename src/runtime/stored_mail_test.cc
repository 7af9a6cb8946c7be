#include "runtime/stored_mail.h"

#include <gtest/gtest.h>

#include <map>

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

void close_epoch(World& world) {
  std::vector<std::pair<std::string, std::uint64_t>> streams;
  (void)world.table.close({world.table.open_epoch().value + 1}, streams);
  world.table.seal();
  world.wake();
}

TEST(Left, ManyAddressesAreHandledThoughFewAreReadyAtOnce) {
  for (const std::size_t rows : {1u, 7u, 1'000u}) {
    World world({endpoint("shop/*"), endpoint("other/*")}, few_ready(rows));
    ASSERT_TRUE(world.table.sweep_mail(1'000, [](const FoundMail&) {}).value());
    world.open = false;
    world.send_many("shop/cart", 300, 2);
    world.send_many("other/f", 20);
    world.loop.advance({10});
    EXPECT_LE(world.invoker.endpoints()[0]->waiting, 8u);
    EXPECT_EQ(world.invoker.endpoints()[0]->backlog.messages, 600u);
    close_epoch(world);
    EXPECT_LT(world.table.mail_bytes_in_memory(), world.table.mail_bytes() / 10);
    world.open = true;
    world.wake();
    for (int i = 0; i < 400 && world.handled_count() < 620; ++i) {
      world.loop.advance({10});
      close_epoch(world);  // What has come meanwhile may be in memory alone.
    }
    EXPECT_EQ(world.handled_count(), 620u);
    for (const auto& [address, payloads] : world.handled)
      if (address.type == "shop/cart") EXPECT_EQ(payloads, (std::vector<std::string>{"0", "1"})) << address.id;
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
  close_epoch(world);
  world.send_many("other/f", 50);
  for (int i = 0; i < 100; ++i) {
    world.loop.advance({10});
    close_epoch(world);
  }
  EXPECT_EQ(world.handled_count(), 50u);
  world.targets[0]->answer = [](const Call&) { return ok(); };
  for (int i = 0; i < 1'000 && world.handled_count() < 350; ++i) {
    world.loop.advance({10});
    close_epoch(world);
  }
  EXPECT_EQ(world.handled_count(), 350u);
}

TEST(Left, MailOfThemCanBeDroppedLikeAnyOther) {
  World world({endpoint("shop/*")}, few_ready());
  world.targets[0]->answer = [](const Call&) { return unreachable(); };
  world.send_many("shop/cart", 100);
  world.loop.advance({5'000});
  close_epoch(world);
  EXPECT_EQ(world.invoker.drop_unreachable("shop/cart", "77", 100).messages, 1u);
  std::uint64_t dropped = 1;
  for (int i = 0; i < 200 && dropped < 100; ++i) {
    const auto some = world.invoker.drop_unreachable("shop/cart", std::nullopt, 1'000);
    dropped += some.messages;
    EXPECT_TRUE(some.messages + some.tried > 0 || !some.more) << dropped;
    world.loop.advance({1'000});
    close_epoch(world);
  }
  EXPECT_EQ(dropped, 100u);
  EXPECT_EQ(world.table.mail_count(), 0u);
}

}  // namespace
}  // namespace holdfast::runtime
