// One sound partition of everything, and each way to damage it.
#include "runtime/row_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "codec/rows.h"
#include "partition/stream.h"
#include "testing/fake_store.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint16_t kPartitions = 1;
constexpr model::PartitionId kPartition{0};
const model::Address kCart{"shop/cart", "al"};
const model::TimerKey kDelayed{{70}, {3, 1}}, kExpire{{80}, {3, 2}}, kForget{{90}, {3, 3}}, kTrim{{60}, {3, 4}};
const model::ItemKey kItem{"shop", "cart"};
const model::ItemRow kItemRow{"v", "text/plain", {4, 2}, {95}};
const model::TimerKey kExpireItem{kItemRow.expires_at, kItemRow.version};

std::string mail(std::uint64_t number) { return codec::mail_key(kPartition, kCart, number); }
std::string record(std::uint64_t position) { return codec::record_key(kPartition, "shop/out", position); }
std::string cart_key() { return codec::address_key(kPartition, RowKind::Address, kCart); }
std::string parked_key() { return codec::address_key(kPartition, RowKind::Parked, kCart); }
std::string stream_key() { return codec::name_key(kPartition, RowKind::Stream, "shop/out"); }
std::string token_key() { return codec::token_key(kPartition, {kCart, "tick"}); }
std::string item_key() { return codec::item_key(kPartition, kItem); }
std::string timer(const model::TimerKey& key) { return codec::timer_key(kPartition, key); }

model::AddressRow cart() {
  model::AddressRow row;
  row.states = {{"count", "1", {80}}};
  row.expiry_armed = {80};
  row.parked = model::Parked{"it failed", {1}, 2, 3};
  return row;
}
model::StreamRecord one_record() { return {"k", {"t", "value"}, "s", "", "", {5}}; }
model::StreamRow stream(std::uint64_t bytes = 3 * partition::record_bytes(one_record())) { return {4, 7, bytes, kTrim.due}; }

class RowCheck : public ::testing::Test {
 protected:
  RowCheck() {
    auto& rows = store_.rows;
    const model::Message message{kCart, std::nullopt, {"t", "x", true}, ""};
    for (std::uint64_t n = 7; n < 10; ++n) rows[mail(n)] = codec::encode(message);
    rows[cart_key()] = codec::encode(cart());
    rows[parked_key()] = std::string(1, codec::kRowVersion);
    for (std::uint64_t n = 3; n < 7; ++n) rows[record(n)] = codec::encode(one_record());  // One that is gone already, too.
    rows[stream_key()] = codec::encode(stream());
    model::Message later = message;
    later.caller = kCart;
    rows[timer(kDelayed)] = codec::encode(model::TimerRow(model::DelayedSend{later, "tick"}));
    rows[token_key()] = codec::encode(kDelayed);
    rows[timer(kExpire)] = codec::encode(model::TimerRow(model::ExpireStates{kCart}));
    rows[timer(kForget)] = codec::encode(model::TimerRow(model::ForgetRequest{"r"}));
    rows[timer(kTrim)] = codec::encode(model::TimerRow(model::TrimStream{"shop/out"}));
    rows[item_key()] = codec::encode(kItemRow);
    rows[timer(kExpireItem)] = codec::encode(model::TimerRow(model::ExpireItem{kItem}));
    rows[codec::name_key(kPartition, RowKind::Request, "r")] = codec::encode(model::RequestRow{.fingerprint = 1});
    rows[codec::name_key(kPartition, RowKind::Source, "shop/in")] = codec::encode(model::SourceRow{});
    rows[codec::name_key(kPartition, RowKind::Registration, "shop/cart")] = codec::encode(model::RegistrationRow{});
    rows[codec::inbox_key(kPartition, {5, 0})] = codec::encode(model::Command(message));
  }
  std::vector<std::string> check(std::uint16_t partitions = kPartitions) {
    RowFaults faults;
    check_partition(RowLayers(store_), kPartition, partitions, {5}, faults);
    EXPECT_EQ(faults.count(), faults.shown().size());
    return faults.shown();
  }
  testing::FakeStore store_;
};

TEST_F(RowCheck, WhatIsSoundIsSound) { EXPECT_THAT(check(), IsEmpty()); }

TEST_F(RowCheck, RowsThatTheLogHasAndTheViewHasNotCount) {
  store_.rows.erase(record(5));
  RowLayers rows(store_);
  rows.add_closed(record(5), codec::encode(one_record()));
  RowFaults faults;
  check_partition(rows, kPartition, kPartitions, {5}, faults);
  EXPECT_EQ(faults.count(), 0u);
  rows.add_closed(record(6), std::nullopt);
  check_partition(rows, kPartition, kPartitions, {5}, faults);
  EXPECT_THAT(faults.shown(), ElementsAre(HasSubstr("stream shop/out has lost its record 6 of [4, 7)")));
}

TEST_F(RowCheck, EveryRowThatIsMissingIsNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {mail(8), "the mailbox has no message 8"},
      {cart_key(), "the address is not parked"},
      {parked_key(), "it is parked, and not in the index"},
      {record(4), "stream shop/out has lost its record 4 of [4, 7)"},
      {record(5), "stream shop/out has lost its record 5 of [4, 7)"},
      {record(6), "stream shop/out has lost its record 6 of [4, 7)"},
      {stream_key(), "record 3 of stream \"shop/out\" (partition 0): the stream has no row"},
      {timer(kDelayed), "cancellation token \"tick\" of \"shop/cart/al\" (partition 0): the delayed send that it stands for is missing"},
      {token_key(), "its cancellation token \"tick\" does not stand for it"},
      {timer(kExpire), "what is kept of \"shop/cart/al\" (partition 0): it has no timer that lets its states expire"},
      {item_key(), "item cart of table shop does not wait for it"},
      {timer(kExpireItem), "item \"cart\" of table \"shop\" (partition 0): it has no timer that lets it expire"},
      {timer(kTrim), "stream shop/out has no timer that trims it"},
  };
  for (const auto& [key, what] : cases) {
    const std::string value = store_.rows.at(key);
    store_.rows.erase(key);
    EXPECT_THAT(check(), ::testing::Contains(HasSubstr(what))) << what;
    store_.rows[key] = value;
  }
  EXPECT_THAT(check(), IsEmpty());
}

