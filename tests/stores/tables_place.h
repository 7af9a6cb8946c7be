// state.holdfast on a runtime of two shards, with its log in memory; its loops are threads, as in the program.
#pragma once

#include <future>
#include <memory>

#include "base/log.h"
#include "base/worker_loop.h"
#include "dapr/tables_store.h"
#include "log/memory_log.h"
#include "places.h"
#include "runtime/runtime.h"
#include "storage/memory_store.h"

namespace holdfast::testing {

class TablesPlace final : public Place, private partition::EgressResolver {
 public:
  TablesPlace() {
    runtime::Runtime::World world;
    world.shard_loops = {&shards_[0], &shards_[1]};
    world.commit_loop = &commit_;
    world.view_loop = &view_;
    world.clock = &clock_;
    world.log = &log_;
    world.store = &view_store_;
    world.make_target = [](const model::EndpointSpec&, Loop&) { return nullptr; };
    world.egress = this;
    world.random_seed = 1;
    runtime::Options options;
    options.partitions = 8;
    runtime_ = runtime::Runtime::open(options, std::move(world)).value();
    runtime_->start();
    store_.emplace(*runtime_, "table");
  }
  ~TablesPlace() override {
    auto stopped = std::make_shared<std::promise<void>>();
    runtime_->stop({10'000}, [stopped] { stopped->set_value(); });
    stopped->get_future().wait();
    for (WorkerLoop* loop : {&shards_[0], &shards_[1], &commit_, &view_}) loop->stop();
  }
  StateStore& store() override { return *store_; }

 private:
  // There are no functions, so nobody sends anything out.
  [[nodiscard]] model::AppendRecord dead_letter(const model::FailurePolicy&, partition::DeadLetter&&) const override { return {}; }
  [[nodiscard]] Result<partition::ResolvedEgress> resolve(model::EgressMessage) const override { return fail(ErrorCode::NotFound, "no egress"); }
  [[nodiscard]] partition::Retention retention(std::string_view) const override { return {}; }

  SystemClock clock_;
  log::MemoryLog log_;
  storage::MemoryStore view_store_;
  WorkerLoop shards_[2]{WorkerLoop("shard 0"), WorkerLoop("shard 1")};
  WorkerLoop commit_{"commit"}, view_{"view"};
  std::unique_ptr<runtime::Runtime> runtime_;
  std::optional<dapr::TablesStore> store_;
};

inline std::unique_ptr<Place> make_tables_place() { return std::make_unique<TablesPlace>(); }

}  // namespace holdfast::testing
