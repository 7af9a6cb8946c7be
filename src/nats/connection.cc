#include "nats/connection.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <utility>

#include "nats/tls_options.h"
#include "nats/wire.h"

namespace holdfast::nats {
namespace {

constexpr std::int64_t kConnectTimeoutMs = 3'000;
constexpr std::int64_t kReconnectWaitMs = 250;
constexpr std::int64_t kReconnectJitterMs = 100;
constexpr std::int64_t kPingIntervalMs = 10'000;  // Two without an answer, and the connection counts as lost.
constexpr std::int64_t kWriteDeadlineMs = 10'000;
constexpr std::chrono::seconds kLastCallWait{5};

struct OptionsDeleter {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};
using OptionsPtr = std::unique_ptr<natsOptions, OptionsDeleter>;

Result<std::string> from_environment(const std::string& variable, const char* what) {
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr || *value == '\0')
    return fail(ErrorCode::Invalid, std::string(what) + " is to come from the environment variable " + variable + ", which is not set");
  return std::string(value);
}

std::string list_of(const std::vector<std::string>& servers) {
  std::string list;
  for (const auto& server : servers) list += (list.empty() ? "" : ", ") + without_credentials(server);
  return list;
}

Result<void> apply_secrets(natsOptions* options, const model::NatsConnection& spec) {
  if (!spec.user.empty()) {
    std::string password;
    if (!spec.password_env.empty()) {
      auto found = from_environment(spec.password_env, "the password");
      if (!found) return fail(std::move(found.error()));
      password = std::move(*found);
    }
    if (const auto status = natsOptions_SetUserInfo(options, spec.user.c_str(), password.c_str()); status != NATS_OK)
      return fail(ErrorCode::Invalid, describe("user", status));
  }
  if (!spec.token_env.empty()) {
    const auto token = from_environment(spec.token_env, "the token");
    if (!token) return fail(token.error());
    if (const auto status = natsOptions_SetToken(options, token->c_str()); status != NATS_OK)
      return fail(ErrorCode::Invalid, describe("token", status));
  }
  if (!spec.credentials_file.empty()) {
    if (std::FILE* file = std::fopen(spec.credentials_file.c_str(), "re"); file != nullptr)
      std::fclose(file);
    else
      return fail(ErrorCode::Invalid, "credentials file " + spec.credentials_file + " cannot be read");
    if (const auto status = natsOptions_SetUserCredentialsFromFiles(options, spec.credentials_file.c_str(), nullptr);
        status != NATS_OK)
      return fail(ErrorCode::Invalid, describe("credentials file " + spec.credentials_file, status));
  }
  return {};
}

}  // namespace

std::string describe(std::string_view what, natsStatus status) {
  std::string text(what);
  text.append(": ").append(natsStatus_GetText(status));
  natsStatus last = NATS_OK;
  const char* detail = nats_GetLastError(&last);
  if (last == status && detail != nullptr && *detail != '\0') text.append(" (").append(detail).append(")");
  return text;
}

std::string_view reply_of(const natsMsg* message) {
  const char* reply = natsMsg_GetReply(message);
  return reply == nullptr ? std::string_view() : std::string_view(reply);
}

std::string_view header_of(natsMsg* message, const std::string& name) {
  const char* value = nullptr;
  if (natsMsgHeader_Get(message, name.c_str(), &value) == NATS_OK && value != nullptr) return value;
  std::string other = name;
  for (const bool capitals : {false, true}) {
    bool first = true;
    for (char& c : other) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      if (capitals && first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      first = c == '-';
    }
    if (other != name && natsMsgHeader_Get(message, other.c_str(), &value) == NATS_OK && value != nullptr) return value;
  }
  return {};
}

Result<std::string> new_inbox() {
  natsInbox* inbox = nullptr;
  if (const auto status = natsInbox_Create(&inbox); status != NATS_OK) return fail(ErrorCode::Io, describe("inbox", status));
  std::string name(inbox);
  natsInbox_Destroy(inbox);
  return name;
}

// --- Connection

