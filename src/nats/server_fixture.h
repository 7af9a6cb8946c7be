// For tests against a real server: HOLDFAST_TEST_NATS names it (tools/nats_server.py COMMAND starts one). Streams and subjects of a test
// have names of their own, so tests do not meet. And the core as an ingress sees it, in memory: what it takes in is durable when a test says so.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/worker_loop.h"
#include "model/edges.h"
#include "nats/connection.h"
#include "nats/ingress.h"
#include "ports/intake.h"
#include "ports/streams.h"

namespace holdfast::nats::testing {

inline constexpr std::chrono::seconds kEventually{30};

template <typename Condition>
[[nodiscard]] bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kEventually;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Waits for the answer of one of our callbacks.
template <typename T>
[[nodiscard]] Result<T> answer(const std::function<void(std::function<void(Result<T>)>)>& ask) {
  struct Shared {
    std::mutex mutex;
    std::optional<Result<T>> result;
  };
  auto shared = std::make_shared<Shared>();
  ask([shared](Result<T> result) {
    const std::lock_guard lock(shared->mutex);
    shared->result = std::move(result);
  });
  const auto there = [&] {
    const std::lock_guard lock(shared->mutex);
    return shared->result.has_value();
  };
  if (!eventually(there)) return fail(ErrorCode::Timeout, "no answer");
  return std::move(*shared->result);
}

// The core in memory. Whatever is taken in counts at once; crash() takes back what was not durable yet.
class FakeCore final : public ports::Intake, public ports::Streams {
 public:
  template <typename T>
  using Done = std::function<void(Result<T>)>;

  ~FakeCore() override { loop_.stop(); }

  void take_in(ports::SourceBatch batch, Done<void> taken, std::function<void()> durable) override {
    loop_.post([this, batch = std::move(batch), taken = std::move(taken), durable = std::move(durable)]() mutable {
      std::unique_lock lock(mutex_);
      if (overloaded_) {
        ++refused_;
        lock.unlock();
        return taken(fail(ErrorCode::Overloaded, "behind"));
      }
      const auto row = now_.sources.find(batch.source);
      const auto at = row == now_.sources.end() ? std::nullopt : std::optional(row->second.next);
      if (at != batch.from || (batch.from && batch.next < *batch.from)) {
        lock.unlock();
        return taken(fail(ErrorCode::Conflict, "source is elsewhere"));
      }
      now_.sources[batch.source].next = batch.next;
      if (!batch.incarnation.empty()) now_.sources[batch.source].incarnation = batch.incarnation;
      std::move(batch.commands.begin(), batch.commands.end(), std::back_inserter(now_.commands));
      if (durable_at_once_) saved_ = now_;
      else waiting_.push_back(std::move(durable));
      const bool call = durable_at_once_ && durable;
      lock.unlock();
      taken({});
      if (call) durable();
    });
  }

  void source(std::string name, Done<std::optional<model::SourceRow>> done) override {
    loop_.post([this, name = std::move(name), done = std::move(done)] {
      std::unique_lock lock(mutex_);
      const auto row = now_.sources.find(name);
      auto found = row == now_.sources.end() ? std::nullopt : std::optional(row->second);
      lock.unlock();
      done(found);
    });
  }

  void set_source(std::string name, model::SourceRow row, Done<void> done, Hurry = Hurry::Yes) override {
    loop_.post([this, name = std::move(name), row, done = std::move(done)] {
      {
        const std::lock_guard lock(mutex_);
        now_.sources[name] = saved_.sources[name] = row;
      }
      done({});
    });
  }

  void read_stream(ports::StreamQuery query, Done<ports::StreamPage> done) override {
    loop_.post([this, query = std::move(query), done = std::move(done)] {
      ports::StreamPage page;
      {
        const std::lock_guard lock(mutex_);
        auto& stream = streams_[query.stream];
        for (const auto& command : now_.commands)
          if (const auto* append = std::get_if<model::AppendRecord>(&command); append != nullptr && append->stream == query.stream)
            stream.records.push_back(append->record);
        std::erase_if(now_.commands, [&](const auto& command) {
          const auto* append = std::get_if<model::AppendRecord>(&command);
          return append != nullptr && append->stream == query.stream;
        });
        page.first = stream.first;
        page.end = stream.first + stream.records.size();
        page.next = std::max(query.from, page.first);
        for (; page.next < page.end && page.records.size() < query.limit; ++page.next)
          page.records.push_back({page.next, stream.records[page.next - stream.first]});
      }
      done(std::move(page));
    });
  }

