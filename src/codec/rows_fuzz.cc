// Rows from a disk that may have been damaged: the first byte picks what the rest is read as. What decodes must encode to something
// that decodes to the same.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/rows.h"

using namespace holdfast;
using namespace holdfast::codec;

namespace {

template <typename Row>
void row(std::string_view bytes) {
  const auto decoded = decode<Row>(bytes);
  if (!decoded) {
    HOLDFAST_CHECK(decoded.error().code == ErrorCode::Damaged);
    return;
  }
  const auto again = decode<Row>(encode(*decoded));
  HOLDFAST_CHECK(again && *again == *decoded);
}

void keys(std::string_view key) {
  const PartitionId partition = partition_of_key(key);
  if (const auto address = parse_address_key(key))
    HOLDFAST_CHECK(parse_address_key(address_key(partition, kind_of_key(key), *address)).value() == *address);
  if (const auto mail = parse_mail_key(key))
    HOLDFAST_CHECK(mail_key(partition, mail->address, mail->number).substr(3) == key.substr(3));
  if (const auto timer = parse_timer_key(key)) HOLDFAST_CHECK(timer_key(partition, *timer).substr(3) == key.substr(3));
  if (const auto name = parse_name_key(key)) HOLDFAST_CHECK(name_key(partition, kind_of_key(key), *name) == key);
  if (const auto record = parse_record_key(key))
    HOLDFAST_CHECK(record_key(partition, record->stream, record->position).substr(3) == key.substr(3));
  if (const auto token = parse_token_key(key)) HOLDFAST_CHECK(token_key(partition, *token).substr(3) == key.substr(3));
  if (const auto inbox = parse_inbox_key(key)) HOLDFAST_CHECK(inbox_key(partition, *inbox).substr(3) == key.substr(3));
  if (const auto item = parse_item_key(key)) HOLDFAST_CHECK(item_key(partition, *item).substr(3) == key.substr(3));
  if (key.size() >= 3) HOLDFAST_CHECK(!describe_key(key).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 13) {
    case 0: row<model::AddressRow>(bytes); break;
    case 1: row<model::Message>(bytes); break;
    case 2: row<model::TimerRow>(bytes); break;
    case 3: row<model::TimerKey>(bytes); break;
    case 4: row<model::RequestRow>(bytes); break;
    case 5: row<model::StreamRow>(bytes); break;
    case 6: row<model::StreamRecord>(bytes); break;
    case 7: row<model::RegistrationRow>(bytes); break;
    case 8: row<model::Command>(bytes); break;
    case 9: keys(bytes); break;
    case 11: row<model::SourceRow>(bytes); break;
    case 12: row<model::ItemRow>(bytes); break;
    case 10: {
      std::string again;
      const auto ok = for_each_row(bytes, [&again](std::string_view key, std::optional<std::string_view> value) {
        if (value) append_put(again, key, *value);
        else append_delete(again, key);
      });
      std::string twice;
      const auto still = for_each_row(again, [&twice](std::string_view key, std::optional<std::string_view> value) {
        if (value) append_put(twice, key, *value);
        else append_delete(twice, key);
      });
      HOLDFAST_CHECK(still && twice == again);
      HOLDFAST_CHECK(ok || ok.error().code == ErrorCode::Damaged);
      // In pieces, it is the same.
      std::string in_pieces;
      RowPieces pieces;
      Result<void> each;
      const std::size_t step = 1 + bytes.size() / 3;
      for (std::size_t at = 0; each && at < bytes.size(); at += step)
        each = pieces.add(bytes.substr(at, step), [&in_pieces](std::string_view key, std::optional<std::string_view> value) {
          if (value) append_put(in_pieces, key, *value);
          else append_delete(in_pieces, key);
        });
      if (each) each = pieces.end();
      HOLDFAST_CHECK(each.has_value() == ok.has_value() && in_pieces == again);
      break;
    }
  }
  return 0;
}
