#include "runtime/resting_rows.h"

namespace holdfast::runtime {

void RestingRows::put(std::string_view key, std::optional<std::string_view> value) {
  auto row = Row::make(key, value);
  row->older = newest_;
  (newest_ != nullptr ? newest_->newer : oldest_) = row.get();
  newest_ = row.get();
  if (const auto before = rows_.put(std::move(row))) leave_line(*before);
}

RestingRows::Row::Owner RestingRows::take(std::string_view key) {
  auto row = rows_.take(key);
  if (row != nullptr) leave_line(*row);
  return row;
}

void RestingRows::shrink(std::size_t bytes_max) {
  while (oldest_ != nullptr && bytes() > bytes_max) (void)take(oldest_->key());
}

void RestingRows::leave_line(Row& row) {
  (row.older != nullptr ? row.older->newer : oldest_) = row.newer;
  (row.newer != nullptr ? row.newer->older : newest_) = row.older;
}

}  // namespace holdfast::runtime
