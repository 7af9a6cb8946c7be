// Table: the partitions of one shard as the state machine sees them, and the only place that changes them. Addresses and
// their mailboxes are held decoded while they are hot, rows of others as they are; everything is a row when an epoch closes.
//
// A row that is born and dies within one epoch is never written. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "partition/transition.h"
#include "partition/view.h"
#include "ports/state_store.h"
#include "runtime/entity.h"
#include "runtime/resting_rows.h"
#include "runtime/row_layers.h"
#include "runtime/stored_mail.h"
#include "runtime/timer_queue.h"

namespace holdfast::runtime {

// Who counts what waits by where it goes. Mail is counted once, whether its address is in memory or not.
class MailLedger {
 public:
  virtual ~MailLedger() = default;
  // The entity has come into memory, with mail that was in rows alone; `is_counted`: passed() has counted it, or it was let go of.
  virtual void brought_in(Entity& entity, bool is_counted) = 0;
  // It goes out of memory, and its mail stays, of `bytes` from now on; `is_counted`: for good. Else it will be passed(), or brought in as new.
  virtual void let_go(Entity& entity, std::uint64_t bytes, bool is_counted) = 0;
};

class Table final : public partition::View {
 public:
  struct Limits {
    std::uint16_t partitions = 64;
    std::size_t mailbox_bytes_in_memory = 0;
    std::size_t address_mailbox_bytes_in_memory = 0;
    std::size_t state_cache_bytes = 0;
    std::size_t timers_in_memory_max = 0;
    std::size_t endpoints = 1;  // Among which the memory for mailboxes is shared.
    std::size_t stream_bytes_in_memory = 8u << 20;
  };

  // `owned`: the partitions of this shard.
  Table(Limits limits, std::vector<model::PartitionId> owned, const ports::StateStore& store);
  ~Table() override;

  // Reads what must be known from the start: what was in the inbox, and declarations. Whose mailboxes are not empty is found by sweep_mail().
  struct Recovered {
    std::vector<model::Command> inbox;
    std::vector<std::pair<std::string, model::RegistrationRow>> registrations;
  };
  [[nodiscard]] Result<Recovered> recover();
  void add_recovered_row(std::string_view key, std::optional<std::string_view> value);
  void set_ledger(MailLedger& ledger) { ledger_ = &ledger; }

  // After a start: goes on looking for mail, for `rows` of it, and tells of whose address is not in memory. True: all has been found. Damaged:
  // there is some that cannot be.
  [[nodiscard]] Result<bool> sweep_mail(std::size_t rows, const std::function<void(const FoundMail& found)>& visit);
  [[nodiscard]] bool is_swept() const { return swept_; }
  // As walk_mail().
  [[nodiscard]] bool walk_mail(std::string_view type, MailWalk& at, std::size_t& left, const std::function<void(const FoundMail& found)>& visit) const;
  // One that walk_mail() has found, and that is not in memory.
  Entity& bring_in_found(const FoundMail& found);

  // Brought in from the rows if need be.
  Entity& entity(const model::Address& address);
  void apply(partition::Write&& write);
  void add_mail(Entity& entity, model::Message&& message);
  // Makes sure that the head of the mailbox is in memory, `count` messages if there are as many, within `bytes_max`.
  void load_mail(Entity& entity, std::uint64_t count, std::size_t bytes_max);
  // Whose mail nobody will take soon: it is kept as rows only. Does nothing before they are written, at the close of the epoch.
  void let_go_of_mail(Entity& entity);
  void set_registration(const std::string& type, model::RegistrationRow row);
  // As registration(), for whoever still needs it when there is a newer one.
  [[nodiscard]] std::shared_ptr<const model::RegistrationRow> shared_registration(std::string_view type) const;
  void for_each_registration(const std::function<void(const std::string& type, const model::RegistrationRow& row)>& visit) const;