TEST_F(RowCheck, EveryRowThatSaysSomethingElseIsNamed) {
  model::Message to_other{{"shop/cart", "bo"}, std::nullopt, {"t", "x", true}, ""};
  auto three_failed = cart(), later = cart();
  three_failed.parked->batch = 4;
  later.expiry_armed = {81};
  auto timer_of_nobody = codec::encode(model::TimerRow(model::ExpireStates{{"shop/cart", "bo"}}));
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {mail(8), codec::encode(to_other), "message 8 of \"shop/cart/al\" (partition 0): the message is for shop/cart/bo"},
      {mail(8), "?", "message 8 of \"shop/cart/al\" (partition 0): mail row of an unknown version"},
      {cart_key(), codec::encode(three_failed), "parked are 4 messages, but only 3 wait"},
      {cart_key(), codec::encode(later), "do not wait for it"},
      {record(5), "?", "record 5 of stream \"shop/out\" (partition 0): record row of an unknown version"},
      {record(7), codec::encode(one_record()), "record 7 of stream \"shop/out\" (partition 0): the stream ends at 7"},
      {stream_key(), codec::encode(stream(1)), "stream shop/out counts 1 bytes, its records have"},
      {stream_key(), codec::encode(model::StreamRow{4, 1ull << 60, 0, kTrim.due}), "stream shop/out has lost its records 7 to 1152921504606846975"},
      {token_key(), codec::encode(kExpire), "the delayed send that it stands for is missing"},
      {timer(kExpire), timer_of_nobody, "the states of shop/cart/bo do not wait for it"},
      {item_key(), "?", "item \"cart\" of table \"shop\" (partition 0): item row of an unknown version"},
      {item_key(), codec::encode(model::ItemRow{"v", "", {6, 0}, {}}), "the newest epoch is 5"},
      {item_key(), codec::encode(model::ItemRow{"v", "", {4, 3}, {95}}), "does not wait for it"},
      {timer({{1}, {6, 0}}), codec::encode(model::TimerRow(model::ForgetRequest{"r"})), "the newest epoch is 5"},
      {codec::name_key(kPartition, RowKind::Request, "r"), "?", "request \"r\" (partition 0): request row of an unknown version"},
      {codec::name_key(kPartition, RowKind::Source, "shop/in"), "?", "position of source \"shop/in\" (partition 0): source row"},
      {codec::name_key(kPartition, RowKind::Registration, "shop/cart"), "?", "declared states of \"shop/cart\" (partition 0): registration row"},
      {codec::inbox_key(kPartition, {5, 0}), "?", "command 5/0 on its way (partition 0): inbox row"},
      {std::string("\0\0Zx", 4), "", "no such rows are known"},
      {std::string("\0\0\0", 3), "", "no such rows are known"},
  };
  for (const auto& [key, value, what] : cases) {
    const auto before = store_.rows.find(key);
    const auto was = before == store_.rows.end() ? std::nullopt : std::optional(before->second);
    store_.rows[key] = value;
    EXPECT_THAT(check(), ::testing::Contains(HasSubstr(what))) << what;
    if (was) store_.rows[key] = *was;
    else store_.rows.erase(key);
  }
  EXPECT_THAT(check(), IsEmpty());
}

// As directories of before are: what a record was set aside for was not counted, and came off when it was let go of.
TEST_F(RowCheck, OutboxOfBeforeMayCountLessThanItHas) {
  auto aside = one_record();
  aside.error = "no such topic";
  const std::string outbox = "shop/away/outbox";
  const auto row = [&](std::uint64_t bytes) { return codec::encode(model::StreamRow{0, 2, bytes, {}}); };
  store_.rows[codec::record_key(kPartition, outbox, 0)] = codec::encode(aside);
  store_.rows[codec::record_key(kPartition, outbox, 1)] = codec::encode(one_record());
  auto& stored = store_.rows[codec::name_key(kPartition, RowKind::Stream, outbox)];
  for (const std::uint64_t less : {0u, 13u, 100u}) {
    stored = row(2 * partition::record_bytes(one_record()) + aside.error.size() - less);
    EXPECT_THAT(check(), IsEmpty()) << less;
  }
  stored = row(1'000);
  EXPECT_THAT(check(), ElementsAre(HasSubstr("counts 1000 bytes")));
}

// Each row here is right in a directory of one partition, and most are not in one of two thousand.
TEST_F(RowCheck, RowsOfAnotherPartitionAreNamed) { EXPECT_GE(check(2'000).size(), 10u); }

TEST_F(RowCheck, ManyFaultsAreCountedAndTheFirstAreShown) {
  for (int i = 0; i < 1'000; ++i) store_.rows[std::string("\0\0Z", 3) + std::to_string(i)] = "";
  RowFaults faults;
  check_partition(RowLayers(store_), kPartition, kPartitions, {5}, faults);
  EXPECT_EQ(faults.count(), 1'000u);
  EXPECT_EQ(faults.shown().size(), RowFaults::kShownMax);
}

}  // namespace
}  // namespace holdfast::runtime
