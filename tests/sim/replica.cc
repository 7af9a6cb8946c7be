#include "replica.h"

#include <algorithm>
#include <optional>
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

model::InvocationOutcome run_replica(Random& random, Expiry& expiry, const ports::Invocation& call, const std::vector<model::Message>& batch) {
  const auto states = call.states;
  const std::string& type = call.address.type;
  const bool is_timed = Expiry::is_of(type);
  model::IncompleteContext lacks;
  const auto declare = [&](model::StateSpec spec) {
    if (std::ranges::none_of(states, [&](const auto& entry) { return entry.spec->name == spec.name; })) lacks.missing.push_back(std::move(spec));
  };
  for (const auto name : kProgramStates) declare({std::string(name), std::string(kTextType), {}, {}});
  const std::string own = own_state(random);
  const bool expires = random.below(2) == 0;
  declare({own, std::string(kTextType), expires ? model::ExpireMode::AfterWrite : model::ExpireMode::None, expires ? kOwnExpiry : Duration{}});
  if (is_timed) {
    declare({std::string(Expiry::kNote), std::string(kTextType), {}, {}});
    declare(expiry.deployed(type));
  }
  if (!lacks.missing.empty()) return lacks;

  std::vector<std::pair<std::string, std::string>> values;
  for (const auto& entry : states)
    if (entry.value != nullptr) values.emplace_back(entry.spec->name, entry.value->value);
  auto outcome = run_function(values, std::size(kProgramStates), batch);
  using Kind = model::StateMutation::Kind;
  auto& response = std::get<model::InvocationResponse>(outcome);
  response.mutations.push_back({Kind::Modify, own, std::string(kTextType), "mine"});
  if (!is_timed) return outcome;

  const auto find = [&](std::string_view name) { return *std::ranges::find_if(states, [&](const auto& e) { return e.spec->name == name; }); };
  const auto note = find(Expiry::kNote);
  const auto timed = find(Expiry::kState);
  std::optional<Expiry::Shown> shown;
  if (timed.value != nullptr) shown = {timed.value->value, timed.value->expires_at};
  const auto answer = expiry.called(type, *timed.spec, note.value == nullptr ? "" : note.value->value, shown);
  using Does = Expiry::Answer::Does;
  if (answer.does == Does::Writes)
    response.mutations.push_back({Kind::Modify, std::string(Expiry::kState), std::string(kTextType), std::to_string(answer.call)});
  if (answer.does == Does::Deletes) response.mutations.push_back({Kind::Delete, std::string(Expiry::kState), "", ""});
  response.mutations.push_back({Kind::Modify, std::string(Expiry::kNote), std::string(kTextType), answer.note});
  response.egress.push_back({std::string(Expiry::kAccepted), {std::string(kTextType), std::to_string(answer.call), true}});
  return outcome;
}

}  // namespace holdfast::sim
