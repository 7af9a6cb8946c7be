#include "net/poller.h"

#include <unistd.h>

#include <algorithm>

#include "base/check.h"

namespace holdfast::net {

Poller::Poller() : epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)) { HOLDFAST_CHECK(epoll_fd_ >= 0); }

Poller::~Poller() { ::close(epoll_fd_); }

Poller::Watched* Poller::find(Key key) const {
  const auto index = static_cast<std::uint32_t>(key);
  const auto times_used = static_cast<std::uint32_t>(key >> 32);
  return index < places_.size() && places_[index].times_used == times_used ? places_[index].watched : nullptr;
}

bool Poller::add(int fd, std::uint32_t events, Watched& watched, Key& key) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(places_.size()));
    places_.emplace_back();
  }
  const std::uint32_t index = free_.back();
  free_.pop_back();
  places_[index].watched = &watched;
  key = static_cast<Key>(places_[index].times_used) << 32 | index;
  return control(EPOLL_CTL_ADD, fd, events, key);
}

bool Poller::change(int fd, std::uint32_t events, Key key) { return control(EPOLL_CTL_MOD, fd, events, key); }

bool Poller::control(int operation, int fd, std::uint32_t events, Key key) {
  ++changes_;
  epoll_event event{.events = events | EPOLLET, .data = {.u64 = key}};
  return ::epoll_ctl(epoll_fd_, operation, fd, &event) == 0;
}

// The system forgets a descriptor when it is closed.
void Poller::remove(Key key) {
  HOLDFAST_CHECK(has(key));
  const auto index = static_cast<std::uint32_t>(key);
  places_[index].watched = nullptr;
  ++places_[index].times_used;
  free_.push_back(index);
}

void Poller::wait(int timeout_ms) {
  const int limit = turns_.empty() ? timeout_ms : 0;
  const int count = ::epoll_wait(epoll_fd_, events_.data(), static_cast<int>(events_.size()), limit);  // A signal is as good as nothing ready.
  const std::size_t turns = std::min(turns_.size(), kEventsMax);  // Those that are asked for from here on are for the next time.
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (Watched* const watched = find(event.data.u64)) watched->on_edges(event.events);
  }
  for (std::size_t i = 0; i < turns; ++i) {
    Watched* const watched = find(turns_.front());
    turns_.pop_front();
    if (watched != nullptr) watched->on_turn();
  }
}

void Poller::end() {
  // Those that go take others with them.
  for (std::size_t i = 0; i < places_.size(); ++i)
    if (places_[i].watched != nullptr) places_[i].watched->on_end();
}

}  // namespace holdfast::net
