#include "partition/source.h"

namespace holdfast::partition {

Result<PutSource> take_in(const View& view, const std::string& source, std::optional<std::uint64_t> from, std::uint64_t next,
                          const std::string& incarnation) {
  const auto show = [](const std::optional<std::uint64_t>& position) { return position ? std::to_string(*position) : "no position"; };
  const auto row = view.source(source);
  const std::optional<std::uint64_t> at = row ? std::optional(row->next) : std::nullopt;
  if (at != from)
    return fail(ErrorCode::Conflict, "source " + source + " is at " + show(at) + ", not at " + show(from));
  if (from && next < *from)
    return fail(ErrorCode::Conflict, "source " + source + " cannot go back from " + show(from) + " to " + std::to_string(next));
  const std::string known = row ? row->incarnation : std::string();
  if (!known.empty() && !incarnation.empty() && known != incarnation)
    return fail(ErrorCode::Conflict, "source " + source + " is the one of " + known + ", not of " + incarnation);
  return PutSource{source, {next, row && row->paused, known.empty() ? incarnation : known}};
}

}  // namespace holdfast::partition
