// States that configuration declares: functions before StateFun 3.0 do not do so themselves.
#include "config/endpoints.h"

namespace holdfast::config {
namespace {

constexpr Duration kExpiryMax{100LL * 365 * 24 * 3600 * 1000};
constexpr std::size_t kStatesMax = 1'000;

void read_expiry(MapReader& state, model::StateSpec& out) {
  std::string mode = "after-invoke";
  const bool given = state.optional("expireMode", one_of({"after-invoke", "after-write"}), mode);
  if (state.optional("expireAfter", duration({1}, kExpiryMax), out.expire_after))
    out.expire_mode = mode == "after-write" ? model::ExpireMode::AfterWrite : model::ExpireMode::AfterInvoke;
  else if (given && !state.has("expireAfter"))
    state.warning("expireMode", "this key only beside expireAfter", state.written("expireMode"),
                  "the state never expires");
}

}  // namespace

void read_states(MapReader& spec, std::vector<model::StateSpec>& out) {
  const Node* list = spec.find("states");
  if (list == nullptr) return;
  if (list->kind != Node::Kind::List) return spec.error("states", "a list", list->shown());
  if (list->items.size() > kStatesMax)
    return spec.error("states", "at most " + std::to_string(kStatesMax) + " states",
                      std::to_string(list->items.size()));
  const auto name_format = text("the name of a state");
  std::map<std::string, Place> seen;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const Node& item = *list->items[i];
    const std::string path = spec.path("states") + "[" + std::to_string(i) + "]";
    model::StateSpec state;
    state.type_name = model::kUnsetType;
    Mark mark = item.mark;
    std::string written = item.shown();
    bool good = false;
    if (item.kind == Node::Kind::Map) {  // module.yaml 2.0.
      MapReader map(spec.file(), item, path, Extras::Ignored);
      good = map.required("name", name_format, state.name);
      mark = map.mark("name");
      written = map.written("name");
      read_expiry(map, state);
      map.finish();
    } else {  // module.yaml 1.0.
      good = spec.read(item, path, name_format, state.name);
    }
    if (!good) continue;
    const auto [first, fresh] = seen.emplace(state.name, spec.file().place(mark));
    if (fresh)
      out.push_back(std::move(state));
    else
      spec.file().report(Severity::Error, mark, path, "each state once", written + " again",
                         "first at " + first->second.text());
  }
}

}  // namespace holdfast::config
