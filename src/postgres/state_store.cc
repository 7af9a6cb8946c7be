#include "postgres/state_store.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/log.h"
#include "codec/go_json.h"
#include "dapr/pooled_store.h"
#include "postgres/client.h"
#include "postgres/tables.h"

namespace holdfast::postgres {
namespace {

using dapr::StateChange;
using dapr::StateStore;
using dapr::StoreCall;
using dapr::StoredState;
using dapr::StoreError;
using dapr::StoreResult;

tl::unexpected<StoreError> mismatch(std::string message = {}) { return tl::unexpected<StoreError>({StoreError::Kind::EtagMismatch, std::move(message)}); }
tl::unexpected<StoreError> failed(std::string message) { return tl::unexpected<StoreError>({StoreError::Kind::Failed, std::move(message)}); }

// An array of texts in the server's binary form.
std::string array_of(const std::vector<std::string>& texts) {
  std::string out;
  const auto number = [&out](std::size_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
  };
  constexpr std::size_t kTextType = 25;
  number(1);  // Dimensions.
  number(0);  // No nulls.
  number(kTextType);
  number(texts.size());
  number(1);  // The first has number 1.
  for (const auto& text : texts) {
    number(text.size());
    out += text;
  }
  return out;
}

// As a jsonb column takes it. Others are kept as daprd keeps bytes; so is JSON that PostgreSQL has no characters for.
bool is_jsonb(const std::string& value) {
  if (!codec::check_go_json(value)) return false;
  for (auto at = value.find("\\u"); at != std::string::npos; at = value.find("\\u", at + 2)) {
    const auto code = std::string_view(value).substr(at + 2, 4);
    if (code == "0000" || code.starts_with('d') || code.starts_with('D')) return false;
  }
  return true;
}

StoreResult<void> check_etag(Layout layout, const std::string& etag) {
  if (etag.empty()) return {};
  if (layout == Layout::V1) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(etag.data(), etag.data() + etag.size(), number);
    if (error == std::errc::result_out_of_range) return tl::unexpected<StoreError>({StoreError::Kind::EtagInvalid, "strconv.ParseUint: parsing \"" + etag + "\": value out of range"});
    if (error != std::errc() || end != etag.data() + etag.size())
      return tl::unexpected<StoreError>({StoreError::Kind::EtagInvalid, "strconv.ParseUint: parsing \"" + etag + "\": invalid syntax"});
    return {};
  }
  if (etag.size() != 36) return mismatch("invalid UUID length: " + std::to_string(etag.size()));
  for (std::size_t i = 0; i < etag.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? etag[i] != '-' : std::isxdigit(static_cast<unsigned char>(etag[i])) == 0) return mismatch("invalid UUID format");
  }
  return {};
}

// Each key once, in the order of keys, so that no two transactions wait for each other. Conditions are about what is there before, so those of
// one key must all hold, and of what is changed the last counts.
StoreResult<std::vector<StateChange>> merge(std::vector<StateChange> changes) {
  std::map<std::string, StateChange> by_key;
  for (auto& change : changes) {
    const auto place = by_key.find(change.key);
    if (place == by_key.end()) {
      std::string key = change.key;
      by_key.emplace(std::move(key), std::move(change));
      continue;
    }
    StateChange& before = place->second;
    const bool has_condition = !change.etag.empty() || change.first_write;
    if (has_condition && (!before.etag.empty() || before.first_write) && (change.etag != before.etag || (change.etag.empty() && change.first_write != before.first_write)))
      return mismatch("key " + change.key + " is asked to have two etags");
    if (!has_condition) {
      change.etag = std::move(before.etag);
      change.first_write = before.first_write;
    }
    before = std::move(change);
  }
  std::vector<StateChange> merged;
  merged.reserve(by_key.size());
  for (auto& [key, change] : by_key) merged.push_back(std::move(change));
  return merged;
}

