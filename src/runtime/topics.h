// Topics: the streams there are, by the egress they belong to. A function names topics as it likes where the egress takes any, and a stream
// is for ever, so their number is bounded: an answer that would make one more is refused.
//
// Shared by all shards; any thread. A shard asks once for each name.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/hash.h"

namespace holdfast::runtime {

class Topics {
 public:
  explicit Topics(std::size_t per_egress_max) : per_egress_max_(per_egress_max) {}

  // One that is there, whatever the bound.
  void add(std::string_view stream) {
    const std::lock_guard lock(mutex_);
    if (known_.emplace(stream).second) ++counts_[std::string(egress_of(stream))];
  }
  // Whether it is there, or may be from now on.
  [[nodiscard]] bool admit(std::string_view stream) {
    const std::lock_guard lock(mutex_);
    if (known_.contains(stream)) return true;
    std::size_t& count = counts_[std::string(egress_of(stream))];
    if (count >= per_egress_max_) return false;
    ++count;
    known_.emplace(stream);
    return true;
  }

 private:
  // "<egress id>/<topic>"; a topic has no slash.
  static std::string_view egress_of(std::string_view stream) { return stream.substr(0, stream.rfind('/')); }

  const std::size_t per_egress_max_;
  std::mutex mutex_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> known_;
  std::map<std::string, std::size_t> counts_;
};

}  // namespace holdfast::runtime
