// TimerQueue: an event loop's timers. Most are set and taken back again, once a call, so neither costs a search or a node of a tree: who is
// taken back leaves its due time in the heap until that comes up, or until such make up half of it. For net/ only; on the loop's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/loop.h"

namespace holdfast::net {

class TimerQueue {
 public:
  Loop::TimerId add(std::int64_t due_us, Task task);
  // Its task, for the caller to drop: what that owns may come back here as it goes. Empty: it has fired.
  [[nodiscard]] Task take_back(Loop::TimerId timer);
  // None: there is no timer.
  [[nodiscard]] std::optional<std::int64_t> next_due_us();
  // Runs those that are due, by their due times, of equal ones who was set first. One that is set meanwhile waits for the next time.
  void run(std::int64_t now_us);
  void clear();
  // Due times that are kept, those of timers that were taken back included.
  [[nodiscard]] std::size_t kept() const { return heap_.size(); }

 private:
  struct Entry {
    std::int64_t due_us;
    std::uint64_t order;
    Loop::TimerId timer;
  };
  struct Slot {
    std::uint32_t times_used = 1;
    enum class Use : std::uint8_t { Free, Waiting, Due } use = Use::Free;
    Task task;
  };
  static bool is_later(const Entry& a, const Entry& b) {
    return a.due_us != b.due_us ? a.due_us > b.due_us : a.order > b.order;
  }
  [[nodiscard]] Slot* find(Loop::TimerId timer);
  [[nodiscard]] Task free_slot(Loop::TimerId timer);
  void pop();
  void drop_dead();

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Loop::TimerId> due_;
  std::size_t dead_ = 0;  // In heap_, of timers that were taken back.
  std::uint64_t next_order_ = 0;
};

}  // namespace holdfast::net
