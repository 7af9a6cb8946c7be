// The spec of kind: Resiliency. Policies and targets of a later document replace those of the same name.
#include <charconv>

#include "config/dapr.h"
#include "config/dapr_values.h"
#include "model/dapr_values.h"

namespace holdfast::config {
namespace {

constexpr Duration kDay{24 * 3'600'000LL};
constexpr std::size_t kCodesMax = 100;    // Ranges of status codes of a policy.
constexpr std::size_t kTripBytesMax = 1'000;

// "429,501-503": inclusive ranges.
using Codes = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
Format<Codes> codes(std::uint16_t min, std::uint16_t max) {
  return {"status codes and ranges from " + std::to_string(min) + " to " + std::to_string(max) + ", as " +
              (min == 0 ? "1,4,8-10" : "429,501-503"),
          [=](std::string_view text, std::string& hint) -> std::optional<Codes> {
            Codes out;
            for (std::size_t at = 0; at <= text.size();) {
              const auto end = std::min(text.find(',', at), text.size());
              const std::string_view range = text.substr(at, end - at);
              at = end + 1;
              if (range.empty()) continue;
              const auto dash = range.find('-');
              std::uint16_t bounds[2] = {0, 0};
              const std::string_view parts[2] = {range.substr(0, dash),
                                                 dash == std::string_view::npos ? range : range.substr(dash + 1)};
              for (int i = 0; i < 2; ++i) {
                const auto [rest, error] = std::from_chars(parts[i].data(), parts[i].data() + parts[i].size(), bounds[i]);
                if (error != std::errc{} || rest != parts[i].data() + parts[i].size() || bounds[i] < min || bounds[i] > max) {
                  hint = in_quotes(range) + " is none";
                  return std::nullopt;
                }
              }
              if (bounds[0] > bounds[1]) {
                hint = in_quotes(range) + " ends before it begins";
                return std::nullopt;
              }
              if (out.size() == kCodesMax) {
                hint = "there are more than " + std::to_string(kCodesMax);
                return std::nullopt;
              }
              out.emplace_back(bounds[0], bounds[1]);
            }
            return out;
          }};
}

// Calls read(name, value) for each member of the map under `key`.
template <typename Read>
void for_each(MapReader& map, std::string_view key, Read read) {
  auto members = map.map(key, Extras::Ignored);
  if (!members) return;
  if (members->node().members.size() > kDaprPoliciesMax)
    return map.error(key, "at most " + std::to_string(kDaprPoliciesMax) + " of them", "more");
  for (const auto& [name, value] : members->node().members) read(*members, name.name, *value);
}

template <typename Read>
void for_each_map(MapReader& map, std::string_view key, Read read) {
  for_each(map, key, [&](MapReader& members, const std::string& name, const Node& value) {
    const std::string path = members.path(name);
    if (value.kind == Node::Kind::Null) return;
    if (value.kind != Node::Kind::Map) return map.file().report(Severity::Error, value.mark, path, "a map", value.shown());
    MapReader reader(map.file(), value, path, Extras::Ignored);
    read(name, reader);
    reader.finish();
  });
}

void read_retry(MapReader& policy, model::DaprRetry& out) {
  using Policy = model::DaprRetry::Policy;
  std::string kind = "constant";
  policy.optional("policy", one_of({"constant", "exponential"}), kind);
  out.policy = kind == "constant" ? Policy::Constant : Policy::Exponential;
  policy.optional("duration", dapr_duration({0}, kDay), out.duration);
  policy.optional("maxInterval", dapr_duration({0}, kDay), out.max_interval);
  std::int64_t retries = -1;
  if (policy.optional("maxRetries", integer(-1'000'000'000, 1'000'000'000), retries) && retries >= 0)
    out.max_retries = static_cast<std::uint32_t>(retries);
  if (auto matching = policy.map("matching", Extras::Ignored)) {
    matching->optional("httpStatusCodes", codes(100, 599), out.http_codes);
    matching->optional("gRPCStatusCodes", codes(0, 16), out.grpc_codes);
    matching->finish();
  }
}

void read_breaker(MapReader& breaker, model::DaprCircuitBreaker& out) {
  std::uint32_t requests = 0;
  if (breaker.optional("maxRequests", integer(0, 1'000'000'000), requests) && requests != 0) out.max_requests = requests;
  breaker.optional("interval", dapr_duration({0}, {365 * kDay.ms}), out.interval);
  Duration timeout;
  if (breaker.optional("timeout", dapr_duration({0}, {365 * kDay.ms}), timeout) && timeout.ms != 0) out.timeout = timeout;
  std::string trip;
  if (!breaker.optional("trip", any_text("a condition, as consecutiveFailures > 5"), trip) || trip.empty()) return;
  if (trip.size() > kTripBytesMax) return breaker.error("trip", "at most " + std::to_string(kTripBytesMax) + " bytes", "more");
  out.trip = std::move(trip);
}

void read_names(MapReader& target, model::DaprPolicyNames& out) {
  target.optional("timeout", any_text("the name of a policy"), out.timeout);
  target.optional("retry", any_text("the name of a policy"), out.retry);
  target.optional("circuitBreaker", any_text("the name of a policy"), out.circuit_breaker);
}

void read_direction(MapReader& target, std::string_view key, model::DaprPolicyNames& out) {
  auto direction = target.map(key, Extras::Ignored);
  if (!direction) return;
  read_names(*direction, out);
  direction->finish();
}

}  // namespace

void read_dapr_resiliency(MapReader& spec, model::DaprResiliency& out) {
  if (auto policies = spec.map("policies", Extras::Ignored)) {
    for_each(*policies, "timeouts", [&](MapReader& members, const std::string& name, const Node& value) {
      Duration timeout;
      if (members.read(value, members.path(name), dapr_duration({0}, kDay), timeout)) out.timeouts[name] = timeout;
    });
    for_each_map(*policies, "retries", [&](const std::string& name, MapReader& policy) {
      model::DaprRetry retry;
      read_retry(policy, retry);
      out.retries[name] = std::move(retry);
    });
    for_each_map(*policies, "circuitBreakers", [&](const std::string& name, MapReader& policy) {
      model::DaprCircuitBreaker breaker;
      read_breaker(policy, breaker);
      out.circuit_breakers[name] = std::move(breaker);
    });
    policies->finish();
  }
  if (auto targets = spec.map("targets", Extras::Ignored)) {
    for_each_map(*targets, "apps", [&](const std::string& name, MapReader& target) {
      model::DaprResiliency::App app;
      read_names(target, app.policies);
      std::uint32_t breakers = 0;
      if (target.optional("circuitBreakerCacheSize", integer(0, 1'000'000), breakers) && breakers != 0)
        app.circuit_breakers_max = breakers;
      out.apps[name] = std::move(app);
    });
    for_each_map(*targets, "components", [&](const std::string& name, MapReader& target) {
      model::DaprResiliency::Component component;
      read_direction(target, "inbound", component.inbound);
      read_direction(target, "outbound", component.outbound);
      out.components[name] = std::move(component);
    });
    if (targets->has("actors"))
      targets->warning("actors", "targets of apps and components", targets->written("actors"), "there are no actors here; it is ignored");
    targets->finish();
  }
  spec.finish();
}

}  // namespace holdfast::config
