#include "codec/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace holdfast::codec {
namespace {

using model::Address;

// Values as unpleasant as they come: empty, zero bytes, 0xff, what looks like a length or a separator, and what is long.
class Any {
 public:
  explicit Any(std::uint64_t seed) : random_(seed) {}

  bool flag() { return random_.below(2) == 0; }
  std::uint64_t number() {
    static constexpr std::uint64_t kEdges[] = {0, 1, 127, 128, 255, 256, 1ull << 32, INT64_MAX, UINT64_MAX};
    return flag() ? kEdges[random_.below(std::size(kEdges))] : random_.next() >> random_.below(64);
  }
  std::uint64_t position() { return number() >> 2; }  // At most 2^62.
  std::uint32_t small() { return static_cast<std::uint32_t>(number()); }
  Instant instant() {
    static constexpr std::int64_t kEdges[] = {0, -1, 1, INT64_MIN, INT64_MAX};
    return {flag() ? kEdges[random_.below(std::size(kEdges))] : static_cast<std::int64_t>(random_.next())};
  }
  std::string text() {
    switch (random_.below(6)) {
      case 0: return {};
      case 1: return std::string(random_.below(4), '\0');
      case 2: return std::string(random_.below(4), '\xff');
      case 3: return std::string(200, 'x');
      default: {
        std::string out(random_.below(8), '\0');
        for (char& c : out) c = static_cast<char>(random_.next());
        return out;
      }
    }
  }
  Address address() { return {text(), text()}; }
  model::TypedValue value() { return {text(), text(), flag()}; }
  model::Message message() {
    return {address(), flag() ? std::optional(address()) : std::nullopt, value(), text()};
  }
  model::StreamRecord record() { return {text(), value(), text(), text(), text(), instant()}; }
  model::TimerKey timer_key() { return {instant(), {number(), small()}}; }
  model::AddressRow address_row() {
    model::AddressRow row;
    for (std::uint64_t n = random_.below(4); n > 0; --n) row.states.push_back({text(), text(), instant()});
    row.expiry_armed = instant();
    if (flag()) row.parked = model::Parked{text(), instant(), small(), small()};
    return row;
  }
  model::TimerRow timer_row() {
    switch (random_.below(5)) {
      case 0: {
        model::DelayedSend send{message(), text()};
        if (!send.message.caller) send.message.caller = address();
        return send;
      }
      case 1: return model::ExpireStates{address()};
      case 2: return model::ForgetRequest{text()};
      case 3: return model::ExpireItem{{text(), text()}};
      default: return model::TrimStream{text()};
    }
  }
  model::RequestRow request_row() {
    model::RequestRow row{.fingerprint = number(), .answered = flag()};
    if (flag()) row.reply = value();
    else row.failure = text();
    return row;
  }
  model::StreamRow stream_row() {
    const auto a = position(), b = position();
    return {std::min(a, b), std::max(a, b), position(), instant()};
  }
  model::StateSpec spec() { return {text(), text(), static_cast<model::ExpireMode>(random_.below(3)), {instant().unix_ms}}; }
  model::RegistrationRow registration_row() {
    model::RegistrationRow row;
    for (std::uint64_t n = random_.below(4); n > 0; --n)
      row.states.push_back(spec());
    for (std::uint64_t n = random_.below(4); n > 0; --n) row.orphans.push_back({spec(), flag()});
    row.revision = number();
    return row;
  }
  model::ItemRow item_row() { return {text(), text(), {number(), static_cast<std::uint32_t>(number())}, instant()}; }
  model::Command command() {
    switch (random_.below(4)) {
      case 0: return message();
      case 1: return model::FailRequest{text(), text()};
      case 2: return model::WriteItem{{text(), text()}, flag() ? std::optional(item_row()) : std::nullopt};
      default: return model::AppendRecord{text(), record()};
    }
  }

