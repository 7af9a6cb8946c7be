#include "redis/state_store.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "dapr/pooled_store.h"
#include "redis/client.h"

namespace holdfast::redis {
namespace {

using dapr::StateChange;
using dapr::StateStore;
using dapr::StoreCall;
using dapr::StoredState;
using dapr::StoreError;
template <typename T>
using StoreResult = dapr::StoreResult<T>;

constexpr std::size_t kBatchMax = 128;                    // Calls of one round trip.
constexpr std::int64_t kTtlMaxSeconds = 100'000'000'000;  // Some 3000 years: a larger one would fail in the middle of the script.

// KEYS: of each change; ARGV: five of each. Answers 0, or which of them (from 1) is not met; then nothing has changed. A key of another type
// has no version, and a change replaces it.
constexpr std::string_view kScript = R"lua(
local function place(i) return (i - 1) * 5 end
for i, key in ipairs(KEYS) do
  local want, etag = ARGV[place(i) + 2], ARGV[place(i) + 3]
  if want ~= 'any' then
    local version = redis.pcall('HGET', key, 'version')
    if type(version) == 'table' then version = '' end
    if want == 'etag' and version ~= etag then return i end
    if want == 'absent' and version then return i end
  end
end
for i, key in ipairs(KEYS) do
  local kind = ARGV[place(i) + 1]
  if kind == 'delete' then
    redis.call('DEL', key)
  else
    if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
    redis.call('HSET', key, 'data', ARGV[place(i) + 4])
    if kind == 'first' then redis.call('HSET', key, 'first-write', 0) end
    redis.call('HINCRBY', key, 'version', 1)
    local ttl = ARGV[place(i) + 5]
    if ttl == '0' then redis.call('PERSIST', key) else redis.call('EXPIRE', key, ttl) end
  end
end
return 0)lua";

tl::unexpected<StoreError> failed(std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::Failed, std::move(message)}); }

std::optional<StoreError> etag_fault(const StateChange& change) {
  if (change.etag.empty() || change.kind == StateChange::Kind::Delete) return std::nullopt;
  std::int64_t number = 0;
  const char* end = change.etag.data() + change.etag.size();
  const auto parsed = std::from_chars(change.etag.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end) return std::nullopt;
  return StoreError{StoreError::Kind::EtagInvalid, "strconv.Atoi: parsing \"" + change.etag + "\": invalid syntax"};
}

class Connection final : public dapr::StoreConnection {
 public:
  explicit Connection(const Settings& settings) : settings_(settings) {}

  // One try.
  [[nodiscard]] Result<void> connect(Duration timeout) {
    client_.reset();
    auto client = Client::connect(settings_, timeout);
    if (!client) return fail(std::move(client.error()));
    auto loaded = (*client)->ask({"SCRIPT", "LOAD", kScript});
    if (!loaded) return fail(std::move(loaded.error()));
    if (is_error(**loaded)) return fail(ErrorCode::Unavailable, std::string(redis::text_of(**loaded)));
    script_ = redis::text_of(**loaded);
    client_ = *std::move(client);
    return {};
  }

  void run(std::span<StoreCall> calls) override {
    std::vector<StoreCall*> left;
    for (auto& call : calls)
      if (!refuse_etags(call)) left.push_back(&call);
    // Reads whose answer was lost are asked once more.
    for (int attempt = 0; attempt < 2 && !left.empty(); ++attempt) left = exchange(left, attempt);
  }

 private:
  static bool refuse_etags(StoreCall& call) {
    for (const auto& change : call.changes) {
      auto fault = etag_fault(change);
      if (!fault) continue;
      call.refuse(*fault);
      return true;
    }
    return false;
  }

  // A few times, as long as a server may take to come back. Of one that did not, the calls after that one hear at once.
  [[nodiscard]] Result<void> connect_again() {
    for (std::int64_t attempt = 0;; ++attempt) {
      auto ok = connect(settings_.dial_timeout);
      if (ok || is_down_ || attempt >= settings_.retries) {
        is_down_ = !ok;
        return ok;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(settings_.retry_interval.ms));
    }
  }

  // Sends all and reads all. Gives back what can be asked again: reads, when the connection was lost; and changes that a server that has
  // forgotten the script has refused.
  std::vector<StoreCall*> exchange(const std::vector<StoreCall*>& calls, int attempt) {
    if (!client_ || client_->has_ended()) {
      if (auto ok = connect_again(); !ok) {
        for (auto* call : calls) call->refuse({StoreError::Kind::Failed, ok.error().message});
        return {};
      }
    }
    for (const auto* call : calls) append(*call);
    std::vector<StoreCall*> again;
    std::string lost;
    bool is_script_gone = false;
    for (auto* call : calls) {
      auto error = !lost.empty() ? std::optional(Error{ErrorCode::Unavailable, lost}) : call->is_read() ? read(*call) : finish(*call, attempt, again, is_script_gone);
      if (!error) continue;
      lost = std::move(error->message);
      if (call->is_read() && attempt == 0) again.push_back(call);
      else if (call->is_read()) call->refuse({StoreError::Kind::Failed, "the connection to redis at " + settings_.address() + " was lost: " + lost});
      else call->refuse({StoreError::Kind::Failed, "the connection to redis at " + settings_.address() + " was lost before it answered, and what was asked may have been done: " + lost});
    }
    for (auto& [call, found, places] : std::exchange(plain_, {})) {
      for (const auto place : places) found[place] = lost.empty() ? read_plain(call->keys[place]) : failed(lost);
      call->found(std::move(found));
    }
    if (!lost.empty() || is_script_gone) client_.reset();
    return again;
  }

