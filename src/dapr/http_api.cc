#include "dapr/http_api.h"

#include <algorithm>
#include <utility>

#include "api/guard.h"
#include "dapr/error.h"
#include "codec/dapr_json.h"

namespace holdfast::dapr {
namespace {

constexpr std::string_view kMetadataPrefix = "metadata.";
constexpr std::string_view kTokenHeader = "dapr-api-token";

net::HttpResponse plain(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "text/plain; charset=utf-8"}, {"x-content-type-options", "nosniff"}}, .body = std::move(body)};
}

bool is_get(const api::Exchange& exchange) { return exchange.request.method == "GET"; }
bool is_write(const api::Exchange& exchange) { return exchange.request.method == "POST" || exchange.request.method == "PUT"; }

// What there is no component of, as daprd says it then.
std::optional<DaprError> without_component(const api::Exchange& exchange, const std::vector<std::string>& path) {
  const std::string& block = path[0];
  const std::size_t size = path.size();
  if (block == "publish" && size >= 3 && is_write(exchange)) return errors::pubsub_not_found(path[1] == "bulk" ? path[2] : path[1], {});
  if (block == "bindings" && size == 2 && is_write(exchange)) return errors::output_binding_not_found(path[1]);
  if (block == "actors" && size >= 4) return errors::actor_runtime_not_found();
  if (block == "configuration" && size >= 2 && is_get(exchange)) return errors::configuration_stores_not_configured();
  if ((block == "lock" || block == "unlock") && size == 2 && is_write(exchange)) return errors::lock_stores_not_configured();
  if (block == "crypto" && size == 3 && exchange.request.method == "PUT") return errors::crypto_providers_not_configured();
  return std::nullopt;
}

}  // namespace

void answer_error(api::Exchange& exchange, const DaprError& error) {
  exchange.answer({.status = error.http_status, .headers = {{"content-type", "application/json"}}, .body = to_json(error)});
}

void answer_nothing(api::Exchange& exchange) { exchange.answer({.status = 204, .headers = {}, .body = {}}); }

void answer_json(api::Exchange& exchange, std::string body, const Metadata& metadata) {
  net::HttpResponse response{.status = 200, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
  for (const auto& [name, value] : metadata) response.headers.add(std::string(kMetadataPrefix) + name, value);
  exchange.answer(std::move(response));
}

Metadata request_metadata(const net::QueryParameters& query) {
  Metadata metadata;
  for (const auto& [name, value] : query)
    if (name.starts_with(kMetadataPrefix)) metadata[name.substr(kMetadataPrefix.size())] = value;
  return metadata;
}

net::HttpResponse http_error(int status, std::string_view message) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = to_json(errors::refused_by_server(status, message))};
}

bool HttpApi::is_authorized(const net::HttpRequest& request) const {
  if (!app_.api_token.is_asked_for() || app_.api_token.is(request.headers.get(kTokenHeader))) return true;
  const std::string path = clean_path(request.path());
  return request.method == "GET" && (path == "/v1.0/healthz" || path == "/v1.0/healthz/outbound");
}

std::optional<net::HttpResponse> HttpApi::refuse(const net::HttpRequest& head) {
  if (is_authorized(head)) return std::nullopt;
  counters_->count(401);
  return plain(401, "invalid api token\n");
}

void HttpApi::handle(net::HttpRequest request, net::Responder responder) {
  const bool is_authorized_here = is_authorized(request);
  request.headers.remove(kTokenHeader);
  auto exchange = std::make_shared<api::Exchange>(std::move(request), std::move(responder), counters_);
  if (!is_authorized_here) return exchange->answer(plain(401, "invalid api token\n"));
  const std::string path = clean_path(exchange->request.path());
  const std::size_t version_end = path.find('/', 1);
  Path segments;
  bool is_readable = true;
  for (std::size_t at = version_end; at != std::string::npos && at < path.size();) {
    const std::size_t end = std::min(path.find('/', at + 1), path.size());
    std::string segment = path.substr(at + 1, end - at - 1);
    std::ranges::replace(segment, '+', ' ');
    auto decoded = net::percent_decode(segment);
    is_readable = is_readable && decoded;
    segments.push_back(decoded ? *std::move(decoded) : std::string());
    at = end;
  }
  if (!is_readable) return exchange->answer(plain(400, "400 Bad Request"));
  if (route(exchange, std::string_view(path).substr(1, version_end == std::string::npos ? version_end : version_end - 1), segments)) return;
  invoke(exchange);
}

