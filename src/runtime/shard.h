// Shard: some of the partitions, and the thread they live on. Takes messages in, has functions called, carries out what the state
// machine decides, and cuts its part of each epoch. Everything here runs on the shard's loop, except where it says otherwise.
//
// What must not be seen before its epoch is durable is put behind a gate (gate()); the gate of an epoch opens with durable().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "codec/rows.h"
#include "partition/request.h"
#include "runtime/epochs.h"
#include "runtime/inspect.h"
#include "runtime/invoker.h"
#include "runtime/items.h"
#include "runtime/link.h"
#include "runtime/listing.h"
#include "runtime/options.h"
#include "runtime/runtime.h"
#include "runtime/table.h"
#include "runtime/unread.h"

namespace holdfast::runtime {

// Items of one shard that are being deleted.
struct ItemDeletion {
  std::string table, prefix;
  Look at;
  std::uint64_t count = 0;
  Runtime::Done<std::uint64_t> done;
};

class Shard final : private InvokerHost {
  static constexpr Duration kHoldFirst{50};

 public:
  Shard(std::size_t index, const Options& options, const Runtime::World& world, Levels& levels,
        std::vector<model::PartitionId> owned);
  ~Shard() override;

  // Before the loop runs, on the calling thread.
  void add_recovered_row(std::string_view key, std::optional<std::string_view> value);
  [[nodiscard]] Result<void> recover(model::Epoch first, std::vector<Shard*> all, EpochCoordinator& epochs,
                                     std::vector<std::pair<std::string, model::RegistrationRow>>& registrations);
  void set_registration(const std::string& type, const model::RegistrationRow& row) { table_.set_registration(type, row); }
  [[nodiscard]] std::size_t dirty_bytes() const { return table_.dirty_bytes(); }
  std::shared_ptr<const RowSet> freeze_recovered() { return table_.freeze(); }
  // The view has the frozen rows. There may be many: they are freed where that keeps nobody waiting.
  void thaw();
  void start();

  // From outside.
  void send(SendRequest&& request, Runtime::Done<void> done);
  void call(SendRequest&& request, std::string id, Duration timeout, Runtime::Done<model::TypedValue> done);
  void open_request(SendRequest&& request, std::string id, partition::RequestKind kind, Duration timeout,
                    std::function<void(Result<std::optional<model::TypedValue>>)> done);
  void read_stream(StreamQuery&& query, Runtime::Done<StreamPage> done);
  void pop_stream(const std::string& stream, Runtime::Done<std::optional<model::StreamRecord>> done);
  void release_records(const std::string& stream, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command>&& instead,
                       Runtime::Done<void> done);
  void settle_records(const std::string& stream, ports::Settlement&& settlement, Runtime::Done<void> done);
  void take_in(ports::SourceBatch&& batch, Runtime::Done<void> taken, std::function<void()> durable);
  [[nodiscard]] std::optional<model::SourceRow> source(const std::string& name) const { return table_.source(name); }
  void set_source(std::string name, model::SourceRow row, ports::Intake::Hurry hurry, Runtime::Done<void> done);
  void retry_parked(const model::Address& address, Runtime::Done<void> done);
  void skip_parked(const model::Address& address, Runtime::Done<void> done);
  void drop_mail(const MailQuery& query, Runtime::Done<MailDropped> done);

  // Items: see ports/items.h. Those read are of this shard; of a transaction the first one is.
  void get_items(const std::vector<model::ItemKey>& items, Runtime::Done<ports::Items::Found> done);
  void transact(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done);
  void delete_items(std::shared_ptr<ItemDeletion> deletion);
  [[nodiscard]] bool look(const ports::ItemQuery& query, Look& at, PageBuilder<ports::ItemPage::Entry>& page) const;
  // When all items may be seen as they are now.
  void show_items(Task task) { gate_of(undurable_items_.last(), std::move(task)); }

  // Functions may be others than they were: see Invoker::ask_again().
  void ask_declarations() { invoker_.ask_again(); }
  // On the shard of the type: see Runtime::drop_orphan().
  void drop_orphan(const std::string& type, const std::string& name, Runtime::Done<void> done);
  // How many of our addresses have a value of each orphan of this type.
  void count_orphans(const std::string& type, std::function<void(std::map<std::string, std::uint64_t>)> done);
  [[nodiscard]] std::vector<std::pair<std::string, std::vector<model::OrphanedState>>> orphans(const std::string& type) const;

