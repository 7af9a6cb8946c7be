// Levels: how much waits where, as all shards see it. Each number is written by one shard and read by all; nothing depends on its
// being of this very moment.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/options.h"
#include "runtime/topics.h"

namespace holdfast::runtime {

class Levels {
 public:
  struct Outbox {
    std::uint64_t bytes_max = 0;
    std::atomic<std::uint64_t> bytes{0};
    [[nodiscard]] bool is_full() const { return bytes.load(std::memory_order_relaxed) >= bytes_max; }
  };

  explicit Levels(const Options& options) : endpoints_(options.endpoints.size()), topics_(options.topics_per_egress_max) {
    for (const auto& outbox : options.outboxes) outboxes_[outbox.stream].bytes_max = outbox.bytes_max;
  }
  // Before anything runs.
  void begin(std::size_t shards) {
    backlog_ = std::make_unique<std::atomic<std::uint64_t>[]>(shards * endpoints_);
    parked_ = std::make_unique<std::atomic<bool>[]>(shards);
    shards_ = shards;
  }

  // Messages that wait for an endpoint on a shard.
  void set_backlog(std::size_t shard, std::size_t endpoint, std::uint64_t count) {
    auto& level = backlog_[shard * endpoints_ + endpoint];
    if (level.load(std::memory_order_relaxed) != count) level.store(count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t backlog(std::size_t endpoint) const {
    std::uint64_t sum = 0;
    for (std::size_t shard = 0; shard < shards_; ++shard) sum += backlog_[shard * endpoints_ + endpoint].load(std::memory_order_relaxed);
    return sum;
  }

  // Whether a shard has parked addresses.
  void set_parked(std::size_t shard, bool any) {
    if (parked_[shard].load(std::memory_order_relaxed) != any) parked_[shard].store(any, std::memory_order_relaxed);
  }
  [[nodiscard]] bool has_parked(std::size_t shard) const { return parked_[shard].load(std::memory_order_relaxed); }

  // Null: the stream is no outbox.
  [[nodiscard]] Outbox* outbox(std::string_view stream) {
    const auto it = outboxes_.find(stream);
    return it == outboxes_.end() ? nullptr : &it->second;
  }
  [[nodiscard]] Topics& topics() { return topics_; }
  template <typename Visit>
  void for_each_outbox(Visit visit) const {
    for (const auto& [stream, outbox] : outboxes_) visit(stream, outbox.bytes.load(std::memory_order_relaxed));
  }

 private:
  std::size_t endpoints_;
  std::size_t shards_ = 0;
  std::unique_ptr<std::atomic<std::uint64_t>[]> backlog_;
  std::unique_ptr<std::atomic<bool>[]> parked_;
  std::map<std::string, Outbox, std::less<>> outboxes_;
  Topics topics_;
};

}  // namespace holdfast::runtime
