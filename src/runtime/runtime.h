// Runtime: the whole core behind one door. Opens log and view, recovers, runs the shards, and takes messages in.
//
// Every call may be made from any thread and answers through `done`, once, on the loop of the shard that owns the
// address (a caller with a loop of its own posts back to it). What is answered has happened and is durable.
//
// Error codes that callers act on: Invalid (malformed), NotFound (no such function type, nothing kept), Conflict (another request under
// the same idempotency key), Parked (the address of a call; nothing was accepted), Failed (a call's message was given up), TooLarge,
// Overloaded (a bound is reached: try later), Unavailable (stopping), NoSpace (the disk is full), Timeout (no answer in time, or before the
// stop: the message stays accepted). By any other than Timeout, Failed and Conflict nothing was accepted.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "model/message.h"
#include "model/rows.h"
#include "partition/item.h"
#include "ports/intake.h"
#include "ports/items.h"
#include "ports/streams.h"
#include "runtime/inspect.h"
#include "runtime/levels.h"
#include "runtime/options.h"

namespace holdfast::runtime {

class Shard;
class EpochCoordinator;

struct SendRequest {
  model::Address target;
  model::TypedValue value;
  std::string traceparent;      // Empty: none.
  std::string idempotency_key;  // Empty: none. With one, the first answer is kept and given to every retry.
};

using ports::StreamPage;
using ports::StreamQuery;

class Runtime final : public MetricsSource, public ports::Intake, public ports::Streams, public ports::Items {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;  // As in ports::Intake, ports::Streams and ports::Items.

  // What the runtime runs on. All of it is borrowed and outlives the runtime; loops run until after stop() has answered.
  struct World {
    std::vector<Loop*> shard_loops;  // At least one.
    Loop* commit_loop = nullptr;     // Where the log is written: blocks.
    Loop* view_loop = nullptr;       // Where the view is written: blocks.
    const Clock* clock = nullptr;
    ports::EpochLog* log = nullptr;
    ports::StateStore* store = nullptr;
    ports::TargetFactory make_target;
    const partition::EgressResolver* egress = nullptr;
    const partition::ItemWatchers* watchers = nullptr;  // Of items; null: there are none. Asked on shards' loops.
    std::uint64_t random_seed = 0;
    // Called once when log or view can no longer be trusted: stop the process and let a restart find out what is stored. It may return
    // only where nothing will run after it. Any thread.
    std::function<void(const Error&)> fatal;
  };

  // Recovers from log and view, on the calling thread, before any loop needs to run. Nothing is dispatched before start().
  [[nodiscard]] static Result<std::unique_ptr<Runtime>> open(Options options, World world);
  ~Runtime() override;

  void start();
  // Takes nothing new, lets what is under way finish for at most `grace`, commits, brings view and log up to date. `done`
  // runs on the first shard's loop; after it the loops may be stopped.
  void stop(Duration grace, std::function<void()> done);

  // The message is durable.
  void send(SendRequest request, Done<void> done);
  // What the function (or whoever it passed the caller on to) sent to its caller, durable.
  void call(SendRequest request, Duration timeout, Done<model::TypedValue> done);

  // ports::Streams
  void read_stream(StreamQuery query, Done<StreamPage> done) override;
  void release_records(std::string stream, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command> instead,
                       Done<void> done) override;
  void settle_records(std::string stream, ports::Settlement settlement, Done<void> done) override;
  // Takes the oldest record away; none if there is none.
  void pop_stream(std::string stream, Done<std::optional<model::StreamRecord>> done);

  // ports::Intake
  void take_in(ports::SourceBatch batch, Done<void> taken, std::function<void()> durable) override;
  void source(std::string name, Done<std::optional<model::SourceRow>> done) override;
  void set_source(std::string name, model::SourceRow row, Done<void> done, Hurry hurry = Hurry::Yes) override;

  // ports::Items
  void get_items(std::vector<model::ItemKey> items, Done<Found> done) override;
  void transact(ports::ItemTransaction transaction, Done<Versions> done) override;
  void delete_items(std::string table, std::string prefix, Done<std::uint64_t> done) override;
  void scan_items(ports::ItemQuery query, Done<ports::ItemPage> done) override;

  // Looking in; see inspect.h. Lists are over all shards, in order, at most `limit` long, and found in slices that hold up nobody.
  void functions(AddressQuery query, Done<Page<FunctionInfo>> done);
  void endpoints(Done<std::vector<EndpointInfo>> done);
  void addresses(AddressQuery query, Done<Page<AddressInfo>> done);
  void state(model::Address address, Done<StateInfo> done);  // NotFound: nothing is kept of it.
  void states(AddressQuery query, Done<Page<StateInfo>> done);
  void parked(AddressQuery query, Done<Page<ParkedInfo>> done);
  void retry_parked(model::Address address, Done<void> done);  // NotFound: not parked.
  void skip_parked(model::Address address, Done<void> done);   // Drops the failed batch and goes on.
  // Conflict: mail is there, but the function can be reached.
  void drop_mail(MailQuery query, Done<MailDropped> done);
  // Functions may be others than they were: each type is asked for its declaration of states by its next call.
  void ask_declarations();
  void orphans(std::string type, Done<std::vector<OrphanInfo>> done);  // Of this type; empty: of all.
  // Deletes the values of a state that the function no longer declares: begun when answered, done soon, whatever crashes. NotFound: there is
  // no such orphan. Conflict: the state is declared.
  void drop_orphan(std::string type, std::string name, Done<void> done);
  void timers(AddressQuery query, Done<Page<TimerInfo>> done);
  void streams(AddressQuery query, Done<Page<StreamInfo>> done);

  // Whether messages are taken: false while stopping or while the disk is full. `why` gets a few words.
  [[nodiscard]] bool ready(std::string* why) const;
  void collect(MetricsSink& sink) const override;

 private:
  Runtime(Options options, World world);
  [[nodiscard]] Result<void> recover();
  Shard& shard_of(std::string_view id) const;
  template <typename Info>
  void list(AddressQuery query, Done<Page<Info>> done);

  Options options_;
  World world_;
  Levels levels_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<EpochCoordinator> epochs_;
  std::string request_prefix_;
  std::atomic<std::uint64_t> next_request_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace holdfast::runtime
