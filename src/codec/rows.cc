#include "codec/rows.h"

#include "base/bytes.h"
#include "base/check.h"

namespace holdfast::codec {
namespace {

using model::Address;

constexpr std::size_t kHead = 3;  // Partition and kind.
constexpr std::uint64_t kPositionMax = 1ull << 62;  // Of records, messages and bytes; never reached, and there is room to count on.

std::string head(PartitionId partition, RowKind kind, std::size_t reserve) {
  std::string key;
  key.reserve(kHead + reserve);
  append_be(key, partition.value);
  key.push_back(static_cast<char>(kind));
  return key;
}

// Length first, so that no id or name can be taken for part of another.
void append_sized(std::string& out, std::string_view text) {
  append_be(out, static_cast<std::uint32_t>(text.size()));
  out.append(text);
}
std::string read_sized(ByteReader& in) { return std::string(in.bytes(in.be<std::uint32_t>())); }

// Signed times sort as unsigned once the sign bit is flipped.
std::uint64_t sortable(Instant at) { return static_cast<std::uint64_t>(at.unix_ms) ^ (1ull << 63); }
Instant from_sortable(std::uint64_t bits) { return {static_cast<std::int64_t>(bits ^ (1ull << 63))}; }

void put(std::string& out, std::uint64_t v) { append_varint(out, v); }
void put(std::string& out, Instant at) { append_be(out, at.unix_ms); }
void put(std::string& out, std::string_view s) { append_string(out, s); }
void put(std::string& out, const Address& a) {
  put(out, std::string_view(a.type));
  put(out, std::string_view(a.id));
}
void put(std::string& out, const model::TypedValue& v) {
  put(out, std::string_view(v.type_name));
  out.push_back(v.has_value ? 1 : 0);
  put(out, std::string_view(v.value));
}
void put(std::string& out, const model::Message& m) {
  put(out, m.target);
  out.push_back(m.caller ? 1 : 0);
  if (m.caller) put(out, *m.caller);
  put(out, m.argument);
  put(out, std::string_view(m.traceparent));
}
void put(std::string& out, const model::ItemKey& item) {
  put(out, std::string_view(item.table));
  put(out, std::string_view(item.key));
}
void put(std::string& out, const model::ItemRow& row) {
  append_varint(out, row.version.epoch);
  append_varint(out, row.version.index);
  put(out, row.expires_at);
  put(out, std::string_view(row.content_type));
  put(out, std::string_view(row.value));
}
void put(std::string& out, const model::StreamRecord& r) {
  put(out, std::string_view(r.key));
  put(out, r.value);
  put(out, std::string_view(r.source));
  put(out, std::string_view(r.error));
  put(out, std::string_view(r.traceparent));
  put(out, r.time);
  if (r.has_empty_key) out.push_back(1);  // Records are the last of what they are part of.
}

void get(ByteReader& in, std::string& s) { s = in.string(); }
void get(ByteReader& in, Instant& at) { at.unix_ms = in.be<std::int64_t>(); }
// For a field that holds what no encoder writes: the reader is at fault from here on.
void refuse(ByteReader& in) { (void)in.bytes(SIZE_MAX); }
void get(ByteReader& in, bool& b) {
  const auto byte = in.be<std::uint8_t>();
  if (byte > 1) refuse(in);
  b = byte != 0;
}
void get(ByteReader& in, std::uint32_t& v) {
  const std::uint64_t wide = in.varint();
  if (wide > UINT32_MAX) refuse(in);
  v = static_cast<std::uint32_t>(wide);
}
void get(ByteReader& in, Address& a) {
  get(in, a.type);
  get(in, a.id);
}
void get(ByteReader& in, model::TypedValue& v) {
  get(in, v.type_name);
  get(in, v.has_value);
  get(in, v.value);
}
void get(ByteReader& in, model::Message& m) {
  get(in, m.target);
  bool has_caller = false;
  get(in, has_caller);
  if (has_caller) get(in, m.caller.emplace());
  get(in, m.argument);
  get(in, m.traceparent);
}
void get(ByteReader& in, model::ItemKey& item) {
  get(in, item.table);
  get(in, item.key);
}
void get(ByteReader& in, model::ItemRow& row) {
  row.version.epoch = in.varint();
  get(in, row.version.index);
  get(in, row.expires_at);
  get(in, row.content_type);
  get(in, row.value);
}
void get(ByteReader& in, model::StreamRecord& r) {
  get(in, r.key);
  get(in, r.value);
  get(in, r.source);
  get(in, r.error);
  get(in, r.traceparent);
  get(in, r.time);
  if (in.at_end()) return;
  get(in, r.has_empty_key);
  if (!r.has_empty_key || !r.key.empty()) refuse(in);
}

std::string value_start(std::size_t reserve = 0) {
  std::string out;
  out.reserve(reserve + 1);
  out.push_back(kRowVersion);
  return out;
}

template <typename Row, typename Fill>
Result<Row> read_value(std::string_view bytes, const char* what, Fill fill, char version = kRowVersion) {
  if (bytes.empty() || bytes.front() != version)
    return fail(ErrorCode::Damaged, std::string(what) + " row of an unknown version");
  ByteReader in(bytes.substr(1));
  Row row;
  fill(in, row);
  if (!in.ok() || !in.at_end()) return fail(ErrorCode::Damaged, std::string("malformed ") + what + " row");
  return row;
}

Error bad_key(const char* what) { return {ErrorCode::Damaged, std::string("malformed ") + what + " key"}; }

}  // namespace

std::string kind_prefix(PartitionId partition, RowKind kind) { return head(partition, kind, 0); }

std::string range_end(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  HOLDFAST_CHECK(!prefix.empty());
  ++prefix.back();
  return prefix;
}

std::string address_key(PartitionId partition, RowKind kind, const Address& address) {
  std::string key = head(partition, kind, 4 + address.type.size() + address.id.size());
  append_sized(key, address.type);
  key += address.id;
  return key;
}
std::string mail_prefix(PartitionId partition, const Address& address) {
  std::string key = head(partition, RowKind::Mail, 16 + address.type.size() + address.id.size());
  append_sized(key, address.type);
  append_sized(key, address.id);
  return key;
}
std::string mail_key(PartitionId partition, const Address& address, std::uint64_t number) {
  std::string key = mail_prefix(partition, address);
  append_be(key, number);
  return key;
}
std::string timer_key(PartitionId partition, const model::TimerKey& timer) {
  std::string key = head(partition, RowKind::Timer, 20);
  append_be(key, sortable(timer.due));
  append_be(key, timer.sequence.epoch);
  append_be(key, timer.sequence.index);
  return key;
}
std::string token_key(PartitionId partition, const model::TokenKey& token) {
  std::string key = head(partition, RowKind::Token, 8 + token.owner.type.size() + token.owner.id.size() + token.token.size());
  append_sized(key, token.owner.type);
  append_sized(key, token.owner.id);
  key += token.token;
  return key;
}
std::string name_key(PartitionId partition, RowKind kind, std::string_view name) {
  return head(partition, kind, name.size()).append(name);
}
std::string record_prefix(PartitionId partition, std::string_view stream) {
  std::string key = head(partition, RowKind::Record, 12 + stream.size());
  append_sized(key, stream);
  return key;
}
std::string record_key(PartitionId partition, std::string_view stream, std::uint64_t position) {
  std::string key = record_prefix(partition, stream);
  append_be(key, position);
  return key;
}
std::string inbox_key(PartitionId partition, const model::Sequence& sequence) {
  std::string key = head(partition, RowKind::Inbox, 12);
  append_be(key, sequence.epoch);
  append_be(key, sequence.index);
  return key;
}

std::string item_key(PartitionId partition, const model::ItemKey& item) {
  std::string key = head(partition, RowKind::Item, 4 + item.table.size() + item.key.size());
  append_sized(key, item.table);
  key += item.key;
  return key;
}

Result<Address> parse_address_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("address"));
  ByteReader in(key.substr(kHead));
  Address address;
  address.type = read_sized(in);
  if (!in.ok()) return fail(bad_key("address"));
  address.id = in.rest();
  return address;
}
Result<MailKey> parse_mail_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("mail"));
  ByteReader in(key.substr(kHead));
  MailKey out;
  out.address.type = read_sized(in);
  out.address.id = read_sized(in);
  out.number = in.be<std::uint64_t>();
  if (!in.ok() || !in.at_end() || out.number > kPositionMax) return fail(bad_key("mail"));
  return out;
}
Result<model::TimerKey> parse_timer_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("timer"));
  ByteReader in(key.substr(kHead));
  model::TimerKey out;
  out.due = from_sortable(in.be<std::uint64_t>());
  out.sequence.epoch = in.be<std::uint64_t>();
  out.sequence.index = in.be<std::uint32_t>();
  if (!in.ok() || !in.at_end()) return fail(bad_key("timer"));
  return out;
}
Result<std::string> parse_name_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("name"));
  return std::string(key.substr(kHead));
}
Result<RecordKey> parse_record_key(std::string_view key) {
  const auto position = parse_record_position(key);
  if (!position) return fail(position.error());
  ByteReader in(key.substr(kHead));
  return RecordKey{read_sized(in), *position};
}
Result<std::uint64_t> parse_record_position(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("record"));
  ByteReader in(key.substr(kHead));
  (void)in.bytes(in.be<std::uint32_t>());
  const auto position = in.be<std::uint64_t>();
  if (!in.ok() || !in.at_end() || position > kPositionMax) return fail(bad_key("record"));
  return position;
}
Result<model::TokenKey> parse_token_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("token"));
  ByteReader in(key.substr(kHead));
  model::TokenKey out;
  out.owner.type = read_sized(in);
  out.owner.id = read_sized(in);
  if (!in.ok()) return fail(bad_key("token"));
  out.token = in.rest();
  return out;
}
Result<model::Sequence> parse_inbox_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("inbox"));
  ByteReader in(key.substr(kHead));
  model::Sequence out;
  out.epoch = in.be<std::uint64_t>();
  out.index = in.be<std::uint32_t>();
  if (!in.ok() || !in.at_end()) return fail(bad_key("inbox"));
  return out;
}
Result<model::ItemKey> parse_item_key(std::string_view key) {
  if (key.size() < kHead) return fail(bad_key("item"));
  ByteReader in(key.substr(kHead));
  model::ItemKey out;
  out.table = read_sized(in);
  if (!in.ok()) return fail(bad_key("item"));
  out.key = in.rest();
  return out;
}
PartitionId partition_of_key(std::string_view key) { return {ByteReader(key).be<std::uint16_t>()}; }
RowKind kind_of_key(std::string_view key) { return key.size() < kHead ? RowKind{} : static_cast<RowKind>(key[2]); }