// What the connections of a store have in common.
struct Shared {
  explicit Shared(Settings of) : settings(std::move(of)) {}
  const Settings settings;
  const Tables tables{settings};
};

class Connection final : public dapr::StoreConnection {
 public:
  explicit Connection(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

  // Connected, and the tables are there.
  [[nodiscard]] Result<void> open(Duration timeout) {
    if (auto ok = connect(timeout); !ok) return ok;
    return tables_.make(*client_);
  }

  [[nodiscard]] Result<void> connect(Duration timeout) {
    if (client_ && !client_->has_ended()) return {};
    client_.reset();
    auto client = Client::connect(settings_, std::min(timeout, settings_.timeout));
    if (!client) return fail(std::move(client.error()));
    client_ = *std::move(client);
    return {};
  }

  void run(std::span<StoreCall> calls) override {
    for (auto& call : calls) {
      if (call.is_read()) call.found(read(call.keys));
      else call.done(change(std::move(call.changes)));
    }
  }

  Result<void> clean_up() override {
    if (auto ok = connect(settings_.timeout); !ok) return ok;
    auto ok = tables_.clean_up(*client_);
    if (!ok) client_.reset();
    return ok;
  }

 private:
  // Whether what failed has surely not been done, so that it can be tried once more on another connection.
  enum class Lost { NotDone, Unknown };
  struct Attempt {
    StoreResult<void> outcome;
    std::optional<Lost> lost;
  };

  std::vector<StateStore::Found> read(const std::vector<std::string>& keys) {
    const std::string array = array_of(keys);
    std::string why;
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (auto ok = connect(settings_.timeout); !ok) {
        why = ok.error().message;
        break;
      }
      auto rows = client_->execute(tables_.select(), {{.value = array}}, settings_.timeout);
      if (rows) return found_of(keys, *rows);
      why = rows.error().message;
      if (!rows.error().is_lost) break;
      client_.reset();
    }
    return std::vector<StateStore::Found>(keys.size(), failed(why));
  }

  static std::vector<StateStore::Found> found_of(const std::vector<std::string>& keys, const Rows& rows) {
    std::map<std::string_view, int> places;
    for (int row = 0; row < rows.count(); ++row) places.emplace(rows.at(row, 0), row);
    std::vector<StateStore::Found> found;
    found.reserve(keys.size());
    for (const auto& key : keys) {
      const auto place = places.find(key);
      if (place == places.end()) found.emplace_back(std::nullopt);
      else found.push_back(state_of(rows, place->second));
    }
    return found;
  }

  static StateStore::Found state_of(const Rows& rows, int row) {
    StoredState state{std::string(rows.at(row, 1)), std::string(rows.at(row, 3)), {}, std::nullopt};
    if (rows.at(row, 2) == "true") {
      if (state.value.size() < 2 || state.value.front() != '"') return failed("failed to unmarshal JSON data: it is no string");
      auto bytes = from_base64(std::string_view(state.value).substr(1, state.value.size() - 2));
      if (!bytes) return failed("failed to decode base64 data: " + bytes.error().message);
      state.value = *std::move(bytes);
    }
    if (!rows.is_null(row, 4)) {
      const auto text = rows.at(row, 4);
      Instant at;
      std::from_chars(text.data(), text.data() + text.size(), at.unix_ms);
      state.expires_at = at;
    }
    return state;
  }

  StoreResult<void> change(std::vector<StateChange> changes) {
    for (const auto& change : changes)
      if (auto ok = check_etag(settings_.layout, change.etag); !ok) return ok;
    auto merged = merge(std::move(changes));
    if (!merged) return tl::unexpected(std::move(merged.error()));
    for (int tries = 2;; --tries) {
      if (auto ok = connect(settings_.timeout); !ok) return failed(std::move(ok.error().message));
      auto attempt = merged->size() == 1 ? apply(merged->front(), Lost::Unknown) : transact(*merged);
      if (!attempt.lost) return std::move(attempt.outcome);
      client_.reset();
      if (*attempt.lost == Lost::Unknown)
        return failed("the connection to the database was lost before it answered, and what was asked may have been done: " + attempt.outcome.error().message);
      if (tries == 1) return std::move(attempt.outcome);
    }
  }

