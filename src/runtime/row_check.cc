#include "runtime/row_check.h"

#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "codec/rows.h"
#include "partition/stream.h"

namespace holdfast::runtime {
namespace {

using codec::RowKind;

constexpr RowKind kKinds[] = {RowKind::Address, RowKind::Stream, RowKind::Item,  RowKind::Registration, RowKind::Inbox,  RowKind::Token, RowKind::Mail,
                              RowKind::Source,  RowKind::Parked, RowKind::Request,      RowKind::Record, RowKind::Timer};

std::string range(std::uint64_t from, std::uint64_t end) {
  return end - from == 1 ? "record " + std::to_string(from) : "records " + std::to_string(from) + " to " + std::to_string(end - 1);
}

class PartitionCheck {
 public:
  PartitionCheck(const RowLayers& rows, model::PartitionId partition, std::uint16_t partitions, model::Epoch last, RowFaults& faults)
      : rows_(rows), partition_(partition), partitions_(partitions), last_(last), faults_(faults) {}

  void run() {
    kinds();
    addresses();
    streams();
    items();
    registrations();
    inbox();
    tokens();
    mail();
    sources();
    parked();
    requests();
    records();
    timers();
    if (expiries_armed_ != expiries_found_) missing_expiries();
    for (const auto& [name, stream] : streams_) {
      if (stream.row.trim_armed.unix_ms != 0 && !stream.timer)
        faults_.add(named(name) + " has no timer that trims it, though one is set for " + std::to_string(stream.row.trim_armed.unix_ms) + " ms");
    }
  }

 private:
  struct Stream {
    model::StreamRow row;
    std::uint64_t expected = 0;  // Position of the next record.
    std::uint64_t bytes = 0;
    bool gap = false;
    bool timer = false;
  };

  static std::string named(const std::string& stream) { return "stream " + stream; }
  void fault(std::string_view key, const std::string& what) { faults_.add(codec::describe_key(key) + ": " + what); }
  void each(RowKind kind, const std::function<void(std::string_view key, std::string_view value)>& visit) {
    const std::string prefix = codec::kind_prefix(partition_, kind);
    rows_.scan(prefix, codec::range_end(prefix), [&](std::string_view key, std::string_view value) {
      visit(key, value);
      return true;
    });
  }
  template <typename T>
  std::optional<T> sound(std::string_view key, Result<T>&& result) {
    if (result) return std::move(*result);
    fault(key, result.error().message);
    return std::nullopt;
  }
  template <typename Row>
  std::optional<Row> get(const std::string& key) {
    const auto bytes = rows_.get(key);
    if (!bytes) return std::nullopt;
    auto row = codec::decode<Row>(*bytes);
    if (!row) return std::nullopt;  // Said where the row itself is looked at.
    return std::move(*row);
  }
  void belongs(std::string_view key, std::string_view id) {
    const auto right = model::partition_of(id, partitions_);
    if (right != partition_) fault(key, "it belongs to partition " + std::to_string(right.value));
  }

  // Rows of a kind that there is none of.
  void kinds() {
    std::string from;
    append_be(from, partition_.value);
    std::string end;
    append_be(end, static_cast<std::uint16_t>(partition_.value + 1));
    const auto none = [&](const std::string& to) {
      rows_.scan(from, to, [&](std::string_view key, std::string_view) {
        fault(key, "no such rows are known");
        return true;
      });
    };
    for (const RowKind kind : kKinds) {
      const std::string prefix = codec::kind_prefix(partition_, kind);
      none(prefix);
      from = codec::range_end(prefix);
    }
    none(end);
  }

  void addresses() {
    each(RowKind::Address, [&](std::string_view key, std::string_view value) {
      const auto address = sound(key, codec::parse_address_key(key));
      const auto row = sound(key, codec::decode<model::AddressRow>(value));
      if (!address || !row) return;
      belongs(key, address->id);
      if (row->expiry_armed.unix_ms != 0) ++expiries_armed_;
      if (!row->parked) return;
      if (!rows_.get(codec::address_key(partition_, RowKind::Parked, *address))) fault(key, "it is parked, and not in the index of what is");
      std::uint64_t waiting = 0;
      const std::string mail = codec::mail_prefix(partition_, *address);
      rows_.scan(mail, codec::range_end(mail), [&](std::string_view, std::string_view) { return ++waiting < row->parked->batch; });
      if (waiting < row->parked->batch)
        fault(key, "parked are " + std::to_string(row->parked->batch) + " messages, but only " + std::to_string(waiting) + " wait");
    });
  }

