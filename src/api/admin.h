// Admin: looking in, and the few things that people do by hand (parked work, ingresses and egresses, modules). The CLI is a client of it, and
// Prometheus and load balancers are. docs/http-api.md is its description.
//
// Nothing here is needed for messages to flow. /healthz and /readyz are answered without a token.
#pragma once

#include <initializer_list>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/edge_operations.h"
#include "api/exchange.h"
#include "api/guard.h"
#include "api/module_operations.h"
#include "api/parameters.h"
#include "runtime/runtime.h"

namespace holdfast::api {

struct AdminOptions {
  GuardOptions guard;
  std::string version;                             // "holdfast 0.1.0"
  std::vector<const MetricsSource*> metrics;       // Beside the admin's own; outlive it.
  bool only_probes = false;                        // /metrics, /healthz and /readyz are all there is: a listener that lets everybody in.
  // Outlive the requests; what they answer after the admin is gone goes nowhere.
  std::vector<ports::Ingress*> ingresses;
  std::vector<ports::Egress*> egresses;
  ports::Modules* modules = nullptr;               // Outlives the requests; null: none are loaded.
  std::function<void()> reload_files;              // Looks at certificates and tokens, soon. Any thread; null: there are none.
  std::uint32_t limit_max = 10'000;                // Entries of a list.
};

class Admin {
 public:
  Admin(runtime::Runtime& runtime, AdminOptions options)
      : runtime_(runtime),
        options_(std::move(options)),
        guard_(options_.guard),
        counters_(std::make_shared<RequestCounters>("admin")),
        edges_(runtime_, options_.ingresses, options_.egresses, options_.limit_max),
        modules_(options_.modules, [&runtime, reload_files = options_.reload_files] {
          runtime.ask_declarations();
          if (reload_files) reload_files();
        }) {}

  void handle(net::HttpRequest request, net::Responder responder);
  [[nodiscard]] std::optional<net::HttpResponse> refuse(const net::HttpRequest& head);  // A net::HeadCheck.

 private:
  using Path = std::vector<std::string>;
  [[nodiscard]] std::optional<Refusal> check(const net::HttpRequest& request, const std::optional<Path>& path) const;
  enum class Resume { Retry, Skip };

  void route(ExchangePtr exchange, const Path& path);
  void ready(Exchange& exchange) const;
  void metrics(Exchange& exchange) const;
  void resume(ExchangePtr exchange, const Path& path, Resume what);
  void resume_all(ExchangePtr exchange, Resume what);
  void drop_mail(ExchangePtr exchange);
  void orphans(ExchangePtr exchange);
  void drop_orphan(ExchangePtr exchange);
  [[nodiscard]] Result<runtime::AddressQuery> list_query(const net::HttpRequest& request, std::initializer_list<std::string_view> known) const;
  [[nodiscard]] Result<runtime::AddressQuery> timer_query(const net::HttpRequest& request) const;
  [[nodiscard]] Result<runtime::AddressQuery> list_query(const Query& query) const;

  runtime::Runtime& runtime_;
  AdminOptions options_;
  Guard guard_;
  std::shared_ptr<RequestCounters> counters_;
  EdgeOperations edges_;
  ModuleOperations modules_;
};

}  // namespace holdfast::api
