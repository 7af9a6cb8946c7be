#include "sqlite/database.h"

#include <utility>

namespace holdfast::sqlite {
namespace {

constexpr int kStepsBetweenLooks = 10'000;  // Of SQLite's machine: some 100 us.

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const Settings& settings) {
  std::unique_ptr<Database> database(new Database);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(settings.file.c_str(), &database->db_, flags, nullptr) != SQLITE_OK)
    return fail(ErrorCode::Io, "failed to open " + settings.file + ": " + (database->db_ == nullptr ? "no memory" : database->message()));
  if (settings.busy_timeout.ms > 0) sqlite3_busy_timeout(database->db_, static_cast<int>(std::min<std::int64_t>(settings.busy_timeout.ms, INT32_MAX)));
  const auto is_late = [](void* self) { return std::chrono::steady_clock::now() > static_cast<Database*>(self)->deadline_ ? 1 : 0; };
  sqlite3_progress_handler(database->db_, kStepsBetweenLooks, is_late, database.get());
  auto pragmas = settings.pragmas;
  pragmas.emplace_back(settings.in_memory ? "journal_mode(MEMORY)" : settings.wal ? "journal_mode(WAL)" : "journal_mode(DELETE)");
  for (const auto& pragma : pragmas)
    if (auto ok = database->execute("PRAGMA " + pragma); !ok) return fail(std::move(ok.error()));
  return database;
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return fail(ErrorCode::Io, message());
  return {};
}

Result<Statement> Statement::prepare(Database& database, const std::string& sql) {
  sqlite3_stmt* handle = nullptr;
  if (sqlite3_prepare_v3(database.handle(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &handle, nullptr) != SQLITE_OK)
    return fail(ErrorCode::Io, database.message());
  Statement statement;
  statement.handle_.reset(handle);
  return statement;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(ErrorCode::Io, sqlite3_errmsg(sqlite3_db_handle(handle_.get())));
}

Result<void> Statement::run() {
  for (;;) {
    auto has_row = step();
    if (!has_row || !*has_row) {
      reset();
      if (!has_row) return fail(std::move(has_row.error()));
      return {};
    }
  }
}

}  // namespace holdfast::sqlite
