// The table against plain maps (testing/partition_table.h): both are given the same transitions.
#include "runtime/table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>

#include "base/random.h"
#include "codec/rows.h"
#include "partition/stream.h"
#include "testing/fake_store.h"
#include "testing/partition_table.h"

namespace holdfast::runtime {
namespace {

using partition::ChangeAddress;
using partition::Transition;

constexpr std::uint16_t kPartitions = 4;

std::vector<model::PartitionId> all_partitions() {
  std::vector<model::PartitionId> out;
  for (std::uint16_t i = 0; i < kPartitions; ++i) out.push_back({i});
  return out;
}

model::Message message(const model::Address& to, std::string payload) {
  return {to, std::nullopt, {"v", std::move(payload), true}, ""};
}

// A table, the store and the log under it, and the model beside it.
class World {
 public:
  explicit World(Table::Limits limits) : limits_(limits), table(limits, all_partitions(), store) { open({1}); }

  void apply(const Transition& transition) {
    Transition copy = transition;
    for (auto& write : copy.writes) table.apply(std::move(write));
    copy = transition;
    model.apply(std::move(copy));
  }
  void add_mail(const model::Address& address, std::string payload) {
    model.mail[address].push_back(message(address, payload));
    table.add_mail(table.entity(address), message(address, std::move(payload)));
  }
  std::string close() {
    const bool was_clean = table.is_clean();
    std::vector<std::pair<std::string, std::uint64_t>> streams;
    std::string payload = table.close({epoch_.value + 1}, streams);
    if (was_clean) {
      EXPECT_EQ(payload, "");
    }
    EXPECT_TRUE(table.is_clean());
    EXPECT_EQ(table.open_bytes(), 0u);
    for (const auto& [name, end] : streams) EXPECT_EQ(end, model.stream(name).next);
    closed_ = epoch_;
    closed_model_ = model;
    open({epoch_.value + 1});
    log.push_back(payload);
    late_.clear();
    return payload;
  }
  // A message from another shard that was under way when the epoch was cut.
  void arrive_late(const model::Address& address, const std::string& payload) {
    late_.emplace_back(message(address, payload));
    table.add_inbox(log.back(), late_.back(), {closed_.value, static_cast<std::uint32_t>(late_.size())});
    late_model_.emplace_back(address, payload);
  }
  void take_in_late() {
    for (auto& [address, payload] : std::exchange(late_model_, {})) add_mail(address, std::move(payload));
  }
  void freeze() {
    frozen_ = table.freeze();
    frozen_epoch_ = closed_;
    // What a restart finds when nothing after this epoch has become durable, and the log up to it has been trimmed.
    testing::FakeStore view = store;
    write_frozen(view);
    expect_recovered(view, {});
  }
  void bring_down() {
    write_frozen(store);
    table.thaw();
    frozen_.reset();
  }
  // What a restart finds from the log alone: everything as the model had it at the close.
  void expect_recovered() {
    const testing::FakeStore empty;
    expect_recovered(empty, log);
  }
  void expect_recovered(const testing::FakeStore& view, const std::vector<std::string>& payloads) {
    Table other(limits_, all_partitions(), view);
    for (const auto& payload : payloads)
      ASSERT_TRUE(codec::for_each_row(payload, [&](std::string_view key, auto value) { other.add_recovered_row(key, value); }));
    other.begin(epoch_);
    auto recovered = other.recover();
    ASSERT_TRUE(recovered) << recovered.error().message;
    const testing::PartitionTable& model = closed_model_;
    std::set<model::Address> with_mail;
    const auto sweep = [&] { return other.sweep_mail(2, [&](const FoundMail& found) { ASSERT_TRUE(with_mail.insert(found.address).second); }).value(); };
    // Addresses may be brought in before the sweep, while it is on its way, or after it.
    const auto slices = epoch_.value % 5;
    for (std::uint64_t i = 0; i < slices; ++i) (void)sweep();
    expect_same(other, model);
    while (!sweep()) {}
    if (slices == 0) {
      ASSERT_TRUE(with_mail.empty());  // All that have some were in memory.
    }
    ASSERT_EQ(recovered->inbox.size(), late_.size());
    for (const auto& command : late_)  // In order for each address; see the next check.
      ASSERT_EQ(std::ranges::count(recovered->inbox, command), std::ranges::count(late_, command));
    for (const auto& address : addresses) {
      const auto of = [&](const auto& commands) {
        std::vector<std::string> out;
        for (const auto& command : commands)
          if (const auto& m = std::get<model::Message>(command); m.target == address) out.push_back(m.argument.value);
        return out;
      };
      ASSERT_EQ(of(recovered->inbox), of(late_));
    }
    std::uint64_t count = 0;
    for (const auto& [address, box] : model.mail) {
      ASSERT_FALSE(with_mail.contains(address) && box.empty());
      count += box.size();
    }
    ASSERT_EQ(other.mail_count(), count);
    decltype(model.registrations) registrations(recovered->registrations.begin(), recovered->registrations.end());
    ASSERT_EQ(registrations, model.registrations);
    // Timers, in order, by taking them.
    for (const auto& [key, row] : model.timers) {
      const auto next = other.next_timer();
      ASSERT_TRUE(next);
      ASSERT_EQ(next->key, key);
      ASSERT_EQ(other.timer(*next), row);
      other.apply(partition::DeleteTimer{owner_of(row), key});
    }
    ASSERT_FALSE(other.next_timer());
  }
  void expect_same(const Table& t) { expect_same(t, model); }
  void expect_same(const Table& t, const testing::PartitionTable& model) {
    for (const auto& address : addresses) {
      ASSERT_EQ(t.address(address), model.address(address)) << address.id;
      const auto count = static_cast<std::uint32_t>(model.mailbox_size(address));
      ASSERT_EQ(t.oldest_mail(address, count + 1), model.oldest_mail(address, count + 1)) << address.id;
      ASSERT_EQ(t.mailbox_size(address), count);
      for (const char* token : {"s", "t"}) ASSERT_EQ(t.token({address, token}), model.token({address, token}));
    }
    for (const char* id : {"r1", "r2"}) ASSERT_EQ(t.request(id), model.request(id));
    for (const char* stream : {"x", "y"}) {
      ASSERT_EQ(t.stream(stream), model.stream(stream));
      const auto records = t.oldest_records(stream, 1'000);
      const auto expected = model.oldest_records(stream, 1'000);
      ASSERT_EQ(records.size(), expected.size());
      for (std::size_t i = 0; i < records.size(); ++i) {
        ASSERT_EQ(records[i].position, expected[i].position);
        ASSERT_EQ(records[i].bytes, expected[i].bytes);
        ASSERT_EQ(records[i].time, expected[i].time);
      }
      std::map<std::uint64_t, model::StreamRecord> read;
      t.read_records(stream, 0, UINT64_MAX, [&](std::uint64_t position, const model::StreamRecord& record) {
        read.emplace(position, record);
        return true;
      });
      const auto known = model.records.find(stream);
      ASSERT_EQ(read, known == model.records.end() ? decltype(read){} : known->second);
    }
  }
  // The id under which a timer of these tests was stored.
  static std::string owner_of(const model::TimerRow& row) {
    if (const auto* send = std::get_if<model::DelayedSend>(&row)) return send->message.caller->id;
    if (const auto* trim = std::get_if<model::TrimStream>(&row)) return trim->name;
    return std::get<model::ForgetRequest>(row).id;
  }
  [[nodiscard]] bool has_frozen() const { return frozen_ != nullptr; }

 private:
  void write_frozen(testing::FakeStore& view) {
    ASSERT_TRUE(view.apply(writes_of(std::span(&frozen_, 1)), frozen_epoch_));
  }
  void open(model::Epoch epoch) {
    epoch_ = epoch;
    table.begin(epoch);
    model.sequence.next = {epoch.value, 0};
  }
  Table::Limits limits_;
  model::Epoch epoch_, closed_, frozen_epoch_;
  testing::PartitionTable closed_model_;
  std::shared_ptr<const RowSet> frozen_;
  std::vector<model::Command> late_;
  std::vector<std::pair<model::Address, std::string>> late_model_;

 public:
  testing::FakeStore store;
  Table table;
  testing::PartitionTable model;
  std::vector<std::string> log;
  std::vector<model::Address> addresses;
};

constexpr Table::Limits kTiny{kPartitions, 2'000, 600, 1'500, 3};
// Room for rows of idle addresses, but for one entity at the most.
constexpr Table::Limits kResting{kPartitions, 1 << 20, 1 << 20, 20'000, 1'000};
constexpr Table::Limits kAmple{kPartitions, 1 << 20, 1 << 20, 1 << 20, 1'000};

const model::Address kCart{"shop/cart", "alice"};

Transition change(ChangeAddress c) {
  Transition next;
  next.writes.push_back(std::move(c));
  return next;
}

TEST(Table, WhatIsBornAndGoneInOneEpochIsNotInItsPayload) {
  World world(kAmple);
  world.addresses = {kCart};
  world.add_mail(kCart, "hello");
  world.add_mail(kCart, "again");
  world.apply(change({.address = kCart, .set = {{"s", "x", {}}}, .mail_taken = 2}));
  world.apply(change({.address = kCart, .removed = {"s"}}));
  const model::TimerKey key{{5}, {1, 1}};
  Transition timer;
  timer.writes.push_back(partition::PutTimer{"alice", key, model::DelayedSend{message(kCart, "later"), ""}});
  world.apply(timer);
  timer.writes = {partition::DeleteTimer{"alice", key}};
  world.apply(timer);
  EXPECT_EQ(world.close(), "");
}

TEST(Table, MessageThatOutlivesItsEpochIsWrittenOnceAndErasedOnce) {
  World world(kAmple);
  world.add_mail(kCart, "hello");
  std::size_t puts = 0, deletes = 0;
  const auto count = [&](const std::string& payload) {
    ASSERT_TRUE(codec::for_each_row(payload, [&](std::string_view key, auto value) {
      if (codec::kind_of_key(key) == codec::RowKind::Mail) ++(value ? puts : deletes);
    }));
  };
  count(world.close());
  count(world.close());
  EXPECT_EQ(puts, 1u);
  world.apply(change({.address = kCart, .mail_taken = 1}));
  count(world.close());
  count(world.close());
  EXPECT_EQ(puts, 1u);
  EXPECT_EQ(deletes, 1u);
}

// Two shards: one has cut and goes on, the other has not said so yet.
TEST(Table, WhatTheNextEpochDoesToRecordsBeforeTheSealIsNotInTheView) {
  World world(kAmple);
  model::StreamRecord record;
  record.value = {"t", "as it was", true};
  world.apply(partition::append_records(world.table, {}, "x", {record, record, record, record}, {1}, world.model.sequence));
  world.close();
  std::uint64_t bytes = partition::record_bytes(record);
  world.apply(*partition::release_records(world.table, "x", 1, bytes));
  record.error = "set aside";
  Transition aside;
  aside.writes.push_back(partition::PutRecord{"x", 2, record});
  world.apply(aside);
  world.apply(*partition::release_records(world.table, "x", 2, bytes));
  world.freeze();  // Finds fault with a view in which anything is gone or changed.
  world.table.seal();
  world.expect_same(world.table);
  world.bring_down();
  world.close();
  world.expect_recovered();
  world.expect_same(world.table);
}

TEST(Table, StreamThatWasOnlyTouchedIsNotClean) {
  World world(kAmple);
  model::StreamRecord record;
  world.apply(partition::append_records(world.table, {}, "x", {record}, {1}, world.model.sequence));
  world.apply(*partition::release_records(world.table, "x", 1, 0));
  EXPECT_FALSE(world.table.is_clean());  // Its position has moved on.
  EXPECT_NE(world.close(), "");
}

TEST(Table, IdleAddressesLeaveMemoryAndComeBackEqual) {
  World world({kPartitions, 1 << 20, 1 << 20, 2'000, 100});
  for (int i = 0; i < 50; ++i) {
    world.addresses.push_back({"shop/cart", std::to_string(i)});
    world.apply(change({.address = world.addresses.back(), .set = {{"s", std::string(static_cast<std::size_t>(i), 'x'), {i}}}}));
  }
  EXPECT_EQ(world.table.entity_count(), 50u);
  world.close();
  EXPECT_LE(world.table.cached_bytes(), 2'000u);
  EXPECT_LT(world.table.entity_count(), 5u);
  world.expect_same(world.table);
  world.close();
  EXPECT_LE(world.table.cached_bytes(), 2'000u);
}

// Whoever rests is a row. One that comes back is taken from there, and nobody looks for it below, not even when it has no row at all.
TEST(Table, AddressesAtRestAreRowsInMemory) {
  World world(kResting);
  for (int i = 0; i < 50; ++i) world.addresses.push_back({"shop/cart", std::to_string(i)});
  for (const auto& address : world.addresses)
    if (address.id != "7") world.apply(change({.address = address, .set = {{"s", address.id, {}}}}));
    else world.add_mail(address, "m");
  world.apply(change({.address = world.addresses[7], .mail_taken = 1}));
  world.close();
  EXPECT_LE(world.table.entity_count(), 1u);
  EXPECT_EQ(world.table.addresses_in_memory(), 50u);
  world.freeze();
  world.bring_down();
  const std::size_t gets = world.store.gets;
  for (const auto& address : world.addresses) EXPECT_EQ(world.table.address(address), world.model.address(address)) << address.id;
  EXPECT_EQ(world.store.gets, gets);
}

// Mail that was let go of and has not come down to the view is found without a walk through the view.
TEST(Table, FewStoredMessagesAreAskedForByName) {
  World world({kPartitions, 1 << 20, 1 << 20, 1 << 20, 100});
  while (!world.table.sweep_mail(100, [](const FoundMail&) {}).value()) {}
  world.addresses = {kCart};
  for (int i = 0; i < 20; ++i) world.add_mail(kCart, std::to_string(i));
  world.close();
  Entity& entity = world.table.entity(kCart);
  world.table.let_go_of_mail(entity);
  ASSERT_EQ(entity.mailbox.bytes_in_memory(), 0u);
  const std::size_t scans = world.store.scans, gets = world.store.gets;
  world.table.load_mail(entity, 8, SIZE_MAX);
  EXPECT_EQ(entity.mailbox.head_size(), 8u);
  EXPECT_EQ(world.store.scans, scans);
  EXPECT_EQ(world.store.gets, gets);
  world.table.load_mail(entity, 20, SIZE_MAX);  // Many are walked through.
  EXPECT_EQ(entity.mailbox.head_size(), 20u);
  EXPECT_EQ(world.store.scans, scans + 1);
  world.expect_same(world.table);
}

// In a state cache of 64 MB there is room for more than 300,000 of them.
TEST(Table, AnAddressAtRestTakesLessThan200Bytes) {
  World world({kPartitions, 1 << 20, 1 << 20, 64 << 20, 100});
  constexpr std::size_t kCount = 20'000;
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string id = "5a2c6f0e-93d4-4d36-8a6b-1f0c7d" + std::to_string(100'000 + i);
    ASSERT_EQ(id.size(), 36u);
    world.table.apply(ChangeAddress{.address = {"com.example.shop/shopping-cart", id}, .set = {{"seen_count", "0123456789", {}}}});
  }
  world.close();
  const std::size_t entities = world.table.entity_count();
  EXPECT_LT(entities, kCount / 4);
  EXPECT_EQ(world.table.addresses_in_memory(), kCount);
  EXPECT_LE((world.table.cached_bytes() - entities * 700) / (kCount - entities), 200u);
  EXPECT_LE(sizeof(Entity), 384u);  // One that is not at rest; there are thousands.
}

TEST(Table, BusyOrParkedAddressesAndThoseWithMailStayInMemory) {
  World world({kPartitions, 1 << 20, 1 << 20, 0, 100});
  const model::Address busy{"t", "busy"}, mail{"t", "mail"}, idle{"t", "idle"};
  Entity& entity = world.table.entity(busy);
  entity.phase = Entity::Phase::Waiting;
  world.add_mail(mail, "m");
  world.apply(change({.address = idle, .set = {{"s", "x", {}}}}));
  world.close();
  EXPECT_EQ(world.table.find(busy), &entity);
  EXPECT_NE(world.table.find(mail), nullptr);
  EXPECT_EQ(world.table.find(idle), nullptr);
  entity.phase = Entity::Phase::Idle;
  world.table.rest(entity);
  world.apply(change({.address = mail, .mail_taken = 1}));
  world.close();
  EXPECT_EQ(world.table.entity_count(), 0u);
  EXPECT_EQ(world.table.cached_bytes(), 0u);
}

TEST(Table, MailboxOverItsBoundIsLetGoOfButForTheBatchInFlight) {
  World world({kPartitions, 1 << 20, 1'000, 1 << 20, 100});
  for (int i = 0; i < 20; ++i) world.add_mail(kCart, std::to_string(i) + std::string(200, 'x'));
  Entity& entity = world.table.entity(kCart);
  entity.phase = Entity::Phase::InFlight;
  entity.batch = 3;
  world.close();
  EXPECT_EQ(entity.mailbox.head_size(), 3u);
  EXPECT_EQ(entity.mailbox.spilled(), 17u);
  for (int i = 20; i < 25; ++i) world.add_mail(kCart, std::to_string(i));
  world.table.load_mail(entity, 5, SIZE_MAX);
  EXPECT_EQ(entity.mailbox.head_size(), 5u);
  const std::size_t loaded = entity.mailbox.bytes_in_memory();
  world.table.load_mail(entity, 100, 600);  // Bytes bound it, too: one beyond them at the most.
  EXPECT_LE(entity.mailbox.bytes_in_memory(), loaded + 600 + 500);
  EXPECT_GT(entity.mailbox.head_size(), 5u);
  entity.phase = Entity::Phase::Idle;
  world.addresses = {kCart};
  world.expect_same(world.table);
}

// Where a request has no room left beside the states, its function is given one message all the same.
TEST(Table, OneMessageIsLoadedHoweverFewBytesThereMayBe) {
  World world({kPartitions, 1 << 20, 1 << 20, 1 << 20, 100});
  for (int i = 0; i < 3; ++i) world.add_mail(kCart, std::to_string(i));
  world.close();
  Entity& entity = world.table.entity(kCart);
  world.table.let_go_of_mail(entity);
  ASSERT_EQ(entity.mailbox.head_size(), 0u);
  world.table.load_mail(entity, 3, 0);
  EXPECT_EQ(entity.mailbox.head_size(), 1u);
}

TEST(Table, MailboxWithAMessageMissingIsDamaged) {
  World world(kAmple);
  for (int i = 0; i < 3; ++i) world.add_mail(kCart, std::to_string(i));
  const std::string payload = world.close();
  testing::FakeStore store;
  Table other(kAmple, all_partitions(), store);
  ASSERT_TRUE(codec::for_each_row(payload, [&](std::string_view key, auto value) {
    const auto mail = codec::parse_mail_key(key);
    if (!mail || mail->number != 1) other.add_recovered_row(key, value);
  }));
  ASSERT_TRUE(other.recover());
  const auto swept = other.sweep_mail(100'000, [](const FoundMail&) {});
  ASSERT_FALSE(swept);
  EXPECT_EQ(swept.error().message, "the mailbox of shop/cart/alice has no message 1");
}

// What can be wrong with rows that each are sound, or not: a start says it, with the row's name.
TEST(Table, RowsThatCannotBeStopTheStartWithTheirName) {
  const auto partition = [](std::string_view id) { return model::partition_of(id, kPartitions); };
  const auto elsewhere = [&](std::string_view id) { return model::PartitionId{static_cast<std::uint16_t>((partition(id).value + 1) % kPartitions)}; };
  const auto mail = codec::encode(message(kCart, "x"));
  const model::Command command = message(kCart, "x");
  struct Case {
    const char* what;
    std::string key, value;
  };
  for (const auto& [what, key, value] : std::vector<Case>{
           {"it belongs to partition", codec::mail_key(elsewhere(kCart.id), kCart, 0), mail},
           {"malformed mail key", codec::mail_key(partition(kCart.id), kCart, UINT64_MAX), mail},
           {"malformed mail key", codec::mail_prefix(partition(kCart.id), kCart), mail},
           {"it belongs to partition", codec::inbox_key(elsewhere(kCart.id), {1, 0}), codec::encode(command)},
           {"inbox row of an unknown version", codec::inbox_key(partition(kCart.id), {1, 0}), "?"},
           {"it belongs to partition", codec::name_key(elsewhere("t/f"), codec::RowKind::Registration, "t/f"), codec::encode(model::RegistrationRow{})},
           {"registration row of an unknown version", codec::name_key(partition("t/f"), codec::RowKind::Registration, "t/f"), "?"},
           {"it belongs to partition", codec::name_key(elsewhere("x"), codec::RowKind::Stream, "x"), codec::encode(model::StreamRow{})},
           {"malformed stream row", codec::name_key(partition("x"), codec::RowKind::Stream, "x"), codec::encode(model::StreamRow{2, 1, 0, {}})},
       }) {
    SCOPED_TRACE(codec::describe_key(key));
    testing::FakeStore store;
    store.rows[key] = value;
    Table table(kAmple, all_partitions(), store);
    auto recovered = table.recover().and_then([&](auto&&) { return table.sweep_mail(100'000, [](const FoundMail&) {}); });
    ASSERT_FALSE(recovered);
    EXPECT_EQ(recovered.error().code, ErrorCode::Damaged);
    EXPECT_NE(recovered.error().message.find(codec::describe_key(key)), std::string::npos) << recovered.error().message;
    EXPECT_NE(recovered.error().message.find(what), std::string::npos) << recovered.error().message;
  }
}

TEST(Table, AStreamThatClaimsRecordsThatAreNotThereGoesOn) {
  const auto partition = model::partition_of("x", kPartitions);
  testing::FakeStore store;
  const auto row_key = codec::name_key(partition, codec::RowKind::Stream, "x");
  store.rows[row_key] = codec::encode(model::StreamRow{5, 1ull << 61, 1'000, {}});
  const model::StreamRecord record{"k", {"t", "v"}, "", "", "", {1}};
  store.rows[codec::record_key(partition, "x", 3)] = codec::encode(record);  // Below the first.
  store.rows[codec::record_key(partition, "x", 9)] = codec::encode(record);
  Table table(kAmple, all_partitions(), store);
  table.begin({1});
  ASSERT_TRUE(table.recover());
  ASSERT_EQ(table.oldest_records("x", 10).size(), 1u);
  // All of that is let go of at once, and in no time.
  Transition gone = partition::release_records(table, "x", 1ull << 61, 0).value();
  for (auto& write : gone.writes) table.apply(std::move(write));
  EXPECT_TRUE(table.oldest_records("x", 10).empty());
  EXPECT_EQ(table.stream("x").first, 1ull << 61);
  testing::PartitionTable model;
  Transition more = partition::append_records(table, {}, "x", {record}, {2}, model.sequence);
  for (auto& write : more.writes) table.apply(std::move(write));
  std::vector<std::pair<std::string, std::uint64_t>> streams;
  const std::string payload = table.close({2}, streams);
  EXPECT_EQ(table.oldest_records("x", 10).at(0).position, 1ull << 61);
  std::set<std::string> deleted;
  ASSERT_TRUE(codec::for_each_row(payload, [&](std::string_view key, auto value) {
    if (!value) deleted.emplace(key);
  }));
  EXPECT_EQ(deleted, (std::set<std::string>{codec::record_key(partition, "x", 3), codec::record_key(partition, "x", 9)}));
}

TEST(Table, ATimerWhoseRowIsNotOneIsSetAsideAndTheOthersGoOn) {
  const auto partition = model::partition_of("x", kPartitions);
  const model::PartitionId other{static_cast<std::uint16_t>((partition.value + 1) % kPartitions)};
  testing::FakeStore store;
  store.rows[codec::timer_key(partition, {{1}, {1, 1}})] = "?";
  store.rows[codec::timer_key(other, {{2}, {1, 2}})] = codec::encode(model::TimerRow(model::TrimStream{"x"}));
  store.rows[codec::timer_key(partition, {{3}, {1, 3}})] = codec::encode(model::TimerRow(model::TrimStream{"x"}));
  Table table(kAmple, all_partitions(), store);
  ASSERT_TRUE(table.recover());
  for (const std::int64_t due : {1, 2}) {
    const auto next = table.next_timer();
    ASSERT_TRUE(next);
    EXPECT_EQ(next->key.due.unix_ms, due);
    EXPECT_FALSE(table.timer(*next));
    table.set_timer_aside(*next);
  }
  const auto next = table.next_timer();
  ASSERT_TRUE(next);
  EXPECT_TRUE(table.timer(*next));
}

TEST(Table, TimersComeInOrderHoweverFewAreHeld) {
  World world({kPartitions, 1 << 20, 1 << 20, 1 << 20, 2});
  SeededRandom random(1);
  for (std::uint32_t i = 0; i < 200; ++i) {
    Transition next;
    const std::string id = std::to_string(random.below(20));
    model::Message m = message({"t", "i"}, "x");
    m.caller = model::Address{"t", id};
    next.writes.push_back(partition::PutTimer{
        id, {{static_cast<std::int64_t>(random.below(30)) - 5}, world.model.sequence.take()}, model::DelayedSend{m, ""}});
    world.apply(next);
    if (i % 50 == 0) world.close();
  }
  while (!world.model.timers.empty()) {
    const auto next = world.table.next_timer();
    ASSERT_TRUE(next);
    const auto [key, row] = *world.model.timers.begin();
    ASSERT_EQ(next->key, key);
    Transition gone;
    gone.writes.push_back(partition::DeleteTimer{World::owner_of(row), key});
    world.apply(gone);
    if (random.below(20) == 0) world.close();
  }
  EXPECT_FALSE(world.table.next_timer());
}

// Goal: the table is what the maps are, at every step; after every close the payloads so far give a second table that is what the maps
// are, too.
// Method: random transitions over few addresses, streams, tokens and requests, with every bound tiny, and the view being written behind.
TEST(Table, AgreesWithPlainMapsAndIsRecoveredFromItsPayloadsInRandomHistories) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SeededRandom random(seed);
    World world(seed % 3 == 0 ? kTiny : seed % 3 == 1 ? kResting : kAmple);
    // Names that make keys hard to tell apart, and ids that share a partition with others.
    for (const char* id : {"bc", "c", "x", "y", "r1"})
      for (const char* type : {"a", "ab"}) world.addresses.push_back({type, id});
    Instant now{100};
    // After a close some more may happen, in the next epoch, before the closed one is sealed.
    std::optional<std::uint64_t> until_seal;
    const auto seal = [&] {
      if (!world.has_frozen()) {
        if (random.below(3) == 0) world.freeze();
      } else if (random.below(2) == 0) {
        world.bring_down();
      }
      world.table.seal();
      world.expect_recovered();
      if (random.below(2) == 0) world.expect_same(world.table);
      until_seal.reset();
    };
    for (int step = 0; step < 250; ++step) {
      now = now + Duration{1};
      if (until_seal && (*until_seal)-- == 0) seal();
      const auto& address = world.addresses[random.below(world.addresses.size())];
      const std::uint64_t waiting = world.model.mailbox_size(address);
      const std::string text = std::to_string(step);
      Transition next;
      switch (random.below(15)) {
        case 0:
        case 1:
        case 2:
          for (std::uint64_t n = random.below(4); n > 0; --n)
            world.add_mail(address, text + "." + std::to_string(n) + std::string(random.below(200), 'x'));
          break;
        case 3:
        case 4: {
          ChangeAddress c{.address = address, .mail_taken = static_cast<std::uint32_t>(random.below(waiting + 1))};
          if (random.below(2) == 0) c.set.push_back({"s", text, {static_cast<std::int64_t>(random.below(3))}});
          if (random.below(3) == 0) c.set.push_back({"u", "", {}});
          else if (random.below(3) == 0) c.removed = {"u"};
          if (random.below(4) == 0) c.removed.push_back("v");
          if (random.below(4) == 0) c.expiry_armed = Instant{static_cast<std::int64_t>(random.below(2))};
          next = change(std::move(c));
          break;
        }
        case 5: {  // Empty again.
          ChangeAddress c{.address = address, .removed = {"s", "u"}, .mail_taken = static_cast<std::uint32_t>(waiting)};
          c.expiry_armed = Instant{};
          next = change(std::move(c));
          break;
        }
        case 6: {
          ChangeAddress c{.address = address};
          if (world.model.address(address).parked) {
            c.park = ChangeAddress::Park::Clear;
          } else {
            c.park = ChangeAddress::Park::Set;
            c.parked = {text, now, 1, 2};
          }
          next = change(std::move(c));
          break;
        }
        case 7: {  // Send with a token, or take it back.
          const model::TokenKey token{address, random.below(2) == 0 ? "s" : "t"};
          if (const auto timer = world.model.token(token)) {
            next.writes.push_back(partition::DeleteTimer{address.id, *timer});
            next.writes.push_back(partition::DeleteToken{token});
          } else {
            const model::TimerKey key{{static_cast<std::int64_t>(random.below(5))}, world.model.sequence.take()};
            model::Message m = message({"t", "i"}, text);
            m.caller = address;
            next.writes.push_back(partition::PutToken{token, key});
            next.writes.push_back(partition::PutTimer{address.id, key, model::DelayedSend{std::move(m), token.token}});
          }
          break;
        }
        case 8: {  // A request, or its end.
          const std::string id = random.below(2) == 0 ? "r1" : "r2";
          if (const auto row = world.model.request(id); row && row->answered) {
            next.writes.push_back(partition::DeleteRequest{id});
          } else {
            next.writes.push_back(partition::PutRequest{id, {7, row.has_value(), std::nullopt}});
          }
          break;
        }
        case 9: {
          model::StreamRecord record;
          record.value = {"t", text};
          record.time = now;
          const partition::Retention retention{{random.below(2) == 0 ? 0 : 20}, 400};
          next = partition::append_records(world.table, retention, random.below(2) == 0 ? "x" : "y",
                                           std::vector<model::StreamRecord>(1 + random.below(3), record), now, world.model.sequence);
          break;
        }
        case 10: {
          const auto row = world.model.stream("x");
          const std::uint64_t to = std::min(row.next, row.first + random.below(3));
          std::uint64_t bytes = 0;
          for (const auto& [position, record] : world.model.records["x"])
            if (position < to) bytes += partition::record_bytes(record);
          next = *partition::release_records(world.table, "x", to, bytes);
          break;
        }
        case 14: {
          const auto row = world.model.stream("x");
          if (row.first == row.next) break;
          const std::uint64_t position = row.first + random.below(row.next - row.first);
          auto record = world.model.records["x"][position];
          record.value.value = std::string(record.value.value.size(), '!');  // Bytes are counted as they were.
          next.writes.push_back(partition::PutRecord{"x", position, std::move(record)});
          break;
        }
        case 11: {  // The first timer, if it is a stream's: it trims; else it goes.
          const auto first = world.table.next_timer();
          ASSERT_EQ(first.has_value(), !world.model.timers.empty());
          if (!first) break;
          ASSERT_EQ(first->key, world.model.timers.begin()->first);
          const auto row = world.table.timer(*first);
          ASSERT_EQ(row, world.model.timers.begin()->second);
          if (const auto* trim = std::get_if<model::TrimStream>(&*row)) {
            now = std::max(now, first->key.due);
            next = partition::fire_trim_stream(world.table, {{20}, 400}, first->key, trim->name, now, 3, world.model.sequence);
          } else {
            const auto& send = std::get<model::DelayedSend>(*row);
            next.writes.push_back(partition::DeleteTimer{send.message.caller->id, first->key});
            next.writes.push_back(partition::DeleteToken{{*send.message.caller, send.token}});
          }
          break;
        }
        case 12:
          next.writes.push_back(partition::PutRegistration{
              random.below(2) == 0 ? "a" : "ab", {{{text, "t", model::ExpireMode::AfterWrite, {step + 1}}}}});
          break;
        case 13: {
          if (until_seal) break;
          world.close();
          for (std::uint64_t n = random.below(3); n > 0; --n) world.arrive_late(address, text + std::to_string(n));
          world.take_in_late();
          until_seal = random.below(8);
          break;
        }
      }
      world.apply(next);
      for (const auto& a : world.addresses) ASSERT_EQ(world.table.mailbox_size(a), world.model.mailbox_size(a));
      if (::testing::Test::HasFailure()) return;
    }
    if (until_seal) seal();
    world.close();
    world.table.seal();
    world.expect_recovered();
    world.expect_same(world.table);
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace holdfast::runtime
