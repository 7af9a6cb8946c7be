#include "net/client_pool.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/check.h"
#include "net/client_connection.h"
#include "net/message_writer.h"

namespace holdfast::net {
namespace {

// Made twice, it is as made once (RFC 9110 section 9.2.2).
bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" || method == "TRACE";
}

using Kind = ClientError::Kind;

constexpr std::size_t kReadBufferBytes = 64 * 1024;

bool is_sendable(std::string_view target) {
  if (!target.starts_with('/') && target != "*") return false;
  for (const char c : target)
    if (c <= 0x20 || c >= 0x7f) return false;
  return true;
}

}  // namespace

std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

ClientPool::ClientPool(EventLoop& loop, Url origin, ClientOptions options)
    : loop_(loop), origin_(std::move(origin)), name_(origin_.origin()), options_(std::move(options)), read_buffer_(kReadBufferBytes) {
  options_.pool_size = std::max<std::size_t>(options_.pool_size, 1);
  common_head_ = " HTTP/1.1\r\n";
  append_field(common_head_, "host", origin_.host_header());
  if (!options_.user_agent.empty()) append_field(common_head_, "user-agent", options_.user_agent);
  append_field(common_head_, "accept-encoding", "gzip, deflate");
  append_field(connection_field_, "connection", options_.idle_timeout.ms > 0 ? "keep-alive" : "close");
}

ClientPool::~ClientPool() = default;

