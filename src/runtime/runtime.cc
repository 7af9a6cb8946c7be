#include "runtime/runtime.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "codec/rows.h"
#include "runtime/epochs.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

Result<void> check(const SendRequest& request) {
  const auto [ns, name] = model::split_type(request.target.type);
  if (ns.empty() || name.empty())
    return fail(ErrorCode::Invalid, "function type \"" + request.target.type + "\": expected namespace/name");
  if (request.target.type.size() > model::kTypeBytesMax)
    return fail(ErrorCode::Invalid, "a function type of " + std::to_string(request.target.type.size()) + " bytes; at most " +
                                        std::to_string(model::kTypeBytesMax) + " are taken");
  if (request.target.id.size() > model::kIdBytesMax)
    return fail(ErrorCode::Invalid, "an id of " + std::to_string(request.target.id.size()) + " bytes; at most " +
                                        std::to_string(model::kIdBytesMax) + " are taken");
  if (request.idempotency_key.size() > model::kIdempotencyKeyBytesMax)
    return fail(ErrorCode::Invalid, "an idempotency key of " + std::to_string(request.idempotency_key.size()) +
                                        " bytes; at most " + std::to_string(model::kIdempotencyKeyBytesMax) + " are taken");
  return {};
}

// A key speaks about one address: the same key for another address is another request.
std::string keyed_request_id(const SendRequest& request) {
  std::string id = "key/" + request.idempotency_key + "\n" + request.target.type + "\n" + request.target.id;
  HOLDFAST_CHECK(id.size() <= model::kRequestIdBytesMax);
  return id;
}

}  // namespace

Runtime::Runtime(Options options, World world) : options_(std::move(options)), world_(std::move(world)), levels_(options_) {
  if (!world_.fatal) world_.fatal = [](const Error& error) { end_process("log or view cannot be trusted any more", {{"error", error.message}}); };
  HOLDFAST_CHECK(!world_.shard_loops.empty() && options_.partitions > 0 && options_.partitions <= model::kPartitionsMax);
  SeededRandom random(world_.random_seed ^ 0x9e3779b97f4a7c15ull);
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::uint64_t bits = random.next(), i = 0; i < 16; ++i, bits >>= 4) request_prefix_.push_back(kHex[bits & 15]);
  request_prefix_.push_back('-');
}

Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::open(Options options, World world) {
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(options), std::move(world)));
  if (auto ok = runtime->recover(); !ok) return fail(std::move(ok.error()));
  return runtime;
}

Result<void> Runtime::recover() {
  const std::size_t count = world_.shard_loops.size();
  levels_.begin(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::vector<model::PartitionId> owned;
    for (std::uint16_t p = 0; p < options_.partitions; ++p)
      if (p % count == i) owned.push_back({p});
    shards_.push_back(std::make_unique<Shard>(i, options_, world_, levels_, std::move(owned)));
  }

  // What the log has and the view has not. Rows are absolute, so rows the view got ahead of its position do no harm.
  model::Epoch last = world_.store->reached();
  model::Epoch whole = last;  // All of it has been seen. What comes may be a piece of a large one.
  std::uint64_t epochs = 0;
  codec::RowPieces rows;
  const auto in_epoch = [&last](const Error& error) {
    return fail(error.code, "epoch " + std::to_string(last.value) + ": " + error.message);
  };
  auto replayed = world_.log->replay(last, [&](model::Epoch epoch, std::string_view payload) -> Result<void> {
    if (epoch != last) {
      if (auto ended = rows.end(); !ended) return in_epoch(ended.error());
      whole = last;
      last = epoch;
      ++epochs;
    }
    std::optional<Error> error;
    auto ok = rows.add(payload, [&](std::string_view key, std::optional<std::string_view> value) {
      const auto partition = codec::partition_of_key(key);
      if (partition.value >= options_.partitions) {
        error = Error{ErrorCode::Damaged, "a row of partition " + std::to_string(partition.value) + ", but there are only " +
                                              std::to_string(options_.partitions)};
        return;
      }
      shards_[partition.value % count]->add_recovered_row(key, value);
    });
    if (!ok) return in_epoch(ok.error());
    if (error) return in_epoch(*error);
    // A long log must not fill the memory.
    std::size_t dirty = 0;
    for (const auto& shard : shards_) dirty = std::max(dirty, shard->dirty_bytes());
    if (dirty <= options_.dirty_bytes_max * 2) return {};
    std::vector<std::shared_ptr<const RowSet>> frozen;
    for (const auto& shard : shards_) frozen.push_back(shard->freeze_recovered());
    auto applied = world_.store->apply(writes_of(frozen), whole);
    for (const auto& shard : shards_) shard->thaw();
    return applied;
  });
  if (!replayed) return replayed;
  if (auto ended = rows.end(); !ended) return in_epoch(ended.error());

  const model::Epoch first{last.value + 1};
  std::vector<Shard*> all;
  for (const auto& shard : shards_) all.push_back(shard.get());
  epochs_ = std::make_unique<EpochCoordinator>(
      *world_.shard_loops[0], *world_.commit_loop, *world_.view_loop, *world_.log, *world_.store, all, first,
      EpochCoordinator::Limits{options_.dirty_bytes_max, options_.log_bytes_max}, world_.fatal);
  std::vector<std::pair<std::string, model::RegistrationRow>> registrations;
  for (const auto& shard : shards_)
    if (auto ok = shard->recover(first, all, *epochs_, registrations); !ok) return ok;
  for (const auto& shard : shards_)
    for (const auto& [type, row] : registrations) shard->set_registration(type, row);
  if (last.value > 0) log_info("recovered", {{"epoch", last.value}, {"replayed_epochs", epochs}});
  return {};
}