  // From other shards.
  void receive(LinkBatch&& batch);

  // From the epoch coordinator.
  void close_epoch(model::Epoch epoch, Freeze freeze);
  void durable(model::Epoch epoch);

  // Lets what is under way finish, takes on nothing new; `done` when that is so.
  void quiesce(std::function<void()> done);

  // Tells everybody who still waits for an answer that there will be none.
  void dismiss_waiters();

  // Looking in; see inspect.h. Lists in slices: each call looks at a bounded part, and is true when nothing is left to look at on this shard.
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<FunctionInfo>& page) const;
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<AddressInfo>& page) const;
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<StateInfo>& page) const;
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<ParkedInfo>& page) const;
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<TimerInfo>& page) const;
  [[nodiscard]] bool look(const AddressQuery& query, Look& at, PageBuilder<StreamInfo>& page) const;
  [[nodiscard]] std::vector<EndpointInfo> endpoints() const;
  [[nodiscard]] std::optional<StateInfo> state(const model::Address& address) const;

  // Any thread.
  [[nodiscard]] Loop& loop() const { return loop_; }
  [[nodiscard]] std::size_t index() const { return index_; }
  void collect(MetricsSink& sink) const;

 private:
  struct Waiter {
    std::function<void(Result<std::optional<model::TypedValue>>)> done;
    Loop::TimerId timer = 0;
    std::uint64_t id = 0;
  };
  struct Reader {
    StreamQuery query;
    Runtime::Done<StreamPage> done;
    Loop::TimerId timer = 0;
    std::uint64_t id = 0;
  };
  struct Metrics {
    Counter messages_in, messages_delivered, messages_sent_on, responses, refusals, parked, dead_lettered, dropped,
        timers_fired, records_appended, records_read, items_read, items_written, item_conflicts;
    LatencyHistogram gate_wait;
    Counter mail_count, mail_bytes, entities, cached_bytes, dirty_bytes, waiters, in_flight, answer_bytes;  // Levels.
  };

  // InvokerHost
  Result<void> accept(Entity& entity, std::uint32_t batch, std::string_view traceparent, model::InvocationResponse&& response,
                      Duration took) override;
  void settle(Entity& entity, const model::FailurePolicy& policy, std::uint32_t batch, std::string reason) override;
  void declare(const std::string& type, std::vector<model::StateSpec>&& states, partition::Declaration kind) override;
  void hold_for(const partition::Transition& transition, FunctionType& type);
  [[nodiscard]] bool may_invoke() const override;
  [[nodiscard]] bool may_accept() const override;
  void wake() override;

  // What may not be called: a call to a parked address would only wait. An error is Parked.
  [[nodiscard]] Result<void> admit_call(const model::Address& target) const;
  void accept_request(SendRequest&& request, std::string id, partition::RequestKind kind, Duration timeout,
                      std::function<void(Result<std::optional<model::TypedValue>>)> done);
  [[nodiscard]] Result<void> admit(const SendRequest& request) const;
  [[nodiscard]] Result<void> admit_anything() const;
  [[nodiscard]] Result<void> admit_mail(std::string_view type) const;
  // Intake: in bursts. What waits for a function when an epoch is cut has to be written down, and erased later; so while more waits
  // outside than functions can handle, as much is taken in as they will handle soon, and the epoch is cut when they have. See
  // shard_intake.cc.
  struct WaitingBatch {
    ports::SourceBatch batch;
    Runtime::Done<void> taken;
    std::function<void()> durable;
  };
  [[nodiscard]] Invoker::Admission admission(const ports::SourceBatch& batch) const;
  void pump_intake();
  void note_taken_in(const ports::SourceBatch& batch);
  [[nodiscard]] bool is_worth_waiting() const;
  void dismiss_intake();
  [[nodiscard]] Result<void> check_topics(const partition::Transition& transition);
  void perform(partition::Transition&& transition);
  void route(model::Command&& command);
  // Puts it on the link to another shard.
  void tell(std::size_t shard, LinkItem item);
  void carry_out(model::Command&& command);
  void append(const std::string& stream, std::vector<model::StreamRecord>&& records);
  // Declarations and orphans: shard_declarations.cc. The shard of a type's name decides, the others are told.
  void decide_declaration(std::size_t asker, DeclareStates&& ask);
  void take_declaration(StatesDeclared&& declared);
  void make_known(const std::string& type, model::RegistrationRow&& row);
  void drop_values(const std::string& type, const model::RegistrationRow& row);
  void count_drop(const ValuesDropped& dropped);
  // Over the rows of a type's addresses as of the last cut, in slices, other things in between: first those above the store, which are in
  // no order, then the store's. False from `visit`: no further.
  struct AddressWalk {
    std::string type;
    std::function<bool(const model::Address& address, const model::AddressRow& row)> visit;
    std::function<void()> done;
    bool once = false;          // No address is to be visited twice.
    std::unordered_set<std::string> met{};  // Then: keys of those above the store.
    RowLayers::AddressWalk above{};
    bool above_done = false;
    std::size_t partition = 0;  // Index in Table::partitions().
    std::string from;           // The key to go on with; empty: the first of the partition.
  };
  void walk(std::shared_ptr<AddressWalk> walk);
  // Items: shard_items.cc.
  struct ItemWaiter {
    std::vector<model::ItemKey> items;
    std::function<void(Result<void>)> go;
    Loop::TimerId timer = 0;
  };
  // A transaction over several shards that this one leads.
  struct Led {
    ports::ItemTransaction transaction;
    Runtime::Done<ports::Items::Versions> done;
    std::map<std::size_t, std::vector<partition::ItemWrite>> conditions;  // By shard.
    std::size_t holding = 0;  // So many of these hold their items.
  };
  [[nodiscard]] Result<void> admit_commands(const std::vector<model::Command>& commands) const;
  void when_free(std::vector<model::ItemKey>&& items, std::function<void(Result<void>)> go);
  void let_go(const TransactionId& by);
  void commit(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done);
  void write_all(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done);
  void lead(ports::ItemTransaction&& transaction, Runtime::Done<ports::Items::Versions> done);
  void hold_next(std::uint64_t number);
  void hold_items(HoldItems&& ask);
  void take_held(ItemsHeld&& held);
  void give_up(std::uint64_t number, Error error);
  void decide(std::uint64_t number);
  void release_all(std::uint64_t number, const Led& led);
  void tell_or_take(std::size_t shard, LinkItem&& item);
  void take_item_message(LinkItem&& item);
  void dismiss_transactions();
  void gate_of(model::Epoch epoch, Task task);
  void gate(Task task);
  [[nodiscard]] bool is_gate_due();
  void show_outbox(const std::string& stream);
  void turn();
  [[nodiscard]] bool is_behind() const;
  Result<void> sweep_mail();
  void report_unserved(const std::map<std::string, std::uint64_t>& of_a_shard);
  void want_close();
  // The open epoch, with what it has sent to other shards.
  [[nodiscard]] std::size_t open_bytes() const { return table_.open_bytes() + sent_on_bytes_; }
  void flush_links();
  void close_open_epoch();
  void seal_if_complete();
  void arm_timer();
  void fire_timers();
  void add_waiter(const std::string& id, Duration timeout, std::function<void(Result<std::optional<model::TypedValue>>)> done);
  void resolve(const std::string& id, const Result<std::optional<model::TypedValue>>& answer);
  [[nodiscard]] std::uint64_t visible_end(const std::string& stream) const;
  [[nodiscard]] Result<StreamPage> page(const StreamQuery& query);
  // Where the first record is that is not below `from`; `end`: there is none.
  [[nodiscard]] std::uint64_t end_of_gap(const std::string& stream, std::uint64_t from, std::uint64_t end) const;
  void wake_readers(const std::string& stream);
  void answer_readers();
  void serve_later(Reader&& reader);
  void serve_readers();
  [[nodiscard]] bool waits_on(Reader& reader);
  void unpark(Result<partition::Transition>&& transition, const model::Address& address, Runtime::Done<void> done);
  void check_quiet();
  void show_levels();
  // Rows of a kind, as far as they are wanted: in each partition those whose keys go on with `prefix`, from behind `after` on.
  struct Wanted {
    codec::RowKind kind;
    std::string prefix;
    std::string_view after;
  };
  using VisitRow = std::function<bool(std::string_view key, std::string_view value, std::size_t& left)>;  // False: no more of this partition.
  [[nodiscard]] bool look_at_rows(const Wanted& wanted, Look& at, std::size_t left, const VisitRow& visit) const;
  [[nodiscard]] std::optional<StateInfo> state_info(const model::Address& address, const model::AddressRow& row) const;
  [[nodiscard]] std::size_t shard_of(std::string_view id) const;

  const std::size_t index_;
  const Options& options_;
  const Runtime::World& world_;
  Levels& levels_;
  Loop& loop_;
  const Clock& clock_;
  SeededRandom random_;
  Table table_;
  std::map<std::string, std::uint64_t> unserved_;  // Messages by function that no endpoint serves, while they are looked for; the first shard: of all.
  std::size_t shards_swept_ = 0;                   // The first shard's.
  Invoker invoker_;
  std::vector<Shard*> all_;
  EpochCoordinator* epochs_ = nullptr;

  // The open epoch, and the one being cut.
  model::Epoch open_;
  partition::SequenceCounter sequence_;
  std::vector<Task> gate_;
  Moment gate_due_;                 // The epoch is not closed for it before.
  Moment gate_began_;               // When its first task came.
  Duration patience_{};             // Of what is being carried out, see gate().
  Loop::TimerId gate_timer_ = 0;
  Moment gate_look_;                // When it fires.
  std::vector<Task> patient_gate_;  // Opens with the other, but its tasks can wait: the epoch is not closed for them.
  std::size_t sent_on_bytes_ = 0;   // To other shards, in the open epoch.
  bool readers_wait_ = false;       // For a record of the open epoch.
  std::deque<std::pair<model::Epoch, std::vector<Task>>> gates_;  // Of closed epochs, oldest first.
  struct Cut {
    model::Epoch epoch;
    std::string payload;
    std::uint32_t late = 0;          // Numbers the inbox rows.
    std::size_t closed_by = 0;       // Other shards whose EpochClosed has come.
    bool requested = false;          // The coordinator has asked for it.
    Freeze freeze = Freeze::No;
  };
  std::optional<Cut> cut_;
  std::size_t early_closed_ = 0;     // EpochClosed of the open epoch that came before we closed it.
  bool close_wanted_ = false;
  Loop::TimerId lazy_close_ = 0;

  std::vector<std::vector<LinkItem>> outboxes_;
  std::unique_ptr<std::atomic<std::size_t>[]> under_way_;  // Items sent to each shard and not taken in yet.

  // Of types that are ours: declarations that wait for a state to be dropped, and how many shards have dropped theirs.
  std::vector<std::pair<std::size_t, DeclareStates>> waiting_declarations_;
  std::map<std::pair<std::string, std::string>, std::size_t> drops_;
  std::set<std::pair<std::string, std::string>> dropping_;  // Type and state whose values are being dropped here.

  UndurableItems undurable_items_;
  ItemHolds holds_;
  std::map<ItemHolds::Waiter, ItemWaiter> item_waiters_;
  std::map<std::uint64_t, Led> led_;
  std::size_t waiting_item_bytes_ = 0;

  std::deque<WaitingBatch> intake_;
  Loop::TimerId intake_timer_ = 0;
  Moment epoch_began_;
  bool has_taken_in_ = false;         // In the open epoch.
  Duration hold_max_ = kHoldFirst;    // The open epoch is not held open for a burst longer than this.
  std::optional<Moment> prompt_due_;  // The open epoch has an answer that is no part of a burst: when it has waited long enough for others'.

  std::unordered_map<std::string, std::vector<Waiter>> waiters_;
  std::size_t waiting_ = 0;  // Waiters and readers.
  std::uint64_t next_waiter_ = 1;
  std::unordered_set<std::string> known_topics_;  // Streams that may be appended to, see topics.h.
  std::unordered_map<std::string, std::uint64_t> visible_;  // Streams: the position after the last durable record.
  std::unordered_map<std::string, std::vector<Reader>> readers_;
  std::deque<Reader> due_readers_;  // Of clients: what they wait for is there, and their turn is to come.
  bool serving_readers_ = false;    // serve_readers() is posted.
  std::shared_ptr<Unread> unread_;

  Loop::TimerId timer_ = 0;
  Moment timer_look_;                 // When it fires.
  bool turn_scheduled_ = false;
  bool started_ = false;
  bool refusing_ = false;
  bool quiescing_ = false;
  std::function<void()> quiet_;
  Metrics metrics_;
};

}  // namespace holdfast::runtime
