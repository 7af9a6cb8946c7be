#include "app/process.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "api/admin.h"
#include "api/gateway.h"
#include "api/json_writer.h"
#include "api/playground.h"
#include "app/check.h"
#include "app/dapr_doors.h"
#include "app/data_directory.h"
#include "app/descriptors.h"
#include "app/edges.h"
#include "app/listeners.h"
#include "app/rotation.h"
#include "app/stop_signals.h"
#include "app/unnamed_egresses.h"
#include "app/version.h"
#include "base/log.h"
#include "base/worker_loop.h"
#include "cli/answers.h"
#include "connect/egress_table.h"
#include "log/memory_log.h"
#include "log/posix_file_system.h"
#include "log/segment_log.h"
#include "native/modules.h"
#include "runtime/runtime.h"
#include "storage/memory_store.h"
#include "storage/rocksdb_store.h"
#include "targets/statefun_http.h"

namespace holdfast::app {
namespace {

constexpr Duration kSendMax{3'000};   // For what an egress is sending just then.
constexpr Duration kCommitMax{5'000};  // For the last commit and checkpoint, on a disk that may be full.
constexpr Duration kEndMax{5'000};     // For clients of brokers that are away to let go.
constexpr Duration kDrainMax{2'000};  // For answers on their way to clients, once the runtime has stopped.

// The bounds of the configuration are over the whole process, those of the runtime are per shard.
runtime::Options runtime_options(const config::Configuration& configuration, std::uint16_t partitions, std::uint16_t shards) {
  const model::Settings& settings = configuration.settings;
  const model::Limits& limits = settings.limits;
  const auto share = [shards](std::uint64_t whole) { return std::max<std::uint64_t>(1, whole / shards); };
  runtime::Options options;
  options.partitions = partitions;
  options.endpoints = configuration.endpoints;
  options.outboxes = outboxes(configuration);
  options.in_flight_max = share(limits.in_flight);
  options.message_bytes_max = limits.message_bytes;
  options.mailbox_bytes_in_memory = share(limits.mailbox_memory);
  options.address_mailbox_bytes_in_memory = std::min<std::uint64_t>(limits.address_mailbox_memory, share(limits.mailbox_memory));
  options.intake_backlog_messages = limits.intake_backlog;
  options.backlog_messages_max = share(limits.backlog_messages);
  options.backlog_bytes_max = share(limits.backlog_bytes);
  options.state_cache_bytes = share(limits.state_cache);
  options.open_epoch_bytes_max = share(limits.epoch_bytes);
  options.call_bytes_max = share(limits.call_bytes);
  options.waiting_requests_max = share(limits.waiting_requests);
  options.unread_bytes_max = share(limits.unread_bytes);
  options.timers_in_memory_max = share(limits.timers_in_memory);
  options.dirty_bytes_max = share(settings.view.dirty_bytes);
  options.log_bytes_max = settings.view.checkpoint_bytes;
  options.epoch_open_max = settings.log.epoch_open_max;
  options.idempotency_retention = settings.idempotency.retention;
  options.endpoint_down_max = limits.unreachable_pause_max;
  return options;
}

// One port that something listens on.
struct Served {
  std::unique_ptr<net::HttpServer> server;
  bool tls = false;
  // "none", where nothing is served.
  [[nodiscard]] std::string url() const { return server == nullptr ? "none" : (tls ? "https://" : "http://") + server->address(); }
};

// Everything that lives while Holdfast is up, in the order in which it is built on one another.
struct Parts {
  std::optional<DataDirectory> data;  // None: in memory.
  log::PosixFileSystem files;
  std::unique_ptr<ports::EpochLog> log;
  std::unique_ptr<ports::StateStore> store;
  std::optional<connect::EgressTable> egress;
  SystemClock clock;
  DescriptorShares descriptors;
  Rotation rotation;
  std::function<void()> ask_to_reload;  // Any thread.
  std::atomic<bool> stopping{false};
  std::vector<std::unique_ptr<net::EventLoop>> loops;  // One for each shard.
  std::unique_ptr<native::Modules> modules;
  std::unique_ptr<WorkerLoop> commit_loop;
  std::unique_ptr<WorkerLoop> view_loop;
  std::unique_ptr<runtime::Runtime> runtime;
  Edges edges;
  std::unique_ptr<api::Gateway> gateway;
  std::unique_ptr<api::Admin> admin;
  std::unique_ptr<DaprDoors> dapr;
  std::vector<std::unique_ptr<api::PlaygroundIngress>> ingresses;
  std::vector<std::unique_ptr<api::PlaygroundEgress>> egresses;
  Served gateway_server;
  Served admin_server;
  std::vector<Served> ingress_servers;
  std::vector<Served> egress_servers;
  std::vector<std::thread> threads;

  [[nodiscard]] std::vector<net::EventLoop*> event_loops() const {
    std::vector<net::EventLoop*> out;
    for (const auto& loop : loops) out.push_back(loop.get());
    return out;
  }
  [[nodiscard]] std::vector<net::HttpServer*> servers() const {
    std::vector<net::HttpServer*> out;
    for (const auto* served : {&gateway_server, &admin_server})
      if (served->server) out.push_back(served->server.get());
    for (const auto& served : ingress_servers) out.push_back(served.server.get());
    for (const auto& served : egress_servers) out.push_back(served.server.get());
    if (dapr)
      for (const auto& port : dapr->ports()) out.push_back(port.server.get());
    return out;
  }
};

// What is made from here on is ours alone, whatever the umask: also what RocksDB makes. Before there are threads.
mode_t close_new_files_to_others() { return ::umask(077); }

Result<void> open_data(Parts& parts, const ProcessOptions& options, model::Settings& settings) {
  if (options.data == kMemory) {
    parts.log = std::make_unique<log::MemoryLog>();
    parts.store = std::make_unique<storage::MemoryStore>();
    return {};
  }
  auto data = open_data_directory(options.data, settings.partitions,
                                  settings.partitions_given ? PartitionsAre::Demanded : PartitionsAre::Suggested);
  if (!data) return fail(data.error());
  settings.partitions = data->identity.partitions;
  auto log = log::SegmentLog::open(data->log_path(), {.segment_bytes = settings.log.segment_bytes}, parts.files);
  if (!log) return fail(log.error());
  auto store = storage::RocksDbStore::open(data->view_path(), {.block_cache_bytes = settings.view.block_cache,
                                                               .open_files_max = parts.descriptors.view_files,
                                                               .owner = describe(data->identity)});
  if (!store) return fail(store.error());
  if (auto fits = check_view(**store, settings.partitions); !fits) return fail(fits.error());
  parts.data = *std::move(data);
  parts.log = *std::move(log);
  parts.store = *std::move(store);
  return {};
}

Result<void> open_runtime(Parts& parts, const config::Configuration& configuration, std::uint16_t shards) {
  auto egress = connect::EgressTable::create(configuration.streams, configuration.playground_egresses, configuration.kafka_egresses,
                                             configuration.nats_egresses);
  if (!egress) return fail(egress.error());
  parts.egress = *std::move(egress);
  std::vector<model::EndpointSpec> http;
  std::ranges::copy_if(configuration.endpoints, std::back_inserter(http), [](const auto& endpoint) { return !endpoint.native; });
  auto certificates = targets::load_endpoint_certificates(http);
  if (!certificates) return fail(certificates.error());
  for (const auto& [functions, tls] : *certificates)
    if (tls) parts.rotation.add("certificates of endpoint " + functions, [tls = tls] { return net::reload_if_changed(*tls); });
  auto make_target = targets::make_statefun_http_factory(
      *std::move(certificates),
      {.user_agent = "holdfast", .connections = std::make_shared<net::ConnectionBudget>(parts.descriptors.function_connections)});
  for (std::uint16_t i = 0; i < shards; ++i) parts.loops.push_back(std::make_unique<net::EventLoop>());
  parts.commit_loop = std::make_unique<WorkerLoop>("commit");
  parts.view_loop = std::make_unique<WorkerLoop>("view");

  runtime::Runtime::World world;
  for (const auto& loop : parts.loops) world.shard_loops.push_back(loop.get());
  world.commit_loop = parts.commit_loop.get();
  world.view_loop = parts.view_loop.get();
  world.clock = &parts.clock;
  world.log = parts.log.get();
  world.store = parts.store.get();
  world.make_target = [make_http = std::move(make_target), modules = parts.modules.get()](const model::EndpointSpec& spec, Loop& loop) {
    return spec.native ? modules->make_target(spec, loop) : make_http(spec, loop);
  };
  world.egress = &*parts.egress;
  world.random_seed = entropy();
  // What is stored is known only after a new start; going on could tell somebody what is not.
  world.fatal = [](const Error& error) {
    log_error("stopping: log or view cannot be trusted any more", {{"error", error.message}});
    std::_Exit(cli::kExitFailed);
  };
  auto runtime = runtime::Runtime::open(runtime_options(configuration, configuration.settings.partitions, shards), std::move(world));
  if (!runtime) return fail(runtime.error());
  parts.runtime = *std::move(runtime);
  auto edges = make_edges(configuration, parts.data ? parts.data->identity.id : new_directory_id(), *parts.runtime);
  if (!edges) return fail(edges.error());
  parts.edges = *std::move(edges);
  return {};
}

// `api` outlives the server.
template <typename Api>
Result<Served> listen(Parts& parts, const PreparedListener& prepared, const net::HttpLimits& limits, Api& api) {
  auto server = net::HttpServer::listen(
      parts.event_loops(), prepared.listen, limits,
      [&api](net::HttpRequest&& request, net::Responder responder) { api.handle(std::move(request), std::move(responder)); }, api::http_error,
      [&api](const net::HttpRequest& head) { return api.refuse(head); });
  if (!server) return fail(server.error());
  return Served{*std::move(server), prepared.tls};
}

// The gateway, and the doors of the playground, which are where the gateway is.
Result<void> open_gateway(Parts& parts, const config::Configuration& configuration) {
  const model::Settings& settings = configuration.settings;
  const auto environment = config::process_environment();
  const net::HttpLimits limits = http_limits(settings.limits, parts.descriptors.gateway_connections);
  auto gateway = prepare(settings.gateway, "gateway", environment, parts.rotation);
  if (!gateway) return fail(gateway.error());
  for (const auto& warning : listener_warnings(settings.gateway, "gateway", environment)) log_warn(warning);

  api::GatewayOptions options{.guard = gateway->guard,
                              .reply_timeout = settings.limits.reply_timeout,
                              .reply_timeout_max = settings.limits.reply_timeout_max,
                              .streams = {}};
  options.streams.egresses = configuration.streams;
  options.streams.playground = configuration.playground_egresses;
  for (const auto& loop : parts.loops) options.streams.loops.push_back(loop.get());
  parts.gateway = std::make_unique<api::Gateway>(*parts.runtime, std::move(options));
  auto served = listen(parts, *gateway, limits, *parts.gateway);
  if (!served) return fail(served.error());
  parts.gateway_server = *std::move(served);

  for (const auto& spec : configuration.playground_ingresses) {
    parts.ingresses.push_back(std::make_unique<api::PlaygroundIngress>(*parts.runtime, gateway->guard));
    PreparedListener prepared = *gateway;
    prepared.listen.port = spec.port;
    served = listen(parts, prepared, limits, *parts.ingresses.back());
    if (!served) return fail(served.error());
    parts.ingress_servers.push_back(*std::move(served));
  }
  for (const auto& spec : configuration.playground_egresses) {
    parts.egresses.push_back(std::make_unique<api::PlaygroundEgress>(*parts.runtime, gateway->guard, spec.topics));
    PreparedListener prepared = *gateway;
    prepared.listen.port = spec.port;
    served = listen(parts, prepared, limits, *parts.egresses.back());
    if (!served) return fail(served.error());
    parts.egress_servers.push_back(*std::move(served));
  }
  return {};
}

Result<void> open_admin(Parts& parts, const config::Configuration& configuration, bool is_for_metrics) {
  const model::Settings& settings = configuration.settings;
  const auto environment = config::process_environment();
  auto admin = prepare(settings.admin, "admin", environment, parts.rotation);
  if (!admin) return fail(admin.error());
  for (const auto& warning : listener_warnings(settings.admin, "admin", environment)) log_warn(warning);
  api::AdminOptions options{.guard = admin->guard, .version = kVersion, .metrics = {}, .only_probes = is_for_metrics};
  if (parts.gateway) options.metrics.push_back(&parts.gateway->metrics());
  if (parts.dapr)
    for (const auto* metrics : parts.dapr->metrics()) options.metrics.push_back(metrics);
  for (const auto& p : parts.ingresses) options.metrics.push_back(&p->metrics());
  for (const auto& p : parts.egresses) options.metrics.push_back(&p->metrics());
  for (const auto& ingress : parts.edges.ingresses) {
    options.ingresses.push_back(ingress.get());
    options.metrics.push_back(ingress.get());
  }
  for (const auto& egress : parts.edges.egresses) {
    options.egresses.push_back(egress.get());
    options.metrics.push_back(egress.get());
  }
  options.modules = parts.modules.get();
  options.reload_files = parts.ask_to_reload;
  options.metrics.push_back(parts.modules.get());
  parts.admin = std::make_unique<api::Admin>(*parts.runtime, std::move(options));
  auto served = listen(parts, *admin, http_limits(settings.limits, parts.descriptors.admin_connections), *parts.admin);
  if (!served) return fail(served.error());
  parts.admin_server = *std::move(served);
  return {};
}

Result<void> open_dapr(Parts& parts, const config::Configuration& configuration, bool is_alone) {
  DaprDoors::World world{.items = parts.runtime.get(),
                         .clock = &parts.clock,
                         .loops = parts.event_loops(),
                         .connections_max = parts.descriptors.gateway_connections,
                         .calls = std::make_shared<net::ConnectionBudget>(parts.descriptors.function_connections),
                         .shut_down = nullptr};
  // Where others are served, one application must not end them.
  if (is_alone) world.shut_down = [] { ::kill(::getpid(), SIGTERM); };
  auto dapr = DaprDoors::open(configuration.dapr_apps, std::move(world));
  if (!dapr) return fail(dapr.error());
  parts.dapr = *std::move(dapr);
  return {};
}

Result<void> open_doors(Parts& parts, const config::Configuration& configuration, const ProcessOptions& options) {
  if (options.gateway)
    if (auto ok = open_gateway(parts, configuration); !ok) return ok;
  if (!configuration.dapr_apps.empty())
    if (auto ok = open_dapr(parts, configuration, !options.gateway); !ok) return ok;
  if (options.admin)
    if (auto ok = open_admin(parts, configuration, !options.gateway && !configuration.settings.admin.is_loopback()); !ok) return ok;
  return {};
}

// Whole or not at all: whoever waits for the file reads it the moment it is there.
// It is for others, so it is as open as whoever started us wants what he makes to be.
Result<void> write_ports_file(const Parts& parts, const std::string& path, mode_t umask) {
  api::JsonWriter json;
  json.begin_object();
  if (parts.gateway_server.server) json.key("gateway").number(parts.gateway_server.server->port());
  if (parts.admin_server.server) json.key("admin").number(parts.admin_server.server->port());
  json.key("ingress").begin_array();
  for (const auto& served : parts.ingress_servers) json.number(served.server->port());
  json.end_array().key("egress").begin_array();
  for (const auto& served : parts.egress_servers) json.number(served.server->port());
  json.end_array();
  if (parts.dapr) {
    json.key("dapr").begin_array();
    for (const auto& port : parts.dapr->ports())
      json.begin_object().key("app").string(port.app_id).key(port.what).number(port.server->port()).end_object();
    json.end_array();
  }
  json.end_object();
  const std::string temporary = path + "." + std::to_string(::getpid());
  std::ofstream file(temporary);
  file << json.take() << "\n";
  file.close();
  if (file) (void)::chmod(temporary.c_str(), 0666 & ~umask);
  std::error_code error;
  if (file) std::filesystem::rename(temporary, path, error);
  if (!file || error) return fail(ErrorCode::Io, "--ports-file: cannot write " + path);
  return {};
}

void start(Parts& parts) {
  for (const auto& loop : parts.loops) parts.threads.emplace_back([loop = loop.get()] { loop->run(); });
  parts.runtime->start();
  for (const auto& egress : parts.edges.egresses) egress->start();
  for (const auto& ingress : parts.edges.ingresses) ingress->start();
  if (parts.dapr) parts.dapr->start();
}

// Tells each to do something, and notifies when all have done it.
template <typename Edge, typename Tell>
void tell_all(const std::vector<std::unique_ptr<Edge>>& edges, StopSignals& signals, Tell tell) {
  if (edges.empty()) return signals.notify();
  auto left = std::make_shared<std::atomic<std::size_t>>(edges.size());
  for (const auto& edge : edges) {
    tell(*edge, [left, &signals] {
      if (left->fetch_sub(1) == 1) signals.notify();
    });
  }
}

// Lets servers answer what they have, and notifies when they have, or after `time`.
void drain(const std::vector<net::HttpServer*>& servers, net::EventLoop& home, StopSignals& signals, Duration time) {
  if (servers.empty()) return signals.notify();
  auto left = std::make_shared<std::atomic<std::size_t>>(servers.size());
  auto settled = std::make_shared<std::atomic<bool>>(false);
  const auto settle = [&signals, settled] {
    if (!settled->exchange(true)) signals.notify();
  };
  home.post([&home, settle, time] { home.after(time, settle); });
  for (net::HttpServer* server : servers) {
    server->drain([left, settle] {
      if (left->fetch_sub(1) == 1) settle();
    });
  }
}

// Drains: nothing new comes in, what is under way may finish, and everything is durable in the end. A second signal ends the process there
// and then; what was acknowledged is in the log already.
void stop(Parts& parts, StopSignals& signals, Duration grace) {
  const auto wait = [&signals] {
    int number = signals.wait();
    while (number == SIGHUP) number = signals.wait();
    if (number != 0) {
      log_warn("stopping at once", {{"signal", number}});
      std::_Exit(128 + number);
    }
  };
  for (net::HttpServer* server : parts.servers()) {
    if (server != parts.admin_server.server.get()) server->stop_accepting();
  }
  // Calls of applications are theirs alone: nothing below knows when they are done.
  if (parts.dapr) {
    std::vector<net::HttpServer*> servers;
    for (const auto& port : parts.dapr->ports()) servers.push_back(port.server.get());
    drain(servers, *parts.loops.front(), signals, grace);
    wait();
  }
  // First nothing comes in any more, then nothing is sent on; what functions still emit stays in the outboxes.
  tell_all(parts.edges.ingresses, signals, [](ports::Ingress& ingress, auto done) { ingress.stop(std::move(done)); });
  wait();
  tell_all(parts.edges.egresses, signals, [home = parts.loops.front().get()](ports::Egress& egress, auto done) {
    egress.stop(kSendMax, std::move(done));
    home->post([&egress, home] {
      home->after(kSendMax, [&egress] { egress.stop({0}, [] {}); });
    });
  });
  wait();
  auto runtime_stopped = std::make_shared<std::atomic<bool>>(false);
  parts.loops.front()->post([home = parts.loops.front().get(), runtime_stopped, grace, runtime = parts.runtime.get()] {
    home->after(Duration{grace.ms + kCommitMax.ms}, [runtime_stopped, runtime] {
      if (runtime_stopped->load()) return;
      std::string why;
      (void)runtime->ready(&why);
      log_error("stopping without a last commit; what was acknowledged is in the log", {{"why", why}});
      std::_Exit(cli::kExitFailed);
    });
  });
  parts.runtime->stop(grace, [&signals, runtime_stopped] {
    *runtime_stopped = true;
    signals.notify();
  });
  wait();

  // Answers that are still on their way get a moment, event streams do not end by themselves.
  auto servers = parts.servers();
  if (servers.empty()) return;
  drain(servers, *parts.loops.front(), signals, kDrainMax);
  wait();
  auto open = std::make_shared<std::atomic<std::size_t>>(servers.size());
  for (net::HttpServer* server : servers) {
    server->close([open, &signals] {
      if (open->fetch_sub(1) == 1) signals.notify();
    });
  }
  wait();
}

void end(Parts& parts) {
  for (const auto& loop : parts.edges.loops) loop->stop();
  for (const auto& loop : parts.loops) loop->stop();
  for (auto& thread : parts.threads) thread.join();
  if (parts.commit_loop) parts.commit_loop->stop();
  if (parts.view_loop) parts.view_loop->stop();
}

// Loads what runs in this process. Says all that is wrong, and is null then.
std::unique_ptr<native::Modules> open_modules(const config::Configuration& configuration, native::LinkedModules linked) {
  auto modules = native::Modules::open(configuration.endpoints, linked, kVersion);
  if (modules) return *std::move(modules);
  auto problems = native::check_modules(configuration.endpoints, linked);
  if (problems.empty()) problems.push_back(modules.error().message);  // It is sound, and could not start.
  for (const auto& problem : problems) std::cerr << problem << "\n";
  return nullptr;
}

std::size_t clients_of_brokers(const config::Configuration& configuration) {
  return configuration.kafka_ingresses.size() + configuration.kafka_egresses.size() + configuration.nats_ingresses.size() +
         configuration.nats_egresses.size();
}

}  // namespace

std::uint16_t default_shards() {
  cpu_set_t set;
  int processors = 1;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) processors = CPU_COUNT(&set);
  return static_cast<std::uint16_t>(std::clamp(processors / 2, 1, 256));
}

LogLevel log_level(const std::string& name) {
  return name == "debug" ? LogLevel::Debug : name == "warn" ? LogLevel::Warn : name == "error" || name == "fatal" ? LogLevel::Error : LogLevel::Info;
}

int failed(const Error& error, int exit_code) {
  if (error.code == ErrorCode::Damaged) return cli::failed("damaged: " + error.message + "; `holdfast check-data` says more", exit_code);
  return cli::failed(error.message, exit_code);
}

int run_process(config::Configuration& configuration, const ProcessOptions& options, native::LinkedModules linked, StopSignals& signals) {
  const mode_t umask = close_new_files_to_others();
  Parts parts;
  parts.modules = open_modules(configuration, linked);
  if (parts.modules == nullptr) return cli::kExitUsage;
  parts.ask_to_reload = [&signals, &parts] {
    if (!parts.stopping) signals.notify();
  };
  auto descriptors = share_descriptors(raise_descriptor_limit(), configuration.settings.shards, clients_of_brokers(configuration));
  if (!descriptors) return failed(descriptors.error(), cli::kExitFailed);
  parts.descriptors = *descriptors;
  if (auto ok = open_data(parts, options, configuration.settings); !ok) {
    return failed(ok.error(), ok.error().code == ErrorCode::Invalid ? cli::kExitUsage : cli::kExitFailed);
  }
  // A shard without a partition would only idle.
  const std::uint16_t shards = std::min(configuration.settings.shards, configuration.settings.partitions);
  if (auto ok = open_runtime(parts, configuration, shards); !ok) return failed(ok.error(), cli::kExitFailed);
  if (auto ok = open_doors(parts, configuration, options); !ok) return failed(ok.error(), cli::kExitFailed);
  start(parts);
  if (!options.ports_file.empty()) {
    if (auto ok = write_ports_file(parts, options.ports_file, umask); !ok) {
      end(parts);
      return failed(ok.error(), cli::kExitFailed);
    }
  }
  report_unnamed_egresses(*parts.runtime, named_egresses(configuration));
  log_info("ready", {{"gateway", parts.gateway_server.url()}, {"admin", parts.admin_server.url()}, {"data", options.data}, {"shards", shards},
                     {"pid", ::getpid()}});
  for (const auto& served : parts.ingress_servers) log_info("playground ingress", {{"url", served.url()}});
  for (const auto& served : parts.egress_servers) log_info("playground egress", {{"url", served.url()}});
  if (parts.dapr)
    for (const auto& port : parts.dapr->ports()) log_info("Dapr API", {{"app_id", port.app_id}, {"api", port.what}, {"address", port.server->address()}});

  std::optional<int> number;
  while (!number || *number == SIGHUP || *number == 0) {
    parts.rotation.look();
    if (number == SIGHUP) {
      log_info("reloading modules", {{"signal", *number}});
      parts.modules->reload([runtime = parts.runtime.get()](const auto&) { runtime->ask_declarations(); });
    }
    number = signals.wait_for(kWatchInterval);
  }
  parts.stopping = true;
  log_info("stopping", {{"signal", *number}, {"grace_ms", options.grace.ms}});
  stop(parts, signals, options.grace);
  end(parts);
  log_info("stopped");
  // All is durable, and nobody waits: whatever still holds on to a connection must not hold up the end.
  std::thread([] {
    std::this_thread::sleep_for(std::chrono::milliseconds(kEndMax.ms));
    std::_Exit(cli::kExitDone);
  }).detach();
  return cli::kExitDone;
}

}  // namespace holdfast::app
