#include "scheduler.h"

#include <algorithm>
#include <utility>

namespace holdfast::sim {

void SimLoop::post(Task task) {
  const int poster = scheduler_.current_ == nullptr ? -1 : scheduler_.current_->index_;
  auto& queue = queues_[poster];
  Instant at = scheduler_.now_ + Duration{static_cast<std::int64_t>(scheduler_.random_.below(
                                     static_cast<std::uint64_t>(latency_ms_max_) + 1))};
  if (!queue.empty()) at = std::max(at, queue.back().runnable_at);
  queue.push_back({at, std::move(task)});
}

Loop::TimerId SimLoop::after(Duration delay, Task task) {
  const TimerId id = scheduler_.next_timer_++;
  const Instant due = scheduler_.now_ + delay;
  timers_.emplace(std::pair{due, id}, std::move(task));
  due_.emplace(id, due);
  return id;
}

void SimLoop::cancel(TimerId timer) {
  const auto it = due_.find(timer);
  if (it == due_.end()) return;
  timers_.erase({it->second, timer});
  due_.erase(it);
}

bool SimLoop::is_current() const { return scheduler_.current_ == this; }

SimLoop& Scheduler::add_loop(std::int64_t latency_ms_max) {
  loops_.push_back(std::make_unique<SimLoop>(*this, latency_ms_max));
  loops_.back()->index_ = static_cast<int>(loops_.size()) - 1;
  return *loops_.back();
}

bool Scheduler::step(Instant until) {
  struct Choice {
    SimLoop* loop;
    std::deque<SimLoop::Posted>* queue;  // Null: the first timer.
  };
  while (true) {
    std::vector<Choice> choices;
    Instant next = until;
    bool more = false;
    const auto later = [&](Instant at) {
      if (at <= until) more = true;
      next = std::min(next, at);
    };
    for (const auto& loop : loops_) {
      for (auto& [poster, queue] : loop->queues_) {
        if (queue.empty()) continue;
        if (queue.front().runnable_at <= now_) choices.push_back({loop.get(), &queue});
        else later(queue.front().runnable_at);
      }
      if (loop->timers_.empty()) continue;
      if (loop->timers_.begin()->first.first <= now_) choices.push_back({loop.get(), nullptr});
      else later(loop->timers_.begin()->first.first);
    }
    if (choices.empty()) {
      if (!more) {
        now_ = std::max(now_, until);
        return false;
      }
      now_ = next;
      continue;
    }
    // Sometimes time passes though there is something to do: threads are not always scheduled.
    if (more && random_.below(50) == 0) now_ = next;
    const Choice choice = choices[random_.below(choices.size())];
    Task task;
    if (choice.queue != nullptr) {
      task = std::move(choice.queue->front().task);
      choice.queue->pop_front();
    } else {
      auto first = choice.loop->timers_.begin();
      task = std::move(first->second);
      choice.loop->due_.erase(first->first.second);
      choice.loop->timers_.erase(first);
    }
    ++steps_;
    current_ = choice.loop;
    task();
    current_ = nullptr;
    return true;
  }
}

void Scheduler::crash() {
  current_ = nullptr;
  loops_.clear();
}

}  // namespace holdfast::sim
