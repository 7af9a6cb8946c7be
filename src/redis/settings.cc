#include "redis/settings.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace holdfast::redis {
namespace {

constexpr Duration kMillisecond{1};
constexpr std::int64_t kConnectionsMax = 64;

bool read_host(std::string_view text, Settings& to) {
  const auto colon = text.rfind(':');
  // An address of IPv6 has brackets where there is a port.
  const bool has_port = colon != std::string_view::npos && (text.find(':') == colon || text[colon - 1] == ']');
  std::string_view host = text.substr(0, has_port ? colon : text.size());
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  to.host = host;
  if (!has_port) return !host.empty();
  const std::string_view port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), to.port);
  return error == std::errc() && end == port.data() + port.size() && to.port > 0 && to.port < 65536 && !host.empty();
}

}  // namespace

Result<Settings> read_settings(const dapr::StoreDocument& document) {
  dapr::StoreSettings from(document);
  Settings to;
  const auto host = from.text({"redisHost"});
  if (!host) from.refuse("metadata redisHost is missing");
  else if (host->find(',') != std::string::npos || !read_host(*host, to)) from.refuse("metadata redisHost: expected one host:port, got '" + *host + "'");
  to.user = from.text({"redisUsername"}).value_or("");
  to.password = from.text({"redisPassword"}).value_or("");
  to.database = from.number({"redisDB"}, 0, 65'535, 0);
  to.retries = from.number({"redisMaxRetries", "maxRetries"}, -1, 100, to.retries);
  const auto time = [&from](dapr::StoreSettings::Names names, Duration fallback) {
    const Duration value = from.duration(names, kMillisecond, fallback);
    return value.ms > 0 ? value : fallback;
  };
  to.dial_timeout = time({"dialTimeout"}, to.dial_timeout);
  to.read_timeout = time({"readTimeout"}, to.read_timeout);
  to.retry_interval = time({"redisMaxRetryInterval"}, to.retry_interval);
  to.connections = std::min(from.number({"poolSize"}, 0, 1'000'000, 0), kConnectionsMax);
  if (to.connections == 0) to.connections = Settings().connections;
  to.ttl_seconds = std::max<std::int64_t>(0, from.number({"ttlInSeconds"}, INT64_MIN, INT64_MAX, 0));

  const auto type = from.text({"redisType"});
  if (type && ::strcasecmp(type->c_str(), "node") != 0) from.refuse("metadata redisType: there is only 'node' here, got '" + *type + "'");
  if (from.flag({"failover"})) from.refuse("metadata failover: there is no Redis Sentinel here");
  if (from.flag({"enableTLS"})) from.refuse("metadata enableTLS: there is no TLS to Redis here");
  if (from.flag({"useEntraID", "useAzureAD"})) from.refuse("metadata useEntraID: there is no Entra ID here");
  if (auto ok = from.finish(); !ok) return fail(std::move(ok.error()));
  return to;
}

}  // namespace holdfast::redis
