#include "codec/rows.h"
#include "codec/standard_types.h"

namespace holdfast::codec {
namespace {

std::string named(const char* what, const model::Address& address) { return what + quote_json(address.type + "/" + address.id); }

std::string what_it_is(std::string_view key) {
  const auto name = [&](const char* what) { return what + quote_json(parse_name_key(key).value()); };
  switch (kind_of_key(key)) {
    case RowKind::Address:
      if (const auto address = parse_address_key(key)) return named("what is kept of ", *address);
      break;
    case RowKind::Parked:
      if (const auto address = parse_address_key(key)) return named("the mark that parked is ", *address);
      break;
    case RowKind::Mail:
      if (const auto mail = parse_mail_key(key)) return "message " + std::to_string(mail->number) + named(" of ", mail->address);
      break;
    case RowKind::Record:
      if (const auto record = parse_record_key(key)) return "record " + std::to_string(record->position) + " of stream " + quote_json(record->stream);
      break;
    case RowKind::Timer:
      if (const auto timer = parse_timer_key(key))
        return "timer due at " + std::to_string(timer->due.unix_ms) + " ms, born " + std::to_string(timer->sequence.epoch) + "/" + std::to_string(timer->sequence.index);
      break;
    case RowKind::Token:
      if (const auto token = parse_token_key(key)) return "cancellation token " + quote_json(token->token) + named(" of ", token->owner);
      break;
    case RowKind::Inbox:
      if (const auto born = parse_inbox_key(key)) return "command " + std::to_string(born->epoch) + "/" + std::to_string(born->index) + " on its way";
      break;
    case RowKind::Item:
      if (const auto item = parse_item_key(key)) return "item " + quote_json(item->key) + " of table " + quote_json(item->table);
      break;
    case RowKind::Stream: return name("stream ");
    case RowKind::Registration: return name("declared states of ");
    case RowKind::Source: return name("position of source ");
    case RowKind::Request: return name("request ");
  }
  return "row " + quote_json(key) + ", which has no known kind";
}

}  // namespace

std::string describe_key(std::string_view key) {
  return what_it_is(key) + " (partition " + std::to_string(partition_of_key(key).value) + ")";
}

}  // namespace holdfast::codec
