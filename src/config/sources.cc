// What the readers of all ingresses and egresses share.
#include <set>

#include "config/edge_formats.h"
#include "config/kinds.h"

namespace holdfast::config {

void read_ingress_id(MapReader& spec, std::string& out, Declarations& declarations) {
  if (spec.required("id", ingress_id(), out)) declarations.ingress(spec, "id", out);
}

void read_egress_id(MapReader& spec, std::string& out, Declarations& declarations) {
  if (!spec.required("id", egress_id(), out)) return;
  if (out == model::kPlaygroundEgress)
    spec.error("id", "an id of your own", spec.written("id"), "it is the id of the playground's egress");
  else
    declarations.egress(spec, "id", out);
}

bool has_elements(MapReader& spec, std::string_view key, std::string_view what) {
  const Node* list = spec.find(key);
  if (list != nullptr && (list->kind != Node::Kind::List || !list->items.empty())) return true;
  spec.error(key, "a list of at least one " + std::string(what),
             list == nullptr ? "nothing" : "an empty list");
  return false;
}

bool has_room(MapReader& spec, std::size_t count, std::size_t max) {
  if (count < max) return true;
  spec.file().report(Severity::Error, spec.mark(), spec.path(),
                     "at most " + std::to_string(max) + " documents of this kind", "more");
  return false;
}

void read_targets(MapReader& topic, std::vector<std::string>& out, Declarations& declarations) {
  if (!has_elements(topic, "targets", "function")) return;
  std::vector<MapReader::Element> elements;
  topic.list("targets", function_type(), out, elements);
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < out.size(); ++i) {
    Declarations::Target target{out[i], topic.file().place(elements[i].mark), topic.path("targets"),
                                elements[i].written};
    if (seen.insert(out[i]).second)
      declarations.targets.push_back(std::move(target));
    else  // StateFun does as it is told.
      topic.file().report(Severity::Warning, elements[i].mark, target.path, "each function once",
                          target.written + " again", "it gets each record as often");
  }
}

}  // namespace holdfast::config
