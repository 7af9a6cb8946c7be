#include "api/admin.h"

#include <algorithm>
#include <atomic>
#include <memory>

#include "api/inspect_json.h"
#include "api/json_writer.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"
#include "telemetry/process.h"
#include "telemetry/prometheus.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kPaths =
    "/healthz, /readyz, /metrics, /v1/version, /v1/functions, /v1/endpoints, /v1/addresses, /v1/state/{namespace}/{name}/{id}, "
    "/v1/states, /v1/orphans, /v1/parked, /v1/mail/drop, /v1/timers, /v1/streams, /v1/ingresses, /v1/egresses, /v1/modules";

// Whoever has more asks again; each of these is a turn of the address.
constexpr std::uint32_t kResumedAtOnce = 1'000;

constexpr std::string_view kDelayedSend = "delayed-send";

// Answers with the JSON of what the runtime gives.
template <typename T>
runtime::Runtime::Done<T> answer_with(ExchangePtr exchange, std::string (*to_json)(const T&)) {
  return [exchange = std::move(exchange), to_json](Result<T> result) {
    if (!result) return exchange->answer_error(result.error());
    exchange->answer_json(200, to_json(*result));
  };
}

// Counts down over the addresses of one resume_all and answers at the last.
struct ResumeCount {
  ResumeCount(ExchangePtr e, std::size_t n, bool m) : exchange(std::move(e)), left(n), more(m) {}
  ExchangePtr exchange;
  std::atomic<std::size_t> left;
  std::atomic<std::size_t> resumed{0};
  bool more;
};

}  // namespace

void Admin::handle(net::HttpRequest request, net::Responder responder) {
  auto exchange = std::make_shared<Exchange>(std::move(request), std::move(responder), counters_);
  const net::HttpRequest& asked = exchange->request;
  const auto path = net::path_segments(asked.path());
  if (const auto refusal = check(asked, path)) return exchange->answer_refusal(*refusal);
  if (!path) return exchange->answer_error(400, "invalid", "the path is not well-formed");
  route(std::move(exchange), *path);
}

std::optional<net::HttpResponse> Admin::refuse(const net::HttpRequest& head) {
  return refuse_head(check(head, net::path_segments(head.path())), head, *counters_);
}

std::optional<Refusal> Admin::check(const net::HttpRequest& request, const std::optional<Path>& path) const {
  const bool probe = path && path->size() == 1 && (path->front() == "healthz" || path->front() == "readyz");
  const bool changes = !is_safe_method(request.method);
  return probe ? guard_.check_origin(request, changes) : guard_.check(request, changes);
}

void Admin::route(ExchangePtr exchange, const Path& path) {
  const net::HttpRequest& asked = exchange->request;
  if (options_.only_probes && !(path.size() == 1 && (path[0] == "metrics" || path[0] == "healthz" || path[0] == "readyz")))
    return exchange->answer_error(404, "not_found", "off loopback there are /metrics, /healthz and /readyz here");
  if (EdgeOperations::is_path(path)) return edges_.handle(std::move(exchange), path);
  if (ModuleOperations::is_path(path)) return modules_.handle(std::move(exchange), path);
  if (path.size() >= 2 && path.size() <= 3 && path[0] == "v1" && path[1] == "orphans") {
    if (path.size() == 2) {
      if (!is_safe_method(asked.method)) return exchange->answer_method_not_allowed("GET, HEAD");
      return orphans(std::move(exchange));
    }
    if (path[2] == "drop") {
      if (asked.method != "POST") return exchange->answer_method_not_allowed("POST");
      return drop_orphan(std::move(exchange));
    }
  }
  // Beside edges and modules, work that stands still is the only thing that can be changed.
  if (path.size() == 3 && path[0] == "v1" && path[1] == "mail" && path[2] == "drop") {
    if (asked.method != "POST") return exchange->answer_method_not_allowed("POST");
    return drop_mail(std::move(exchange));
  }
  if (path.size() >= 2 && path[0] == "v1" && path[1] == "parked" && (path.back() == "retry" || path.back() == "skip")) {
    if (asked.method != "POST") return exchange->answer_method_not_allowed("POST");
    const Resume what = path.back() == "retry" ? Resume::Retry : Resume::Skip;
    if (path.size() == 3) return resume_all(std::move(exchange), what);
    if (path.size() == 6) return resume(std::move(exchange), path, what);
  }

  const auto is_top = [&](std::string_view name) { return path.size() == 1 && path[0] == name; };
  const auto is = [&](std::string_view name, std::size_t size = 2) {
    return path.size() == size && path[0] == "v1" && path[1] == name;
  };
  const bool known = is_top("healthz") || is_top("readyz") || is_top("metrics") || is("version") || is("functions") ||
                     is("endpoints") || is("addresses") || is("state", 5) || is("states") || is("parked") || is("timers") ||
                     is("streams");
  if (!known) return exchange->answer_error(404, "not_found", "nothing is here; there are " + std::string(kPaths));
  if (!is_safe_method(asked.method)) return exchange->answer_method_not_allowed("GET, HEAD");

  if (is("addresses") || is("states") || is("parked") || is("timers") || is("functions") || is("streams")) {
    auto query = is("timers")      ? timer_query(asked)
                 : is("functions") ? list_query(asked, {"type", "limit", "page"})
                 : is("streams")   ? list_query(asked, {"prefix", "limit", "page"})
                                   : list_query(asked, {"type", "prefix", "limit", "page"});
    if (!query) return exchange->answer_error(query.error());
    if (is("addresses")) return runtime_.addresses(*std::move(query), answer_with(std::move(exchange), addresses_json));
    if (is("states")) return runtime_.states(*std::move(query), answer_with(std::move(exchange), states_json));
    if (is("parked")) return runtime_.parked(*std::move(query), answer_with(std::move(exchange), parked_json));
    if (is("functions")) return runtime_.functions(*std::move(query), answer_with(std::move(exchange), functions_json));
    if (is("streams")) return runtime_.streams(*std::move(query), answer_with(std::move(exchange), streams_json));
    return runtime_.timers(*std::move(query), answer_with(std::move(exchange), timers_json));
  }
  if (const auto query = Query::parse(asked, {}); !query) return exchange->answer_error(query.error());
  if (is_top("healthz")) return exchange->answer_json(200, R"({"status":"ok"})");
  if (is_top("readyz")) return ready(*exchange);
  if (is_top("metrics")) return metrics(*exchange);
  if (is("version")) {
    JsonWriter json;
    json.begin_object().key("version").string(options_.version).end_object();
    return exchange->answer_json(200, json.take());
  }
  if (is("endpoints")) return runtime_.endpoints(answer_with(std::move(exchange), endpoints_json));

  auto address = parse_address(path[2], path[3], path[4]);
  if (!address) return exchange->answer_error(address.error());
  runtime_.state(*std::move(address), answer_with(std::move(exchange), state_json));
}