struct Connection::State {
  Events events;
  std::atomic<std::uint64_t> losses{0};
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;  // `closed` has been called: the library makes no more calls.

  static std::shared_ptr<State>& of(void* closure) { return *static_cast<std::shared_ptr<State>*>(closure); }
};

Result<std::unique_ptr<Connection>> Connection::open(const model::NatsConnection& spec, const std::string& name, Sending sending,
                                                     Events events, TlsOptions* tls) {
  if (spec.servers.empty()) return fail(ErrorCode::Invalid, "no servers are given");
  std::optional<TlsOptions> own_tls;
  if (tls == nullptr) tls = &own_tls.emplace(spec, name);
  OptionsPtr owner;
  natsOptions* options = nullptr;
  if (tls->wanted()) {
    auto secure = tls->current();
    if (!secure) return fail(std::move(secure.error()));
    options = *secure;  // What is set on it below is set anew for each connection, which takes a copy.
  } else {
    if (const auto status = natsOptions_Create(&options); status != NATS_OK) return fail(ErrorCode::Io, describe("options", status));
    owner.reset(options);
  }

  std::vector<const char*> servers;
  for (const auto& server : spec.servers) servers.push_back(server.c_str());
  if (const auto status = natsOptions_SetServers(options, servers.data(), static_cast<int>(servers.size())); status != NATS_OK)
    return fail(ErrorCode::Invalid, std::string("servers ") + list_of(spec.servers) + ": " + natsStatus_GetText(status));
  if (auto done = apply_secrets(options, spec); !done) return fail(std::move(done.error()));

  auto* state = new std::shared_ptr<State>(std::make_shared<State>());
  (*state)->events = std::move(events);
  auto keep = *state;
  bool all = true;
  const auto set = [&](natsStatus status) { all = all && status == NATS_OK; };
  set(natsOptions_SetName(options, name.c_str()));
  set(natsOptions_SetTimeout(options, kConnectTimeoutMs));
  set(natsOptions_SetSendAsap(options, sending == Sending::AtOnce));
  set(natsOptions_SetAllowReconnect(options, true));
  set(natsOptions_SetMaxReconnect(options, -1));
  set(natsOptions_SetReconnectWait(options, kReconnectWaitMs));
  set(natsOptions_SetReconnectJitter(options, kReconnectJitterMs, kReconnectJitterMs));
  set(natsOptions_SetPingInterval(options, kPingIntervalMs));
  set(natsOptions_SetMaxPingsOut(options, 2));
  set(natsOptions_SetWriteDeadline(options, kWriteDeadlineMs));
  set(natsOptions_SetFailRequestsOnDisconnect(options, true));
  const auto on_connected = [](natsConnection*, void* closure) {
    if (const auto& told = State::of(closure)->events.connected) told();
  };
  set(natsOptions_SetReconnectedCB(options, on_connected, state));
  set(natsOptions_SetDisconnectedCB(
      options,
      [](natsConnection*, void* closure) {
        auto& own = *State::of(closure);
        own.losses.fetch_add(1);
        if (own.events.disconnected) own.events.disconnected();
      },
      state));
  set(natsOptions_SetErrorHandler(
      options,
      [](natsConnection* connection, natsSubscription*, natsStatus status, void* closure) {
        const auto& told = State::of(closure)->events.error;
        if (!told) return;
        // The library sets this call's error for its thread; the connection's may be of a later one by now.
        natsStatus last = NATS_OK;
        const char* detail = nats_GetLastError(&last);
        if (last != status) natsConnection_GetLastError(connection, &detail);
        std::string text = natsStatus_GetText(status);
        if (status != NATS_SLOW_CONSUMER && detail != nullptr && *detail != '\0') text.append(": ").append(detail);
        told(std::move(text));
      },
      state));
  set(natsOptions_SetClosedCB(
      options,
      [](natsConnection*, void* closure) {
        const std::unique_ptr<std::shared_ptr<State>> last(static_cast<std::shared_ptr<State>*>(closure));
        auto& own = **last;
        if (own.events.closed) own.events.closed();
        const std::lock_guard lock(own.mutex);
        own.over = true;
        own.changed.notify_all();
      },
      state));
  if (!all) {
    delete state;
    return fail(ErrorCode::Io, describe("options", NATS_ERR));
  }

  natsConnection* handle = nullptr;
  const auto status = natsConnection_Connect(&handle, options);
  if (status != NATS_OK) {
    delete state;  // No connection, no calls.
    const bool wrong = status == NATS_INVALID_ARG || status == NATS_ADDRESS_MISSING || status == NATS_PROTOCOL_ERROR;
    return fail(wrong ? ErrorCode::Invalid : ErrorCode::Unavailable, describe("not connected to " + list_of(spec.servers), status));
  }
  return std::unique_ptr<Connection>(new Connection(handle, std::move(keep), list_of(spec.servers)));
}

