#include "runtime/row_layers.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "base/random.h"
#include "codec/rows.h"
#include "testing/fake_store.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;
using Rows = std::map<std::string, std::string>;

std::string key(RowKind kind, std::string_view name) { return codec::name_key({7}, kind, name); }

// Address rows, in slices: each met as it is.
Rows walked(const RowLayers& layers, const std::string& from, const std::string& to) {
  Rows out;
  RowLayers::AddressWalk walk;
  std::size_t left = 0;
  do left = 2;
  while (!layers.walk_addresses(walk, left, [&](std::string_view k, std::string_view value, std::size_t&) {
    if (k >= from && k < to) out.insert_or_assign(std::string(k), std::string(value));
  }));
  layers.scan_addresses(from, to, [&](std::string_view k, std::optional<std::string_view> value) {
    if (value) out.insert_or_assign(std::string(k), std::string(*value));
    return true;
  });
  return out;
}

Rows scanned(const RowLayers& layers, const std::string& from, const std::string& to) {
  if (RowSet::is_hashed(from)) return walked(layers, from, to);
  Rows out;
  std::string last;
  layers.scan(from, to, [&](std::string_view k, std::string_view value) {
    EXPECT_LT(last, k);  // In order, nothing twice.
    last = k;
    out.emplace(k, value);
    return true;
  });
  return out;
}

Rows part(const Rows& rows, const std::string& from, const std::string& to) {
  return {rows.lower_bound(from), rows.lower_bound(to)};
}

void apply_payload(std::string_view payload, Rows& rows) {
  ASSERT_TRUE(codec::for_each_row(payload, [&](std::string_view k, std::optional<std::string_view> value) {
    if (value) rows.insert_or_assign(std::string(k), std::string(*value));
    else rows.erase(std::string(k));
  }));
}

TEST(RowLayers, NewestLayerThatKnowsTheKeyDecides) {
  testing::FakeStore store;
  RowLayers layers(store);
  for (const RowKind kind : {RowKind::Address, RowKind::Token}) {
    const std::string k = key(kind, "k");
    std::string payload;
    store.rows[k] = "store";
    EXPECT_EQ(layers.get(k), "store");
    layers.put(k, "frozen");
    layers.close(payload);
    const auto frozen = layers.freeze();
    EXPECT_EQ(layers.get(k), "frozen");
    layers.erase(k);
    layers.close(payload);
    EXPECT_FALSE(layers.get(k));
    layers.put(k, "open");
    EXPECT_EQ(layers.get(k), "open");
    EXPECT_EQ(store.rows[k], "store");
    layers.erase(k);
    layers.close(payload);
    layers.thaw();
    EXPECT_FALSE(layers.get(k));
  }
}

TEST(RowLayers, RowBornAndGoneInOneEpochLeavesNoTrace) {
  testing::FakeStore store;
  RowLayers layers(store);
  for (const RowKind kind : {RowKind::Address, RowKind::Timer}) {
    layers.put(key(kind, "k"), "x");
    layers.erase_unborn(key(kind, "k"));
  }
  EXPECT_TRUE(layers.open_is_empty());
  EXPECT_EQ(layers.open_bytes(), 0u);
  std::string payload;
  layers.close(payload);
  EXPECT_EQ(payload, "");
  EXPECT_EQ(layers.dirty_bytes(), 0u);
}

// What is erased before it has gone on its way to the view leaves only its trace in the log.
TEST(RowLayers, NewRowThatIsErasedBeforeItIsFrozenDoesNotGoDown) {
  testing::FakeStore store;
  RowLayers layers(store);
  const std::string k = key(RowKind::Mail, "k");
  std::string payload;
  layers.put_new(k, "x");
  layers.close(payload);
  EXPECT_EQ(layers.get(k), "x");
  layers.erase(k);
  payload.clear();
  layers.close(payload);
  EXPECT_NE(payload, "");  // An older epoch's payload has it.
  EXPECT_FALSE(layers.get(k));
  EXPECT_EQ(layers.dirty_bytes(), 0u);
}

// A key may be used again, while what says that it is gone is still on its way.
TEST(RowLayers, NewRowOverADeletionThatTheViewHasNotSeenLeavesTheDeletion) {
  for (const bool in_one_epoch : {false, true}) {
    testing::FakeStore store;
    RowLayers layers(store);
    const std::string k = key(RowKind::Mail, "k");
    std::string payload;
    store.rows[k] = "old";
    layers.erase(k);
    if (!in_one_epoch) layers.close(payload);
    layers.put_new(k, "x");
    layers.close(payload);
    layers.erase(k);
    layers.close(payload);
    EXPECT_FALSE(layers.get(k)) << in_one_epoch;
  }
}