std::string encode(const model::AddressRow& row) {
  std::size_t size = 32;
  for (const auto& s : row.states) size += s.name.size() + s.value.size() + 16;
  std::string out = value_start(size);
  put(out, row.states.size());
  for (const auto& s : row.states) {
    put(out, std::string_view(s.name));
    put(out, s.expires_at);
    put(out, std::string_view(s.value));
  }
  put(out, row.expiry_armed);
  out.push_back(row.parked ? 1 : 0);
  if (row.parked) {
    put(out, std::string_view(row.parked->reason));
    put(out, row.parked->since);
    put(out, row.parked->batch);
    put(out, row.parked->attempts);
  }
  return out;
}
template <>
Result<model::AddressRow> decode(std::string_view bytes) {
  return read_value<model::AddressRow>(bytes, "address", [](ByteReader& in, model::AddressRow& row) {
    for (std::uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      auto& s = row.states.emplace_back();
      get(in, s.name);
      get(in, s.expires_at);
      get(in, s.value);
    }
    get(in, row.expiry_armed);
    bool parked = false;
    get(in, parked);
    if (!parked) return;
    auto& p = row.parked.emplace();
    get(in, p.reason);
    get(in, p.since);
    get(in, p.batch);
    get(in, p.attempts);
  });
}

std::string encode(const model::Message& message) {
  std::string out = value_start(model::size_in_memory(message));
  put(out, message);
  return out;
}
template <>
Result<model::Message> decode(std::string_view bytes) {
  return read_value<model::Message>(bytes, "mail", [](ByteReader& in, model::Message& m) { get(in, m); });
}

