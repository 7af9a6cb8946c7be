#include "sqlite/state_store.h"

#include <optional>
#include <utility>

#include "base/base64.h"
#include "base/random.h"
#include "codec/go_json.h"
#include "dapr/pooled_store.h"
#include "sqlite/database.h"

namespace holdfast::sqlite {
namespace {

using dapr::StateChange;
using dapr::StateStore;
using dapr::StoreCall;
using dapr::StoredState;
using dapr::StoreError;
template <typename T>
using StoreResult = dapr::StoreResult<T>;

constexpr std::size_t kReaders = 2;
constexpr std::size_t kBatchMax = 256;  // Calls of one commit.

tl::unexpected<StoreError> failed(Error error) { return tl::unexpected<StoreError>({StoreError::Kind::Failed, std::move(error.message)}); }

std::string replace(std::string sql, const Settings& settings) {
  for (const auto& [what, with] : {std::pair<std::string, const std::string&>{"$table", settings.table}, {"$metadata", settings.metadata_table}})
    for (std::size_t at = 0; (at = sql.find(what, at)) != std::string::npos; at += with.size()) sql.replace(at, what.size(), with);
  return sql;
}

// The level of daprd's migrations: 1 is the only one there has been.
Result<void> migrate(Database& database, const Settings& settings) {
  const auto steps = [&]() -> Result<void> {
    if (auto ok = database.execute("BEGIN EXCLUSIVE TRANSACTION"); !ok) return ok;
    if (auto ok = database.execute(replace("CREATE TABLE IF NOT EXISTS $metadata (key text NOT NULL PRIMARY KEY, value text NOT NULL)", settings)); !ok) return ok;
    auto level = Statement::prepare(database, replace("SELECT CAST(value AS INTEGER) FROM $metadata WHERE key = 'migrations'", settings));
    if (!level) return fail(std::move(level.error()));
    const auto has_level = level->step();
    if (!has_level) return fail(has_level.error());
    const bool is_there = *has_level && level->number(0) >= 1;
    level->reset();
    if (!is_there) {
      if (auto ok = database.execute(replace("CREATE TABLE IF NOT EXISTS $table (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary BOOLEAN NOT NULL, "
                                             "etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL, "
                                             "update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)", settings)); !ok) return ok;
      if (auto ok = database.execute(replace("REPLACE INTO $metadata (key, value) VALUES ('migrations', '1')", settings)); !ok) return ok;
    }
    return database.execute("COMMIT TRANSACTION");
  };
  auto ok = steps();
  if (!ok) ok.error().message = "failed to perform migrations: " + ok.error().message;
  return ok;
}

class Connection final : public dapr::StoreConnection {
 public:
  enum class Use { Everything, Reads };

  [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const Settings& settings, Use use) {
    auto database = Database::open(settings);
    if (!database) return fail(std::move(database.error()));
    if (use == Use::Everything)
      if (auto ok = migrate(**database, settings); !ok) return fail(std::move(ok.error()));
    std::unique_ptr<Connection> made(new Connection(settings, *std::move(database)));
    const std::string live = " FROM $table WHERE key = ?1 AND (expiration_time IS NULL OR expiration_time > CURRENT_TIMESTAMP)";
    const std::pair<std::optional<Statement>*, std::string> statements[] = {
        {&made->select_, "SELECT value, is_binary, etag, unixepoch(expiration_time)" + live},
        {&made->select_etag_, "SELECT etag" + live},
        {&made->set_, "INSERT OR REPLACE INTO $table (key, value, is_binary, etag, update_time, expiration_time) VALUES (?1, ?2, ?3, ?4, CURRENT_TIMESTAMP, "
                      "CASE WHEN ?5 > 0 THEN DATETIME(CURRENT_TIMESTAMP, '+' || ?5 || ' seconds') END)"},
        {&made->delete_, "DELETE FROM $table WHERE key = ?1"},
        // Of several processes with one file, one cleans up in each interval.
        {&made->claim_cleanup_, "INSERT INTO $metadata (key, value) VALUES ('last-cleanup', CURRENT_TIMESTAMP) ON CONFLICT (key) DO UPDATE SET value = "
                                "CURRENT_TIMESTAMP WHERE (unixepoch(CURRENT_TIMESTAMP) - unixepoch(value)) * 1000 > ?1"},
        {&made->clean_up_, "DELETE FROM $table WHERE expiration_time IS NOT NULL AND expiration_time < CURRENT_TIMESTAMP"}};
    for (const auto& [place, sql] : statements) {
      auto statement = Statement::prepare(*made->database_, replace(sql, settings));
      if (!statement) return fail(std::move(statement.error()));
      *place = *std::move(statement);
    }
    return made;
  }

  void run(std::span<StoreCall> calls) override {
    database_->set_deadline(settings_.timeout);
    bool has_changes = false;
    for (auto& call : calls) {
      if (call.is_read()) read(call);
      else has_changes = true;
    }
    if (has_changes) change(calls);
  }

  Result<void> clean_up() override {
    database_->set_deadline(kCleanupMax);
    claim_cleanup_->bind(1, settings_.cleanup_interval.ms - 100);
    if (auto ok = claim_cleanup_->run(); !ok) return ok;
    if (database_->changes() == 0) return {};
    return clean_up_->run();
  }