void Admin::ready(Exchange& exchange) const {
  std::string why;
  const bool ready = runtime_.ready(&why);
  JsonWriter json;
  json.begin_object().key("status").string(ready ? "ready" : "not ready");
  if (!ready) json.key("reason").string(why);
  json.end_object();
  exchange.answer_json(ready ? 200 : 503, json.take());
}

void Admin::metrics(Exchange& exchange) const {
  telemetry::PrometheusText text;
  runtime_.collect(text);
  for (const MetricsSource* source : options_.metrics) source->collect(text);
  counters_->collect(text);
  telemetry::add_process_metrics(text);
  text.gauge("holdfast_build_info", "Always 1; the version is in the label.", {{"version", options_.version}}, 1);
  exchange.answer({.status = 200, .headers = {{"content-type", telemetry::kPrometheusContentType}}, .body = text.render()});
}

void Admin::resume(ExchangePtr exchange, const Path& path, Resume what) {
  if (const auto query = Query::parse(exchange->request, {}); !query) return exchange->answer_error(query.error());
  auto address = parse_address(path[2], path[3], path[4]);
  if (!address) return exchange->answer_error(address.error());
  auto done = [exchange = std::move(exchange), what](Result<void> result) {
    if (!result) return exchange->answer_error(result.error());
    exchange->answer_json(200, what == Resume::Retry ? R"({"retried":1})" : R"({"skipped":1})");
  };
  if (what == Resume::Retry) runtime_.retry_parked(*std::move(address), std::move(done));
  else runtime_.skip_parked(*std::move(address), std::move(done));
}

void Admin::resume_all(ExchangePtr exchange, Resume what) {
  const auto parameters = Query::parse(exchange->request, {"type", "all", "before"});
  if (!parameters) return exchange->answer_error(parameters.error());
  const auto all = parameters->flag("all");
  if (!all) return exchange->answer_error(all.error());
  // Whoever asks again until there is no more says `before` with it: what is parked again meanwhile is not for this round.
  const auto before = parameters->count("before", static_cast<std::uint64_t>(SystemClock().now().unix_ms) + 1, INT64_MAX);
  if (!before) return exchange->answer_error(before.error());
  runtime::AddressQuery query;
  query.type = parameters->find("type").value_or("");
  query.limit = kResumedAtOnce;
  query.messages = 0;
  if (parameters->find("before")) query.parked_before = Instant{static_cast<std::int64_t>(*before)};
  if (query.type.empty() != *all) {
    return exchange->answer_error(400, "invalid", "which: expected ?type=NAMESPACE/NAME for one function, or ?all for everything");
  }
  runtime_.parked(std::move(query), [this, exchange, what, before = *before](Result<runtime::Page<runtime::ParkedInfo>> parked) {
    if (!parked) return exchange->answer_error(parked.error());
    const auto answer = [what, before](ResumeCount& count) {
      JsonWriter json;
      json.begin_object().key(what == Resume::Retry ? "retried" : "skipped").number(count.resumed.load());
      json.key("more").boolean(count.more);
      if (count.more) json.key("before").number(before);
      json.end_object();
      count.exchange->answer_json(200, json.take());
    };
    auto count = std::make_shared<ResumeCount>(exchange, parked->size(), !parked->next.empty());
    if (parked->empty()) return answer(*count);
    for (const auto& info : *parked) {
      // One that somebody else has resumed meanwhile is not counted.
      auto done = [count, answer](Result<void> result) {
        if (result) count->resumed.fetch_add(1);
        if (count->left.fetch_sub(1) == 1) answer(*count);
      };
      if (what == Resume::Retry) runtime_.retry_parked(info.address, std::move(done));
      else runtime_.skip_parked(info.address, std::move(done));
    }
  });
}

