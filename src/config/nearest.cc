#include "config/nearest.h"

#include <algorithm>
#include <vector>

#include "config/problem.h"

namespace holdfast::config {
namespace {

constexpr std::size_t kNameBytesMax = 100;  // Longer ones are near to nothing; keeps the table below small.
constexpr std::size_t kListedMax = 16;

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name)
    if (c != '_' && c != '-') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// Insertions, deletions, replacements and swaps of neighbours that turn one into the other.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > kNameBytesMax) return {};
  const std::string wanted = folded(name);
  std::string_view best;
  std::size_t best_edits = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edits(wanted, folded(candidate));
    if (distance < best_edits && distance < candidate.size()) {
      best = candidate;
      best_edits = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, std::span<const std::string_view> known) {
  if (const auto near = nearest(name, known); !near.empty()) return "did you mean " + in_quotes(near) + "?";
  if (known.empty() || known.size() > kListedMax) return {};
  std::string out = "known here:";
  for (const std::string_view candidate : known)
    out.append(out.ends_with(':') ? " " : ", ").append(candidate);
  return out;
}

}  // namespace holdfast::config
