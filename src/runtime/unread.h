// Unread: how many bytes of stream pages clients of a shard have asked for and not read yet. A page is let go of on whatever thread the
// client's connection has; if somebody waits for room, the shard is told.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>

namespace holdfast::runtime {

class Unread : public std::enable_shared_from_this<Unread> {
 public:
  // `room`: there may be some; on any thread, until close().
  explicit Unread(std::function<void()> room) : room_(std::move(room)) {}

  // Counted until the last copy of what it answers is gone.
  [[nodiscard]] std::shared_ptr<void> take(std::size_t bytes) {
    bytes_.fetch_add(bytes);
    return {nullptr, [self = shared_from_this(), bytes](void*) { self->give_back(bytes); }};
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(); }
  // Whether there are fewer than `max`; if not, the next page that is let go of is told of.
  [[nodiscard]] bool has_room(std::size_t max) {
    if (bytes_.load() < max) return true;
    wanted_.store(true);
    return bytes_.load() < max;
  }
  // Before the shard goes; no page may be let go of at the same moment.
  void close() { room_ = nullptr; }

 private:
  void give_back(std::size_t bytes) {
    bytes_.fetch_sub(bytes);
    if (wanted_.exchange(false) && room_) room_();
  }
  std::function<void()> room_;
  std::atomic<std::size_t> bytes_{0};
  std::atomic<bool> wanted_{false};
};

}  // namespace holdfast::runtime