  // partition::View
  [[nodiscard]] const model::AddressRow& address(const model::Address& address) const override;
  [[nodiscard]] std::uint64_t mailbox_size(const model::Address& address) const override;
  [[nodiscard]] std::vector<model::Message> oldest_mail(const model::Address& address, std::uint32_t count) const override;
  [[nodiscard]] const model::RegistrationRow* registration(std::string_view type) const override;
  [[nodiscard]] std::optional<model::TimerKey> token(const model::TokenKey& token) const override;
  [[nodiscard]] std::optional<model::RequestRow> request(std::string_view id) const override;
  [[nodiscard]] model::StreamRow stream(std::string_view name) const override;
  [[nodiscard]] std::optional<model::SourceRow> source(std::string_view name) const override;
  [[nodiscard]] std::optional<model::ItemRow> item(const model::ItemKey& item) const override;
  [[nodiscard]] std::vector<partition::StoredRecord> oldest_records(std::string_view stream, std::uint32_t count) const override;
  // The records [from, to), as far as they are there, until `visit` says false.
  void read_records(std::string_view stream, std::uint64_t from, std::uint64_t to,
                    const std::function<bool(std::uint64_t position, const model::StreamRecord& record)>& visit) const;

  // The timer that is due first, and what it is; a timer whose row is gone is skipped.
  [[nodiscard]] std::optional<TimerQueue::Entry> next_timer() { return timers_.next(); }
  // None, and said in the log: its row is not one that can be carried out.
  [[nodiscard]] std::optional<model::TimerRow> timer(const TimerQueue::Entry& entry) const;
  // It is not asked for again before the next start; its row stays as it is.
  void set_timer_aside(const TimerQueue::Entry& entry) { timers_.remove(entry); }

  // Epochs.
  [[nodiscard]] bool is_clean() const { return touched_.empty() && touched_streams_.empty() && layers_.open_is_empty(); }
  [[nodiscard]] std::size_t open_bytes() const { return open_bytes_; }
  // Gives the rows of the open epoch as a payload and begins `next`. `streams` gets what was appended to, with the position after
  // the last record.
  [[nodiscard]] std::string close(model::Epoch next, std::vector<std::pair<std::string, std::uint64_t>>& streams);
  // No more of the closed epoch is to come, and whether to freeze it has been decided. Until then the next epoch may have begun, and
  // must leave what freeze() takes as it is.
  void seal() { sealed_ = true; }
  void begin(model::Epoch epoch) { open_epoch_ = epoch; }
  [[nodiscard]] model::Epoch open_epoch() const { return open_epoch_; }
  // A command that belongs to the epoch just closed, but will take effect in this one.
  void add_inbox(std::string& closed_payload, const model::Command& command, const model::Sequence& sequence);
  [[nodiscard]] std::size_t dirty_bytes() const { return layers_.dirty_bytes(); }
  // The rows up to the closed epoch, and nothing of the open one. Before seal().
  std::shared_ptr<const RowSet> freeze();
  std::shared_ptr<const RowSet> thaw() { return layers_.thaw(); }
  [[nodiscard]] bool has_frozen() const { return layers_.has_frozen(); }

  // Mailboxes, for bounds and for people.
  [[nodiscard]] std::uint64_t mail_count() const { return mail_count_; }
  [[nodiscard]] std::uint64_t mail_bytes() const { return mail_bytes_; }
  [[nodiscard]] std::size_t mail_bytes_in_memory() const { return mail_bytes_in_memory_; }
  // As entities, or at rest.
  [[nodiscard]] std::size_t addresses_in_memory() const { return entities_.size() + resting_.size(); }
  [[nodiscard]] std::size_t entity_count() const { return entities_.size(); }
  [[nodiscard]] std::size_t cached_bytes() const { return cached_bytes_ + resting_.bytes(); }
  // In slices; see listing.h.
  [[nodiscard]] bool walk_entities(BucketWalk& walk, std::size_t& left, const std::function<void(const Entity&, std::size_t& left)>& visit) const;
  void for_each_idle(const std::function<void(Entity&)>& visit);
  [[nodiscard]] const Entity* find(const model::Address& address) const;  // Only if it is an entity.
  [[nodiscard]] const RowLayers& layers() const { return layers_; }
  [[nodiscard]] const std::vector<model::PartitionId>& partitions() const { return owned_; }
  [[nodiscard]] model::PartitionId partition_of(std::string_view id) const {
    return model::partition_of(id, limits_.partitions);
  }

  // Lets go of idle entities while they are many, or memory is short. Whoever has looked at many does it; nobody may hold one that is idle.
  void let_go_of_idle() const { const_cast<Table*>(this)->evict(); }
  // An entity has come to rest: it may be let go of.
  void rest(Entity& entity);

