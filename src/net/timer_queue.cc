#include "net/timer_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kDeadKept = 64;  // Not worth looking for.

}  // namespace

Loop::TimerId TimerQueue::add(std::int64_t due_us, Task task) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.use = Slot::Use::Waiting;
  slot.task = std::move(task);
  const Loop::TimerId timer = static_cast<Loop::TimerId>(slot.times_used) << 32 | index;
  heap_.push_back({due_us, next_order_++, timer});
  std::ranges::push_heap(heap_, is_later);
  return timer;
}

TimerQueue::Slot* TimerQueue::find(Loop::TimerId timer) {
  const auto index = static_cast<std::uint32_t>(timer);
  if (index >= slots_.size()) return nullptr;
  Slot& slot = slots_[index];
  return slot.use != Slot::Use::Free && slot.times_used == timer >> 32 ? &slot : nullptr;
}

Task TimerQueue::free_slot(Loop::TimerId timer) {
  Slot& slot = *find(timer);
  Task task = std::exchange(slot.task, nullptr);
  slot.use = Slot::Use::Free;
  if (++slot.times_used == 0) slot.times_used = 1;  // No id is 0.
  free_.push_back(static_cast<std::uint32_t>(timer));
  return task;
}

Task TimerQueue::take_back(Loop::TimerId timer) {
  const Slot* const slot = find(timer);
  if (slot == nullptr) return nullptr;
  const bool is_kept = slot->use == Slot::Use::Waiting;
  Task task = free_slot(timer);
  if (is_kept && ++dead_ > kDeadKept && dead_ > heap_.size() / 2) drop_dead();
  return task;
}

void TimerQueue::drop_dead() {
  std::erase_if(heap_, [this](const Entry& each) { return find(each.timer) == nullptr; });
  std::ranges::make_heap(heap_, is_later);
  dead_ = 0;
}

void TimerQueue::pop() {
  std::ranges::pop_heap(heap_, is_later);
  heap_.pop_back();
}

std::optional<std::int64_t> TimerQueue::next_due_us() {
  for (; !heap_.empty(); pop(), --dead_)
    if (find(heap_.front().timer) != nullptr) return heap_.front().due_us;
  return std::nullopt;
}

void TimerQueue::run(std::int64_t now_us) {
  HOLDFAST_CHECK(due_.empty());
  for (auto next = next_due_us(); next && *next <= now_us; next = next_due_us()) {
    const Loop::TimerId timer = heap_.front().timer;
    pop();
    find(timer)->use = Slot::Use::Due;
    due_.push_back(timer);
  }
  for (const Loop::TimerId timer : due_) {
    if (find(timer) == nullptr) continue;  // Taken back by one before it.
    const Task task = free_slot(timer);
    task();
  }
  due_.clear();
}

void TimerQueue::clear() {
  std::vector<Slot> dropped;
  dropped.swap(slots_);
  heap_.clear();
  free_.clear();
  dead_ = 0;
}

}  // namespace holdfast::net