 private:
  SeededRandom random_;
};

// Calls `body` with one random row of each type.
template <typename Body>
void for_one_of_each(Any& any, Body body) {
  body(any.address_row());
  body(any.message());
  body(any.timer_row());
  body(any.timer_key());
  body(any.request_row());
  body(any.stream_row());
  body(any.record());
  body(any.registration_row());
  body(any.item_row());
  body(any.command());
}

TEST(Rows, EveryRowComesBackAsItWasWritten) {
  Any any(1);
  for (int i = 0; i < 500; ++i)
    for_one_of_each(any, [](const auto& row) {
      const auto back = decode<std::decay_t<decltype(row)>>(encode(row));
      ASSERT_TRUE(back) << back.error().message;
      ASSERT_TRUE(*back == row);
    });
}

TEST(Rows, ASourceComesBackWithAndWithoutAnIncarnation) {
  for (const model::SourceRow& row : {model::SourceRow{}, {300, false}, {1, true}, {7, false, "2026-11-30"}, {UINT64_MAX, true, "x"}}) {
    const auto bytes = encode(row);
    EXPECT_EQ(decode<model::SourceRow>(bytes).value(), row);
    EXPECT_FALSE(decode<model::SourceRow>(bytes + "x"));
  }
  // Bytes of a version that knew of none.
  EXPECT_EQ(encode(model::SourceRow{7, false}), std::string("\x01\x07\x00", 3));
  EXPECT_FALSE(decode<model::SourceRow>(std::string("\x01\x07\x00\x00", 4)));
}

TEST(Rows, EveryTruncationAndEveryByteTooManyIsDamaged) {
  Any any(2);
  for (int i = 0; i < 20; ++i)
    for_one_of_each(any, [](const auto& row) {
      using Row = std::decay_t<decltype(row)>;
      const std::string bytes = encode(row);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto back = decode<Row>(std::string_view(bytes).substr(0, size));
        ASSERT_FALSE(back) << size << " of " << bytes.size();
        ASSERT_EQ(back.error().code, ErrorCode::Damaged);
      }
      const auto back = decode<Row>(bytes + '\0');
      ASSERT_FALSE(back);
      ASSERT_EQ(back.error().code, ErrorCode::Damaged);
    });
}

// As SourceRow's incarnation, it is not there in what older versions wrote.
TEST(Rows, ARecordSaysWhetherItsEmptyKeyIsThere) {
  model::StreamRecord record{"", {"a/T", "v", true}, "src", "", "", {7}};
  const std::string without = encode(record);
  record.has_empty_key = true;
  const std::string with = encode(record);
  EXPECT_EQ(with, without + '\x01');
  EXPECT_TRUE(decode<model::StreamRecord>(with)->has_empty_key);
  EXPECT_FALSE(decode<model::StreamRecord>(without)->has_empty_key);
  EXPECT_EQ(decode<model::Command>(encode(model::Command(model::AppendRecord{"s", record}))).value(),
            model::Command(model::AppendRecord{"s", record}));
  EXPECT_FALSE(decode<model::StreamRecord>(without + '\x00'));
  EXPECT_FALSE(decode<model::StreamRecord>(without + '\x02'));
  record.key = "k";  // Which is not empty.
  EXPECT_FALSE(decode<model::StreamRecord>(encode(record)));
}

// What a changed byte makes is either refused or a row that can be written and read again; nothing in between, and no crash.
TEST(Rows, NoChangedByteGivesARowThatIsNotOne) {
  Any any(3);
  for (int i = 0; i < 5; ++i)
    for_one_of_each(any, [](const auto& row) {
      using Row = std::decay_t<decltype(row)>;
      const std::string bytes = encode(row);
      for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const int flip : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
          std::string damaged = bytes;
          damaged[at] = static_cast<char>(damaged[at] ^ flip);
          const auto back = decode<Row>(damaged);
          if (!back) {
            ASSERT_EQ(back.error().code, ErrorCode::Damaged);
            continue;
          }
          const auto again = decode<Row>(encode(*back));
          ASSERT_TRUE(again && *again == *back);
        }
    });
}

TEST(Rows, AnotherVersionIsDamaged) {
  Any any(4);
  for_one_of_each(any, [](const auto& row) {
    std::string bytes = encode(row);
    bytes[0] = kRowVersion + 2;
    EXPECT_FALSE(decode<std::decay_t<decltype(row)>>(bytes));
  });
}