Connection::~Connection() {
  natsConnection_Close(handle_);
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, kLastCallWait, [this] { return state_->over; });
  }
  natsConnection_Destroy(handle_);
}

bool Connection::connected() const { return natsConnection_Status(handle_) == NATS_CONN_STATUS_CONNECTED; }
bool Connection::closed() const { return natsConnection_IsClosed(handle_); }
std::uint64_t Connection::losses() const { return state_->losses.load(); }
std::int64_t Connection::payload_bytes_max() const { return natsConnection_GetMaxPayload(handle_); }

std::string Connection::trouble() const {
  if (connected()) return {};
  const char* detail = nullptr;
  natsConnection_GetLastError(handle_, &detail);
  std::string text = "not connected to " + servers_;
  if (detail != nullptr && *detail != '\0') text.append(": ").append(detail);
  return text;
}

// --- Subscription

struct Subscription::State {
  Handler handler;
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;
};

Result<std::unique_ptr<Subscription>> Subscription::open(Connection& connection, const std::string& subject,
                                                         const std::string& queue, Limits limits, Handler handler) {
  auto* state = new std::shared_ptr<State>(std::make_shared<State>());
  (*state)->handler = std::move(handler);
  auto keep = *state;
  const auto on_message = [](natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
    (*static_cast<std::shared_ptr<State>*>(closure))->handler(MessagePtr(message));
  };
  natsSubscription* handle = nullptr;
  const auto status =
      queue.empty() ? natsConnection_Subscribe(&handle, connection.handle(), subject.c_str(), on_message, state)
                    : natsConnection_QueueSubscribe(&handle, connection.handle(), subject.c_str(), queue.c_str(), on_message, state);
  if (status != NATS_OK) {
    delete state;
    return fail(ErrorCode::Unavailable, describe("subscription to " + subject, status));
  }
  // From here on `state` is freed by the library's last call; should that never come, it is left alone.
  const auto watched = natsSubscription_SetOnCompleteCB(
      handle,
      [](void* closure) {
        const std::unique_ptr<std::shared_ptr<State>> last(static_cast<std::shared_ptr<State>*>(closure));
        const std::lock_guard lock((*last)->mutex);
        (*last)->over = true;
        (*last)->changed.notify_all();
      },
      state);
  std::unique_ptr<Subscription> subscription(new Subscription(handle, std::move(keep)));
  if (watched != NATS_OK) return fail(ErrorCode::Unavailable, describe("subscription to " + subject, watched));
  if (const auto limited = natsSubscription_SetPendingLimits(handle, limits.messages, limits.bytes); limited != NATS_OK)
    return fail(ErrorCode::Unavailable, describe("subscription to " + subject, limited));
  return subscription;
}

Subscription::~Subscription() {
  natsSubscription_Unsubscribe(handle_);
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait_for(lock, kLastCallWait, [this] { return state_->over; });
  }
  natsSubscription_Destroy(handle_);
}

std::uint64_t Subscription::dropped() const {
  std::int64_t count = 0;
  if (natsSubscription_GetDropped(handle_, &count) != NATS_OK || count < 0) return 0;
  return static_cast<std::uint64_t>(count);
}

}  // namespace holdfast::nats
