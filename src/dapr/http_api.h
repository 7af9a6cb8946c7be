// HttpApi: Dapr's HTTP API of one application (docs/dapr/api.md). Routes and their parameters; what they mean is in state.h, invocation.h, secrets.h.
//
// Runs on the loops of its HTTP server; keeps nothing but what open requests need.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/exchange.h"
#include "dapr/app.h"
#include "net/http_server.h"

namespace holdfast::dapr {

class HttpApi {
 public:
  // The application outlives the API, the API the server and every answer.
  explicit HttpApi(App& app) : app_(app), counters_(std::make_shared<api::RequestCounters>("dapr/" + app.id + "/http")) {}

  void handle(net::HttpRequest request, net::Responder responder);
  [[nodiscard]] std::optional<net::HttpResponse> refuse(const net::HttpRequest& head);  // A net::HeadCheck.
  [[nodiscard]] const MetricsSource& metrics() const { return *counters_; }

 private:
  // Segments behind the version, decoded.
  using Path = std::vector<std::string>;
  [[nodiscard]] bool route(const api::ExchangePtr& exchange, std::string_view version, const Path& path);
  [[nodiscard]] bool route_alpha(const api::ExchangePtr& exchange, const Path& path);
  [[nodiscard]] bool route_state(const api::ExchangePtr& exchange, const Path& path);
  [[nodiscard]] bool is_authorized(const net::HttpRequest& request) const;

  // http_state.cc
  void get_state(const api::ExchangePtr& exchange, const std::string& store, const std::string& key);
  void get_bulk(const api::ExchangePtr& exchange, const std::string& store);
  void save(const api::ExchangePtr& exchange, const std::string& store);
  void remove(const api::ExchangePtr& exchange, const std::string& store, const std::string& key);
  void transact(const api::ExchangePtr& exchange, const std::string& store);
  void query(const api::ExchangePtr& exchange, const std::string& store);
  void list_keys(const api::ExchangePtr& exchange, const std::string& store);
  void remove_keys(const api::ExchangePtr& exchange, const std::string& store);

  void health(api::Exchange& exchange, bool is_ready, const DaprError& not_ready) const;
  void get_metadata(api::Exchange& exchange) const;
  void put_metadata(api::Exchange& exchange, const std::string& key);
  void get_secret(api::Exchange& exchange, const std::string& store, const std::string& key) const;
  void get_secrets(api::Exchange& exchange, const std::string& store) const;
  void shut_down(api::Exchange& exchange) const;
  void invoke(const api::ExchangePtr& exchange) const;

  App& app_;
  std::shared_ptr<api::RequestCounters> counters_;
};

// What all of the API answers with.
void answer_error(api::Exchange& exchange, const DaprError& error);
void answer_nothing(api::Exchange& exchange);
// `metadata` goes into headers.
void answer_json(api::Exchange& exchange, std::string body, const Metadata& metadata = {});

// metadata.NAME=VALUE of the query.
[[nodiscard]] Metadata request_metadata(const net::QueryParameters& query);

// A net::ErrorFormatter.
[[nodiscard]] net::HttpResponse http_error(int status, std::string_view message);

}  // namespace holdfast::dapr
