// Followers: clients that read a stream of ours from its first record on, page by page, and wait for what is to come. One follows each stream,
// through all lives: it meets each record once and in order, or is told from where on the stream goes on; and it is told of what is new.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/loop.h"
#include "base/random.h"
#include "program.h"
#include "runtime/runtime.h"
#include "scheduler.h"

namespace holdfast::sim {

class Followers {
 public:
  // Each page that comes is given to `see`, which knows what was seen before.
  using See = std::function<void(std::size_t topic, const runtime::StreamQuery& query, const runtime::StreamPage& page)>;
  Followers(Random& random, const Scheduler& scheduler, See see) : random_(random), scheduler_(scheduler), see_(std::move(see)) {}

  // With each life, on a loop of that life.
  void start(runtime::Runtime& runtime, Loop& loop);
  // Pages may come before their time from now on.
  void stop() { is_stopping_ = true; }
  // The life is over, and the runtime gone.
  void crash();
  // All below it has been met, or is known to be gone.
  [[nodiscard]] std::uint64_t at(std::size_t topic) const { return followers_[topic].next; }
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  struct Follower {
    std::uint64_t next = 0;
    std::shared_ptr<void> unread;  // Of the last page: held for a while.
  };
  void ask(std::size_t topic);
  void ask_later(std::size_t topic);
  void take(std::size_t topic, const runtime::StreamQuery& query, Instant asked, Result<runtime::StreamPage>&& page);
  void broken(std::size_t topic, const std::string& why);

  Random& random_;
  const Scheduler& scheduler_;
  See see_;
  std::array<Follower, kTopics.size()> followers_;
  runtime::Runtime* runtime_ = nullptr;
  Loop* loop_ = nullptr;
  bool is_stopping_ = false;
  std::string why_;
};

}  // namespace holdfast::sim
