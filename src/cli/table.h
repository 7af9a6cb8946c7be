// Table: rows of text under headings, aligned for people.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::cli {

// How wide a text is on a terminal: one column for each code point.
[[nodiscard]] std::size_t text_width(std::string_view utf8);
// One line a terminal can take: control characters become blanks, and what is over `width_max` columns is cut ("…").
[[nodiscard]] std::string one_line(std::string_view utf8, std::size_t width_max);

// Every line of it likewise, whole.
[[nodiscard]] std::string lines(std::string_view text);

class Table {
 public:
  static constexpr std::size_t kCellWidthMax = 100;
  static constexpr std::size_t kLastCellWidthMax = 1200;  // Nothing stands beside it: reasons are there, and people look for them.

  // A heading that begins with '>' has its column aligned to the right.
  explicit Table(std::vector<std::string> headings);
  void add(std::vector<std::string> cells);
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  // Columns in which every cell is empty are left out.
  [[nodiscard]] std::string render() const;

 private:
  std::vector<std::string> headings_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace holdfast::cli