  void streams() {
    each(RowKind::Stream, [&](std::string_view key, std::string_view value) {
      const auto name = sound(key, codec::parse_name_key(key));
      const auto row = sound(key, codec::decode<model::StreamRow>(value));
      if (!name || !row) return;
      belongs(key, *name);
      streams_.emplace(*name, Stream{.row = *row, .expected = row->first});
    });
  }

  void items() {
    each(RowKind::Item, [&](std::string_view key, std::string_view value) {
      const auto item = sound(key, codec::parse_item_key(key));
      const auto row = sound(key, codec::decode<model::ItemRow>(value));
      if (!item || !row) return;
      belongs(key, item->key);
      if (row->version.epoch > last_.value) fault(key, "the newest epoch is " + std::to_string(last_.value));
      if (row->expires_at.unix_ms == 0) return;
      const auto timer = get<model::TimerRow>(codec::timer_key(partition_, {row->expires_at, row->version}));
      const auto* expire = timer ? std::get_if<model::ExpireItem>(&*timer) : nullptr;
      if (expire == nullptr || expire->item != *item)
        fault(key, "it has no timer that lets it expire, though it does at " + std::to_string(row->expires_at.unix_ms) + " ms");
    });
  }

  void records() {
    Stream* stream = nullptr;
    std::string name;
    std::string strays;  // The last one that was said to have no row.
    each(RowKind::Record, [&](std::string_view key, std::string_view value) {
      const auto at = sound(key, codec::parse_record_key(key));
      if (!at) return;
      if (stream == nullptr || at->stream != name) {
        const auto it = streams_.find(at->stream);
        stream = it == streams_.end() ? nullptr : &it->second;
        name = at->stream;
      }
      if (stream == nullptr) {
        if (std::exchange(strays, name) != name) fault(key, "the stream has no row");
        return;
      }
      if (at->position < stream->row.first) return;  // Gone; a start clears it away.
      if (at->position >= stream->row.next) return fault(key, "the stream ends at " + std::to_string(stream->row.next));
      gap(name, *stream, at->position);
      stream->expected = at->position + 1;
      if (const auto record = sound(key, codec::decode<model::StreamRecord>(value))) stream->bytes += partition::record_bytes(*record);
    });
    for (auto& [stream_name, s] : streams_) {
      gap(stream_name, s, s.row.next);
      // Before version 2 of the log, the reason of a record that an outbox set aside was not counted.
      const bool may_be_less = stream_name.ends_with("/outbox");
      if (!s.gap && (may_be_less ? s.bytes < s.row.bytes : s.bytes != s.row.bytes))
        faults_.add(named(stream_name) + " counts " + std::to_string(s.row.bytes) + " bytes, its records have " + std::to_string(s.bytes));
    }
  }
  void gap(const std::string& name, Stream& stream, std::uint64_t position) {
    if (position == stream.expected) return;
    stream.gap = true;
    faults_.add(named(name) + " has lost its " + range(stream.expected, position) + " of [" + std::to_string(stream.row.first) + ", " +
                std::to_string(stream.row.next) + ")");
  }

  void registrations() {
    each(RowKind::Registration, [&](std::string_view key, std::string_view value) {
      if (const auto name = sound(key, codec::parse_name_key(key))) belongs(key, *name);
      (void)sound(key, codec::decode<model::RegistrationRow>(value));
    });
  }
  void sources() {
    each(RowKind::Source, [&](std::string_view key, std::string_view value) {
      if (const auto name = sound(key, codec::parse_name_key(key))) belongs(key, *name);
      (void)sound(key, codec::decode<model::SourceRow>(value));
    });
  }
  void requests() {
    each(RowKind::Request, [&](std::string_view key, std::string_view value) {
      if (const auto id = sound(key, codec::parse_name_key(key))) belongs(key, *id);
      (void)sound(key, codec::decode<model::RequestRow>(value));
    });
  }
  void inbox() {
    each(RowKind::Inbox, [&](std::string_view key, std::string_view value) {
      const auto born = sound(key, codec::parse_inbox_key(key));
      const auto command = sound(key, codec::decode<model::Command>(value));
      if (!born || !command) return;
      belongs(key, model::routing_id(*command));
      if (born->epoch > last_.value) fault(key, "the newest epoch is " + std::to_string(last_.value));
    });
  }

  void mail() {
    std::optional<codec::MailKey> before;
    each(RowKind::Mail, [&](std::string_view key, std::string_view value) {
      const auto mail = sound(key, codec::parse_mail_key(key));
      const auto message = sound(key, codec::decode<model::Message>(value));
      if (!mail) return;
      if (message && message->target != mail->address)
        fault(key, "the message is for " + message->target.type + "/" + message->target.id);
      if (!before || before->address != mail->address) belongs(key, mail->address.id);
      else if (mail->number != before->number + 1) fault(key, "the mailbox has no message " + std::to_string(before->number + 1));
      before = *mail;
    });
  }

