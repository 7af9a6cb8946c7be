#include "api/edge_operations.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>

#include "api/edges_json.h"
#include "api/parameters.h"
#include "api/seek_request.h"
#include "codec/standard_types.h"
#include "codec/utf8.h"
#include "model/edges.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kIngresses = "ingresses";
constexpr std::string_view kEgresses = "egresses";

// Answers with the JSON of what the edge gives.
template <typename T>
std::function<void(Result<T>)> answer_with(ExchangePtr exchange, std::string (*to_json)(const T&)) {
  return [exchange = std::move(exchange), to_json](Result<T> result) {
    if (!result) return exchange->answer_error(result.error());
    exchange->answer_json(200, to_json(*result));
  };
}

std::function<void(Result<void>)> answer_done(ExchangePtr exchange, std::string_view json) {
  return [exchange = std::move(exchange), json](Result<void> result) {
    if (!result) return exchange->answer_error(result.error());
    exchange->answer_json(200, std::string(json));
  };
}

std::function<void(Result<std::uint64_t>)> answer_count(ExchangePtr exchange, std::string_view name) {
  return [exchange = std::move(exchange), name](Result<std::uint64_t> count) {
    if (!count) return exchange->answer_error(count.error());
    exchange->answer_json(200, "{\"" + std::string(name) + "\":" + std::to_string(*count) + "}");
  };
}

// What each edge says, side by side on their threads; the last one answers.
template <typename Info>
struct Gathered {
  ExchangePtr exchange;
  std::string (*to_json)(const std::vector<Info>&);
  std::vector<Info> infos;
  std::atomic<std::size_t> left;
};

template <typename Info, typename Edge>
void list(ExchangePtr exchange, const std::vector<Edge*>& edges, std::string (*to_json)(const std::vector<Info>&)) {
  if (edges.empty()) return exchange->answer_json(200, to_json({}));
  std::shared_ptr<Gathered<Info>> gathered(new Gathered<Info>{std::move(exchange), to_json, std::vector<Info>(edges.size()), edges.size()});
  for (std::size_t i = 0; i < edges.size(); ++i) {
    edges[i]->info([gathered, i, id = edges[i]->id()](Result<Info> info) {
      // One that cannot say how it is does not hide the others.
      if (info) gathered->infos[i] = *std::move(info);
      else gathered->infos[i] = Info{.id = id, .trouble = info.error().message};
      if (gathered->left.fetch_sub(1) == 1) gathered->exchange->answer_json(200, gathered->to_json(gathered->infos));
    });
  }
}

template <typename Edge>
void sort_by_id(std::vector<Edge*>& edges) {
  std::ranges::sort(edges, {}, [](const Edge* edge) { return edge->id(); });
}

template <typename Edge>
Edge* find(const std::vector<Edge*>& edges, std::string_view id) {
  const auto at = std::ranges::find_if(edges, [&](const Edge* edge) { return edge->id() == id; });
  return at == edges.end() ? nullptr : *at;
}

template <typename Edge>
std::string nothing_named(std::string_view what, std::string_view id, const std::vector<Edge*>& edges) {
  constexpr std::size_t kNamesMax = 10;
  std::string out = "there is no " + std::string(what) + " " + codec::quote_json(codec::excerpt(id));
  for (std::size_t i = 0; i < edges.size() && i < kNamesMax; ++i) out += (i == 0 ? "; there are " : ", ") + edges[i]->id();
  if (edges.size() > kNamesMax) out += " and " + std::to_string(edges.size() - kNamesMax) + " more";
  return out;
}

}  // namespace

// /v1/<collection>, then namespace and name of one of them, then what is to be done with it.
struct EdgeOperations::Route {
  std::string_view collection;
  std::string_view action;  // Segments behind the name, at most two.
  std::string_view action_of_action;
  Operation operation;
  [[nodiscard]] bool changes() const { return operation != Operation::List && operation != Operation::Show && operation != Operation::ListParked; }
};

const EdgeOperations::Route EdgeOperations::kRoutes[] = {
    {kIngresses, "", "", Operation::Show},
    {kIngresses, "pause", "", Operation::Pause},
    {kIngresses, "resume", "", Operation::Resume},
    {kIngresses, "seek", "", Operation::Seek},
    {kIngresses, "parked", "", Operation::ListParked},
    {kIngresses, "parked", "retry", Operation::RetryParked},
    {kIngresses, "parked", "skip", Operation::SkipParked},
    {kEgresses, "", "", Operation::Show},
    {kEgresses, "resume", "", Operation::Resume},
    {kEgresses, "unsendable", "retry", Operation::RetryUnsendable},
    {kEgresses, "unsendable", "skip", Operation::SkipUnsendable},
};

EdgeOperations::EdgeOperations(ports::Streams& streams, std::vector<ports::Ingress*> ingresses, std::vector<ports::Egress*> egresses,
                               std::uint32_t limit_max)
    : streams_(streams), ingresses_(std::move(ingresses)), egresses_(std::move(egresses)), limit_max_(limit_max) {
  sort_by_id(ingresses_);
  sort_by_id(egresses_);
}

