#include "postgres/client.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace holdfast::postgres {
namespace {

using Steady = std::chrono::steady_clock;

// Messages of libpq have lines; those that are set in are advice.
std::string one_line(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    if (end > at && text[at] != '\t') out.append(out.empty() ? "" : " ").append(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// False: the time is over.
bool wait(int fd, short events, Steady::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
  pollfd waiting{.fd = fd, .events = events, .revents = 0};
  return left > 0 && ::poll(&waiting, 1, static_cast<int>(std::min<std::int64_t>(left, 3'600'000))) != 0;
}

}  // namespace

Result<std::unique_ptr<Client>> Client::connect(const Settings& settings, Duration timeout) {
  const auto deadline = Steady::now() + std::chrono::milliseconds(timeout.ms);
  std::vector<const char*> names, values;
  for (const auto& [name, value] : settings.connection) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  if (!settings.connection.contains("fallback_application_name")) {
    names.push_back("fallback_application_name");
    values.push_back("holdfast");
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<Client> client(new Client);
  client->connection_.reset(PQconnectStartParams(names.data(), values.data(), 0));
  PGconn* connection = client->connection_.get();
  const auto refused = [](std::string_view why) { return fail(ErrorCode::Unavailable, "failed to connect to the database: " + one_line(why)); };
  if (connection == nullptr) return refused("no memory");
  PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
  for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(connection)) {
    if (state == PGRES_POLLING_FAILED || PQstatus(connection) == CONNECTION_BAD) return refused(PQerrorMessage(connection));
    if (!wait(PQsocket(connection), state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline)) return refused("no answer in time");
  }
  PQsetnonblocking(connection, 1);
  return client;
}

bool Client::has_ended() const {
  pollfd waiting{.fd = PQsocket(connection_.get()), .events = POLLIN, .revents = 0};
  // Nothing is owed to us: what can be read is the end, or a notice of it that comes just before. (Of a changed setting, too; that is rare.)
  return PQstatus(connection_.get()) == CONNECTION_BAD || ::poll(&waiting, 1, 0) != 0;
}

Failure Client::lost(std::string_view why) {
  return {one_line(why.empty() ? PQerrorMessage(connection_.get()) : why), {}, true};
}

tl::expected<Rows, Failure> Client::execute(const std::string& sql, const std::vector<Parameter>& parameters, Duration timeout) {
  PGconn* connection = connection_.get();
  const auto deadline = Steady::now() + std::chrono::milliseconds(timeout.ms);
  std::vector<const char*> values;
  std::vector<int> sizes, forms;
  for (const auto& parameter : parameters) {
    values.push_back(parameter.value.data() == nullptr ? "" : parameter.value.data());
    sizes.push_back(static_cast<int>(parameter.value.size()));
    forms.push_back(parameter.form == Parameter::Form::Bytes ? 1 : 0);
  }
  if (PQsendQueryParams(connection, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), sizes.data(), forms.data(), 1) == 0)
    return tl::unexpected(lost());
  for (int left = 1; left != 0;) {
    left = PQflush(connection);
    if (left < 0) return tl::unexpected(lost());
    if (left > 0 && !wait(PQsocket(connection), POLLIN | POLLOUT, deadline)) return tl::unexpected(lost("no answer in time"));
    if (left > 0 && PQconsumeInput(connection) == 0) return tl::unexpected(lost());
  }
  std::unique_ptr<Rows> rows;
  std::optional<Failure> failure;
  for (;;) {
    while (PQisBusy(connection) != 0) {
      if (!wait(PQsocket(connection), POLLIN, deadline)) return tl::unexpected(lost("no answer in time"));
      if (PQconsumeInput(connection) == 0) return tl::unexpected(lost());
    }
    PGresult* result = PQgetResult(connection);
    if (result == nullptr) break;
    const auto status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && !failure) {
      const char* message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
      const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      failure = Failure{};
      failure->sql_state = state == nullptr ? "" : state;
      failure->message = message == nullptr ? one_line(PQresultErrorMessage(result)) : std::string(severity == nullptr ? "ERROR" : severity) + ": " + message + " (SQLSTATE " + failure->sql_state + ")";
    }
    rows = std::make_unique<Rows>(result);
  }
  if (failure) {
    failure->is_lost = PQstatus(connection) == CONNECTION_BAD;
    return tl::unexpected(*std::move(failure));
  }
  if (rows == nullptr) return tl::unexpected(lost());
  return std::move(*rows);
}

}  // namespace holdfast::postgres