  void parked() {
    each(RowKind::Parked, [&](std::string_view key, std::string_view) {
      const auto address = sound(key, codec::parse_address_key(key));
      if (!address) return;
      belongs(key, address->id);
      const auto row = get<model::AddressRow>(codec::address_key(partition_, RowKind::Address, *address));
      if (!row || !row->parked) fault(key, "the address is not parked");
    });
  }

  void tokens() {
    each(RowKind::Token, [&](std::string_view key, std::string_view value) {
      const auto token = sound(key, codec::parse_token_key(key));
      const auto timer = sound(key, codec::decode<model::TimerKey>(value));
      if (!token || !timer) return;
      belongs(key, token->owner.id);
      const auto row = get<model::TimerRow>(codec::timer_key(partition_, *timer));
      const auto* send = row ? std::get_if<model::DelayedSend>(&*row) : nullptr;
      if (send == nullptr || send->token != token->token || *send->message.caller != token->owner)
        fault(key, "the delayed send that it stands for is missing");
    });
  }

  void timers() {
    each(RowKind::Timer, [&](std::string_view key, std::string_view value) {
      const auto timer = sound(key, codec::parse_timer_key(key));
      const auto row = sound(key, codec::decode<model::TimerRow>(value));
      if (!timer || !row) return;
      belongs(key, model::owner_id(*row));
      if (timer->sequence.epoch > last_.value) fault(key, "the newest epoch is " + std::to_string(last_.value));
      if (const auto* send = std::get_if<model::DelayedSend>(&*row)) {
        if (send->token.empty()) return;
        const auto token = get<model::TimerKey>(codec::token_key(partition_, {*send->message.caller, send->token}));
        if (token != *timer) fault(key, "its cancellation token \"" + send->token + "\" does not stand for it");
      } else if (const auto* expire = std::get_if<model::ExpireStates>(&*row)) {
        const auto address = get<model::AddressRow>(codec::address_key(partition_, RowKind::Address, expire->address));
        if (address && address->expiry_armed == timer->due) ++expiries_found_;
        else fault(key, "the states of " + expire->address.type + "/" + expire->address.id + " do not wait for it");
      } else if (const auto* item = std::get_if<model::ExpireItem>(&*row)) {
        const auto kept = get<model::ItemRow>(codec::item_key(partition_, item->item));
        if (!kept || kept->expires_at != timer->due || kept->version != timer->sequence)
          fault(key, "item " + item->item.key + " of table " + item->item.table + " does not wait for it");
      } else if (const auto* trim = std::get_if<model::TrimStream>(&*row)) {
        const auto it = streams_.find(trim->name);
        if (it != streams_.end() && it->second.row.trim_armed == timer->due) it->second.timer = true;
        else fault(key, named(trim->name) + " does not wait for it");
      }
    });
  }

  // Counted first, as to look for each would be to read the timers of its moment again.
  void missing_expiries() {
    each(RowKind::Address, [&](std::string_view key, std::string_view value) {
      const auto address = codec::parse_address_key(key);
      const auto row = codec::decode<model::AddressRow>(value);
      if (!address || !row || row->expiry_armed.unix_ms == 0) return;
      bool found = false;
      rows_.scan(codec::timer_key(partition_, {row->expiry_armed, {}}), codec::timer_key(partition_, {row->expiry_armed, {UINT64_MAX, UINT32_MAX}}),
                 [&](std::string_view, std::string_view timer) {
                   const auto t = codec::decode<model::TimerRow>(timer);
                   const auto* expire = t ? std::get_if<model::ExpireStates>(&*t) : nullptr;
                   found = expire != nullptr && expire->address == *address;
                   return !found;
                 });
      if (!found) fault(key, "it has no timer that lets its states expire, though one is set for " + std::to_string(row->expiry_armed.unix_ms) + " ms");
    });
  }

  const RowLayers& rows_;
  model::PartitionId partition_;
  std::uint16_t partitions_;
  model::Epoch last_;
  RowFaults& faults_;
  std::map<std::string, Stream, std::less<>> streams_;
  std::uint64_t expiries_armed_ = 0;
  std::uint64_t expiries_found_ = 0;
};

}  // namespace

void check_partition(const RowLayers& rows, model::PartitionId partition, std::uint16_t partitions, model::Epoch last, RowFaults& faults) {
  PartitionCheck(rows, partition, partitions, last, faults).run();
}

}  // namespace holdfast::runtime