namespace {
enum class TimerTag : std::uint8_t { DelayedSend = 1, ExpireStates = 2, ForgetRequest = 3, TrimStream = 4, ExpireItem = 5 };
enum class CommandTag : std::uint8_t { Message = 1, AppendRecord = 2, FailRequest = 3, WriteItem = 4 };
enum class OutcomeTag : std::uint8_t { None = 0, Reply = 1, Failure = 2 };
}  // namespace

std::string encode(const model::TimerRow& row) {
  std::string out = value_start(64);
  if (const auto* send = std::get_if<model::DelayedSend>(&row)) {
    out.push_back(static_cast<char>(TimerTag::DelayedSend));
    put(out, send->message);
    put(out, std::string_view(send->token));
  } else if (const auto* expire = std::get_if<model::ExpireStates>(&row)) {
    out.push_back(static_cast<char>(TimerTag::ExpireStates));
    put(out, expire->address);
  } else if (const auto* forget = std::get_if<model::ForgetRequest>(&row)) {
    out.push_back(static_cast<char>(TimerTag::ForgetRequest));
    put(out, std::string_view(forget->id));
  } else if (const auto* expire = std::get_if<model::ExpireItem>(&row)) {
    out.push_back(static_cast<char>(TimerTag::ExpireItem));
    put(out, expire->item);
  } else {
    out.push_back(static_cast<char>(TimerTag::TrimStream));
    put(out, std::string_view(std::get<model::TrimStream>(row).name));
  }
  return out;
}
template <>
Result<model::TimerRow> decode(std::string_view bytes) {
  bool known = true;
  auto row = read_value<model::TimerRow>(bytes, "timer", [&known](ByteReader& in, model::TimerRow& out) {
    switch (static_cast<TimerTag>(in.be<std::uint8_t>())) {
      case TimerTag::DelayedSend: {
        model::DelayedSend send;
        get(in, send.message);
        get(in, send.token);
        if (!send.message.caller) refuse(in);  // Whose it is.
        out = std::move(send);
        return;
      }
      case TimerTag::ExpireStates: {
        model::ExpireStates expire;
        get(in, expire.address);
        out = std::move(expire);
        return;
      }
      case TimerTag::ForgetRequest: {
        model::ForgetRequest forget;
        get(in, forget.id);
        out = std::move(forget);
        return;
      }
      case TimerTag::TrimStream: {
        model::TrimStream trim;
        get(in, trim.name);
        out = std::move(trim);
        return;
      }
      case TimerTag::ExpireItem: {
        model::ExpireItem expire;
        get(in, expire.item);
        out = std::move(expire);
        return;
      }
    }
    known = false;
  });
  if (!known) return fail(ErrorCode::Damaged, "timer row of an unknown kind");
  return row;
}

