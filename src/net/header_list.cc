#include "net/header_list.h"

#include <algorithm>

namespace holdfast::net {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view member = list.substr(0, comma);
    while (!member.empty() && (member.front() == ' ' || member.front() == '\t')) member.remove_prefix(1);
    while (!member.empty() && (member.back() == ' ' || member.back() == '\t')) member.remove_suffix(1);
    if (equals_ignoring_case(member, token)) return true;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return false;
}

void HeaderList::add(std::string_view name, std::string_view value) {
  if (spans_.empty()) {  // Most lists are of one to three short fields.
    spans_.reserve(3);
    bytes_.reserve(std::max<std::size_t>(96, name.size() + value.size()));
  }
  const auto at = static_cast<std::uint32_t>(bytes_.size());
  bytes_.append(name).append(value);
  const auto name_size = static_cast<std::uint32_t>(name.size());
  spans_.push_back({at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
}

void HeaderList::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

void HeaderList::remove(std::string_view name) {
  const std::string_view all = bytes_;  // The bytes stay: lists are short and short-lived.
  std::erase_if(spans_, [&](const Span& s) { return equals_ignoring_case(all.substr(s.name_at, s.name_size), name); });
}

void HeaderList::clear() {
  bytes_.clear();
  spans_.clear();
}

std::optional<std::string_view> HeaderList::find(std::string_view name) const {
  const std::string_view all = bytes_;
  for (const Span& s : spans_)
    if (s.name_size == name.size() && equals_ignoring_case(all.substr(s.name_at, s.name_size), name))
      return all.substr(s.value_at, s.value_size);
  return std::nullopt;
}

std::size_t HeaderList::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& field : *this) n += equals_ignoring_case(field.first, name);
  return n;
}

}  // namespace holdfast::net
