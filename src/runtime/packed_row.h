// Rows in memory, of which there are more than of anything else: each is one block, its key and value behind a short head. RowTable finds them by key, for
// one or two words a row. What they say of bytes is what they take, as the allocator rounds it.
//
// A row stays where it is for as long as it is there. One thread.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"

namespace holdfast::runtime {

// What jemalloc takes for a block of `size` bytes.
[[nodiscard]] constexpr std::size_t allocated_bytes(std::size_t size) {
  const std::size_t step = size <= 128 ? 16 : std::size_t{1} << (std::bit_width(size - 1) - 3);
  return (size + step - 1) / step * step;
}

// `Links`: what its container has to remember of each row.
template <typename Links>
class PackedRow : public Links {
 public:
  struct Free {
    void operator()(PackedRow* row) const {
      std::destroy_at(row);
      ::operator delete(row);
    }
  };
  using Owner = std::unique_ptr<PackedRow, Free>;

  // No value: the row says that there is none.
  static Owner make(std::string_view key, std::optional<std::string_view> value) {
    void* block = ::operator new(sizeof(PackedRow) + key.size() + (value ? value->size() : 0));
    return Owner(new (block) PackedRow(key, value));
  }
  [[nodiscard]] std::string_view key() const { return {bytes_behind(), key_size_}; }
  [[nodiscard]] std::optional<std::string_view> value() const {
    if (value_size_ == kNone) return std::nullopt;
    return std::string_view(bytes_behind() + key_size_, value_size_);
  }
  // Whether its container has been told that nothing older is known of the key.
  [[nodiscard]] bool is_new() const { return is_new_ != 0; }
  void set_new(bool is_new) { is_new_ = is_new ? 1 : 0; }
  [[nodiscard]] std::size_t bytes() const { return allocated_bytes(sizeof(PackedRow) + key_size_ + (value_size_ == kNone ? 0 : value_size_)); }

 private:
  template <typename>
  friend class RowTable;
  static constexpr std::uint64_t kKeyMax = (1ull << 24) - 1;
  static constexpr std::uint64_t kNone = (1ull << 39) - 1;

  PackedRow(std::string_view key, std::optional<std::string_view> value) : key_size_(key.size()), value_size_(value ? value->size() : kNone) {
    HOLDFAST_CHECK(key.size() <= kKeyMax && (!value || value->size() < kNone));
    std::ranges::copy(key, bytes_behind());
    if (value) std::ranges::copy(*value, bytes_behind() + key.size());
  }
  [[nodiscard]] char* bytes_behind() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] const char* bytes_behind() const { return reinterpret_cast<const char*>(this + 1); }

  PackedRow* next_ = nullptr;  // In its bucket.
  std::uint64_t key_size_ : 24;
  std::uint64_t value_size_ : 39;
  std::uint64_t is_new_ : 1 = 0;
};

template <typename Row>
class RowTable {
 public:
  using Owner = typename Row::Owner;

  RowTable() = default;
  RowTable(RowTable&& other) noexcept { swap(other); }
  RowTable& operator=(RowTable&& other) noexcept {
    swap(other);
    return *this;
  }
  ~RowTable() { clear(); }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return row_bytes_ + size_ * 2 * sizeof(Row*); }

  [[nodiscard]] const Row* find(std::string_view key) const {
    return buckets_.empty() ? nullptr : *const_cast<RowTable*>(this)->place_of(key);
  }
  // Gives back the one whose place it takes.
  Owner put(Owner row) {
    Owner before = take(row->key());
    if (size_ >= buckets_.size()) grow();
    row_bytes_ += row->bytes();
    ++size_;
    push(buckets_, row.release());
    return before;
  }
  Owner take(std::string_view key) {
    if (buckets_.empty()) return nullptr;
    Row** const place = place_of(key);
    Owner row(*place);
    if (row == nullptr) return nullptr;
    *place = row->next_;
    row->next_ = nullptr;
    row_bytes_ -= row->bytes();
    --size_;
    return row;
  }
  // All of them, one by one; it is empty then.
  template <typename Visit>
  void drain(Visit visit) {
    for (Row*& head : buckets_) {
      while (head != nullptr) {
        Owner row(std::exchange(head, head->next_));
        row->next_ = nullptr;
        visit(std::move(row));
      }
    }
    size_ = row_bytes_ = 0;
    if (buckets_.size() > kBucketsKept) std::vector<Row*>().swap(buckets_);
  }
  void clear() {
    drain([](Owner) {});
  }

  // As a standard container has its buckets.
  class Iterator {
   public:
    explicit Iterator(const Row* row) : row_(row) {}
    const Row& operator*() const { return *row_; }
    Iterator& operator++() {
      row_ = row_->next_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const Row* row_;
  };
  [[nodiscard]] std::size_t bucket_count() const { return buckets_.size(); }
  [[nodiscard]] Iterator begin(std::size_t bucket) const { return Iterator(buckets_[bucket]); }
  [[nodiscard]] Iterator end(std::size_t) const { return Iterator(nullptr); }
  template <typename Visit>
  void for_each(Visit visit) const {
    for (const Row* row : buckets_)
      for (; row != nullptr; row = row->next_) visit(*row);
  }

 private:
  static constexpr std::size_t kBucketsMin = 16;
  static constexpr std::size_t kBucketsKept = 1'024;  // When it is empty; else a large epoch would make all after it slow.

  // Where the pointer to it is, or to nothing.
  Row** place_of(std::string_view key) {
    Row** place = &buckets_[stable_hash(key) & (buckets_.size() - 1)];
    while (*place != nullptr && (*place)->key() != key) place = &(*place)->next_;
    return place;
  }
  static void push(std::vector<Row*>& buckets, Row* row) {
    Row*& head = buckets[stable_hash(row->key()) & (buckets.size() - 1)];
    row->next_ = std::exchange(head, row);
  }
  void grow() {
    std::vector<Row*> more(std::max(kBucketsMin, buckets_.size() * 2));
    for (Row* row : buckets_)
      while (row != nullptr) push(more, std::exchange(row, row->next_));
    buckets_ = std::move(more);
  }
  void swap(RowTable& other) noexcept {
    buckets_.swap(other.buckets_);
    std::swap(size_, other.size_);
    std::swap(row_bytes_, other.row_bytes_);
  }

  std::vector<Row*> buckets_;  // A power of two.
  std::size_t size_ = 0;
  std::size_t row_bytes_ = 0;
};

}  // namespace holdfast::runtime