std::string encode(const model::TimerKey& key) {
  std::string out = value_start(20);
  put(out, key.due);
  append_be(out, key.sequence.epoch);
  append_be(out, key.sequence.index);
  return out;
}
template <>
Result<model::TimerKey> decode(std::string_view bytes) {
  return read_value<model::TimerKey>(bytes, "token", [](ByteReader& in, model::TimerKey& key) {
    get(in, key.due);
    key.sequence.epoch = in.be<std::uint64_t>();
    key.sequence.index = in.be<std::uint32_t>();
  });
}

std::string encode(const model::RequestRow& row) {
  std::string out = value_start(32);
  append_be(out, row.fingerprint);
  out.push_back(row.answered ? 1 : 0);
  const auto outcome = row.reply ? OutcomeTag::Reply : row.failure.empty() ? OutcomeTag::None : OutcomeTag::Failure;
  out.push_back(static_cast<char>(outcome));
  if (outcome == OutcomeTag::Reply) put(out, *row.reply);
  if (outcome == OutcomeTag::Failure) put(out, std::string_view(row.failure));
  return out;
}
template <>
Result<model::RequestRow> decode(std::string_view bytes) {
  return read_value<model::RequestRow>(bytes, "request", [](ByteReader& in, model::RequestRow& row) {
    row.fingerprint = in.be<std::uint64_t>();
    get(in, row.answered);
    switch (static_cast<OutcomeTag>(in.be<std::uint8_t>())) {
      case OutcomeTag::None: return;
      case OutcomeTag::Reply: return get(in, row.reply.emplace());
      case OutcomeTag::Failure:
        get(in, row.failure);
        if (!row.failure.empty()) return;
    }
    refuse(in);
  });
}