  Attempt transact(const std::vector<StateChange>& changes) {
    if (auto ok = execute("BEGIN", {}, Lost::NotDone); ok.lost || !ok.outcome) return ok;
    for (const auto& change : changes) {
      auto attempt = apply(change, Lost::NotDone);
      if (attempt.lost) return attempt;
      if (attempt.outcome) continue;
      // Where this fails, the server ends the transaction with the connection.
      if (auto ended = execute("ROLLBACK", {}, Lost::NotDone); ended.lost || !ended.outcome) client_.reset();
      return attempt;
    }
    return execute("COMMIT", {}, Lost::Unknown);
  }

  Attempt execute(const std::string& sql, const std::vector<Parameter>& parameters, Lost lost, std::int64_t* affected = nullptr) {
    auto rows = client_->execute(sql, parameters, settings_.timeout);
    if (!rows) return {failed(rows.error().message), rows.error().is_lost ? std::optional(lost) : std::nullopt};
    if (affected != nullptr) *affected = rows->affected();
    return {};
  }

  Attempt apply(const StateChange& change, Lost lost) {
    const bool is_v1 = settings_.layout == Layout::V1;
    std::vector<Parameter> parameters{{.value = change.key}};
    std::string sql, text;
    bool wants_row = true;
    if (change.kind == StateChange::Kind::Set) {
      if (is_v1) {
        const bool is_json = is_jsonb(change.value);
        text = is_json ? change.value : '"' + to_base64(change.value) + '"';
        parameters.push_back({Parameter::Form::Text, text});
        parameters.push_back({Parameter::Form::Text, is_json ? "false" : "true"});
      } else {
        parameters.push_back({.value = change.value});
      }
      sql = !change.etag.empty() ? tables_.update(change.ttl_seconds) : change.first_write ? tables_.insert(change.ttl_seconds) : tables_.upsert(change.ttl_seconds);
    } else if (!change.etag.empty()) {
      sql = tables_.remove_if();
    } else {
      sql = tables_.remove();
      wants_row = false;
      if (change.first_write) {
        std::int64_t live = 0;
        if (auto ok = execute(tables_.select_live(), parameters, Lost::NotDone, &live); ok.lost || !ok.outcome) return ok;
        if (live != 0) return {mismatch(), std::nullopt};
      }
    }
    if (!change.etag.empty()) parameters.push_back({Parameter::Form::Text, change.etag});
    std::int64_t affected = 0;
    auto attempt = execute(sql, parameters, lost, &affected);
    if (attempt.outcome && wants_row && affected == 0) attempt.outcome = mismatch();
    return attempt;
  }

  const std::shared_ptr<const Shared> shared_;
  const Settings& settings_ = shared_->settings;
  const Tables& tables_ = shared_->tables;
  std::unique_ptr<Client> client_;
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_state_store(const dapr::StoreDocument& document) {
  auto settings = read_settings(document);
  if (!settings) return fail(std::move(settings.error()));
  const auto shared = std::make_shared<const Shared>(*std::move(settings));
  dapr::PooledStore::Connections connections;
  for (std::int64_t i = 0; i < shared->settings.connections; ++i) {
    auto connection = std::make_unique<Connection>(shared);
    // The first says that the database is there; the others follow when they are needed.
    if (i == 0)
      if (auto ok = connection->open(document.init_timeout); !ok) return fail(std::move(ok.error()));
    connections.push_back(std::move(connection));
  }
  return std::make_unique<dapr::PooledStore>(
      dapr::PooledStore::Options{.thread_name = "postgresql", .features = {}, .cleanup_interval = shared->settings.cleanup_interval}, std::move(connections));
}

}  // namespace holdfast::postgres
