// Table: what waits in mailboxes, how much of it is in memory, and whose addresses are.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/rows.h"
#include "runtime/stored_rows.h"
#include "runtime/table.h"
#include "runtime/upstream.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint64_t kMailAskedForMax = 8;

}  // namespace

void Table::add_mail(Entity& e, model::Message&& message) {
  const std::size_t size = model::size_in_memory(message);
  e.mailbox.push(std::move(message));
  ++mail_count_;
  mail_bytes_ += size;
  e.mail_bytes += size;
  mail_bytes_in_memory_ += size;
  const auto bytes = static_cast<std::int64_t>(size);
  if (e.backlog != nullptr) e.backlog->apply({1, bytes, bytes});
  open_bytes_ += size;
  touch(e);
}

void Table::load_mail(Entity& e, std::uint64_t count, std::size_t bytes_max) {
  const std::uint64_t wanted = std::min(count, e.mailbox.size());
  if (e.mailbox.head_size() >= wanted || e.mailbox.spilled() == 0) return;
  const auto partition = partition_of(e.address.id);
  const std::size_t before = e.mailbox.bytes_in_memory();
  // Only rows: what is not in rows is in memory.
  const std::uint64_t rows_end = e.mailbox.spilled_begin() + e.mailbox.spilled();
  // Of bytes there may be none left: a call has one message all the same.
  const auto is_enough = [&] {
    return e.mailbox.head_size() >= wanted || (e.mailbox.head_size() > 0 && e.mailbox.bytes_in_memory() - before >= bytes_max);
  };
  const auto next_key = [&] { return codec::mail_key(partition, e.address, e.mailbox.spilled_begin()); };
  const auto take = [&](std::string_view key, std::string_view value) { e.mailbox.unspill(must(codec::decode<model::Message>(value), key)); };
  // The first few are asked for by name: they may be on their way to the view still, and a walk begins in the view in any case, among what was erased.
  for (std::uint64_t asked = 0; asked < kMailAskedForMax && e.mailbox.spilled() > 0 && !is_enough(); ++asked) {
    const std::string key = next_key();
    const auto value = layers_.get(key);
    if (!value) end_of(key, "it is missing");
    take(key, *value);
  }
  if (e.mailbox.spilled() > 0 && !is_enough()) {
    layers_.scan(next_key(), codec::mail_key(partition, e.address, rows_end), [&](std::string_view key, std::string_view value) {
      if (must(codec::parse_mail_key(key), key).number != e.mailbox.spilled_begin()) end_of(key, "the message before it is missing");
      take(key, value);
      return !is_enough();
    });
    if (!is_enough() && e.mailbox.spilled() > 0) end_of(next_key(), "it is missing");
  }
  count_loaded(e, e.mailbox.bytes_in_memory() - before);
}

void Table::count_loaded(Entity& e, std::size_t bytes) {
  mail_bytes_in_memory_ += bytes;
  if (e.backlog != nullptr) e.backlog->apply({0, 0, static_cast<std::int64_t>(bytes)});
}

void Table::count_freed(Entity& e, std::size_t bytes) {
  mail_bytes_in_memory_ -= bytes;
  if (e.backlog != nullptr) e.backlog->apply({0, 0, -static_cast<std::int64_t>(bytes)});
}

void Table::let_go_of_mail(Entity& e) {
  if (e.touched || e.mailbox.bytes_in_memory() == 0) return;
  count_freed(e, e.mailbox.spill(e.phase == Entity::Phase::InFlight ? e.batch : 0));
}

// Whose mail is not kept in memory beyond the epoch. Well below the bound at which nothing more is taken in (half of the memory for
// mailboxes), each endpoint is left its share of an eighth: one that is behind must not stop what comes for the others.
bool Table::waits_long(const Entity& e) const {
  if (e.row.parked || e.left || e.mailbox.bytes_in_memory() > limits_.address_mailbox_bytes_in_memory) return true;
  if (mail_bytes_in_memory_ > limits_.mailbox_bytes_in_memory) return true;
  if (e.type != nullptr && (e.type->is_stuck() || (e.phase == Entity::Phase::Waiting && e.attempts + e.away > 0))) return true;
  if (e.backlog == nullptr) return false;
  const Backlog& all = e.backlog->whole != nullptr ? *e.backlog->whole : *e.backlog;
  return mail_bytes_in_memory_ > limits_.mailbox_bytes_in_memory / 4 &&
         all.bytes_in_memory > limits_.mailbox_bytes_in_memory / 8 / std::max<std::size_t>(limits_.endpoints, 1);
}

