// Streams: what has been seen of the streams of ours, by reading and by popping, and what may therefore never be seen again otherwise. A
// record goes only by retention, or because it was popped; what is left is whole; what was popped and answered is never shown again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "program.h"
#include "world.h"

namespace holdfast::sim {

class StreamWatch {
 public:
  StreamWatch(World& world, Random& random);

  // After each start: which retentions count now, and that no answer will come any more to what was asked before.
  void started();
  // Reads a stream or pops from one, whichever.
  void do_something();
  void read_all();

  // At rest: what a page with all of a stream says, and what functions have emitted to it, by source and in order. Empty: all is well.
  using Emitted = std::map<std::string, std::vector<std::uint64_t>>;
  [[nodiscard]] std::string verify(std::size_t topic, const runtime::StreamPage& page, const Emitted& emitted);
  // Which stream has records, as was seen last, that its follower has not met yet. Empty: none.
  [[nodiscard]] std::string not_followed() const;
  // What has been seen to be wrong so far.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  struct Watched {
    std::map<std::uint64_t, std::pair<std::string, std::uint64_t>> shown;  // By position: what was there, and its bytes.
    std::set<std::string> popped;              // Popped, and answered.
    std::optional<std::uint64_t> popped_last;  // Position of the last of those.
    std::uint64_t pops_lost = 0;               // Without an answer: each may have taken a record away, or not.
    std::uint64_t end = 0;                     // As far as it was shown,
    std::uint64_t first = 0;                   // and from where on, the last time.
    std::uint64_t bytes_min = UINT64_MAX;      // The smallest retention it ever had.
    bool by_age = false;                       // It has ever had one by age.
    bool reading = false;
    bool popping = false;
  };
  void read(std::size_t topic, runtime::StreamQuery query);
  void pop(std::size_t topic);
  void see(std::size_t topic, const runtime::StreamQuery& query, const runtime::StreamPage& page);
  void broken(std::size_t topic, const std::string& why);

  World& world_;
  Random& random_;
  std::array<Watched, kTopics.size()> topics_;
  std::string why_;
};

}  // namespace holdfast::sim