void ClientPool::build_head(const HttpCall& call, const UpgradeRequest* upgrade, std::string& out) const {
  std::size_t size = call.method.size() + call.target.size() + common_head_.size() + connection_field_.size() + 64;
  for (const auto [name, value] : call.headers) size += name.size() + value.size() + 4;
  out.reserve(size);
  out.append(call.method).push_back(' ');
  out.append(call.target).append(common_head_);
  if (upgrade == nullptr) {
    out.append(connection_field_);
  } else {
    append_field(out, "connection", "upgrade");
    append_field(out, "upgrade", upgrade->protocol);
  }
  for (const auto [name, value] : call.headers)
    if (!is_framing_field(name)) append_field(out, name, value);
  if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD")) {
    out.append("content-length: ");
    append_number(out, call.body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
}

void ClientPool::call(HttpCall call, HttpClient::Done done) { begin(std::move(call), std::move(done), nullptr); }

void ClientPool::upgrade(std::string target, std::string protocol, HttpClient::UpgradeDone done) {
  auto otherwise = [name = name_, protocol, done](const CallResult& result) {
    if (!result) return done(tl::unexpected<ClientError>(result.error()));
    const std::string status = std::to_string(result->status) + " " + std::string(reason_phrase(result->status));
    done(tl::unexpected<ClientError>({Kind::Protocol, name + " answered " + status + " instead of changing to " + protocol}));
  };
  auto request = std::make_unique<UpgradeRequest>(UpgradeRequest{std::move(protocol), std::move(done)});
  begin({"GET", std::move(target), {}, {}}, std::move(otherwise), std::move(request));
}

void ClientPool::begin(HttpCall call, HttpClient::Done done, std::unique_ptr<UpgradeRequest> upgrade) {
  const auto refuse = [&](Kind kind, std::string why) {
    loop_.post([done = std::move(done), error = ClientError{kind, std::move(why)}] { done(tl::unexpected<ClientError>(error)); });
  };
  if (shut_) return refuse(Kind::Disconnected, "the client to " + name_ + " is shut");
  if (!is_sendable(call.target)) return refuse(Kind::Protocol, "request target '" + call.target + "' is not an encoded path");
  if (idle_.empty() && waiting_.size() >= options_.queue_max)
    return refuse(Kind::Overloaded, "queue_max=" + std::to_string(options_.queue_max) + " calls wait for " + name_ + " already");

  const CallId id = calls_.emplace(calls_.end());
  build_head(call, upgrade.get(), id->head);
  id->upgrade = std::move(upgrade);
  id->body = std::move(call.body);
  id->done = std::move(done);
  id->is_head_method = call.method == "HEAD";
  id->idempotent = is_idempotent(call.method);
  id->deadline_ms = steady_ms() + options_.call_timeout.ms;
  if (deadline_timer_ == 0) arm_deadline();
  if (options_.read_timeout || options_.write_timeout) start_ticking();
  if (!idle_.empty()) {
    ClientConnection* connection = idle_.back().connection;
    idle_.pop_back();
    connection->begin(id);
    return;
  }
  waiting_.push_back(id);
  open_connections();
}

void ClientPool::open_connections() {
  while (waiting_.size() + waiting_fresh_.size() > connecting_ && all_.size() < options_.pool_size) {
    ConnectionBudget::Place place;
    if (!ConnectionBudget::take(options_.connections, place)) {
      // Those that work will serve the calls that wait. Without one they would wait for what others may never give back.
      if (all_.empty())
        loop_.post([self = shared_from_this()] {
          if (!self->all_.empty() || self->shut_) return;
          self->fail_waiting("all " + std::to_string(self->options_.connections->max()) + " connections that descriptors are left for are taken");
        });
      return;
    }
    auto connection = std::make_shared<ClientConnection>(shared_from_this(), std::move(place));
    all_.emplace(connection.get(), connection);
    ++connecting_;
    ++connects_;
    connection->start_connect_timer();
    // Later, since it may fail at once, and a failure runs a caller's `done`.
    if (awaiting_addresses_.empty())
      loop_.post([self = shared_from_this()] {
        if (self->awaiting_addresses_.empty()) return;
        if (auto known = known_addresses(self->origin_); !known || !known->empty()) return self->on_addresses(known);
        resolve(self->loop_.handle(), self->origin_, [weak = std::weak_ptr(self)](const Addresses& found) {
          if (const auto pool = weak.lock()) pool->on_addresses(found);
        });
      });
    awaiting_addresses_.push_back(std::move(connection));
  }
}

void ClientPool::on_addresses(const Addresses& found) {
  std::vector<std::shared_ptr<ClientConnection>> all;
  all.swap(awaiting_addresses_);
  for (const auto& connection : all) {
    if (found) connection->connect(*found);
    else connection->fail_connect(found.error());
  }
}

void ClientPool::on_connected(ClientConnection& connection) {
  --connecting_;
  give_work(connection);
}

// Fresh retries first: they have waited longest, and only a connection that has just come up will do.
void ClientPool::give_work(ClientConnection& connection) {
  std::deque<CallId>& from = waiting_fresh_.empty() || connection.is_reused() ? waiting_ : waiting_fresh_;
  if (!from.empty()) {
    const CallId call = from.front();
    from.pop_front();
    connection.begin(call);
    return;
  }
  const bool others_wait = options_.connections && options_.connections->is_short();
  if ((options_.idle_timeout.ms <= 0 || others_wait) && connection.is_reused()) {
    connection.close();
    forget(connection);
    return open_connections();
  }
  connection.become_idle();
  // A connection nobody took yet still gets a moment, even without keep-alive.
  const std::int64_t until_ms = std::min(steady_ms() + std::max<std::int64_t>(options_.idle_timeout.ms, 1), connection.ends_ms());
  idle_.push_back({&connection, until_ms});
  arm_idle(until_ms);
}

std::int64_t ClientPool::next_age_max() {
  // Steps of the golden ratio: however many there are, they lie about evenly.
  const std::uint32_t step = ages_++ * 2'654'435'769u;
  return options_.age_max.ms - static_cast<std::int64_t>(static_cast<double>(options_.age_max.ms) / 8 * (step / 4294967296.0));
}

void ClientPool::forget(ClientConnection& connection) {
  std::erase_if(idle_, [&](const Idle& each) { return each.connection == &connection; });
  all_.erase(&connection);
}

void ClientPool::finish(CallId call, CallResult result) {
  const HttpClient::Done done = std::move(call->done);
  calls_.erase(call);
  done(std::move(result));
}

void ClientPool::on_connect_failed(ClientConnection& connection, const std::string& why) {
  const auto self = shared_from_this();
  --connecting_;
  forget(connection);
  // With a connection that works, the others may still be served by it; without, they would only fail one by one.
  const bool others_work = all_.size() > connecting_;
  if (!others_work) return fail_waiting(why);
  std::deque<CallId>& from = waiting_fresh_.empty() ? waiting_ : waiting_fresh_;
  std::optional<CallId> failed;
  if (!from.empty()) {
    failed = from.front();
    from.pop_front();
  }
  open_connections();
  if (failed) finish(*failed, tl::unexpected<ClientError>({Kind::Unreachable, "cannot connect to " + name_ + ": " + why}));
}

void ClientPool::fail_waiting(const std::string& why) {
  std::vector<HttpClient::Done> told;
  for (std::deque<CallId>* waiting : {&waiting_fresh_, &waiting_}) {
    for (const CallId call : *waiting) {
      told.push_back(std::move(call->done));
      calls_.erase(call);
    }
    waiting->clear();
  }
  const ClientError error{Kind::Unreachable, "cannot connect to " + name_ + ": " + why};
  for (const auto& done : told) done(tl::unexpected<ClientError>(error));
}

void ClientPool::on_answer(ClientConnection& connection, CallId call, HttpResponse response, Reuse reuse) {
  const auto self = shared_from_this();
  if (reuse == Reuse::KeepOpen) {
    give_work(connection);
  } else {
    forget(connection);
    open_connections();
  }
  finish(call, std::move(response));
}

void ClientPool::on_upgraded(ClientConnection& connection, CallId call, std::unique_ptr<UpgradedStream> stream) {
  const auto self = shared_from_this();
  forget(connection);
  open_connections();
  const HttpClient::UpgradeDone done = std::move(call->upgrade->done);
  calls_.erase(call);
  done(std::move(stream));
}

void ClientPool::on_failed(ClientConnection& connection, CallId call, ClientError error) {
  const auto self = shared_from_this();
  forget(connection);
  open_connections();
  error.message = name_ + ": " + error.message;
  finish(call, tl::unexpected<ClientError>(std::move(error)));
}

void ClientPool::on_stale(ClientConnection& connection, CallId call, const std::string& why) {
  if (call->retried || (!options_.repeats_all && !call->idempotent)) return on_failed(connection, call, {Kind::Disconnected, why + " before the answer"});
  const auto self = shared_from_this();
  forget(connection);
  call->retried = true;
  call->on = nullptr;
  waiting_fresh_.push_back(call);
  open_connections();
}

void ClientPool::on_idle_closed(ClientConnection& connection) {
  const auto self = shared_from_this();
  forget(connection);
  open_connections();
}

void ClientPool::arm_deadline() {
  if (calls_.empty() || shut_) return;
  deadline_timer_ = loop_.after(Duration{calls_.front().deadline_ms - steady_ms()}, [self = shared_from_this()] {
    self->deadline_timer_ = 0;
    self->on_deadline();
  });
}

void ClientPool::on_deadline() {
  const std::int64_t now = steady_ms();
  std::vector<HttpClient::Done> late;
  while (!calls_.empty() && calls_.front().deadline_ms <= now) {
    const CallId call = calls_.begin();
    if (call->on != nullptr && call->on->is_paused()) {
      // It is we who do not take the answer.
      call->deadline_ms = now + options_.call_timeout.ms;
      calls_.splice(calls_.end(), calls_, call);
      continue;
    }
    if (call->on != nullptr) {
      const auto connection = all_.at(call->on);
      connection->close();
      forget(*connection);
    } else {
      std::erase(waiting_, call);
      std::erase(waiting_fresh_, call);
    }
    late.push_back(std::move(call->done));
    calls_.erase(call);
  }
  arm_deadline();
  open_connections();
  const ClientError error{Kind::Timeout, name_ + ": no answer within call_timeout=" + std::to_string(options_.call_timeout.ms) + " ms"};
  for (const auto& done : late) done(tl::unexpected<ClientError>(error));
}

void ClientPool::arm_idle(std::int64_t due_ms) {
  if (shut_ || (idle_timer_ != 0 && idle_due_ms_ <= due_ms)) return;
  loop_.cancel(idle_timer_);
  idle_due_ms_ = due_ms;
  idle_timer_ = loop_.after(Duration{due_ms - steady_ms()}, [self = shared_from_this()] {
    self->idle_timer_ = 0;
    self->on_idle_timer();
  });
}

void ClientPool::on_idle_timer() {
  const std::int64_t now = steady_ms();
  std::vector<std::shared_ptr<ClientConnection>> due;
  std::int64_t next_ms = INT64_MAX;
  for (const Idle& each : idle_) {
    if (each.until_ms <= now) due.push_back(all_.at(each.connection));
    else next_ms = std::min(next_ms, each.until_ms);
  }
  for (const auto& connection : due) {
    connection->close();
    forget(*connection);
  }
  if (next_ms != INT64_MAX) arm_idle(next_ms);
}

// Read and write timeouts are looked at every now and then, since most transports do without them.
void ClientPool::start_ticking() {
  if (tick_timer_ != 0 || shut_) return;
  std::int64_t shortest = 4000;
  if (options_.read_timeout) shortest = std::min(shortest, options_.read_timeout->ms);
  if (options_.write_timeout) shortest = std::min(shortest, options_.write_timeout->ms);
  tick_timer_ = loop_.after(Duration{std::max<std::int64_t>(shortest / 4, 5)}, [self = shared_from_this()] {
    self->tick_timer_ = 0;
    if (self->calls_.empty()) return;
    self->start_ticking();
    std::vector<std::shared_ptr<ClientConnection>> all;
    for (const auto& [key, connection] : self->all_) all.push_back(connection);
    const std::int64_t now = steady_ms();
    for (const auto& connection : all) connection->on_tick(now);
  });
}

void ClientPool::shut() {
  shut_ = true;
  for (Loop::TimerId* timer : {&deadline_timer_, &idle_timer_, &tick_timer_}) {
    loop_.cancel(*timer);
    *timer = 0;
  }
  waiting_.clear();
  waiting_fresh_.clear();
  idle_.clear();
  awaiting_addresses_.clear();
  for (const auto& [key, connection] : all_) connection->close();
  all_.clear();
  connecting_ = 0;
  PendingCalls calls;
  calls.swap(calls_);
  const ClientError error{Kind::Disconnected, name_ + ": the client was shut before the answer"};
  for (const PendingCall& call : calls) call.done(tl::unexpected<ClientError>(error));
}

}  // namespace holdfast::net
