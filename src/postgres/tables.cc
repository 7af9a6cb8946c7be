#include "postgres/tables.h"

#include <charconv>
#include <utility>
#include <vector>

namespace holdfast::postgres {
namespace {

constexpr Duration kStepMax{60'000};
constexpr Duration kCleanupMax{600'000};
constexpr int kTries = 5;
constexpr std::string_view kUniqueViolation = "23505";

Error error_of(const Failure& failure) { return {ErrorCode::Unavailable, failure.message}; }

std::string expiry_of(std::int64_t ttl_seconds) {
  return ttl_seconds > 0 ? "CURRENT_TIMESTAMP + interval '" + std::to_string(ttl_seconds) + " seconds'" : "NULL";
}

}  // namespace

Tables::Tables(const Settings& settings)
    : settings_(settings),
      is_v1_(settings.layout == Layout::V1),
      table_(settings.state_table),
      expiry_(is_v1_ ? "expiredate" : "expires_at"),
      live_(" (t." + expiry_ + " IS NULL OR t." + expiry_ + " >= CURRENT_TIMESTAMP)") {
  const std::string from = " FROM " + table_ + " AS t WHERE t.key = ";
  select_ = std::string("SELECT t.key, ") + (is_v1_ ? "t.value::text, t.isbinary::text, t.xmin::text" : "t.value, 'false'::text, t.etag::text") + ", (extract(epoch from t." + expiry_ +
            ") * 1000)::bigint::text" + from + "ANY($1) AND" + live_;
  select_live_ = "SELECT 1" + from + "$1 AND" + live_;
  remove_ = "DELETE" + from + "$1";
  remove_if_ = remove_ + (is_v1_ ? " AND t.xmin = $2::xid" : " AND t.etag = $2::uuid") + " AND" + live_;
}

std::string Tables::upsert(std::int64_t ttl_seconds) const {
  const std::string expiry = expiry_of(ttl_seconds);
  if (is_v1_)
    return "INSERT INTO " + table_ + " AS t (key, value, isbinary, expiredate) VALUES ($1, $2::jsonb, $3::boolean, " + expiry +
           ") ON CONFLICT (key) DO UPDATE SET value = excluded.value, isbinary = excluded.isbinary, updatedate = CURRENT_TIMESTAMP, expiredate = excluded.expiredate";
  return "INSERT INTO " + table_ + " AS t (key, value, etag, expires_at) VALUES ($1, $2, gen_random_uuid(), " + expiry +
         ") ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = CURRENT_TIMESTAMP, etag = excluded.etag, expires_at = excluded.expires_at";
}

// What has expired is in its way, and not there.
std::string Tables::insert(std::int64_t ttl_seconds) const { return upsert(ttl_seconds) + " WHERE NOT" + live_; }

std::string Tables::update(std::int64_t ttl_seconds) const {
  const std::string head = "UPDATE " + table_ + " AS t SET " + expiry_ + " = " + expiry_of(ttl_seconds);
  if (is_v1_) return head + ", value = $2::jsonb, isbinary = $3::boolean, updatedate = CURRENT_TIMESTAMP WHERE t.key = $1 AND t.xmin = $4::xid AND" + live_;
  return head + ", value = $2, updated_at = CURRENT_TIMESTAMP, etag = gen_random_uuid() WHERE t.key = $1 AND t.etag = $3::uuid AND" + live_;
}

Result<void> Tables::make(Client& client) const {
  const std::string& metadata = settings_.metadata_table;
  const std::string key = is_v1_ ? "migrations" : "migrations-state-v2-" + settings_.table_prefix;
  const std::vector<std::string> steps =
      is_v1_ ? std::vector<std::string>{"CREATE TABLE IF NOT EXISTS " + table_ +
                                            " (key text NOT NULL PRIMARY KEY, value jsonb NOT NULL, isbinary boolean NOT NULL, "
                                            "insertdate TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(), updatedate TIMESTAMP WITH TIME ZONE NULL)",
                                        "ALTER TABLE " + table_ + " ADD IF NOT EXISTS expiredate TIMESTAMP WITH TIME ZONE"}
             : std::vector<std::string>{"CREATE TABLE IF NOT EXISTS " + table_ +
                                        " (key text NOT NULL PRIMARY KEY, value bytea NOT NULL, etag uuid NOT NULL DEFAULT gen_random_uuid(), "
                                        "created_at timestamp with time zone NOT NULL DEFAULT now(), updated_at timestamp with time zone, "
                                        "expires_at timestamp with time zone)"};
  const auto run = [&client](const std::string& sql, const std::vector<Parameter>& parameters = {}) { return client.execute(sql, parameters, kStepMax); };
  // Two that make the same table at the same time meet in a unique index.
  const std::string make_metadata = "CREATE TABLE IF NOT EXISTS " + metadata + " (key text NOT NULL PRIMARY KEY, value text NOT NULL)";
  auto made = run(make_metadata);
  for (int i = 1; i < kTries && !made && made.error().sql_state == kUniqueViolation; ++i) made = run(make_metadata);
  if (!made) return fail(error_of(made.error()));
  if (auto ok = run("INSERT INTO " + metadata + " (key, value) VALUES ('lock', 'lock') ON CONFLICT (key) DO NOTHING"); !ok) return fail(error_of(ok.error()));

  const auto locked = [&]() -> tl::expected<void, Failure> {
    if (auto ok = run("SELECT value FROM " + metadata + " WHERE key = 'lock' FOR UPDATE"); !ok) return tl::unexpected(ok.error());
    auto level = run("SELECT value FROM " + metadata + " WHERE key = $1", {{.value = key}});
    if (!level) return tl::unexpected(level.error());
    std::size_t done = 0;
    if (level->count() > 0) {
      const auto text = level->at(0, 0);
      if (std::from_chars(text.data(), text.data() + text.size(), done).ec != std::errc())
        return tl::unexpected<Failure>({"invalid migration level found in metadata table: " + std::string(text), {}, false});
    }
    if (done >= steps.size()) return {};
    const bool wants_index = !is_v1_ && done == 0;
    for (; done < steps.size(); ++done)
      if (auto ok = run(steps[done]); !ok) return tl::unexpected(ok.error());
    if (wants_index)
      if (auto ok = run("CREATE INDEX ON " + table_ + " (expires_at)"); !ok) return tl::unexpected(ok.error());
    auto noted = run("INSERT INTO " + metadata + " (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                     {{.value = key}, {.value = std::to_string(done)}});
    if (!noted) return tl::unexpected(noted.error());
    return {};
  };
  if (auto ok = run("BEGIN"); !ok) return fail(error_of(ok.error()));
  const auto ok = locked();
  const auto ended = run(ok ? "COMMIT" : "ROLLBACK");
  if (!ok) return fail(ErrorCode::Unavailable, "failed to perform migrations: " + ok.error().message);
  if (!ended) return fail(error_of(ended.error()));
  return {};
}

Result<void> Tables::clean_up(Client& client) const {
  const std::string& metadata = settings_.metadata_table;
  const std::string key = is_v1_ ? "last-cleanup" : "last-cleanup-state-v2-" + settings_.table_prefix;
  const auto claimed = client.execute("INSERT INTO " + metadata + " AS m (key, value) VALUES ($1, now()::text) ON CONFLICT (key) DO UPDATE SET value = now()::text WHERE "
                                      "(extract('epoch' from now() - m.value::timestamp with time zone) * 1000)::bigint > " + std::to_string(settings_.cleanup_interval.ms - 100),
                                      {{.value = key}}, kStepMax);
  if (!claimed) return fail(error_of(claimed.error()));
  if (claimed->affected() == 0) return {};
  const auto gone = client.execute("DELETE FROM " + table_ + " WHERE " + expiry_ + " IS NOT NULL AND " + expiry_ + " < now()", {}, kCleanupMax);
  if (!gone) return fail(error_of(gone.error()));
  return {};
}

}  // namespace holdfast::postgres
