#include "scheduler.h"

#include <algorithm>
#include <utility>

namespace holdfast::sim {

void SimLoop::post(Task task) {
  const int poster = scheduler_.current_ == nullptr ? -1 : scheduler_.current_->index_;
  auto& queue = queues_[poster];
  Instant at = scheduler_.monotonic_;
  if (poster != index_) at = at + Duration{static_cast<std::int64_t>(scheduler_.random_.below(static_cast<std::uint64_t>(latency_max_.ms) + 1))};
  if (!queue.empty()) at = std::max(at, queue.back().runnable_at);
  queue.push_back({at, std::move(task)});
}

Loop::TimerId SimLoop::after(Duration delay, Task task) {
  const TimerId id = scheduler_.next_timer_++;
  const Instant due = scheduler_.monotonic_ + delay;
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

void Scheduler::set_clock(Duration by) {
  set_by_ = {set_by_.ms + by.ms};
  set_by_max_ = std::max(set_by_max_, set_by_);
  sets_.emplace_back(monotonic_, set_by_);
}

Instant Scheduler::latest_between(Instant from, Instant to) const {
  Instant latest{};
  Duration by{};
  for (std::size_t i = 0; i <= sets_.size(); ++i) {
    const Instant end = i == sets_.size() ? to : std::min(to, sets_[i].first);  // Of the time for which it was set like this.
    if (end >= from) latest = std::max(latest, end + by);
    if (i == sets_.size() || sets_[i].first > to) break;
    by = sets_[i].second;
  }
  return latest;
}

SimLoop& Scheduler::add_loop(Duration latency_max) {
  loops_.push_back(std::make_unique<SimLoop>(*this, latency_max));
  loops_.back()->index_ = static_cast<int>(loops_.size()) - 1;
  return *loops_.back();
}

void Scheduler::stall(std::size_t loop, Duration how_long) { loops_[loop]->stalled_until_ = monotonic_ + how_long; }

void Scheduler::let_go() {
  for (const auto& loop : loops_) loop->stalled_until_ = {};
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
    // Whether it can be done by now; if not, when it can.
    const auto is_runnable = [&](const SimLoop& loop, Instant at) {
      at = std::max(at, loop.stalled_until_);
      if (at <= monotonic_) return true;
      if (at <= until) more = true;
      next = std::min(next, at);
      return false;
    };
    for (const auto& loop : loops_) {
      for (auto& [poster, queue] : loop->queues_)
        if (!queue.empty() && is_runnable(*loop, queue.front().runnable_at)) choices.push_back({loop.get(), &queue});
      if (!loop->timers_.empty() && is_runnable(*loop, loop->timers_.begin()->first.first)) choices.push_back({loop.get(), nullptr});
    }
    if (choices.empty()) {
      if (!more) {
        monotonic_ = std::max(monotonic_, until);
        return false;
      }
      monotonic_ = next;
      continue;
    }
    // Sometimes time passes though there is something to do: threads are not always scheduled, and none is infinitely fast.
    if (random_.below(50) == 0) monotonic_ = more ? next : std::min(until, monotonic_ + Duration{1});
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