  void release_records(std::string name, std::uint64_t next, std::uint64_t, std::vector<model::Command> instead, Done<void> done) override {
    loop_.post([this, name = std::move(name), next, instead = std::move(instead), done = std::move(done)] {
      {
        const std::lock_guard lock(mutex_);
        auto& stream = streams_[name];
        while (stream.first < next && !stream.records.empty()) {
          stream.records.erase(stream.records.begin());
          ++stream.first;
        }
        now_.commands.insert(now_.commands.end(), instead.begin(), instead.end());
      }
      done({});
    });
  }

  void settle_records(std::string, ports::Settlement, Done<void> done) override { done({}); }

  // --- What a test says and asks

  void overload(bool overloaded) {
    const std::lock_guard lock(mutex_);
    overloaded_ = overloaded;
  }
  [[nodiscard]] std::uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  // Whether a batch is durable as soon as it is taken, or when save() is called.
  void durable_at_once(bool at_once) {
    const std::lock_guard lock(mutex_);
    durable_at_once_ = at_once;
  }
  // All that was taken in until now is durable when this returns, and its callers have been told.
  void save() {
    std::promise<void> saved;
    loop_.post([this, &saved] {
      std::vector<std::function<void()>> calls;
      {
        const std::lock_guard lock(mutex_);
        saved_ = now_;
        calls.swap(waiting_);
      }
      for (const auto& call : calls)
        if (call) call();
      saved.set_value();
    });
    saved.get_future().wait();
  }
  // What was not durable never was.
  void crash() {
    const std::lock_guard lock(mutex_);
    now_ = saved_;
    waiting_.clear();
  }
  [[nodiscard]] std::vector<model::Message> messages() const {
    const std::lock_guard lock(mutex_);
    std::vector<model::Message> found;
    for (const auto& command : now_.commands)
      if (const auto* message = std::get_if<model::Message>(&command)) found.push_back(*message);
    return found;
  }
  [[nodiscard]] std::vector<std::string> values() const {
    std::vector<std::string> found;
    for (const auto& message : messages()) found.push_back(message.argument.value);
    return found;
  }
  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return now_.commands.size();
  }
  [[nodiscard]] std::optional<model::SourceRow> row(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto row = now_.sources.find(name);
    return row == now_.sources.end() ? std::nullopt : std::optional(row->second);
  }

 private:
  struct State {
    std::map<std::string, model::SourceRow> sources;
    std::vector<model::Command> commands;
  };
  struct Stream {
    std::uint64_t first = 0;
    std::vector<model::StreamRecord> records;
  };
  mutable std::mutex mutex_;
  State now_, saved_;
  std::map<std::string, Stream> streams_;
  std::vector<std::function<void()>> waiting_;
  bool overloaded_ = false;
  bool durable_at_once_ = true;
  std::uint64_t refused_ = 0;
  WorkerLoop loop_{"fake core"};
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* url = std::getenv("HOLDFAST_TEST_NATS");
    if (url == nullptr) GTEST_SKIP() << "HOLDFAST_TEST_NATS is not set";
    url_ = url;
    static std::atomic<int> count{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    name_ = "T" + std::to_string(now) + "x" + std::to_string(count++);
    auto made = Connection::open(connection(), "test", Connection::Sending::AtOnce, {});
    ASSERT_TRUE(made) << made.error().message;
    client_ = std::move(*made);
    jsOptions options;
    jsOptions_Init(&options);
    ASSERT_EQ(natsConnection_JetStream(&jetstream_, client_->handle(), &options), NATS_OK);
  }