// Whether there is such a route. What none is for is an invocation, if it says of whom.
bool HttpApi::route(const api::ExchangePtr& exchange, std::string_view version, const Path& path) {
  if (version == "v1.0-alpha1") return route_alpha(exchange, path);
  if (version != "v1.0" || path.empty()) return false;
  const auto is = [&path](std::initializer_list<std::string_view> wanted) { return std::ranges::equal(path, wanted); };
  if (path[0] == "state") return route_state(exchange, path);
  if (is_get(*exchange)) {
    if (is({"healthz"})) return health(*exchange, app_.is_ready, errors::health_not_ready()), true;
    if (is({"healthz", "outbound"})) return health(*exchange, app_.is_outbound_ready, errors::outbound_health_not_ready()), true;
    if (is({"metadata"})) return get_metadata(*exchange), true;
    if (path[0] == "secrets" && path.size() == 3)
      return path[2] == "bulk" ? get_secrets(*exchange, path[1]) : get_secret(*exchange, path[1], path[2]), true;
  }
  if (exchange->request.method == "PUT" && path[0] == "metadata" && path.size() == 2) return put_metadata(*exchange, path[1]), true;
  if (exchange->request.method == "POST" && is({"shutdown"})) return shut_down(*exchange), true;
  if (const auto missing = without_component(*exchange, path)) return answer_error(*exchange, *missing), true;
  return false;
}

bool HttpApi::route_alpha(const api::ExchangePtr& exchange, const Path& path) {
  if (path.empty()) return false;
  if (const auto missing = without_component(*exchange, path)) return answer_error(*exchange, *missing), true;
  if (path.size() != 3 || path[0] != "state") return false;
  if (path[2] == "query" && is_write(*exchange)) return query(exchange, path[1]), true;
  if (path[2] != "keys") return false;
  if (is_get(*exchange)) return list_keys(exchange, path[1]), true;
  if (exchange->request.method == "DELETE") return remove_keys(exchange, path[1]), true;
  return false;
}

bool HttpApi::route_state(const api::ExchangePtr& exchange, const Path& path) {
  if (path.size() == 2 && is_write(*exchange)) return save(exchange, path[1]), true;
  if (path.size() != 3) return false;
  if (is_write(*exchange) && path[2] == "bulk") return get_bulk(exchange, path[1]), true;
  if (is_write(*exchange) && path[2] == "transaction") return transact(exchange, path[1]), true;
  if (is_get(*exchange)) return get_state(exchange, path[1], path[2]), true;
  if (exchange->request.method == "DELETE") return remove(exchange, path[1], path[2]), true;
  return false;
}

void HttpApi::health(api::Exchange& exchange, bool is_ready, const DaprError& not_ready) const {
  if (!is_ready) return answer_error(exchange, not_ready);
  if (const auto query = net::parse_query(exchange.request.query()); query && clean_path(exchange.request.path()) == "/v1.0/healthz")
    if (const auto id = net::find_parameter(*query, "appid"); id && *id != app_.id) return answer_error(exchange, errors::health_app_id_not_match());
  answer_nothing(exchange);
}

void HttpApi::get_metadata(api::Exchange& exchange) const { answer_json(exchange, codec::dapr::metadata_body(metadata_of(app_))); }

void HttpApi::put_metadata(api::Exchange& exchange, const std::string& key) {
  if (auto ok = app_.extended.set(key, std::move(exchange.request.body)); !ok) return answer_error(exchange, errors::malformed_request(ok.error().message));
  answer_nothing(exchange);
}

void HttpApi::get_secret(api::Exchange& exchange, const std::string& store, const std::string& key) const {
  auto secret = app_.secrets->get(store, key);
  if (!secret) return answer_error(exchange, secret.error());
  answer_json(exchange, codec::dapr::secret_body(*secret));
}

void HttpApi::get_secrets(api::Exchange& exchange, const std::string& store) const {
  auto secrets = app_.secrets->get_all(store);
  if (!secrets) return answer_error(exchange, secrets.error());
  answer_json(exchange, codec::dapr::bulk_secret_body(bulk_secrets(*std::move(secrets))));
}

void HttpApi::shut_down(api::Exchange& exchange) const {
  if (!app_.shut_down) return answer_error(exchange, errors::bad_request(kNotAlone));
  answer_nothing(exchange);
  app_.shut_down();
}

void HttpApi::invoke(const api::ExchangePtr& exchange) const {
  const auto target = find_invoke_target(exchange->request);
  if (!target) return answer_error(*exchange, errors::direct_invoke_no_app_id());
  app_.invocation->call(*target, exchange->request, [exchange](DaprResult<net::HttpResponse> response) {
    if (!response) return answer_error(*exchange, response.error());
    response->trailers.clear();
    exchange->answer(*std::move(response));
  });
}

}  // namespace holdfast::dapr
