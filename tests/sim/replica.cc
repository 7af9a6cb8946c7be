#include "replica.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "program.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kVersions = 3;
constexpr std::string_view kProgramStates[] = {"log", "sent", "flag"};
constexpr Duration kOwnExpiry{7};

}  // namespace

std::string own_state(Random& random) { return "own" + std::to_string(random.below(kVersions)); }

model::InvocationOutcome run_replica(Random& random, std::span<const ports::StateEntry> states, const std::vector<model::Message>& batch) {
  model::IncompleteContext lacks;
  const auto declare = [&](model::StateSpec spec) {
    if (std::ranges::none_of(states, [&](const auto& entry) { return entry.spec->name == spec.name; })) lacks.missing.push_back(std::move(spec));
  };
  for (const auto name : kProgramStates) declare({std::string(name), std::string(kTextType), {}, {}});
  const std::string own = own_state(random);
  const bool expires = random.below(2) == 0;
  declare({own, std::string(kTextType), expires ? model::ExpireMode::AfterWrite : model::ExpireMode::None, expires ? kOwnExpiry : Duration{}});
  if (!lacks.missing.empty()) return lacks;

  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& entry : states)
    if (entry.value != nullptr) values.emplace_back(entry.spec->name, entry.value->value);
  auto outcome = run_function(values, std::size(kProgramStates), batch);
  std::get<model::InvocationResponse>(outcome).mutations.push_back({model::StateMutation::Kind::Modify, own, std::string(kTextType), "mine"});
  return outcome;
}

}  // namespace holdfast::sim
