#include "holdfast/sdk/functions.h"

#include <algorithm>

#include "utf8.h"

namespace holdfast::sdk {

Functions& Functions::bind(FunctionSpec spec) {
  const auto refuse = [&](const std::string& why) { throw InvalidArgument("function '" + spec.type + "': " + why); };
  if (!is_type_name(spec.type) || !detail::is_utf8(spec.type)) refuse("expected a type, namespace/name");
  if (spec.type.starts_with("holdfast/")) refuse("namespace holdfast belongs to the runtime");
  if (specs_.contains(spec.type)) refuse("is bound already");
  if (std::visit([](const auto& code) { return code == nullptr; }, spec.code)) refuse("has no code");
  for (auto state = spec.states.begin(); state != spec.states.end(); ++state) {
    if (!is_state_name(state->name)) refuse("state '" + state->name + "': expected letters, digits and '_', and no digit first");
    if (!is_type_name(state->type) || !detail::is_utf8(state->type)) refuse("state '" + state->name + "' has type '" + state->type + "': expected namespace/name");
    if (state->expiration.mode != Expiration::Mode::Never && state->expiration.after.count() <= 0)
      refuse("state '" + state->name + "' expires after " + std::to_string(state->expiration.after.count()) + " ms: expected 1 or more");
    if (std::any_of(spec.states.begin(), state, [&](const StateSpec& other) { return other.name == state->name; }))
      refuse("state '" + state->name + "' is declared twice");
  }
  std::string type = spec.type;
  specs_.emplace(std::move(type), std::move(spec));
  return *this;
}

const FunctionSpec* Functions::find(std::string_view type) const {
  const auto found = specs_.find(type);
  return found == specs_.end() ? nullptr : &found->second;
}

std::vector<std::string> Functions::types() const {
  std::vector<std::string> out;
  for (const auto& [type, spec] : specs_) out.push_back(type);
  return out;
}

}  // namespace holdfast::sdk
