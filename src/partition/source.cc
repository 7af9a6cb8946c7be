#include "partition/source.h"

#include <utility>

namespace holdfast::partition {

Result<Transition> take_in(const View& view, const std::string& source, std::optional<std::uint64_t> from, std::uint64_t next,
                           std::vector<model::Command>&& commands) {
  const auto show = [](const std::optional<std::uint64_t>& position) { return position ? std::to_string(*position) : "no position"; };
  const auto row = view.source(source);
  const std::optional<std::uint64_t> at = row ? std::optional(row->next) : std::nullopt;
  if (at != from)
    return fail(ErrorCode::Conflict, "source " + source + " is at " + show(at) + ", not at " + show(from));
  if (from && next < *from)
    return fail(ErrorCode::Conflict, "source " + source + " cannot go back from " + show(from) + " to " + std::to_string(next));
  Transition transition;
  transition.writes.push_back(PutSource{source, {next, row && row->paused}});
  transition.effects.reserve(commands.size());
  for (auto& command : commands) transition.effects.push_back(Deliver{std::move(command)});
  return transition;
}

}  // namespace holdfast::partition