TEST(Rows, FieldsThatHoldWhatNoEncoderWritesAreDamaged) {
  // A flag that is neither 0 nor 1.
  std::string message = encode(model::Message{{"t", "i"}, std::nullopt, {"v", "x", true}, ""});
  const auto flag_at = 1 + 2 + 2;
  ASSERT_EQ(message[flag_at], 0);
  message[flag_at] = 2;
  EXPECT_FALSE(decode<model::Message>(message));
  // An expiration mode there is none of.
  std::string registration = encode(model::RegistrationRow{{{"s", "t", model::ExpireMode::AfterInvoke, {7}}}});
  const auto mode_at = registration.size() - 9 - 2;  // No orphans, revision 0.
  ASSERT_EQ(registration[mode_at], 2);
  registration[mode_at] = 3;
  EXPECT_FALSE(decode<model::RegistrationRow>(registration));
  // A stream that ends before it begins, or that nobody can have filled; a delayed send of nobody's.
  EXPECT_TRUE(decode<model::StreamRow>(encode(model::StreamRow{3, 3, 0, {}})));
  EXPECT_FALSE(decode<model::StreamRow>(encode(model::StreamRow{4, 3, 0, {}})));
  EXPECT_FALSE(decode<model::StreamRow>(encode(model::StreamRow{0, UINT64_MAX, 0, {}})));
  EXPECT_FALSE(decode<model::StreamRow>(encode(model::StreamRow{0, 3, UINT64_MAX, {}})));
  EXPECT_FALSE(decode<model::TimerRow>(encode(model::TimerRow(model::DelayedSend{{{"t", "i"}, std::nullopt, {}, ""}, "x"}))));
  EXPECT_FALSE(parse_mail_key(mail_key({1}, {"t", "i"}, UINT64_MAX)));
  EXPECT_FALSE(parse_record_key(record_key({1}, "s", UINT64_MAX)));
  // A count that does not fit its field.
  std::string parked = encode(model::AddressRow{{}, model::Parked{"", {}, 1, 1}, {}});
  parked.resize(parked.size() - 2);
  append_varint(parked, 1ull << 32);
  append_varint(parked, 1);
  EXPECT_FALSE(decode<model::AddressRow>(parked));
}

TEST(Rows, RegistrationOfTheFirstVersionIsRead) {
  std::string bytes("\x01\x02\x01" "a\x01" "t\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" "b\x01" "u\x02\x00\x00\x00\x00\x00\x00\x00\x07", 28);
  const auto row = decode<model::RegistrationRow>(bytes);
  ASSERT_TRUE(row) << row.error().message;
  EXPECT_EQ(*row, (model::RegistrationRow{{{"a", "t", model::ExpireMode::None, {0}}, {"b", "u", model::ExpireMode::AfterInvoke, {7}}}, {}, 0}));
  bytes += '\0';
  EXPECT_FALSE(decode<model::RegistrationRow>(bytes));
}

TEST(RowKeys, ComeBackAsTheyWereWritten) {
  Any any(5);
  for (int i = 0; i < 2'000; ++i) {
    const PartitionId partition{static_cast<std::uint16_t>(any.small())};
    const Address address = any.address();
    const std::uint64_t number = any.position();
    for (const RowKind kind : {RowKind::Address, RowKind::Parked}) {
      const std::string key = address_key(partition, kind, address);
      ASSERT_EQ(parse_address_key(key).value(), address);
      ASSERT_EQ(kind_of_key(key), kind);
      ASSERT_EQ(partition_of_key(key), partition);
    }
    const auto mail = parse_mail_key(mail_key(partition, address, number)).value();
    ASSERT_EQ(mail.address, address);
    ASSERT_EQ(mail.number, number);
    const auto timer = any.timer_key();
    ASSERT_EQ(parse_timer_key(timer_key(partition, timer)).value(), timer);
    const std::string name = any.text();
    ASSERT_EQ(parse_name_key(name_key(partition, RowKind::Stream, name)).value(), name);
    ASSERT_EQ(parse_record_position(record_key(partition, name, number)).value(), number);
  }
}

TEST(RowKeys, AreDescribedToPeople) {
  EXPECT_EQ(describe_key(record_key({7}, "test/out", 17)), "record 17 of stream \"test/out\" (partition 7)");
  EXPECT_EQ(describe_key(mail_key({7}, {"test/f", "a\n"}, 3)), "message 3 of \"test/f/a\\n\" (partition 7)");
  EXPECT_EQ(describe_key(name_key({7}, RowKind::Stream, "test/out")), "stream \"test/out\" (partition 7)");
  EXPECT_EQ(describe_key(std::string("\0\7?x", 4)), "row \"\\u0000\\u0007?x\", which has no known kind (partition 7)");
  EXPECT_EQ(describe_key(record_key({7}, "s", 1).substr(0, 9)), "row \"\\u0000\\u0007S\\u0000\\u0000\\u0000\\u0001s\\u0000\", which has no known kind (partition 7)");
}