TEST(RowLayers, ScanStopsWhenToldTo) {
  testing::FakeStore store;
  RowLayers layers(store);
  for (const char* name : {"a", "b", "c"}) layers.put(key(RowKind::Token, name), name);
  std::vector<std::string> seen;
  layers.scan(codec::kind_prefix({7}, RowKind::Token), codec::range_end(codec::kind_prefix({7}, RowKind::Token)),
              [&](std::string_view, std::string_view value) {
                seen.emplace_back(value);
                return seen.size() < 2;
              });
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "b"}));
}

// Goal: at every moment get and scan show what a plain map would hold; the payloads, one after the other, make the same map; and so does
// the store once everything has come down to it.
// Method: random putting, erasing, closing, freezing, applying and thawing over few keys, so that each is in many layers.
TEST(RowLayers, AgreeWithAMapInRandomHistories) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SeededRandom random(seed);
    testing::FakeStore store;
    RowLayers layers(store);
    Rows model, durable;
    std::set<std::string> born;  // In the open epoch, never known before.
    std::shared_ptr<const RowSet> frozen;
    bool applied = false;
    std::uint64_t births = 0, epoch = 0;

    const auto close = [&] {
      std::string payload;
      layers.close(payload);
      apply_payload(payload, durable);
      ASSERT_EQ(durable, model);
      ASSERT_TRUE(layers.open_is_empty());
      ASSERT_EQ(layers.open_bytes(), 0u);
      born.clear();
      ++epoch;
    };
    const auto bring_down = [&] {
      std::vector<ports::StoreWrite> writes;
      frozen->for_each([&](std::string_view k, const RowSet::Value& value) {
        writes.push_back({k, value ? std::optional<std::string_view>(*value) : std::nullopt});
      });
      ASSERT_TRUE(store.apply(writes, {epoch}));
      applied = true;
    };

    for (int step = 0; step < 400; ++step) {
      static constexpr RowKind kKinds[] = {RowKind::Address, RowKind::Mail, RowKind::Timer};
      const std::string k = key(kKinds[random.below(3)], std::string(1, static_cast<char>('a' + random.below(4))));
      switch (random.below(10)) {
        case 0:
        case 1:
        case 2: {
          const std::string value(random.below(3), static_cast<char>('A' + step % 26));
          if (RowSet::is_hashed(k) || model.contains(k) || random.below(2) == 0) layers.put(k, value);
          else layers.put_new(k, value);
          model[k] = value;
          break;
        }
        case 3:
        case 4:
          layers.erase(k);
          model.erase(k);
          break;
        case 5: {
          const std::string fresh = key(kKinds[random.below(3)], "n" + std::to_string(births++));
          layers.put(fresh, "n");
          model[fresh] = "n";
          born.insert(fresh);
          break;
        }
        case 6:
          if (born.empty()) break;
          layers.erase_unborn(*born.begin());
          model.erase(*born.begin());
          born.erase(born.begin());
          break;
        case 7: close(); break;
        case 8:
          if (frozen) break;
          frozen = layers.freeze();
          ASSERT_EQ(layers.dirty_bytes(), 0u);
          applied = false;
          break;
        case 9:
          if (!frozen) break;
          if (!applied) {
            bring_down();
          } else {
            layers.thaw();
            frozen.reset();
          }
          break;
      }
      ASSERT_EQ(layers.has_frozen(), frozen != nullptr);
      for (const RowKind kind : kKinds) {
        for (const char* name : {"a", "b", "c", "d", "n0", "n1"}) {
          const auto it = model.find(key(kind, name));
          ASSERT_EQ(layers.get(key(kind, name)), it == model.end() ? std::nullopt : std::optional(it->second)) << "seed " << seed;
        }
        const std::string from = codec::kind_prefix({7}, kind);
        ASSERT_EQ(scanned(layers, from, codec::range_end(from)), part(model, from, codec::range_end(from))) << "seed " << seed;
        ASSERT_EQ(scanned(layers, key(kind, "b"), key(kind, "n1")), part(model, key(kind, "b"), key(kind, "n1")));
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
    close();
    if (frozen && !applied) bring_down();
    layers.thaw();
    frozen = layers.freeze();
    bring_down();
    layers.thaw();
    ASSERT_EQ(Rows(store.rows.begin(), store.rows.end()), model);
  }
}

}  // namespace
}  // namespace holdfast::runtime
