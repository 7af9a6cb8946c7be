// HttpApi: the state API: from JSON and parameters to States, and back.
#include <charconv>
#include <utility>

#include "codec/dapr_json.h"
#include "codec/go_json.h"
#include "dapr/error.h"
#include "dapr/http_api.h"

namespace holdfast::dapr {
namespace {

using api::ExchangePtr;

// Query parameters that cannot be read are none, as in daprd.
net::QueryParameters query_of(const ExchangePtr& exchange) { return net::parse_query(exchange->request.query()).value_or(net::QueryParameters()); }

// What the URL says counts more than what the body says.
void merge(Metadata& into, const Metadata& of_request) {
  for (const auto& [name, value] : of_request) into[name] = value;
}

States::Done<void> answers_nothing(const ExchangePtr& exchange) {
  return [exchange](DaprResult<void> outcome) {
    if (!outcome) return answer_error(*exchange, outcome.error());
    answer_nothing(*exchange);
  };
}

}  // namespace

void HttpApi::get_state(const ExchangePtr& exchange, const std::string& store, const std::string& key) {
  const auto component = app_.states->find(store);
  if (!component) return answer_error(*exchange, component.error());
  app_.states->get(**component, key, [exchange](DaprResult<std::optional<StateValue>> found) {
    if (!found) return answer_error(*exchange, found.error());
    if (!*found) return answer_nothing(*exchange);
    StateValue& state = **found;
    net::HttpResponse response{.status = 200, .headers = {{"content-type", "application/json"}}, .body = std::move(state.value)};
    if (!state.etag.empty()) response.headers.add("etag", state.etag);
    for (const auto& [name, value] : state.metadata) response.headers.add("metadata." + name, value);
    exchange->answer(std::move(response));
  });
}

void HttpApi::get_bulk(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find(store);
  if (!component) return answer_error(*exchange, component.error());
  auto request = codec::dapr::parse_bulk_get(exchange->request.body);
  if (!request) return answer_error(*exchange, errors::malformed_request(request.error().message));
  app_.states->get_bulk(**component, std::move(request->keys), [exchange](DaprResult<std::vector<BulkState>> found) {
    if (!found) return answer_error(*exchange, found.error());
    answer_json(*exchange, codec::dapr::bulk_get_body(bulk_items(*found)));
  });
}

void HttpApi::save(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find(store);
  if (!component) return answer_error(*exchange, component.error());
  auto items = codec::dapr::parse_states(exchange->request.body);
  if (!items) return answer_error(*exchange, errors::malformed_body(items.error().message));
  const auto metadata = request_metadata(query_of(exchange));
  std::vector<StateRequest> requests;
  requests.reserve(items->size());
  for (auto& item : *items) {
    if (item.key.empty()) return answer_error(*exchange, errors::malformed_body(R"("key" is a required field)"));
    if (!KeyPrefix::is_legal(item.key)) return answer_error(*exchange, errors::state_illegal_key(store, item.key));
    merge(item.metadata, metadata);
    requests.push_back(request_of(StateChange::Kind::Set, std::move(item)));
  }
  app_.states->save(**component, std::move(requests), answers_nothing(exchange));
}

void HttpApi::remove(const ExchangePtr& exchange, const std::string& store, const std::string& key) {
  const auto component = app_.states->find(store);
  if (!component) return answer_error(*exchange, component.error());
  const auto query = query_of(exchange);
  StateRequest request{.kind = StateChange::Kind::Delete, .key = key, .metadata = request_metadata(query)};
  request.etag = exchange->request.headers.get("if-match");
  request.concurrency = net::find_parameter(query, "concurrency").value_or(std::string_view());
  request.consistency = net::find_parameter(query, "consistency").value_or(std::string_view());
  app_.states->remove(**component, std::move(request), answers_nothing(exchange));
}

void HttpApi::transact(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find_transactional(store);
  if (!component) return answer_error(*exchange, component.error());
  auto body = codec::dapr::parse_transaction(exchange->request.body);
  if (!body) return answer_error(*exchange, errors::malformed_request(body.error().message));
  auto requests = operations_of(store, std::move(body->request));
  if (!requests) return answer_error(*exchange, requests.error());
  if (!body->broken.empty()) return answer_error(*exchange, errors::malformed_request(body->broken));
  app_.states->transact(**component, *std::move(requests), answers_nothing(exchange));
}

void HttpApi::query(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find_queryable(store);
  if (!component) return answer_error(*exchange, component.error());
  app_.states->query(**component, exchange->request.body, [exchange](DaprResult<StateMatches> found) {
    if (!found) return answer_error(*exchange, found.error());
    if (found->items.empty()) return answer_nothing(*exchange);
    answer_json(*exchange, codec::dapr::query_body(query_response(*found)));
  });
}

void HttpApi::list_keys(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find_queryable(store);
  if (!component) return answer_error(*exchange, component.error());
  const auto query = query_of(exchange);
  States::KeysRequest request;
  request.prefix = net::find_parameter(query, "prefix").value_or(std::string_view());
  request.token = net::find_parameter(query, "token").value_or(std::string_view());
  if (const auto limit = net::find_parameter(query, "limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), request.limit);
    if (error != std::errc() || end != limit->data() + limit->size()) return answer_error(*exchange, errors::bad_request("limit=" + std::string(*limit) + ", expected a number"));
  }
  app_.states->list_keys(**component, std::move(request), [exchange](DaprResult<StateMatches> found) {
    if (!found) return answer_error(*exchange, found.error());
    std::string body;
    codec::GoJsonWriter out(body);
    out.begin('{').key("keys").begin('[');
    for (const auto& item : found->items) out.string(item.key);
    out.end(']').if_any("token", found->token).end('}');
    answer_json(*exchange, std::move(body));
  });
}

void HttpApi::remove_keys(const ExchangePtr& exchange, const std::string& store) {
  const auto component = app_.states->find_queryable(store);
  if (!component) return answer_error(*exchange, component.error());
  const auto query = query_of(exchange);
  const auto prefix = net::find_parameter(query, "prefix");
  // Not everything because of a word forgotten.
  if (!prefix || prefix->empty()) return answer_error(*exchange, errors::bad_request("no prefix is given of the keys to delete"));
  app_.states->remove_with_prefix(**component, *prefix, [exchange](DaprResult<std::uint64_t> count) {
    if (!count) return answer_error(*exchange, count.error());
    answer_json(*exchange, "{\"count\":" + std::to_string(*count) + "}");
  });
}

}  // namespace holdfast::dapr