TEST(RowPieces, AreTheSameRowsHoweverTheyAreCut) {
  std::string payload;
  for (int i = 0; i < 20; ++i) {
    append_put(payload, mail_key({1}, {"t", "i"}, static_cast<std::uint64_t>(i)), std::string(static_cast<std::size_t>(i * 13 % 150), 'x'));
    append_delete(payload, record_key({1}, "s", static_cast<std::uint64_t>(i)));
  }
  const auto read = [](std::string_view bytes, std::size_t step) {
    std::string out;
    RowPieces pieces;
    Result<void> ok;
    for (std::size_t at = 0; ok && at < bytes.size(); at += step)
      ok = pieces.add(bytes.substr(at, step), [&out](std::string_view key, std::optional<std::string_view> value) {
        if (value) append_put(out, key, *value);
        else append_delete(out, key);
      });
    if (ok) ok = pieces.end();
    return ok ? out : ok.error().message;
  };
  for (std::size_t step = 1; step <= payload.size(); ++step) ASSERT_EQ(read(payload, step), payload) << step;
  for (std::size_t step = 1; step <= payload.size(); ++step)
    ASSERT_EQ(read(std::string_view(payload).substr(0, payload.size() - 1), step), "malformed list of rows in an epoch") << step;
}

TEST(RowKeys, TruncatedKeysAreDamaged) {
  const Address address{"shop/cart", "alice"};
  const auto each_cut = [](const std::string& key, std::size_t from, auto parse) {
    for (std::size_t size = from; size < key.size(); ++size) {
      const auto out = parse(std::string_view(key).substr(0, size));
      ASSERT_FALSE(out) << size << " of " << key.size();
      ASSERT_EQ(out.error().code, ErrorCode::Damaged);
    }
  };
  each_cut(mail_key({1}, address, 7), 0, parse_mail_key);
  each_cut(timer_key({1}, {{5}, {1, 2}}), 0, parse_timer_key);
  each_cut(record_key({1}, "stream", 7), 0, parse_record_position);
  each_cut(address_key({1}, RowKind::Address, {"shop/cart", ""}), 0, parse_address_key);
  EXPECT_FALSE(parse_name_key("ab"));
  EXPECT_FALSE(parse_record_position(record_key({1}, "stream", 7) + "x"));
}

TEST(RowKeys, TimersSortByDueTimeThenBirth) {
  std::vector<model::TimerKey> timers;
  Any any(6);
  for (int i = 0; i < 300; ++i) timers.push_back(any.timer_key());
  for (const std::int64_t due : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}, INT64_MAX})
    for (const std::uint64_t epoch : {0ull, 255ull, 256ull})
      for (const std::uint32_t index : {0u, 1u, 256u}) timers.push_back({{due}, {epoch, index}});
  std::vector<std::string> keys;
  std::ranges::sort(timers);
  for (const auto& timer : timers) keys.push_back(timer_key({7}, timer));
  EXPECT_TRUE(std::ranges::is_sorted(keys));
}

