// Mailbox: the messages of one address, oldest first. The head is in memory; what lies behind it may have been let go of and is
// then only in rows; what came in during the open epoch is in memory and not in rows yet.
//
//      taken | head: in memory           | spilled: rows only | fresh: in memory
//            ^ begin                                          ^ stored_end (numbers below it have rows)
//
// Numbers count messages of the address while it has any; row (address, number) holds one message.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/message.h"

namespace holdfast::runtime {

class Mailbox {
 public:
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::uint64_t size() const { return head_size() + spilled_ + fresh_behind_.size(); }
  [[nodiscard]] std::uint64_t head_size() const { return head_.size() - head_start_; }
  [[nodiscard]] std::uint64_t spilled() const { return spilled_; }
  [[nodiscard]] const model::Message& head(std::size_t i) const { return head_[head_start_ + i]; }
  [[nodiscard]] std::size_t bytes_in_memory() const { return bytes_; }

  void push(model::Message&& message) {
    bytes_ += model::size_in_memory(message);
    (spilled_ == 0 ? head_ : fresh_behind_).push_back(std::move(message));
  }
  // The oldest `count` leave; they must be in the head.
  void take(std::uint64_t count) {
    HOLDFAST_CHECK(count <= head_size());
    for (std::uint64_t i = 0; i < count; ++i) {
      auto& message = head_[head_start_ + i];
      bytes_ -= model::size_in_memory(message);
      message = {};
    }
    head_start_ += count;
    begin_ += count;
    if (head_start_ == head_.size()) {
      head_.clear();
      head_start_ = 0;
      if (spilled_ == 0 && !fresh_behind_.empty()) head_ = std::exchange(fresh_behind_, {});
    } else if (head_start_ > 64 && head_start_ * 2 > head_.size()) {
      head_.erase(head_.begin(), head_.begin() + static_cast<std::ptrdiff_t>(head_start_));
      head_start_ = 0;
    }
  }

  // The number of the oldest message, and one past that of the newest.
  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return begin_ + size(); }
  // Numbers below this and not below begin() have rows; so may some below begin(), until erased_end().
  [[nodiscard]] std::uint64_t stored_end() const { return stored_end_; }
  [[nodiscard]] std::uint64_t erased_end() const { return erased_end_; }

  // At the close of an epoch: visits each message that has no row yet, with its number; then all have.
  template <typename Visit>
  void store_fresh(Visit visit) {
    std::uint64_t number = std::max(stored_end_, begin_);
    const std::uint64_t last = end();
    for (; number < last; ++number) {
      const std::uint64_t index = number - begin_;
      if (index < head_size()) visit(number, head_[head_start_ + index]);
      else visit(number, fresh_behind_[index - head_size() - spilled_]);
    }
    stored_end_ = std::max(stored_end_, last);
  }
  // At the close of an epoch: visits the number of each row whose message has been taken.
  template <typename Visit>
  void erase_taken(Visit visit) {
    const std::uint64_t last = std::min(begin_, stored_end_);
    for (; erased_end_ < last; ++erased_end_) visit(erased_end_);
    erased_end_ = std::max(erased_end_, begin_);
  }

  // Lets go of what has a row and is not among the first `keep`. Returns the bytes freed.
  std::size_t spill(std::uint64_t keep) {
    HOLDFAST_CHECK(stored_end_ >= end());
    const std::size_t before = bytes_;
    while (head_size() > keep) {
      bytes_ -= model::size_in_memory(head_.back());
      head_.pop_back();
      ++spilled_;
    }
    for (const auto& message : fresh_behind_) bytes_ -= model::size_in_memory(message);
    spilled_ += fresh_behind_.size();
    fresh_behind_.clear();
    fresh_behind_.shrink_to_fit();
    head_.shrink_to_fit();
    return before - bytes_;
  }
  // The number of the first spilled message.
  [[nodiscard]] std::uint64_t spilled_begin() const { return begin_ + head_size(); }
  // Brings the first spilled message back.
  void unspill(model::Message&& message) {
    HOLDFAST_CHECK(spilled_ > 0);
    bytes_ += model::size_in_memory(message);
    head_.push_back(std::move(message));
    if (--spilled_ > 0) return;
    for (auto& fresh : std::exchange(fresh_behind_, {})) head_.push_back(std::move(fresh));
  }
  // After a restart: rows [begin, end) exist, nothing is in memory.
  void recover(std::uint64_t begin, std::uint64_t end) {
    begin_ = erased_end_ = begin;
    stored_end_ = end;
    spilled_ = end - begin;
  }
  // Of an empty one: gives back the room that its messages took.
  void shrink() {
    if (head_.capacity() > 0) std::vector<model::Message>().swap(head_);
    head_start_ = 0;
  }
  // So many messages fit in without more memory.
  [[nodiscard]] std::size_t room() const { return head_.capacity() + fresh_behind_.capacity(); }
  // Whether any row of it is left to erase.
  [[nodiscard]] bool has_rows() const { return stored_end_ > erased_end_; }

 private:
  std::vector<model::Message> head_;
  std::size_t head_start_ = 0;
  std::uint64_t spilled_ = 0;
  std::vector<model::Message> fresh_behind_;
  std::uint64_t begin_ = 0;
  std::uint64_t stored_end_ = 0;
  std::uint64_t erased_end_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace holdfast::runtime
