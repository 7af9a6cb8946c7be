#include <set>

#include "config/kinds.h"
#include "model/address.h"

namespace holdfast::config {
namespace {

template <typename Map, typename Name>
bool declare(Map& declared, MapReader& spec, std::string_view key, const Name& name, std::string_view what,
             std::string shown) {
  const auto [earlier, fresh] = declared.emplace(name, spec.place(key));
  if (!fresh)
    spec.error(key, std::string(what), std::move(shown) + " again", "first at " + earlier->second.text());
  return fresh;
}

bool only(std::optional<Place>& first, MapReader& spec, std::string_view what) {
  if (!first) {
    first = spec.file().place(spec.mark());
    return true;
  }
  spec.file().report(Severity::Error, spec.mark(), spec.path(), std::string(what), "another",
                     "first at " + first->text());
  return false;
}

}  // namespace

bool Declarations::functions(MapReader& spec, std::string_view key, const std::string& pattern) {
  return declare(functions_, spec, key, pattern, "functions that no other endpoint has", spec.written(key));
}
bool Declarations::ingress(MapReader& spec, std::string_view key, const std::string& id) {
  return declare(ingresses_, spec, key, id, "an ingress id that no other ingress has", spec.written(key));
}
bool Declarations::egress(MapReader& spec, std::string_view key, const std::string& id) {
  return declare(egresses_, spec, key, id, "an egress id that no other egress has", spec.written(key));
}
bool Declarations::dapr_app(MapReader& spec, std::string_view key, const std::string& id) {
  return declare(dapr_apps_, spec, key, id, "an app id that no other app has", spec.written(key));
}
bool Declarations::port(MapReader& spec, std::string_view key, std::uint16_t port) {
  if (port == 0) return true;
  const auto [earlier, fresh] = ports_.emplace(port, Port{spec.place(key), spec.path(key)});
  if (!fresh)
    spec.error(key, "a port that nothing else listens on",
               (spec.has(key) ? spec.written(key) : std::to_string(port)) + " again",
               "first at " + earlier->second.place.text());
  return fresh;
}
void Declarations::default_port(std::string_view listener, std::uint16_t port,
                                std::vector<Problem>& problems) const {
  const auto taken = ports_.find(port);
  if (taken == ports_.end()) return;
  problems.push_back({Severity::Error, taken->second.place, taken->second.path,
                      "a port that nothing else listens on", std::to_string(port),
                      "the default of " + std::string(listener) + " in holdfast.runtime.v1/settings"});
}
bool Declarations::settings(MapReader& spec) { return only(settings_, spec, "one document with settings"); }
bool Declarations::playground_egress(MapReader& spec) {
  return only(playground_egress_, spec, "one egress document of this kind");
}

void check_ports(const Configuration& configuration, const Declarations& declarations,
                 std::vector<Problem>& problems) {
  if (!declarations.gateway_given)
    declarations.default_port("listen.gateway", configuration.settings.gateway.port, problems);
  if (!declarations.admin_given)
    declarations.default_port("listen.admin", configuration.settings.admin.port, problems);
}

void check_targets(const Configuration& configuration, const Declarations& declarations,
                   std::vector<Problem>& problems) {
  std::set<std::string_view> names, namespaces;
  for (const auto& endpoint : configuration.endpoints) {
    const std::string_view functions = endpoint.functions;
    if (endpoint.is_specific())
      names.insert(functions);
    else
      namespaces.insert(functions.substr(0, functions.size() - 2));
  }
  for (const auto& target : declarations.targets)
    if (!names.contains(target.type) && !namespaces.contains(model::split_type(target.type).ns))
      problems.push_back({Severity::Warning, target.place, target.path,
                          "a function that an endpoint of these files serves", target.written,
                          "without one its records go as onBadRecord says"});
}

}  // namespace holdfast::config
