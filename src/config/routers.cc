// Routers of module.yaml 1.0 and 2.0, brought together with their ingresses.
#include <set>

#include "config/kinds.h"

namespace holdfast::config {

void resolve_routers(Configuration& configuration, const Declarations& declarations,
                     std::vector<Problem>& problems) {
  std::map<std::string_view, model::KafkaIngressSpec*> ingresses;
  std::set<std::string_view> routed;
  for (const auto& ingress : declarations.protobuf_ingresses)
    // Beyond its bound a document is not kept.
    if (ingress.index < configuration.kafka_ingresses.size()) {
      auto& spec = configuration.kafka_ingresses[ingress.index];
      ingresses.emplace(spec.id, &spec);
    }
  for (const auto& router : declarations.routers) {
    const auto found = ingresses.find(router.ingress);
    if (found == ingresses.end()) {
      problems.push_back({Severity::Error, router.ingress_place, router.ingress_path,
                          "the id of a statefun.kafka.io/protobuf-ingress", router.ingress_written,
                          declarations.has_ingress(router.ingress) ? "that ingress has its targets in topics"
                                                                   : "nothing declares it"});
      continue;
    }
    routed.insert(router.ingress);
    if (!router.good) continue;
    model::KafkaIngressSpec& ingress = *found->second;
    if (!ingress.topics.empty() &&
        !ingress.topics.front().value_type.ends_with("/" + router.route.message_type))
      problems.push_back({Severity::Warning, router.type_place, router.type_path,
                          "the type of the messages of its ingress, " + ingress.topics.front().value_type,
                          router.type_written, "they are read as if they were of the other type"});
    ingress.routes.push_back(router.route);
  }
  for (const auto& ingress : declarations.protobuf_ingresses) {
    if (ingress.index >= configuration.kafka_ingresses.size()) continue;
    const std::string& id = configuration.kafka_ingresses[ingress.index].id;
    if (id.empty() || routed.contains(id)) continue;
    problems.push_back({Severity::Error, ingress.place, ingress.path, "an ingress that a router names",
                        ingress.written, "its records would go nowhere"});
  }
}

}  // namespace holdfast::config
