// ApiTest: the runtime on memory, two shards, functions that are lambdas, behind all HTTP APIs on free loopback ports.
#pragma once

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/admin.h"
#include "api/gateway.h"
#include "api/playground.h"
#include "base/worker_loop.h"
#include "cli/json.h"
#include "cli/remote.h"
#include "codec/egress_records.h"
#include "codec/standard_types.h"
#include "connect/egress_table.h"
#include "log/memory_log.h"
#include "net/http_server.h"
#include "runtime/runtime.h"
#include "storage/memory_store.h"

namespace holdfast {

// What a test function is asked, kept beyond the call.
struct Asked {
  model::Address address;
  std::vector<model::Message> batch;
  std::string traceparent;
  std::string heard;  // The value of the state "heard", decoded; empty if unset.
};
using Function = std::function<model::InvocationOutcome(const Asked&)>;

// test/greeter answers its caller and remembers what it heard; test/broken refuses while `broken` is set; test/silent does nothing;
// test/teller sends what it gets to the stream egress test/out and to the playground.
class FunctionsInProcess final : public ports::FunctionTarget {
 public:
  FunctionsInProcess(Loop& loop, Function function) : loop_(loop), function_(std::move(function)) {}
  void invoke(const ports::Invocation& invocation, Done done) override {
    Asked asked{.address = invocation.address, .batch = {}, .traceparent = std::string(invocation.traceparent), .heard = {}};
    for (const model::Message* message : invocation.batch) asked.batch.push_back(*message);
    bool declared = false;
    for (const auto& state : invocation.states) {
      if (state.spec->name != "heard") continue;
      declared = true;
      if (state.value != nullptr) asked.heard = codec::decode_string(state.value->value).value();
    }
    auto outcome = declared ? function_(asked)
                            : model::InvocationOutcome(model::IncompleteContext{{{.name = "heard", .type_name = std::string(model::kStringType)}}});
    loop_.post([done = std::move(done), outcome = std::move(outcome), alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) done(outcome);
    });
  }

 private:
  Loop& loop_;
  Function function_;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

class ApiTest : public ::testing::Test {
 protected:
  static constexpr int kShards = 2;

  void SetUp() override {
    model::EndpointSpec endpoint{.functions = "test/*", .url_template = "http://in.process/"};
    endpoint.on_failure.retry = {.initial = {1}, .factor = 1, .max = {1}, .jitter = 0, .max_attempts = 2};
    const std::vector<model::StreamEgressSpec> streams{{.id = "test/out", .topics = {}, .default_topic = "out"}};
    const std::vector<model::PlaygroundEgressSpec> playground{{.port = 0, .topics = {"told"}}};
    egress_.emplace(connect::EgressTable::create(streams, playground).value());
    runtime::Runtime::World world;
    for (int i = 0; i < kShards; ++i) {
      loops_.push_back(std::make_unique<net::EventLoop>());
      world.shard_loops.push_back(loops_.back().get());
    }
    world.commit_loop = &commit_loop_;
    world.view_loop = &view_loop_;
    world.clock = &clock_;
    world.log = &log_;
    world.store = &store_;
    world.make_target = [this](const model::EndpointSpec&, Loop& loop) -> std::unique_ptr<ports::FunctionTarget> {
      return std::make_unique<FunctionsInProcess>(loop, [this](const Asked& asked) { return answer(asked); });
    };
    world.egress = &*egress_;
    world.random_seed = 1;
    runtime::Options options;
    options.partitions = 8;
    options.message_bytes_max = 200'000;
    options.endpoints = {endpoint};
    runtime_ = runtime::Runtime::open(options, world).value();

    api::GatewayOptions gateway{.guard = {.token = "", .local_only = true}, .streams = {}};
    gateway.streams.egresses = streams;
    gateway.streams.playground = playground;
    gateway.streams.heartbeat = {20};
    gateway.streams.buffer_pause = {1};
    for (const auto& loop : loops_) gateway.streams.loops.push_back(loop.get());
    gateway_ = std::make_unique<api::Gateway>(*runtime_, std::move(gateway));
    api::AdminOptions admin{.guard = {.token = "secret"}, .version = "test 1", .metrics = {&gateway_->metrics()}};
    add_edges(admin);
    admin_ = std::make_unique<api::Admin>(*runtime_, std::move(admin));
    ingress_ = std::make_unique<api::PlaygroundIngress>(*runtime_, api::GuardOptions{.token = "", .local_only = true});
    playground_egress_ = std::make_unique<api::PlaygroundEgress>(*runtime_, api::GuardOptions{.token = "", .local_only = true},
                                                                 std::vector<std::string>{"told"});
    gateway_url_ = serve(*gateway_);
    admin_url_ = serve(*admin_);
    ingress_url_ = serve(*ingress_);
    egress_url_ = serve(*playground_egress_);
    for (const auto& loop : loops_) threads_.emplace_back([loop = loop.get()] { loop->run(); });
    runtime_->start();
  }

  // Ingresses and egresses for the admin API; of a test that has some.
  virtual void add_edges(api::AdminOptions& /*admin*/) {}