// --- Whose address is not in memory ----------------------------------------------------------------------------------

bool Table::walk_mail(std::string_view type, MailWalk& at, std::size_t& left, const std::function<void(const FoundMail&)>& visit) const {
  const auto done = runtime::walk_mail(layers_, owned_, type, at, left, visit);
  if (!done) end_of_mail(done.error());
  return *done;
}

Result<bool> Table::sweep_mail(std::size_t rows, const std::function<void(const FoundMail&)>& visit) {
  if (swept_) return true;
  std::optional<Error> error;
  const auto done = runtime::walk_mail(layers_, owned_, {}, sweep_, rows, [&](const FoundMail& found) {
    const auto partition = owned_[sweep_.partition];
    if (const auto owner = partition_of(found.address.id); owner != partition) {
      error = Error{ErrorCode::Damaged, codec::describe_key(codec::mail_key(partition, found.address, found.mail.first)) +
                                            ": it belongs to partition " + std::to_string(owner.value)};
      return;
    }
    if (find(found.address) != nullptr) return;  // Counted when it was brought in.
    mail_count_ += found.mail.end - found.mail.first;
    mail_bytes_ += found.mail.bytes;
    if (!found.parked) ++behind_[found.address.type];
    visit(found);
  });
  if (!done) return fail(done.error());
  if (error) return fail(std::move(*error));
  return swept_ = *done;
}

// Whether the sweep has been where it is, or would have been.
bool Table::is_counted(const model::Address& address) const {
  if (swept_) return true;
  const auto partition = partition_of(address.id);
  const auto at = static_cast<std::size_t>(std::ranges::find(owned_, partition) - owned_.begin());
  if (at != sweep_.partition) return at < sweep_.partition;
  return codec::mail_prefix(partition, address) <= sweep_.after;
}

bool Table::may_have_mail(const model::Address& address, const model::AddressRow& row) const {
  return row.parked || !swept_ || (!behind_.empty() && behind_.contains(address.type));
}

Entity& Table::bring_in_found(const FoundMail& found) {
  return *must(bring_in(found.address, &found.mail), codec::address_key(partition_of(found.address.id), codec::RowKind::Address, found.address));
}

void Table::take_up_mail(Entity& e, const StoredMail& mail) {
  e.mailbox.recover(mail.first, mail.end);
  e.mail_bytes = mail.bytes;
  const bool was_counted = is_counted(e.address);
  if (!was_counted) {
    mail_count_ += e.mailbox.size();
    mail_bytes_ += e.mail_bytes;
  } else if (!e.row.parked) {
    const auto it = behind_.find(e.address.type);
    if (it == behind_.end())
      end_of(codec::address_key(partition_of(e.address.id), codec::RowKind::Address, e.address), "it is listed as parked, and says that it is not");
    if (--it->second == 0) behind_.erase(it);
  }
  if (ledger_ != nullptr) ledger_->brought_in(e, was_counted);
}

void Table::leave_mail(Entity& e) {
  const auto partition = partition_of(e.address.id);
  const auto stored = must(stored_mail(layers_, partition, e.address), codec::mail_prefix(partition, e.address));
  HOLDFAST_CHECK(stored && stored->first == e.mailbox.begin() && stored->end == e.mailbox.end());
  const bool stays_counted = is_counted(e.address);
  if (ledger_ != nullptr) ledger_->let_go(e, stored->bytes, stays_counted);
  mail_bytes_ -= e.mail_bytes;
  if (!stays_counted) {
    mail_count_ -= e.mailbox.size();
    return;
  }
  mail_bytes_ += stored->bytes;
  if (!e.row.parked) ++behind_[e.address.type];
}

}  // namespace holdfast::runtime