std::string encode(const model::StreamRow& row) {
  std::string out = value_start(32);
  put(out, row.first);
  put(out, row.next);
  put(out, row.bytes);
  put(out, row.trim_armed);
  return out;
}
template <>
Result<model::StreamRow> decode(std::string_view bytes) {
  return read_value<model::StreamRow>(bytes, "stream", [](ByteReader& in, model::StreamRow& row) {
    row.first = in.varint();
    row.next = in.varint();
    row.bytes = in.varint();
    get(in, row.trim_armed);
    if (row.first > row.next || row.next > kPositionMax || row.bytes > kPositionMax) refuse(in);
  });
}

std::string encode(const model::StreamRecord& record) {
  std::string out = value_start(64 + record.value.value.size());
  put(out, record);
  return out;
}
template <>
Result<model::StreamRecord> decode(std::string_view bytes) {
  return read_value<model::StreamRecord>(bytes, "record", [](ByteReader& in, model::StreamRecord& r) { get(in, r); });
}

namespace {
// What version 1 ends with, version 2 goes on after: orphaned states, then the revision.
constexpr char kRegistrationVersion = 2;

void put(std::string& out, const model::StateSpec& s) {
  put(out, std::string_view(s.name));
  put(out, std::string_view(s.type_name));
  out.push_back(static_cast<char>(s.expire_mode));
  append_be(out, s.expire_after.ms);
}
void get(ByteReader& in, model::StateSpec& s) {
  get(in, s.name);
  get(in, s.type_name);
  const auto mode = in.be<std::uint8_t>();
  if (mode > static_cast<std::uint8_t>(model::ExpireMode::AfterInvoke)) refuse(in);
  s.expire_mode = static_cast<model::ExpireMode>(mode);
  s.expire_after.ms = in.be<std::int64_t>();
}
}  // namespace

std::string encode(const model::RegistrationRow& row) {
  std::string out(1, kRegistrationVersion);
  out.reserve(64);
  put(out, row.states.size());
  for (const auto& s : row.states) put(out, s);
  put(out, row.orphans.size());
  for (const auto& orphan : row.orphans) {
    put(out, orphan.spec);
    out.push_back(orphan.dropping ? 1 : 0);
  }
  put(out, row.revision);
  return out;
}
template <>
Result<model::RegistrationRow> decode(std::string_view bytes) {
  const bool is_first = !bytes.empty() && bytes.front() == kRowVersion;
  const char version = is_first ? kRowVersion : kRegistrationVersion;
  return read_value<model::RegistrationRow>(bytes, "registration", [is_first](ByteReader& in, model::RegistrationRow& row) {
    for (std::uint64_t n = in.varint(); n > 0 && in.ok(); --n) get(in, row.states.emplace_back());
    if (is_first) return;
    for (std::uint64_t n = in.varint(); n > 0 && in.ok(); --n) {
      auto& orphan = row.orphans.emplace_back();
      get(in, orphan.spec);
      get(in, orphan.dropping);
    }
    row.revision = in.varint();
  }, version);
}

std::string encode(const model::SourceRow& row) {
  std::string out = value_start(12);
  put(out, row.next);
  out.push_back(row.paused ? 1 : 0);
  if (!row.incarnation.empty()) put(out, std::string_view(row.incarnation));
  return out;
}
template <>
Result<model::SourceRow> decode(std::string_view bytes) {
  return read_value<model::SourceRow>(bytes, "source", [](ByteReader& in, model::SourceRow& row) {
    row.next = in.varint();
    get(in, row.paused);
    if (in.at_end()) return;  // As it was written before there were incarnations, and is where none is known.
    get(in, row.incarnation);
    if (row.incarnation.empty()) refuse(in);
  });
}