  StateStore::Found read_plain(const std::string& key) {
    auto reply = client_->ask({"GET", key});
    if (!reply) return failed(reply.error().message);
    if (is_error(**reply)) return failed(std::string(redis::text_of(**reply)));
    if ((*reply)->type != REDIS_REPLY_STRING) return std::nullopt;
    return StoredState{std::string(redis::text_of(**reply)), {}, {}, std::nullopt};
  }

  void append(const StoreCall& call) {
    if (call.is_read()) {
      for (const auto& key : call.keys) {
        client_->append({"HMGET", key, "data", "version"});
        client_->append({"PTTL", key});
      }
      return;
    }
    std::vector<std::string_view> command{"EVALSHA", script_};
    const std::string count = std::to_string(call.changes.size());
    command.push_back(count);
    for (const auto& change : call.changes) command.push_back(change.key);
    std::vector<std::string> ttls;
    ttls.reserve(call.changes.size());
    for (const auto& change : call.changes) {
      const std::int64_t ttl = change.ttl_seconds != 0 ? std::max<std::int64_t>(0, change.ttl_seconds) : settings_.ttl_seconds;
      ttls.push_back(std::to_string(std::min(ttl, kTtlMaxSeconds)));
      command.emplace_back(change.kind == StateChange::Kind::Delete ? "delete" : change.first_write ? "first" : "set");
      command.emplace_back(!change.etag.empty() ? "etag" : change.first_write ? "absent" : "any");
      command.emplace_back(change.etag);
      command.emplace_back(change.value);
      command.emplace_back(ttls.back());
    }
    client_->append(command);
  }

  // An error: the connection is lost, and the call not answered.
  std::optional<Error> read(StoreCall& call) {
    std::vector<StateStore::Found> found;
    std::vector<std::size_t> plain;
    for (std::size_t i = 0; i < call.keys.size(); ++i) {
      auto fields = client_->read();
      if (!fields) return std::move(fields.error());
      auto ttl = client_->read();
      if (!ttl) return std::move(ttl.error());
      if (is_error(**fields) && redis::text_of(**fields).starts_with("WRONGTYPE")) plain.push_back(i);
      found.push_back(state_of(**fields, **ttl));
    }
    if (plain.empty()) call.found(std::move(found));
    else plain_.push_back({&call, std::move(found), std::move(plain)});
    return std::nullopt;
  }

  static StateStore::Found state_of(const redisReply& fields, const redisReply& ttl) {
    if (is_error(fields)) return failed(std::string(redis::text_of(fields)));
    if (fields.type != REDIS_REPLY_ARRAY || fields.elements != 2) return failed("redis answered something else");
    const redisReply& data = *fields.element[0];
    const redisReply& version = *fields.element[1];
    if (data.type == REDIS_REPLY_NIL && version.type == REDIS_REPLY_NIL) return std::nullopt;
    if (data.type != REDIS_REPLY_STRING || version.type != REDIS_REPLY_STRING) return failed("required hash field 'data' or 'version' was not found");
    StoredState state{std::string(redis::text_of(data)), std::string(redis::text_of(version)), {}, std::nullopt};
    if (ttl.type == REDIS_REPLY_INTEGER && ttl.integer > 0) state.expires_at = SystemClock().now() + Duration{ttl.integer};
    return state;
  }

  // The same of changes.
  std::optional<Error> finish(StoreCall& call, int attempt, std::vector<StoreCall*>& again, bool& is_script_gone) {
    auto reply = client_->read();
    if (!reply) return std::move(reply.error());
    if (is_error(**reply)) {
      const auto text = redis::text_of(**reply);
      if (text.starts_with("NOSCRIPT") && attempt == 0) {
        is_script_gone = true;
        again.push_back(&call);
      } else {
        call.done(failed("failed to set key " + call.changes.front().key + ": " + std::string(text)));
      }
      return std::nullopt;
    }
    const auto which = static_cast<std::size_t>((*reply)->integer);
    if (which == 0 || which > call.changes.size()) {
      call.done({});
      return std::nullopt;
    }
    const auto& change = call.changes[which - 1];
    call.done(tl::unexpected<StoreError>({StoreError::Kind::EtagMismatch, (change.kind == StateChange::Kind::Delete ? "failed to delete " : "failed to set key ") + change.key}));
    return std::nullopt;
  }

  // A read that met keys which are no hashes, as daprd wrote them before it had etags. They are asked for when all else has been answered.
  struct Plain {
    StoreCall* call;
    std::vector<StateStore::Found> found;
    std::vector<std::size_t> places;
  };

  const Settings settings_;
  std::unique_ptr<Client> client_;
  std::string script_;  // Its name at the server.
  bool is_down_ = false;
  std::vector<Plain> plain_;
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_state_store(const dapr::StoreDocument& document) {
  auto settings = read_settings(document);
  if (!settings) return fail(std::move(settings.error()));
  dapr::PooledStore::Connections connections;
  for (std::int64_t i = 0; i < settings->connections; ++i) {
    auto connection = std::make_unique<Connection>(*settings);
    // The first says that the server is there; the others follow when they are needed.
    if (i == 0)
      if (auto ok = connection->connect(document.init_timeout); !ok) return fail(ok.error().code, "redis store: " + ok.error().message);
    connections.push_back(std::move(connection));
  }
  return std::make_unique<dapr::PooledStore>(dapr::PooledStore::Options{.thread_name = "redis", .features = {}, .batch_max = kBatchMax}, std::move(connections));
}

}  // namespace holdfast::redis