 private:
  struct EntityHash {
    using is_transparent = void;
    std::size_t operator()(const std::unique_ptr<Entity>& e) const { return model::AddressHash{}(e->address); }
    std::size_t operator()(const model::Address& a) const { return model::AddressHash{}(a); }
  };
  struct EntityEqual {
    using is_transparent = void;
    static const model::Address& of(const std::unique_ptr<Entity>& e) { return e->address; }
    static const model::Address& of(const model::Address& a) { return a; }
    bool operator()(const auto& a, const auto& b) const { return of(a) == of(b); }
  };

  void apply_change(partition::ChangeAddress&& change);
  void touch(Entity& entity);
  void unlink(Entity& entity);
  void evict();
  void let_go(Entity& entity);
  void count_loaded(Entity& entity, std::size_t bytes);
  void count_freed(Entity& entity, std::size_t bytes);
  [[nodiscard]] bool waits_long(const Entity& entity) const;
  void write_entity(Entity& entity);
  // The newest records are kept as they are: most are read and gone before a view would have them. They are in the log, as all are, but
  // in no layer until the next freeze, or until they are too many.
  struct CachedStream {
    model::StreamRow row;
    std::uint64_t next_at_open = 0;  // Records from here on were born in the open epoch.
    std::uint64_t stored_end = 0;    // Records from here on are in no layer below the dirty one.
    std::deque<model::StreamRecord> hot;
    std::uint64_t hot_first = 0;     // Position of the first of them.
    std::size_t hot_bytes = 0;
    bool dirty = false;
  };
  CachedStream& cached_stream(std::string_view name) const;
  void add_records(partition::AddRecords&& add);
  void put_record(partition::PutRecord&& put);
  void pop_hot(CachedStream& stream);
  void cool(std::string_view name, CachedStream& stream, std::uint64_t end);
  void drop_records(const partition::DropRecords& drop);
  void drop_what_is_there(const partition::DropRecords& drop, CachedStream& stream);
  Result<Entity*> bring_in(const model::Address& address, const StoredMail* known = nullptr);
  [[nodiscard]] bool may_have_mail(const model::Address& address, const model::AddressRow& row) const;
  [[nodiscard]] bool is_counted(const model::Address& address) const;
  void take_up_mail(Entity& entity, const StoredMail& mail);
  void leave_mail(Entity& entity);
  Result<void> recover_streams(model::PartitionId partition);
  Instant read_timers(Instant from, std::size_t limit, const std::function<void(TimerQueue::Entry)>& found) const;
  Limits limits_;
  std::vector<model::PartitionId> owned_;
  RowLayers layers_;
  std::unordered_set<std::unique_ptr<Entity>, EntityHash, EntityEqual> entities_;
  std::unordered_map<std::string, std::shared_ptr<const model::RegistrationRow>, StringHash, std::equal_to<>> registrations_;
  mutable std::unordered_map<std::string, CachedStream, StringHash, std::equal_to<>> streams_;
  std::vector<std::string> touched_streams_;
  TimerQueue timers_;
  std::vector<Entity*> touched_;
  MailLedger* ledger_ = nullptr;
  MailWalk sweep_;
  bool swept_ = false;
  // By type: addresses that are not in memory, have mail that is counted, and are not parked. Mostly there are none.
  std::unordered_map<std::string, std::uint64_t, StringHash, std::equal_to<>> behind_;
  model::Epoch open_epoch_;
  bool sealed_ = true;  // Nothing is to be frozen but at the end of the open epoch.
  mutable Entity* recent_ = nullptr;  // The last one looked up: the next look-up is often for the same.
  // Entities that may be let go of, least recently used first: those that have nothing to do, and those whose mail is in rows alone.
  struct Line {
    Entity* oldest = nullptr;
    Entity* newest = nullptr;
    std::size_t size = 0;
  };
  Line idle_, idle_with_mail_;
  std::size_t idle_max_;
  RestingRows resting_;           // Of those that were let go of since, and have no mail. An address is either here or an entity.
  std::size_t cached_bytes_ = 0;  // Of entities.
  std::size_t open_bytes_ = 0;
  std::uint64_t mail_count_ = 0;
  std::uint64_t mail_bytes_ = 0;           // Of all messages waiting, in memory or not, about.
  std::size_t mail_bytes_in_memory_ = 0;
  std::size_t hot_record_bytes_ = 0;
};

}  // namespace holdfast::runtime
