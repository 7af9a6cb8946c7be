// Listing: how a list is found that may be longer than anybody can wait for: a page of it at a time, and a page in slices, between which
// the shard does its work. Nothing here is a snapshot: what is there all the while is listed once, what comes or goes meanwhile may be.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/inspect.h"
#include "runtime/row_layers.h"
#include "runtime/stored_mail.h"

namespace holdfast::runtime {

// What a shard looks at in one go, at most about: a row counts one, and so does each KiB of what is listed.
inline constexpr std::size_t kSliceUnits = 1'000;
// A page ends when it holds so much, however few it has: one entry there always is.
inline constexpr std::size_t kPageBytesMax = 4u << 20;

inline void charge(std::size_t& left, std::size_t bytes) { left -= std::min(left, bytes / 1024); }

// Of a row's key: partition and kind. What comes behind is its place in the list.
inline constexpr std::size_t kKeyHead = 3;

// Where a shard is in looking for a list.
struct Look {
  std::size_t stage = 0;
  BucketWalk walk;
  RowLayers::AddressWalk rows;
  MailWalk mail;
  std::size_t partition = 0;  // How manieth of the shard's.
  std::string key;            // The last one looked at in it.
};

// Takes what is met in any order, and keeps the first ones after some place: at most `limit`, and at most kPageBytesMax. The order is that
// of strings, which stand for whatever a list is sorted by.
template <typename Info>
class PageBuilder {
 public:
  PageBuilder(std::string after, std::size_t limit) : after_(std::move(after)), capacity_(std::max<std::size_t>(limit, 1) + 1), limit_(capacity_ - 1) {}

  // Whether one that stands there would be kept.
  [[nodiscard]] bool wants(std::string_view order) const { return order > after_ && !is_past(order); }
  // Neither would any behind it.
  [[nodiscard]] bool is_past(std::string_view order) const { return found_.size() >= capacity_ && order > found_.rbegin()->first; }
  // The one that stands there, if it is kept.
  [[nodiscard]] Info* find(std::string_view order) {
    const auto it = found_.find(order);
    return it == found_.end() ? nullptr : &it->second.info;
  }
  // One that wants() is true for; again: the later one counts. `bytes`: of what it holds.
  void add(std::string order, Info info, std::size_t bytes) {
    auto& entry = found_[std::move(order)];
    bytes_ += bytes - entry.bytes;
    entry = {std::move(info), bytes};
    while (found_.size() > capacity_ || (bytes_ > kPageBytesMax && found_.size() > 1)) {
      // Full by bytes: what the page holds from now on is what it holds now.
      if (found_.size() <= capacity_) {
        capacity_ = found_.size() - 1;
        is_cut_ = true;
      }
      bytes_ -= found_.rbegin()->second.bytes;
      found_.erase(std::prev(found_.end()));
    }
  }

  [[nodiscard]] Page<Info> take() {
    Page<Info> page;
    bool more = is_cut_;
    if (found_.size() > limit_) {
      found_.erase(std::prev(found_.end()));
      more = true;
    }
    page.items.reserve(found_.size());
    for (auto& [order, entry] : found_) page.items.push_back(std::move(entry.info));
    if (more) page.next = found_.rbegin()->first;
    return page;
  }

 private:
  struct Entry {
    Info info;
    std::size_t bytes = 0;
  };
  std::string after_;
  std::size_t capacity_;  // One more than the page may have, so that it is known whether there is more; less, when it is full by bytes.
  std::size_t limit_;
  bool is_cut_ = false;
  std::size_t bytes_ = 0;
  std::map<std::string, Entry, std::less<>> found_;
};

}  // namespace holdfast::runtime
