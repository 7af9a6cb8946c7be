// RestingRows: rows of addresses that have nothing to do, as they are stored, so that one that is called again needs not be looked for below. What was
// put first goes first; taking one out and putting it back makes it the newest.
//
// A cache: what is here is in the layers of rows as well, or is known not to be there.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "runtime/packed_row.h"

namespace holdfast::runtime {

class RestingRows {
  struct Line {
    PackedRow<Line>* newer = nullptr;
    PackedRow<Line>* older = nullptr;
  };

 public:
  using Row = PackedRow<Line>;

  // No value: there is no such row.
  void put(std::string_view key, std::optional<std::string_view> value);
  // Null: not known.
  [[nodiscard]] Row::Owner take(std::string_view key);
  // Forgets the oldest until they take no more than so many bytes.
  void shrink(std::size_t bytes_max);

  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t bytes() const { return rows_.bytes(); }

 private:
  void leave_line(Row& row);

  RowTable<Row> rows_;
  Row* newest_ = nullptr;
  Row* oldest_ = nullptr;
};

}  // namespace holdfast::runtime
