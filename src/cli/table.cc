#include "cli/table.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "codec/utf8.h"

namespace holdfast::cli {

std::size_t text_width(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string one_line(std::string_view utf8, std::size_t width_max) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < utf8.size();) {
    const std::size_t length = codec::utf8_sequence(utf8, i);
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (++width > width_max) {
      // The last character makes room for the sign that there were more.
      while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
      if (!out.empty()) out.pop_back();
      return out + "…";
    }
    // C1 (U+0080 to U+009F) are control characters, too.
    const bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && length == 2 && static_cast<unsigned char>(utf8[i + 1]) < 0xa0);
    if (length == 0) out += "\xef\xbf\xbd";  // U+FFFD
    else if (control) out.push_back(' ');
    else out += utf8.substr(i, length);
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

std::string lines(std::string_view text) {
  std::string out;
  while (true) {
    const auto end = text.find('\n');
    out += one_line(text.substr(0, end), SIZE_MAX);
    if (end == std::string_view::npos) return out;
    out.push_back('\n');
    text.remove_prefix(end + 1);
  }
}

Table::Table(std::vector<std::string> headings) : headings_(std::move(headings)) {
  for (auto& heading : headings_) {
    right_.push_back(heading.starts_with('>'));
    if (right_.back()) heading.erase(0, 1);
  }
}

void Table::add(std::vector<std::string> cells) {
  HOLDFAST_CHECK(cells.size() == headings_.size());
  for (auto& cell : cells) cell = one_line(cell, &cell == &cells.back() ? kLastCellWidthMax : kCellWidthMax);
  rows_.push_back(std::move(cells));
}

std::string Table::render() const {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings_.size(); ++column) {
    std::size_t width = 0;
    for (const auto& row : rows_) width = std::max(width, text_width(row[column]));
    widths.push_back(width == 0 ? 0 : std::max(width, text_width(headings_[column])));
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t column = 0; column < cells.size(); ++column) {
      if (widths[column] == 0) continue;
      const std::string padding(widths[column] - text_width(cells[column]), ' ');
      if (!text.empty()) text += "  ";
      text += right_[column] ? padding + cells[column] : cells[column] + padding;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(headings_);
  for (const auto& row : rows_) line(row);
  return out;
}

}  // namespace holdfast::cli
