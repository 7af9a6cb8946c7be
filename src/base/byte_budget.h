// ByteBudget: one bound over what many readers of one loop hold at once, and over what they have handed on that is still in the way.
//
// A reader says how much it holds and is told whether it may read on. When the bound is reached it may not, and is told to go on when there
// is room again. One reader may always finish, or all could end up with half of what they came for and nobody with the whole: so the bound
// is passed by one reader's whole at most. Not while something whole waits, though, whose bytes will be given back.
//
// One thread. Readers are told to go on by pump(), never from within the other functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>

#include "base/check.h"

namespace holdfast {

class ByteBudget {
 public:
  class Reader {
   public:
    virtual void go_on() = 0;

   protected:
    Reader() = default;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    ~Reader() = default;

   private:
    friend class ByteBudget;
    std::size_t held_ = 0;
    bool paused_ = false;
  };

  explicit ByteBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  ByteBudget(const ByteBudget&) = delete;
  ByteBudget& operator=(const ByteBudget&) = delete;

  // `reader` holds `bytes` now, all in all. False: it waits for go_on().
  [[nodiscard]] bool may_go_on(Reader& reader, std::size_t bytes) {
    used_ += bytes - reader.held_;
    reader.held_ = bytes;
    if (is_allowed(reader)) return true;
    if (!reader.paused_) paused_.push_back(&reader);
    reader.paused_ = true;
    return false;
  }
  // It has got something whole, and may go on for more: that is another matter.
  void got_whole(const Reader& reader) {
    if (first_ == &reader) first_ = nullptr;
  }
  // It has what it wanted, or will never get it; whatever it was allowed is over with.
  void leave(Reader& reader) {
    used_ -= reader.held_;
    reader.held_ = 0;
    got_whole(reader);
    if (reader.paused_) std::erase(paused_, &reader);
    reader.paused_ = false;
  }

  // Something whole that is in the way for a while.
  void hold(std::size_t bytes) {
    used_ += bytes;
    whole_ += bytes;
  }
  void release(std::size_t bytes) {
    HOLDFAST_CHECK(whole_ >= bytes);
    used_ -= bytes;
    whole_ -= bytes;
  }

  // Tells readers to go on, as many as there is room for.
  void pump() {
    for (std::size_t promised = 0; !paused_.empty(); promised += kReadBytes) {
      Reader& reader = *paused_.front();
      if (used_ + promised >= bytes_max_ && (promised > 0 || !is_allowed(reader))) return;
      paused_.pop_front();
      reader.paused_ = false;
      reader.go_on();
    }
  }

  [[nodiscard]] bool is_full() const { return used_ >= bytes_max_; }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] std::size_t paused() const { return paused_.size(); }

 private:
  static constexpr std::size_t kReadBytes = 64 * 1024;  // What a reader that goes on takes before it asks again, about.

  bool is_allowed(Reader& reader) {
    if (used_ < bytes_max_ || first_ == &reader) return true;
    if (first_ != nullptr || whole_ > 0) return false;
    first_ = &reader;
    return true;
  }

  const std::size_t bytes_max_;
  std::size_t used_ = 0;
  std::size_t whole_ = 0;
  Reader* first_ = nullptr;  // The one that may finish whatever there is.
  std::deque<Reader*> paused_;
};

}  // namespace holdfast