TEST(RowKeys, MailRecordsAndInboxSortByNumber) {
  std::vector<std::string> mail, records, inbox;
  for (const std::uint64_t n : {0ull, 1ull, 255ull, 256ull, 65'536ull, 1ull << 40, ~0ull}) {
    mail.push_back(mail_key({1}, {"t", "i"}, n));
    records.push_back(record_key({1}, "s", n));
    inbox.push_back(inbox_key({1}, {n, 0}));
    inbox.push_back(inbox_key({1}, {n, 300}));
  }
  for (auto* keys : {&mail, &records, &inbox}) EXPECT_TRUE(std::ranges::is_sorted(*keys));
}

// Goal: whatever the names, a range read for one thing gives exactly its rows: "a" + "bc" is not "ab" + "c", nor is anything after it.
TEST(RowKeys, PrefixesContainExactlyTheirRows) {
  const std::vector<std::string> names = {"",  "a",        "ab",       "abc",          "b", "bc", "c", std::string(1, '\0'),
                                          "a" + std::string(1, '\0'), "\xff", "\xff\xff", "a\xff", std::string(255, 'a'),
                                          std::string(256, 'a')};
  std::map<std::string, std::string> owner_of_key;
  std::map<std::string, std::pair<std::string, std::string>> ranges;  // Owner -> [from, to).
  for (const PartitionId partition : {PartitionId{0}, PartitionId{1}, PartitionId{255}, PartitionId{65'535}}) {
    const std::string p = std::to_string(partition.value) + "|";
    for (const auto& type : names)
      for (const auto& id : names) {
        const std::string owner = p + std::to_string(type.size()) + ":" + type + id;
        const std::string prefix = mail_prefix(partition, {type, id});
        ranges["mail " + owner] = {prefix, range_end(prefix)};
        for (const std::uint64_t n : {0ull, 1ull, ~0ull})
          ASSERT_TRUE(owner_of_key.emplace(mail_key(partition, {type, id}, n), "mail " + owner).second);
        ASSERT_TRUE(owner_of_key.emplace(address_key(partition, RowKind::Address, {type, id}), "address " + owner).second);
        for (const auto& token : {"", "t"})
          ASSERT_TRUE(owner_of_key.emplace(token_key(partition, {{type, id}, token}), "token " + owner).second);
      }
    for (const auto& name : names) {
      const std::string prefix = record_prefix(partition, name);
      ranges["record " + p + name] = {prefix, range_end(prefix)};
      for (const std::uint64_t n : {0ull, ~0ull})
        ASSERT_TRUE(owner_of_key.emplace(record_key(partition, name, n), "record " + p + name).second);
      ASSERT_TRUE(owner_of_key.emplace(name_key(partition, RowKind::Stream, name), "stream " + p + name).second);
    }
    const std::string mails = kind_prefix(partition, RowKind::Mail);
    for (auto it = owner_of_key.lower_bound(mails); it != owner_of_key.lower_bound(range_end(mails)); ++it)
      ASSERT_EQ(it->second.substr(0, 5 + p.size()), "mail " + p);
  }
  std::map<std::string, std::size_t> expected;
  for (const auto& [key, owner] : owner_of_key) ++expected[owner];
  for (const auto& [owner, range] : ranges) {
    std::size_t count = 0;
    for (auto it = owner_of_key.lower_bound(range.first); it != owner_of_key.end() && it->first < range.second; ++it, ++count)
      ASSERT_EQ(it->second, owner);
    ASSERT_EQ(count, expected[owner]) << owner;
  }
}

TEST(RowList, ComesBackAsItWasWrittenAndItsTruncationsAreDamagedOrShorter) {
  Any any(7);
  std::vector<std::pair<std::string, std::optional<std::string>>> rows;
  std::string payload;
  std::vector<std::size_t> ends = {0};
  for (int i = 0; i < 40; ++i) {
    rows.emplace_back("key" + any.text(), i % 3 == 0 ? std::nullopt : std::optional(any.text()));
    if (rows.back().second) append_put(payload, rows.back().first, *rows.back().second);
    else append_delete(payload, rows.back().first);
    ends.push_back(payload.size());
  }
  for (std::size_t size = 0; size <= payload.size(); ++size) {
    std::vector<std::pair<std::string, std::optional<std::string>>> read;
    const auto result = for_each_row(std::string_view(payload).substr(0, size), [&](std::string_view key, auto value) {
      read.emplace_back(key, value ? std::optional(std::string(*value)) : std::nullopt);
    });
    const auto whole = std::ranges::find(ends, size);
    ASSERT_EQ(result.has_value(), whole != ends.end()) << size;
    if (!result) {
      ASSERT_EQ(result.error().code, ErrorCode::Damaged);
    }
    const auto count = static_cast<std::size_t>(std::ranges::upper_bound(ends, size) - ends.begin() - 1);
    ASSERT_EQ(read, std::vector(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count)));
  }
}

TEST(RowList, KeyTooShortToBeOneIsDamaged) {
  std::string payload;
  append_put(payload, "ab", "x");
  EXPECT_FALSE(for_each_row(payload, [](auto, auto) {}));
}

}  // namespace
}  // namespace holdfast::codec