const EdgeOperations::Route* EdgeOperations::find_route(const Path& path) {
  static constexpr Route kLists[] = {{kIngresses, "", "", Operation::List}, {kEgresses, "", "", Operation::List}};
  if (path.size() < 2 || path[0] != "v1") return nullptr;
  const auto is_collection = [&](const Route& route) { return route.collection == path[1]; };
  if (path.size() == 2) {
    const auto* route = std::ranges::find_if(kLists, is_collection);
    return route == std::end(kLists) ? nullptr : route;
  }
  if (path.size() < 4 || path.size() > 6) return nullptr;
  const auto* route = std::ranges::find_if(kRoutes, [&](const Route& r) {
    const std::size_t size = r.action.empty() ? 4u : r.action_of_action.empty() ? 5u : 6u;
    return is_collection(r) && path.size() == size && (size < 5 || path[4] == r.action) && (size < 6 || path[5] == r.action_of_action);
  });
  return route == std::end(kRoutes) ? nullptr : route;
}

bool EdgeOperations::is_path(const Path& path) { return find_route(path) != nullptr; }

void EdgeOperations::handle(ExchangePtr exchange, const Path& path) {
  const Route* route = find_route(path);
  const net::HttpRequest& asked = exchange->request;
  if (route->changes() && asked.method != "POST") return exchange->answer_method_not_allowed("POST");
  if (!route->changes() && !is_safe_method(asked.method)) return exchange->answer_method_not_allowed("GET, HEAD");
  // The list of what is parked is the only one with parameters.
  if (route->operation != Operation::ListParked) {
    if (const auto query = Query::parse(asked, {}); !query) return exchange->answer_error(query.error());
  }
  if (route->operation == Operation::List) {
    if (route->collection == kIngresses) list(std::move(exchange), ingresses_, ingresses_json);
    else list(std::move(exchange), egresses_, egresses_json);
    return;
  }
  const std::string id = path[2] + "/" + path[3];
  if (route->collection == kIngresses) {
    ports::Ingress* ingress = find(ingresses_, id);
    if (ingress == nullptr) return exchange->answer_error({ErrorCode::NotFound, nothing_named("ingress", id, ingresses_)});
    return handle_ingress(std::move(exchange), route->operation, *ingress);
  }
  ports::Egress* egress = find(egresses_, id);
  if (egress == nullptr) return exchange->answer_error({ErrorCode::NotFound, nothing_named("egress", id, egresses_)});
  handle_egress(std::move(exchange), route->operation, *egress);
}

void EdgeOperations::handle_ingress(ExchangePtr exchange, Operation operation, ports::Ingress& ingress) {
  switch (operation) {
    case Operation::Pause: return ingress.pause(answer_done(std::move(exchange), R"({"paused":true})"));
    case Operation::Resume: return ingress.resume(answer_done(std::move(exchange), R"({"paused":false})"));
    case Operation::ListParked: return list_parked(std::move(exchange), ingress);
    case Operation::RetryParked: return ingress.retry_parked(answer_count(std::move(exchange), "retried"));
    case Operation::SkipParked: return ingress.skip_parked(answer_count(std::move(exchange), "skipped"));
    case Operation::Seek: {
      if (is_encoded(exchange->request)) return exchange->answer_encoded();
      auto seek = parse_seek(exchange->request.body);
      if (!seek) return exchange->answer_error(seek.error());
      return ingress.seek(std::move(seek->source), seek->to, answer_done(std::move(exchange), R"({"sought":true})"));
    }
    default: break;
  }
  ingress.info(answer_with(std::move(exchange), ingress_json));
}

void EdgeOperations::handle_egress(ExchangePtr exchange, Operation operation, ports::Egress& egress) {
  if (operation == Operation::RetryUnsendable) return egress.retry_unsendable(answer_count(std::move(exchange), "retried"));
  if (operation == Operation::SkipUnsendable) return egress.skip_unsendable(answer_count(std::move(exchange), "skipped"));
  if (operation == Operation::Resume) return egress.resume(answer_done(std::move(exchange), R"({"resumed":true})"));
  egress.info(answer_with(std::move(exchange), egress_json));
}

void EdgeOperations::list_parked(ExchangePtr exchange, const ports::Ingress& ingress) {
  const auto query = Query::parse(exchange->request, {"from", "limit"});
  if (!query) return exchange->answer_error(query.error());
  const auto from = query->count("from", 0, UINT64_MAX);
  const auto limit = query->count("limit", 100, limit_max_);
  if (!from) return exchange->answer_error(from.error());
  if (!limit) return exchange->answer_error(limit.error());
  streams_.read_stream({.stream = model::parked_stream(ingress.id()), .from = *from, .limit = static_cast<std::uint32_t>(*limit)},
                       answer_with(std::move(exchange), parked_records_json));
}

}  // namespace holdfast::api
