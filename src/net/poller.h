// Poller: which of a loop's descriptors have become ready (epoll, edge-triggered).
//
// A descriptor is registered once, when it comes, so that waiting for it costs no system call. In return each readiness is reported
// once only: whoever is told remembers it until the system says that it is over (fd_watcher.h). Whoever wants to come back without
// waiting for an edge asks for another turn. For net/ only; on the loop's thread.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace holdfast::net {

class Poller {
 public:
  class Watched {
   public:
    virtual ~Watched() = default;
    // Edges since the last time: EPOLLIN and the like. It may be gone afterwards.
    virtual void on_edges(std::uint32_t events) = 0;
    // The turn it asked for. Likewise.
    virtual void on_turn() = 0;
    // The loop ends: whoever waits is let go of. Likewise.
    virtual void on_end() = 0;
  };
  // Never given twice, so that what the system still reports of a descriptor that is gone reaches nobody.
  using Key = std::uint64_t;

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // False: the system watches no more descriptors. `key` is valid in either case.
  [[nodiscard]] bool add(int fd, std::uint32_t events, Watched& watched, Key& key);
  // Edges that are there already are reported again.
  [[nodiscard]] bool change(int fd, std::uint32_t events, Key key);
  void remove(Key key);
  [[nodiscard]] bool has(Key key) const { return find(key) != nullptr; }
  // How often the system was told what to watch.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  // on_turn() in the next wait(), which does not wait then.
  void ask_turn(Key key) { turns_.push_back(key); }
  [[nodiscard]] bool is_asked() const { return !turns_.empty(); }

  // Reports what is ready, then gives the turns that were asked for before: of each at most kEventsMax, the others next time. Negative: waits
  // as long as it takes.
  void wait(int timeout_ms);
  void end();

  static constexpr std::size_t kEventsMax = 256;

 private:
  struct Place {
    Watched* watched = nullptr;
    std::uint32_t times_used = 0;
  };
  [[nodiscard]] Watched* find(Key key) const;

  [[nodiscard]] bool control(int operation, int fd, std::uint32_t events, Key key);

  int epoll_fd_;
  std::uint64_t changes_ = 0;
  std::vector<Place> places_;
  std::vector<std::uint32_t> free_;
  std::deque<Key> turns_;
  std::array<epoll_event, kEventsMax> events_;
};

}  // namespace holdfast::net
