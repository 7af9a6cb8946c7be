// libpq, as far as it is used here: one connection, statements with parameters, and a bound on the time each takes.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "postgres/settings.h"

namespace holdfast::postgres {

struct Failure {
  std::string message;
  std::string sql_state;  // Empty: not said by the server.
  bool is_lost = false;   // The connection is gone: what was under way may have been done.
};

// A value of a statement, as bytes in the server's binary form (of text and bytea: themselves), or as text that has no zero in it.
struct Parameter {
  enum class Form : std::uint8_t { Bytes, Text } form = Form::Bytes;
  std::string_view value;
};

class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}
  [[nodiscard]] int count() const { return PQntuples(result_.get()); }
  [[nodiscard]] std::string_view at(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column), static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
  }
  [[nodiscard]] bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) != 0; }
  // Of a change.
  [[nodiscard]] std::int64_t affected() const { return std::strtoll(PQcmdTuples(result_.get()), nullptr, 10); }

 private:
  struct Clear {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

class Client {
 public:
  // Unavailable: not within `timeout`, or refused.
  [[nodiscard]] static Result<std::unique_ptr<Client>> connect(const Settings& settings, Duration timeout);

  // Whether the server has ended a connection that nobody was using.
  [[nodiscard]] bool has_ended() const;
  // One statement. Columns come in binary form.
  [[nodiscard]] tl::expected<Rows, Failure> execute(const std::string& sql, const std::vector<Parameter>& parameters, Duration timeout);

 private:
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  Client() = default;
  [[nodiscard]] Failure lost(std::string_view why = {});
  std::unique_ptr<PGconn, Finish> connection_;
};

}  // namespace holdfast::postgres
