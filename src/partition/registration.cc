#include "partition/registration.h"

#include <algorithm>
#include <utility>

namespace holdfast::partition {
namespace {

const model::StateSpec* find(const std::vector<model::StateSpec>& states, std::string_view name) {
  const auto it = std::ranges::find(states, name, &model::StateSpec::name);
  return it == states.end() ? nullptr : &*it;
}

template <typename Orphans>
auto find_orphan(Orphans& orphans, std::string_view name) {
  return std::ranges::find_if(orphans, [&](const auto& orphan) { return orphan.spec.name == name; });
}

Error invalid(std::string_view type, const std::string& what) { return {ErrorCode::Invalid, std::string(type) + " " + what}; }

std::optional<Error> check(std::string_view type, const model::StateSpec& spec) {
  if (spec.name.empty()) return invalid(type, "declares a state without a name");
  if (spec.expire_mode != model::ExpireMode::None && spec.expire_after.ms <= 0)
    return invalid(type, "declares state \"" + spec.name + "\" to expire after " + std::to_string(spec.expire_after.ms) + " ms");
  return std::nullopt;
}

Error other_type(std::string_view type, const model::StateSpec& spec, const std::string& stored) {
  return invalid(type, "declares state \"" + spec.name + "\" as " + spec.type_name + ", but its values are stored as " + stored +
                           ": give the new state another name, or have the old values deleted with `holdfast state orphans drop " +
                           std::string(type) + " " + spec.name + "` and retry");
}

// The states of `of` that are not among `kept` become orphans.
void orphan(model::RegistrationRow& row, const std::vector<model::StateSpec>& of) {
  for (const auto& spec : of)
    if (find(row.states, spec.name) == nullptr) row.orphans.push_back({spec, false});
}

}  // namespace

Declared declare_states(std::string_view type, const model::RegistrationRow* current, std::vector<model::StateSpec>&& states,
                        Declaration kind) {
  static const model::RegistrationRow kNothing;
  const model::RegistrationRow& known = current == nullptr ? kNothing : *current;
  const auto refuse = [&](Error error) { return Declared{known, std::move(error)}; };

  // Of several of one name the first counts.
  std::vector<model::StateSpec> declared;
  std::vector<std::string> of_other_type;
  std::optional<Error> refusal;
  for (auto& spec : states) {
    if (auto error = check(type, spec)) return refuse(std::move(*error));
    if (const auto* twice = find(declared, spec.name)) {
      if (twice->type_name == spec.type_name) continue;
      return refuse(invalid(type, "declares state \"" + spec.name + "\" as " + twice->type_name + " and as " + spec.type_name));
    }
    const auto* before = find(known.states, spec.name);
    if (before == nullptr) {
      if (const auto it = find_orphan(known.orphans, spec.name); it != known.orphans.end()) before = &it->spec;
    }
    if (before != nullptr && before->type_name != spec.type_name) {
      if (!refusal) refusal = other_type(type, spec, before->type_name);
      of_other_type.push_back(spec.name);
      continue;
    }
    declared.push_back(std::move(spec));
  }

  model::RegistrationRow row = known;
  if (refusal) {
    for (const auto& name : of_other_type) std::erase_if(row.states, [&](const auto& s) { return s.name == name; });
  } else {
    // Known ones keep their places: a function that names its states in another order has said nothing new.
    if (kind == Declaration::Whole) std::erase_if(row.states, [&](const auto& s) { return find(declared, s.name) == nullptr; });
    for (auto& spec : declared) {
      std::erase_if(row.orphans, [&](const auto& o) { return o.spec.name == spec.name; });
      const auto it = std::ranges::find(row.states, spec.name, &model::StateSpec::name);
      if (it == row.states.end()) row.states.push_back(std::move(spec));
      else *it = std::move(spec);
    }
  }
  orphan(row, known.states);
  if (row.states.size() > kStatesMax)
    return refuse(invalid(type, "declares more than " + std::to_string(kStatesMax) + " states"));
  if (row.orphans.size() > kOrphansMax && row.orphans.size() > known.orphans.size())
    return refuse(invalid(type, "no longer declares " + std::to_string(row.orphans.size()) + " states, and the values of at most " +
                                    std::to_string(kOrphansMax) + " are kept: `holdfast state orphans ls` lists them, `drop` deletes them"));
  if (row != known) ++row.revision;
  return {std::move(row), std::move(refusal)};
}

bool waits_for_drop(const model::RegistrationRow* current, const std::vector<model::StateSpec>& states) {
  if (current == nullptr) return false;
  return std::ranges::any_of(states, [&](const auto& spec) {
    const auto it = find_orphan(current->orphans, spec.name);
    return it != current->orphans.end() && it->dropping;
  });
}

Result<model::RegistrationRow> begin_drop(std::string_view type, const model::RegistrationRow* current, std::string_view name) {
  const std::string what = "state \"" + std::string(name) + "\"";
  if (current != nullptr && find(current->states, name) != nullptr)
    return fail(ErrorCode::Conflict, what + " is declared by " + std::string(type) + ": only states that it no longer declares can be dropped");
  if (current == nullptr || find_orphan(current->orphans, name) == current->orphans.end())
    return fail(ErrorCode::NotFound, std::string(type) + " has no orphaned " + what);
  model::RegistrationRow row = *current;
  const auto it = find_orphan(row.orphans, name);
  if (!std::exchange(it->dropping, true)) ++row.revision;
  return row;
}

model::RegistrationRow end_drop(const model::RegistrationRow& current, std::string_view name) {
  model::RegistrationRow row = current;
  if (std::erase_if(row.orphans, [&](const auto& o) { return o.dropping && o.spec.name == name; }) > 0) ++row.revision;
  return row;
}

const model::StateSpec* find_declared(const model::RegistrationRow* current, const model::RegistrationRow* sent, std::string_view name) {
  if (current != nullptr)
    if (const auto* spec = find(current->states, name)) return spec;
  if (sent == nullptr || sent == current) return nullptr;
  const auto* spec = find(sent->states, name);
  if (spec == nullptr || current == nullptr) return spec;
  const auto it = find_orphan(current->orphans, name);
  return it == current->orphans.end() || it->dropping ? nullptr : spec;
}

}  // namespace holdfast::partition