std::string encode(const model::ItemRow& row) {
  std::string out = value_start(32 + row.value.size() + row.content_type.size());
  put(out, row);
  return out;
}
template <>
Result<model::ItemRow> decode(std::string_view bytes) {
  return read_value<model::ItemRow>(bytes, "item", [](ByteReader& in, model::ItemRow& row) { get(in, row); });
}

std::string encode(const model::Command& command) {
  std::string out = value_start(64);
  if (const auto* message = std::get_if<model::Message>(&command)) {
    out.push_back(static_cast<char>(CommandTag::Message));
    put(out, *message);
  } else if (const auto* append = std::get_if<model::AppendRecord>(&command)) {
    out.push_back(static_cast<char>(CommandTag::AppendRecord));
    put(out, std::string_view(append->stream));
    put(out, append->record);
  } else if (const auto* write = std::get_if<model::WriteItem>(&command)) {
    out.push_back(static_cast<char>(CommandTag::WriteItem));
    put(out, write->item);
    out.push_back(write->row ? 1 : 0);
    if (write->row) put(out, *write->row);
  } else {
    const auto& failure = std::get<model::FailRequest>(command);
    out.push_back(static_cast<char>(CommandTag::FailRequest));
    put(out, std::string_view(failure.request));
    put(out, std::string_view(failure.reason));
  }
  return out;
}
template <>
Result<model::Command> decode(std::string_view bytes) {
  bool known = true;
  auto command = read_value<model::Command>(bytes, "inbox", [&known](ByteReader& in, model::Command& out) {
    switch (static_cast<CommandTag>(in.be<std::uint8_t>())) {
      case CommandTag::Message: {
        model::Message message;
        get(in, message);
        out = std::move(message);
        return;
      }
      case CommandTag::AppendRecord: {
        model::AppendRecord append;
        get(in, append.stream);
        get(in, append.record);
        out = std::move(append);
        return;
      }
      case CommandTag::WriteItem: {
        model::WriteItem write;
        get(in, write.item);
        bool is_put = false;
        get(in, is_put);
        if (is_put) get(in, write.row.emplace());
        out = std::move(write);
        return;
      }
      case CommandTag::FailRequest: {
        model::FailRequest failure;
        get(in, failure.request);
        get(in, failure.reason);
        out = std::move(failure);
        return;
      }
    }
    known = false;
  });
  if (!known) return fail(ErrorCode::Damaged, "inbox row of an unknown kind");
  return command;
}

void append_put(std::string& payload, std::string_view key, std::string_view value) {
  append_string(payload, key);
  append_varint(payload, value.size() + 1);
  payload.append(value);
}
void append_delete(std::string& payload, std::string_view key) {
  append_string(payload, key);
  payload.push_back('\0');
}

namespace {
Error bad_list() { return {ErrorCode::Damaged, "malformed list of rows in an epoch"}; }

// How many bytes the rows take that are whole.
Result<std::size_t> whole_rows(std::string_view bytes, const RowVisit& row) {
  ByteReader in(bytes);
  std::size_t done = 0;
  while (!in.at_end()) {
    const auto key = in.string();
    const auto size = in.varint();
    std::optional<std::string_view> value;
    if (size > 0) value = in.bytes(size - 1);
    if (!in.ok()) break;
    if (key.size() < kHead) return fail(bad_list());
    row(key, value);
    done = bytes.size() - in.rest().size();
  }
  return done;
}
}  // namespace

Result<void> for_each_row(std::string_view payload, const RowVisit& row) {
  RowPieces pieces;
  if (auto ok = pieces.add(payload, row); !ok) return ok;
  return pieces.end();
}

Result<void> RowPieces::add(std::string_view piece, const RowVisit& row) {
  const bool goes_on = !rest_.empty();
  if (goes_on) rest_ += piece;
  const auto done = whole_rows(goes_on ? rest_ : piece, row);
  if (!done) return fail(done.error());
  if (goes_on) rest_.erase(0, *done);
  else rest_ = piece.substr(*done);
  return {};
}

Result<void> RowPieces::end() {
  if (rest_.empty()) return {};
  rest_.clear();
  return fail(bad_list());
}

}  // namespace holdfast::codec