  void TearDown() override {
    stop_runtime();
    std::vector<std::future<void>> closed;
    for (const auto& server : servers_) {
      auto done = std::make_shared<std::promise<void>>();
      closed.push_back(done->get_future());
      server->close([done] { done->set_value(); });
    }
    for (auto& one : closed) one.wait();
    for (const auto& loop : loops_) loop->stop();
    for (auto& thread : threads_) thread.join();
    commit_loop_.stop();
    view_loop_.stop();
  }

  void stop_runtime() {
    if (stopped_) return;
    stopped_ = true;
    std::promise<void> done;
    runtime_->stop({1'000}, [&] { done.set_value(); });
    done.get_future().wait();
  }

  // The functions; `broken_` and `traces_` are how tests reach in.
  model::InvocationOutcome answer(const Asked& asked) {
    std::unique_lock lock(mutex_);
    traces_.push_back(asked.traceparent);
    model::InvocationResponse response;
    std::string heard = asked.heard;
    for (const auto& message : asked.batch) {
      auto text = codec::decode_string(message.argument.value);
      const std::string said = message.argument.type_name == model::kStringType && text ? *text : message.argument.value;
      if (asked.address.type == "test/broken" && broken_)
        return model::InvocationFailure{model::InvocationFailure::Kind::Failed, "out of order"};
      heard += said;
      if (message.caller && asked.address.type != "test/silent") {
        model::TypedValue reply = said == "raw" ? model::TypedValue{"my/type", "\xff\x01"}
                                                : model::TypedValue{std::string(model::kStringType), codec::encode_string("you said " + said)};
        response.sends.push_back({*message.caller, std::move(reply)});
      }
      if (asked.address.type == "test/teller") {
        response.egress.push_back({"test/out", {std::string(codec::kKafkaRecordType),
                                                codec::encode_kafka_record({.key = asked.address.id, .value = said, .topic = "told"})}});
        response.egress.push_back({std::string(model::kPlaygroundEgress),
                                   {std::string(model::kPlaygroundRecordType), codec::encode_playground_record({"told", said})}});
      }
    }
    response.mutations.push_back({.name = "heard", .type_name = std::string(model::kStringType), .value = codec::encode_string(heard)});
    return response;
  }

  net::HttpResponse ask(const std::string& url, std::string method, std::string path, net::HeaderList headers = {}, std::string body = {}) {
    auto response = cli::Remote({.url = url, .option = "url"}).ask(std::move(method), std::move(path), std::move(headers), std::move(body), {30'000});
    EXPECT_TRUE(response.has_value()) << response.error().message;
    return response ? *std::move(response) : net::HttpResponse{.status = 0, .headers = {}, .body = {}};
  }
  net::HttpResponse text(std::string path, std::string body, net::HeaderList headers = {}) {
    headers.add("content-type", "text/plain");
    return ask(gateway_url_, "POST", std::move(path), std::move(headers), std::move(body));
  }
  net::HttpResponse admin(std::string method, std::string path, std::string body = {}) {
    return ask(admin_url_, std::move(method), std::move(path), {{"authorization", "Bearer secret"}}, std::move(body));
  }
  static std::string code_of(const net::HttpResponse& response) {
    const auto json = cli::Json::parse(response.body);
    return json ? (*json)["error"]["code"].text() : "no JSON: " + response.body;
  }

  template <typename Api>
  std::string serve(Api& api) {
    std::vector<net::EventLoop*> loops;
    for (const auto& loop : loops_) loops.push_back(loop.get());
    servers_.push_back(net::HttpServer::listen(loops, {}, {}, [&api](net::HttpRequest&& request, net::Responder responder) {
                         api.handle(std::move(request), std::move(responder));
                       }, api::http_error).value());
    return "http://" + servers_.back()->address();
  }

  std::mutex mutex_;
  bool broken_ = true;
  std::vector<std::string> traces_;

  std::optional<connect::EgressTable> egress_;
  SystemClock clock_;
  log::MemoryLog log_;
  storage::MemoryStore store_;
  std::vector<std::unique_ptr<net::EventLoop>> loops_;
  WorkerLoop commit_loop_{"commit"};
  WorkerLoop view_loop_{"view"};
  std::unique_ptr<runtime::Runtime> runtime_;
  std::unique_ptr<api::Gateway> gateway_;
  std::unique_ptr<api::Admin> admin_;
  std::unique_ptr<api::PlaygroundIngress> ingress_;
  std::unique_ptr<api::PlaygroundEgress> playground_egress_;
  std::vector<std::unique_ptr<net::HttpServer>> servers_;
  std::string gateway_url_, admin_url_, ingress_url_, egress_url_;
  std::vector<std::thread> threads_;
  bool stopped_ = false;
};

// A connection whose bytes are read as they come, for answers that do not end.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawConnection() { ::close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void write(const std::string& bytes) { EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size())); }
  // Everything up to and including `wanted`, or up to the end.
  std::string read_until(const std::string& wanted) {
    while (seen_.find(wanted) == std::string::npos) {
      char buffer[4096];
      const ssize_t size = ::recv(socket_, buffer, sizeof buffer, 0);
      if (size <= 0) return std::exchange(seen_, {});
      seen_.append(buffer, static_cast<std::size_t>(size));
    }
    const auto end = seen_.find(wanted) + wanted.size();
    std::string out = seen_.substr(0, end);
    seen_.erase(0, end);
    return out;
  }

 private:
  int socket_;
  std::string seen_;
};

}  // namespace holdfast