void Runtime::start() {
  for (const auto& shard : shards_)
    shard->loop().post([shard = shard.get()] { shard->start(); });
}

void Runtime::stop(Duration grace, std::function<void()> done) {
  stopping_ = true;
  Loop& home = *world_.shard_loops[0];
  home.post([this, grace, done = std::move(done), &home]() mutable {
    // All shards quiet, or the grace is over: whichever comes first, once.
    struct Stopping {
      std::size_t missing = 0;
      bool settled = false;
      std::function<void()> done;
    };
    auto stopping = std::make_shared<Stopping>();
    stopping->missing = shards_.size();
    stopping->done = std::move(done);
    const auto settle = [this, stopping, &home] {
      if (stopping->settled) return;
      stopping->settled = true;
      epochs_->settle([this, stopping, &home] {
        // Whoever still waits for a function is told, each on its own shard, before the loops may end.
        stopping->missing = shards_.size();
        for (const auto& shard : shards_) {
          shard->loop().post([shard = shard.get(), stopping, &home] {
            shard->dismiss_waiters();
            home.post([stopping] {
              if (--stopping->missing == 0) stopping->done();
            });
          });
        }
      });
    };
    for (const auto& shard : shards_) {
      shard->loop().post([shard = shard.get(), stopping, settle, &home] {
        shard->quiesce([stopping, settle, &home] {
          home.post([stopping, settle] {
            if (!stopping->settled && --stopping->missing == 0) settle();
          });
        });
      });
    }
    home.after(grace, settle);
  });
}

Shard& Runtime::shard_of(std::string_view id) const {
  return *shards_[model::partition_of(id, options_.partitions).value % shards_.size()];
}