  void TearDown() override {
    if (jetstream_ == nullptr) return;
    js_DeleteStream(jetstream_, name_.c_str(), nullptr, nullptr);
    jsCtx_Destroy(jetstream_);
    client_.reset();
  }

  [[nodiscard]] model::NatsConnection connection() const { return {.servers = {url_}}; }
  [[nodiscard]] std::string subject(const std::string& rest) const { return name_ + "." + rest; }

  // The stream that is called name_ and takes subject(">").
  void make_stream(const std::function<void(jsStreamConfig&)>& configure = {}) {
    jsStreamConfig config;
    jsStreamConfig_Init(&config);
    const std::string all = subject(">");
    const char* subjects[] = {all.c_str()};
    config.Name = name_.c_str();
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    if (configure) configure(config);
    jsStreamInfo* info = nullptr;
    ASSERT_EQ(js_AddStream(&info, jetstream_, &config, nullptr, nullptr), NATS_OK);
    jsStreamInfo_Destroy(info);
  }

  void store(const std::string& rest, const std::string& data, const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    natsMsg* message = nullptr;
    ASSERT_EQ(natsMsg_Create(&message, subject(rest).c_str(), nullptr, data.data(), static_cast<int>(data.size())), NATS_OK);
    for (const auto& [key, value] : headers) natsMsgHeader_Add(message, key.c_str(), value.c_str());
    ASSERT_EQ(js_PublishMsg(nullptr, jetstream_, message, nullptr, nullptr), NATS_OK);
    natsMsg_Destroy(message);
  }
  // "0", "1", … under `rest`, begun at `first`.
  void store_numbers(const std::string& rest, int first, int count) {
    for (int i = first; i < first + count; ++i) {
      const auto text = std::to_string(i);
      ASSERT_EQ(js_PublishAsync(jetstream_, subject(rest).c_str(), text.data(), static_cast<int>(text.size()), nullptr), NATS_OK);
    }
    ASSERT_EQ(js_PublishAsyncComplete(jetstream_, nullptr), NATS_OK);
  }
  void publish(const std::string& rest, const std::string& data) {
    ASSERT_EQ(natsConnection_Publish(client_->handle(), subject(rest).c_str(), data.data(), static_cast<int>(data.size())), NATS_OK);
  }
  void flush() { ASSERT_EQ(natsConnection_FlushTimeout(client_->handle(), 10'000), NATS_OK); }

  [[nodiscard]] static std::vector<std::string> numbers(int first, int count) {
    std::vector<std::string> out;
    for (int i = first; i < first + count; ++i) out.push_back(std::to_string(i));
    return out;
  }

  // An ingress on subject(`pattern`) whose key is the last token, for function test/fn.
  [[nodiscard]] model::NatsIngressSpec spec(const std::string& pattern, const std::string& stream) const {
    model::NatsIngressSpec out;
    out.id = "test/in";
    out.connection = connection();
    out.stream = stream;
    out.start_at_earliest = true;
    out.subjects.push_back({.source = {.topic = subject(pattern), .value_type = "test/value", .targets = {"test/fn"}}, .key = {.subject_token = 1}});
    return out;
  }
  [[nodiscard]] std::unique_ptr<Ingress> start(const model::NatsIngressSpec& spec, FakeCore& core) const {
    auto made = Ingress::create(spec, {core, core, [](std::string_view type) { return type == "test/fn"; }});
    EXPECT_TRUE(made) << made.error().message;
    (*made)->start();
    return std::move(*made);
  }
  [[nodiscard]] static ports::IngressInfo info(Ingress& ingress) {
    auto found = answer<ports::IngressInfo>([&](auto done) { ingress.info(std::move(done)); });
    EXPECT_TRUE(found) << found.error().message;
    return found ? std::move(*found) : ports::IngressInfo{};
  }
  static void stop(Ingress& ingress) {
    const auto done = answer<void>([&](auto told) { ingress.stop([told] { told({}); }); });
    EXPECT_TRUE(done);
  }

  std::string url_;
  std::string name_;
  std::unique_ptr<Connection> client_;
  jsCtx* jetstream_ = nullptr;
};

}  // namespace holdfast::nats::testing
