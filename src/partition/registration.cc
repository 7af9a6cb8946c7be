#include "partition/registration.h"

#include <algorithm>

namespace holdfast::partition {

Result<model::RegistrationRow> declare_states(std::string_view type, const model::RegistrationRow* current,
                                              std::vector<model::StateSpec>&& states) {
  model::RegistrationRow row;
  if (current != nullptr) row = *current;
  for (auto& spec : states) {
    if (spec.name.empty()) return fail(ErrorCode::Invalid, std::string(type) + " declares a state without a name");
    const auto known = std::ranges::find(row.states, spec.name, &model::StateSpec::name);
    if (known == row.states.end()) {
      if (row.states.size() == kStatesMax)
        return fail(ErrorCode::Invalid, std::string(type) + " declares more than " + std::to_string(kStatesMax) + " states");
      if (spec.expire_mode != model::ExpireMode::None && spec.expire_after.ms <= 0)
        return fail(ErrorCode::Invalid, std::string(type) + " declares state \"" + spec.name + "\" to expire after " +
                                            std::to_string(spec.expire_after.ms) + " ms");
      row.states.push_back(std::move(spec));
    } else if (known->type_name != spec.type_name) {
      return fail(ErrorCode::Invalid, std::string(type) + " declares state \"" + spec.name + "\" as " + spec.type_name +
                                          ", but it is stored as " + known->type_name);
    }
  }
  return row;
}

}  // namespace holdfast::partition
