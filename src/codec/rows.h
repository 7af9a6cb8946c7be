// Rows as bytes: the keys and values of the view, and what an epoch's record in the log is made of. docs/data-format.md is
// the same for people; a change here is a change there, and of kRowVersion.
//
// Key = partition (2 bytes, big-endian), kind (1 byte), then what the kind needs, so that a partition is one range and each
// kind of it is one range. Values begin with kRowVersion. Decoders give Damaged for bytes that no encoder here wrote.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/address.h"
#include "model/command.h"
#include "model/rows.h"

namespace holdfast::codec {

inline constexpr char kRowVersion = 1;

enum class RowKind : char {
  Address = 'A',       // address -> AddressRow
  Stream = 'B',        // name -> StreamRow
  Item = 'D',          // table, key -> ItemRow
  Registration = 'F',  // function type -> RegistrationRow
  Inbox = 'I',         // epoch, index -> Command
  Token = 'K',         // owner, token -> TimerKey
  Mail = 'M',          // address, number -> Message
  Source = 'O',        // source name -> SourceRow
  Parked = 'P',        // address -> nothing: an index
  Request = 'R',       // request id -> RequestRow
  Record = 'S',        // stream name, position -> StreamRecord
  Timer = 'T',         // due, sequence -> TimerRow
};

using model::PartitionId;

// The range of all rows of a kind: [prefix, prefix with its last byte one higher).
std::string kind_prefix(PartitionId partition, RowKind kind);
std::string range_end(std::string prefix);

std::string address_key(PartitionId partition, RowKind kind, const model::Address& address);  // Address, Parked.
std::string mail_prefix(PartitionId partition, const model::Address& address);
std::string mail_key(PartitionId partition, const model::Address& address, std::uint64_t number);
std::string timer_key(PartitionId partition, const model::TimerKey& key);
std::string token_key(PartitionId partition, const model::TokenKey& key);
std::string name_key(PartitionId partition, RowKind kind, std::string_view name);  // Stream, Registration, Request, Source.
std::string record_prefix(PartitionId partition, std::string_view stream);
std::string record_key(PartitionId partition, std::string_view stream, std::uint64_t position);
std::string inbox_key(PartitionId partition, const model::Sequence& sequence);
// In the order of their keys, those of a table in a row.
std::string item_key(PartitionId partition, const model::ItemKey& item);

struct MailKey {
  model::Address address;
  std::uint64_t number = 0;
};
Result<model::Address> parse_address_key(std::string_view key);
Result<MailKey> parse_mail_key(std::string_view key);
Result<model::TimerKey> parse_timer_key(std::string_view key);
Result<std::string> parse_name_key(std::string_view key);
struct RecordKey {
  std::string stream;
  std::uint64_t position = 0;
};
Result<RecordKey> parse_record_key(std::string_view key);
Result<std::uint64_t> parse_record_position(std::string_view key);
Result<model::TokenKey> parse_token_key(std::string_view key);
Result<model::Sequence> parse_inbox_key(std::string_view key);
Result<model::ItemKey> parse_item_key(std::string_view key);
PartitionId partition_of_key(std::string_view key);
RowKind kind_of_key(std::string_view key);

std::string encode(const model::AddressRow& row);
std::string encode(const model::Message& message);
std::string encode(const model::TimerRow& row);
std::string encode(const model::TimerKey& key);
std::string encode(const model::RequestRow& row);
std::string encode(const model::StreamRow& row);
std::string encode(const model::StreamRecord& record);
std::string encode(const model::RegistrationRow& row);
std::string encode(const model::SourceRow& row);
std::string encode(const model::ItemRow& row);
std::string encode(const model::Command& command);

template <typename Row>
Result<Row> decode(std::string_view bytes);  // For each of the above.

// An epoch's payload is a list of rows, put or deleted.
void append_put(std::string& payload, std::string_view key, std::string_view value);
void append_delete(std::string& payload, std::string_view key);
// Calls `row` for each; no value: deleted. Damaged when the bytes are not such a list.
using RowVisit = std::function<void(std::string_view key, std::optional<std::string_view> value)>;
Result<void> for_each_row(std::string_view payload, const RowVisit& row);

// The same for a payload that comes in pieces, cut anywhere: holds what is left of a piece until the row is whole.
class RowPieces {
 public:
  Result<void> add(std::string_view piece, const RowVisit& row);
  // After the last piece; then another payload may begin. Damaged: it ends within a row.
  Result<void> end();

 private:
  std::string rest_;
};

// What a row is, for people: "record 17 of stream test/out", "state of test/f/a b (partition 3)". Bytes that are no text are escaped.
std::string describe_key(std::string_view key);

}  // namespace holdfast::codec