void Admin::drop_mail(ExchangePtr exchange) {
  const auto parameters = Query::parse(exchange->request, {"type", "id"});
  if (!parameters) return exchange->answer_error(parameters.error());
  runtime::MailQuery query;
  query.type = parameters->find("type").value_or("");
  if (query.type.empty()) return exchange->answer_error(400, "invalid", "type: expected ?type=NAMESPACE/NAME, and &id=ID for one address of it");
  if (const auto id = parameters->find("id")) query.id = *id;
  runtime_.drop_mail(std::move(query), [exchange](Result<runtime::MailDropped> dropped) {
    if (!dropped) return exchange->answer_error(dropped.error());
    JsonWriter json;
    json.begin_object().key("dropped").number(dropped->messages).key("addresses").number(dropped->addresses);
    json.key("tried").number(dropped->tried).key("more").boolean(dropped->more).end_object();
    exchange->answer_json(200, json.take());
  });
}

void Admin::orphans(ExchangePtr exchange) {
  const auto parameters = Query::parse(exchange->request, {"type"});
  if (!parameters) return exchange->answer_error(parameters.error());
  runtime_.orphans(std::string(parameters->find("type").value_or("")), answer_with(std::move(exchange), orphans_json));
}

void Admin::drop_orphan(ExchangePtr exchange) {
  const auto parameters = Query::parse(exchange->request, {"type", "state"});
  if (!parameters) return exchange->answer_error(parameters.error());
  const auto type = parameters->find("type"), state = parameters->find("state");
  if (!type || type->empty() || !state || state->empty()) {
    return exchange->answer_error(400, "invalid", "which: expected ?type=NAMESPACE/NAME&state=STATE");
  }
  runtime_.drop_orphan(std::string(*type), std::string(*state), [exchange](Result<void> result) {
    if (!result) return exchange->answer_error(result.error());
    exchange->answer_json(200, R"({"dropping":true})");
  });
}

Result<runtime::AddressQuery> Admin::list_query(const net::HttpRequest& request, std::initializer_list<std::string_view> known) const {
  const auto parameters = Query::parse(request, known);
  if (!parameters) return fail(parameters.error());
  return list_query(*parameters);
}

Result<runtime::AddressQuery> Admin::timer_query(const net::HttpRequest& request) const {
  const auto parameters = Query::parse(request, {"type", "prefix", "limit", "page", "kind", "all"});
  if (!parameters) return fail(parameters.error());
  auto query = list_query(*parameters);
  if (!query) return query;
  const auto all = parameters->flag("all");
  if (!all) return fail(all.error());
  const auto kind = parameters->find("kind");
  if (kind && *all) return fail(ErrorCode::Invalid, "which: expected one of kind and all, got both");
  if (kind) {
    constexpr std::string_view kKinds[] = {kDelayedSend, "expire-states", "forget-request", "trim-stream", "expire-item"};
    if (std::ranges::find(kKinds, *kind) == std::ranges::end(kKinds)) {
      return fail(ErrorCode::Invalid, "kind: expected delayed-send, expire-states, forget-request, trim-stream or expire-item, got " +
                                          codec::quote_json(codec::excerpt(*kind, 60)));
    }
    query->kinds = {std::string(*kind)};
  } else if (!*all) {
    query->kinds = {std::string(kDelayedSend)};  // The others are housekeeping, and many.
  }
  return query;
}

Result<runtime::AddressQuery> Admin::list_query(const Query& query) const {
  const auto limit = query.count("limit", 100, options_.limit_max);
  if (!limit) return fail(limit.error());
  if (*limit == 0) return fail(ErrorCode::Invalid, "limit: expected 1 or more, got 0");
  auto page = query.page();
  if (!page) return fail(std::move(page.error()));
  runtime::AddressQuery out;
  out.after = *std::move(page);
  out.type = query.find("type").value_or("");
  out.id_prefix = query.find("prefix").value_or("");
  out.limit = static_cast<std::uint32_t>(*limit);
  return out;
}

}  // namespace holdfast::api
