// SQLite's C API, as far as it is used here: an open file, and statements that are prepared once. Messages are SQLite's own.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "sqlite/settings.h"

namespace holdfast::sqlite {

class Database {
 public:
  // With the pragmas of `settings`.
  [[nodiscard]] static Result<std::unique_ptr<Database>> open(const Settings& settings);
  ~Database() { sqlite3_close_v2(db_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  [[nodiscard]] Result<void> execute(const std::string& sql);
  [[nodiscard]] std::string message() const { return sqlite3_errmsg(db_); }
  [[nodiscard]] bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(db_); }
  // What runs after it is interrupted.
  void set_deadline(Duration timeout) { deadline_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout.ms); }
  [[nodiscard]] sqlite3* handle() { return db_; }

 private:
  Database() = default;
  sqlite3* db_ = nullptr;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
};

class Statement {
 public:
  [[nodiscard]] static Result<Statement> prepare(Database& database, const std::string& sql);

  // From 1. The text must outlive the run.
  Statement& bind(int place, std::string_view text) {
    sqlite3_bind_text64(handle_.get(), place, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& bind(int place, std::int64_t number) {
    sqlite3_bind_int64(handle_.get(), place, number);
    return *this;
  }
  // Whether there is a row. reset() comes before the next run.
  [[nodiscard]] Result<bool> step();
  void reset() {
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
  }
  // Runs it to its end.
  [[nodiscard]] Result<void> run();

  [[nodiscard]] std::string_view text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_blob(handle_.get(), column));
    return {data == nullptr ? "" : data, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
  }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  [[nodiscard]] bool is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace holdfast::sqlite
