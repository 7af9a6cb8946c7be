#include "dapr/store_settings.h"

#include <strings.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/log.h"
#include "model/dapr_values.h"

namespace holdfast::dapr {
namespace {

std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

}  // namespace

// keyPrefix is of state stores in general: it is asked for elsewhere.
StoreSettings::StoreSettings(const StoreDocument& document) : document_(document), asked_{"keyPrefix"} {}

std::optional<StoreSettings::Found> StoreSettings::find(Names names) {
  std::optional<Found> found;
  for (const auto name : names) {
    asked_.emplace_back(name);
    if (found) continue;
    if (auto value = document_.properties.find(name)) found = Found{name, *std::move(value)};
  }
  return found;
}

std::optional<std::string> StoreSettings::text(Names names) {
  auto found = find(names);
  if (!found) return std::nullopt;
  return std::move(found->value);
}

std::int64_t StoreSettings::number(Names names, std::int64_t min, std::int64_t max, std::int64_t fallback) {
  const auto found = find(names);
  if (!found) return fallback;
  const auto value = parse_number(found->value);
  if (value && *value >= min && *value <= max) return *value;
  refuse("metadata " + std::string(found->name) + ": expected a number from " + std::to_string(min) + " to " + std::to_string(max) + ", got '" + found->value + "'");
  return fallback;
}

Duration StoreSettings::duration(Names names, Duration unit, Duration fallback) {
  const auto found = find(names);
  if (!found) return fallback;
  if (const auto count = parse_number(found->value)) {
    std::int64_t ms = 0;
    if (!__builtin_mul_overflow(*count, unit.ms, &ms)) return {ms};
  } else if (const auto value = model::parse_go_duration(found->value)) {
    return *value;
  }
  refuse("metadata " + std::string(found->name) + ": expected a duration like 20s, got '" + found->value + "'");
  return fallback;
}

bool StoreSettings::flag(Names names) {
  const auto found = find(names);
  return found && document_.properties.is_true(found->name);
}

void StoreSettings::refuse(std::string why) {
  if (wrong_.empty()) wrong_ = std::move(why);
}

Result<void> StoreSettings::finish() {
  if (!wrong_.empty()) return fail(ErrorCode::Invalid, wrong_);
  std::string rest;
  for (const auto& [name, value] : document_.properties.all()) {
    const auto is_it = [&name = name](const std::string& asked) { return ::strcasecmp(asked.c_str(), name.c_str()) == 0; };
    if (std::ranges::none_of(asked_, is_it)) rest += (rest.empty() ? "" : ", ") + name;
  }
  if (!rest.empty()) log_info("metadata of a component that means nothing here", {{"component", document_.name}, {"type", document_.type}, {"metadata", rest}});
  return {};
}

}  // namespace holdfast::dapr