void Runtime::send(SendRequest request, Done<void> done) {
  if (auto ok = check(request); !ok) return done(fail(std::move(ok.error())));
  if (request.idempotency_key.empty()) {
    Shard& shard = shard_of(request.target.id);
    return on_loop(shard.loop(), [&shard, request = std::move(request), done = std::move(done)]() mutable {
      shard.send(std::move(request), std::move(done));
    });
  }
  std::string id = keyed_request_id(request);
  Shard& shard = shard_of(id);
  on_loop(shard.loop(), [&shard, id = std::move(id), request = std::move(request), done = std::move(done)]() mutable {
    // Accepted as soon as it is durable; the time only bounds how long a stalled disk may hold the caller.
    shard.open_request(std::move(request), std::move(id), partition::RequestKind::Send, Duration{60'000},
                       [done = std::move(done)](Result<std::optional<model::TypedValue>> answer) {
                         if (!answer) return done(fail(std::move(answer.error())));
                         done({});
                       });
  });
}

void Runtime::call(SendRequest request, Duration timeout, Done<model::TypedValue> done) {
  if (auto ok = check(request); !ok) return done(fail(std::move(ok.error())));
  if (!request.idempotency_key.empty()) {
    std::string id = keyed_request_id(request);
    Shard& shard = shard_of(id);
    return on_loop(shard.loop(), [&shard, id = std::move(id), request = std::move(request), timeout,
                                  done = std::move(done)]() mutable {
      shard.open_request(std::move(request), std::move(id), partition::RequestKind::Call, timeout,
                         [done = std::move(done)](Result<std::optional<model::TypedValue>> answer) {
                           if (!answer) return done(fail(std::move(answer.error())));
                           if (!*answer) return done(fail(ErrorCode::Conflict, "the idempotency key was used for a send"));
                           done(std::move(**answer));
                         });
    });
  }
  // An id that lives with the function it calls, so that the answer need not cross threads.
  Shard& shard = shard_of(request.target.id);
  std::string id;
  do {
    id = request_prefix_ + std::to_string(next_request_.fetch_add(1, std::memory_order_relaxed));
  } while (&shard_of(id) != &shard);
  on_loop(shard.loop(), [&shard, id = std::move(id), request = std::move(request), timeout, done = std::move(done)]() mutable {
    shard.call(std::move(request), std::move(id), timeout, std::move(done));
  });
}

void Runtime::read_stream(StreamQuery query, Done<StreamPage> done) {
  Shard& shard = shard_of(query.stream);
  on_loop(shard.loop(), [&shard, query = std::move(query), done = std::move(done)]() mutable {
    shard.read_stream(std::move(query), std::move(done));
  });
}

void Runtime::pop_stream(std::string stream, Done<std::optional<model::StreamRecord>> done) {
  Shard& shard = shard_of(stream);
  on_loop(shard.loop(), [&shard, stream = std::move(stream), done = std::move(done)]() mutable {
    shard.pop_stream(stream, std::move(done));
  });
}

void Runtime::release_records(std::string stream, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command> instead,
                              Done<void> done) {
  Shard& shard = shard_of(stream);
  on_loop(shard.loop(), [&shard, stream = std::move(stream), next, bytes, instead = std::move(instead), done = std::move(done)]() mutable {
    shard.release_records(stream, next, bytes, std::move(instead), std::move(done));
  });
}

void Runtime::settle_records(std::string stream, ports::Settlement settlement, Done<void> done) {
  Shard& shard = shard_of(stream);
  on_loop(shard.loop(), [&shard, stream = std::move(stream), settlement = std::move(settlement), done = std::move(done)]() mutable {
    shard.settle_records(stream, std::move(settlement), std::move(done));
  });
}

void Runtime::take_in(ports::SourceBatch batch, Done<void> taken, std::function<void()> durable) {
  Shard& shard = shard_of(batch.source);
  on_loop(shard.loop(), [&shard, batch = std::move(batch), taken = std::move(taken), durable = std::move(durable)]() mutable {
    shard.take_in(std::move(batch), std::move(taken), std::move(durable));
  });
}

void Runtime::source(std::string name, Done<std::optional<model::SourceRow>> done) {
  Shard& shard = shard_of(name);
  on_loop(shard.loop(), [&shard, name = std::move(name), done = std::move(done)] { done(shard.source(name)); });
}

void Runtime::set_source(std::string name, model::SourceRow row, Done<void> done, Hurry hurry) {
  Shard& shard = shard_of(name);
  on_loop(shard.loop(), [&shard, name = std::move(name), row, hurry, done = std::move(done)]() mutable {
    shard.set_source(std::move(name), row, hurry, std::move(done));
  });
}

// Has every shard in turn look for what belongs on the page, with a turn of its loop between one slice and the next.
template <typename Info>
void Runtime::list(AddressQuery query, Done<Page<Info>> done) {
  struct Listing : std::enable_shared_from_this<Listing> {
    Listing(AddressQuery asked, std::vector<Shard*> all, Done<Page<Info>> answer)
        : query(std::move(asked)), page(query.after, query.limit), shards(std::move(all)), done(std::move(answer)) {}
    void go_on() {
      if (shard == shards.size()) return done(page.take());
      on_loop(shards[shard]->loop(), [self = this->shared_from_this()] { self->look(); });
    }
    void look() {
      if (!shards[shard]->look(query, at, page)) return shards[shard]->loop().post([self = this->shared_from_this()] { self->look(); });
      ++shard;
      at = {};
      go_on();
    }
    AddressQuery query;
    PageBuilder<Info> page;
    std::vector<Shard*> shards;
    Done<Page<Info>> done;
    std::size_t shard = 0;
    Look at;
  };
  std::vector<Shard*> all;
  for (const auto& shard : shards_) all.push_back(shard.get());
  std::make_shared<Listing>(std::move(query), std::move(all), std::move(done))->go_on();
}

void Runtime::functions(AddressQuery query, Done<Page<FunctionInfo>> done) { list<FunctionInfo>(std::move(query), std::move(done)); }
void Runtime::addresses(AddressQuery query, Done<Page<AddressInfo>> done) { list<AddressInfo>(std::move(query), std::move(done)); }
void Runtime::states(AddressQuery query, Done<Page<StateInfo>> done) { list<StateInfo>(std::move(query), std::move(done)); }
void Runtime::parked(AddressQuery query, Done<Page<ParkedInfo>> done) { list<ParkedInfo>(std::move(query), std::move(done)); }
void Runtime::timers(AddressQuery query, Done<Page<TimerInfo>> done) { list<TimerInfo>(std::move(query), std::move(done)); }
void Runtime::streams(AddressQuery query, Done<Page<StreamInfo>> done) { list<StreamInfo>(std::move(query), std::move(done)); }

// A host that several shards cannot reach is one.
static void show_each_host_once(EndpointInfo& info) {
  auto& hosts = info.hosts_down;
  std::ranges::stable_sort(hosts, {}, &EndpointInfo::Host::host);
  const std::size_t shown = hosts.size();
  hosts.erase(std::ranges::unique(hosts, {}, &EndpointInfo::Host::host).begin(), hosts.end());
  info.hosts_down_count -= shown - hosts.size();
  if (hosts.size() > kHostsShownMax) hosts.resize(kHostsShownMax);
}

// As many as there are in the configuration: each shard in one go.
void Runtime::endpoints(Done<std::vector<EndpointInfo>> done) {
  struct Gathering : std::enable_shared_from_this<Gathering> {
    void go_on(const std::vector<std::unique_ptr<Shard>>& shards) {
      if (next == shards.size()) return done(std::move(found));
      Shard& shard = *shards[next++];
      on_loop(shard.loop(), [self = this->shared_from_this(), &shard, &shards] {
        auto infos = shard.endpoints();
        if (self->found.empty()) self->found = std::move(infos);
        else self->add(infos);
        self->go_on(shards);
      });
    }
    // All shards have the same ones, in the same order.
    void add(const std::vector<EndpointInfo>& infos) {
      for (std::size_t i = 0; i < infos.size(); ++i) {
        found[i].in_flight += infos[i].in_flight;
        found[i].waiting += infos[i].waiting;
        found[i].down |= infos[i].down;
        if (found[i].last_error.empty()) found[i].last_error = infos[i].last_error;
        found[i].hosts_down_count += infos[i].hosts_down_count;
        std::ranges::copy(infos[i].hosts_down, std::back_inserter(found[i].hosts_down));
      }
    }
    std::size_t next = 0;
    std::vector<EndpointInfo> found;
    Done<std::vector<EndpointInfo>> done;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->done = [done = std::move(done)](Result<std::vector<EndpointInfo>> found) {
    std::ranges::stable_sort(*found, {}, &EndpointInfo::functions);
    for (auto& info : *found) show_each_host_once(info);
    done(std::move(found));
  };
  gathering->go_on(shards_);
}

void Runtime::state(model::Address address, Done<StateInfo> done) {
  Shard& shard = shard_of(address.id);
  on_loop(shard.loop(), [&shard, address = std::move(address), done = std::move(done)] {
    auto info = shard.state(address);
    if (!info) return done(fail(ErrorCode::NotFound, "nothing is kept of " + address.type + "/" + address.id));
    done(std::move(*info));
  });
}

void Runtime::retry_parked(model::Address address, Done<void> done) {
  Shard& shard = shard_of(address.id);
  on_loop(shard.loop(), [&shard, address = std::move(address), done = std::move(done)]() mutable {
    shard.retry_parked(address, std::move(done));
  });
}

void Runtime::skip_parked(model::Address address, Done<void> done) {
  Shard& shard = shard_of(address.id);
  on_loop(shard.loop(), [&shard, address = std::move(address), done = std::move(done)]() mutable {
    shard.skip_parked(address, std::move(done));
  });
}

void Runtime::drop_mail(MailQuery query, Done<MailDropped> done) {
  struct Dropping {
    std::size_t next = 0, end = 0;
    MailQuery query;
    MailDropped sum;
    Done<MailDropped> done;
  };
  auto dropping = std::make_shared<Dropping>(Dropping{0, shards_.size(), std::move(query), {}, std::move(done)});
  if (const auto& id = dropping->query.id) {
    dropping->next = model::partition_of(*id, options_.partitions).value % shards_.size();
    dropping->end = dropping->next + 1;
  }
  // One shard after the other; each holds the next step until it is carried out.
  auto step = std::make_shared<std::function<void()>>();
  *step = [this, dropping, weak = std::weak_ptr(step)] {
    auto self = weak.lock();
    if (dropping->next == dropping->end) {
      if (dropping->sum.is_reachable && dropping->sum.messages == 0)
        return dropping->done(fail(ErrorCode::Conflict, dropping->query.type + " can be reached: its messages are being handled"));
      return dropping->done(dropping->sum);
    }
    Shard& shard = *shards_[dropping->next++];
    on_loop(shard.loop(), [self, dropping, &shard] {
      shard.drop_mail(dropping->query, [self, dropping](Result<MailDropped> dropped) {
        if (!dropped) return dropping->done(fail(std::move(dropped.error())));
        dropping->sum.messages += dropped->messages;
        dropping->sum.addresses += dropped->addresses;
        dropping->sum.tried += dropped->tried;
        dropping->sum.more |= dropped->more;
        dropping->sum.is_reachable |= dropped->is_reachable;
        (*self)();
      });
    });
  };
  (*step)();
}

void Runtime::ask_declarations() {
  for (const auto& shard : shards_)
    shard->loop().post([shard = shard.get()] { shard->ask_declarations(); });
}

void Runtime::drop_orphan(std::string type, std::string name, Done<void> done) {
  Shard& shard = shard_of(type);
  on_loop(shard.loop(), [&shard, type = std::move(type), name = std::move(name), done = std::move(done)]() mutable {
    shard.drop_orphan(type, name, std::move(done));
  });
}

// Each shard in turn counts the values of one type after the other: slow, and nobody waits for it.
void Runtime::orphans(std::string type, Done<std::vector<OrphanInfo>> done) {
  struct Counting {
    std::vector<OrphanInfo> found;
    std::vector<std::pair<std::string, std::size_t>> left;  // Types and shards to be asked.
    std::function<void(std::shared_ptr<Counting>)> step;
    Done<std::vector<OrphanInfo>> done;
  };
  auto counting = std::make_shared<Counting>();
  counting->done = std::move(done);
  counting->step = [this](const std::shared_ptr<Counting>& c) {
    if (c->left.empty()) {
      std::ranges::sort(c->found, {}, [](const OrphanInfo& info) { return std::pair(info.type, info.state.spec.name); });
      return c->done(std::move(c->found));
    }
    auto [of, index] = std::move(c->left.back());
    c->left.pop_back();
    Shard& shard = *shards_[index];
    on_loop(shard.loop(), [c, &shard, of = std::move(of)] {
      shard.count_orphans(of, [c, of](const std::map<std::string, std::uint64_t>& counts) {
        for (auto& info : c->found)
          if (const auto it = counts.find(info.state.spec.name); info.type == of && it != counts.end()) info.values += it->second;
        c->step(c);
      });
    });
  };
  Shard& first = *shards_.front();  // All know all declarations.
  on_loop(first.loop(), [this, counting, &first, type = std::move(type)] {
    for (auto& [of, orphans] : first.orphans(type)) {
      for (auto& orphan : orphans) counting->found.push_back({of, std::move(orphan), 0});
      for (std::size_t i = 0; i < shards_.size(); ++i) counting->left.emplace_back(of, i);
    }
    counting->step(counting);
  });
}

bool Runtime::ready(std::string* why) const {
  const char* reason = epochs_->is_stalled() ? "the disk is full" : stopping_.load() ? "stopping" : nullptr;
  if (why != nullptr && reason != nullptr) *why = reason;
  return reason == nullptr;
}

void Runtime::collect(MetricsSink& sink) const {
  epochs_->collect(sink);
  levels_.for_each_outbox([&sink](const std::string& stream, std::uint64_t bytes) {
    sink.gauge("holdfast_runtime_outbox_bytes", "Bytes of records that wait to be sent on, about.", {{"stream", stream}},
               static_cast<double>(bytes));
  });
  for (const auto& shard : shards_) shard->collect(sink);
}

}  // namespace holdfast::runtime