 private:
  static constexpr Duration kCleanupMax{600'000};

  Connection(const Settings& settings, std::unique_ptr<Database> database) : settings_(settings), database_(std::move(database)), random_(entropy()) {}

  StateStore::Found select(const std::string& key) {
    select_->bind(1, key);
    auto has_row = select_->step();
    if (!has_row) return failed(std::move(has_row.error()));
    if (!*has_row) return std::nullopt;
    StoredState state{std::string(select_->text(0)), std::string(select_->text(2)), {}, std::nullopt};
    if (select_->number(1) != 0) {
      auto bytes = from_base64(state.value);
      if (!bytes) return failed({ErrorCode::Damaged, "failed to decode binary data: " + bytes.error().message});
      state.value = *std::move(bytes);
    }
    if (!select_->is_null(3)) state.expires_at = Instant{select_->number(3) * 1000};
    return state;
  }

  void read(StoreCall& call) {
    std::vector<StateStore::Found> found;
    found.reserve(call.keys.size());
    for (const auto& key : call.keys) {
      found.push_back(select(key));
      select_->reset();
    }
    call.found(std::move(found));
  }

  StoreResult<void> check(const StateChange& change) {
    if (change.etag.empty() && !change.first_write) return {};
    select_etag_->bind(1, change.key);
    auto has_row = select_etag_->step();
    const bool is_met = has_row && (change.etag.empty() ? !*has_row : *has_row && select_etag_->text(0) == change.etag);
    select_etag_->reset();
    if (!has_row) return failed(std::move(has_row.error()));
    if (!is_met) return tl::unexpected<StoreError>({StoreError::Kind::EtagMismatch, {}});
    return {};
  }

  StoreResult<void> apply(const StateChange& change) {
    Result<void> ok;
    if (change.kind == StateChange::Kind::Delete) {
      delete_->bind(1, change.key);
      ok = delete_->run();
    } else {
      // JSON as it is, so that people can read it; anything else as daprd keeps bytes.
      const bool is_json = codec::check_go_json(change.value).has_value();
      const std::string text = is_json ? change.value : to_base64(change.value);
      const std::string etag = dapr::make_uuid(random_);
      set_->bind(1, change.key).bind(2, text).bind(3, std::int64_t{is_json ? 0 : 1}).bind(4, etag).bind(5, change.ttl_seconds);
      ok = set_->run();
    }
    if (!ok) return failed(std::move(ok.error()));
    return {};
  }

  StoreResult<void> transact(const std::vector<StateChange>& changes) {
    for (const auto& change : changes)
      if (auto ok = check(change); !ok) return ok;
    for (const auto& change : changes)
      if (auto ok = apply(change); !ok) return ok;
    return {};
  }

  // All in one commit. Each has its savepoint, so that one that fails takes nothing of the others with it.
  void change(std::span<StoreCall> calls) {
    std::vector<StoreResult<void>> outcomes(calls.size());
    auto ok = database_->execute("BEGIN IMMEDIATE TRANSACTION");
    for (std::size_t i = 0; ok && i < calls.size(); ++i) {
      if (calls[i].is_read()) continue;
      if (ok = database_->execute("SAVEPOINT call"); !ok) break;
      outcomes[i] = transact(calls[i].changes);
      // A full disk, say, has ended the whole transaction.
      if (!database_->in_transaction()) ok = fail(ErrorCode::Io, outcomes[i] ? "the transaction was ended" : outcomes[i].error().message);
      else ok = database_->execute(outcomes[i] ? "RELEASE call" : "ROLLBACK TO call; RELEASE call");
    }
    if (ok) ok = database_->execute("COMMIT TRANSACTION");
    if (database_->in_transaction()) (void)database_->execute("ROLLBACK TRANSACTION");
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (calls[i].is_read()) continue;
      calls[i].done(ok ? std::move(outcomes[i]) : StoreResult<void>(failed(ok.error())));
    }
  }

  const Settings settings_;
  const std::unique_ptr<Database> database_;
  SeededRandom random_;
  std::optional<Statement> select_, select_etag_, set_, delete_, claim_cleanup_, clean_up_;
};

}  // namespace

Result<std::unique_ptr<StateStore>> open_state_store(const dapr::StoreDocument& document) {
  auto settings = read_settings(document);
  if (!settings) return fail(std::move(settings.error()));
  dapr::PooledStore::Connections writers, readers;
  const auto open = [&settings](dapr::PooledStore::Connections& into, Connection::Use use) -> Result<void> {
    auto connection = Connection::open(*settings, use);
    if (!connection) return fail(std::move(connection.error()));
    into.push_back(*std::move(connection));
    return {};
  };
  if (auto ok = open(writers, Connection::Use::Everything); !ok) return fail(std::move(ok.error()));
  for (std::size_t i = 0; settings->wal && i < kReaders; ++i)
    if (auto ok = open(readers, Connection::Use::Reads); !ok) return fail(std::move(ok.error()));
  return std::make_unique<dapr::PooledStore>(
      dapr::PooledStore::Options{
          .thread_name = "sqlite", .features = {}, .batch_max = kBatchMax, .cleanup_interval = settings->cleanup_interval},
      std::move(writers), std::move(readers));
}

}  // namespace holdfast::sqlite
