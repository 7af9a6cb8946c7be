// Feed: what has been read from one source, on its way into the epochs: in order, one batch at a time, tried again for as long as the
// functions or the disk do not keep up. Everything on the ingress's loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/worker_loop.h"
#include "model/command.h"
#include "nats/connection.h"
#include "ports/intake.h"

namespace holdfast::nats {

class Feed {
 public:
  static constexpr std::size_t kBatchMessages = 1'000;
  static constexpr std::size_t kBatchBytes = 1u << 20;

  struct Item {
    MessagePtr message;
    std::uint64_t position = 0;  // Not looked at where the feed counts.
  };
  // Which reply subjects of a batch are wanted back when it is durable.
  enum class Replies : std::uint8_t { None, Last, Each };
  // Whether positions are the source's, or nothing but a count of what was taken in.
  enum class Positions : std::uint8_t { OfSource, Counted };

  struct Hooks {
    std::function<void(natsMsg* message, std::uint64_t position, std::vector<model::Command>& out)> route;
    std::function<void()> room;       // Something was taken in: there is room for more.
    std::function<void()> displaced;  // Somebody has moved the source's position: nothing is taken in until start().
    std::function<void(std::uint64_t next, std::vector<std::string> replies)> durable;  // All below `next` is.
  };

  // Callbacks of the intake may come when the feed is gone, so they hold the loop, which is stopped by then.
  Feed(std::string source, ports::Intake& intake, std::shared_ptr<WorkerLoop> loop, Positions positions, Hooks hooks);
  ~Feed();

  // What is taken in goes on from `from`, which counts in `incarnation`. What was offered before is forgotten.
  void start(std::optional<std::uint64_t> from, std::string incarnation = {});
  void want(Replies replies) { replies_ = replies; }
  void offer(Item item);
  // Takes nothing in while held.
  void hold(bool held);
  // Forgets what was offered; `done` when nothing is under way any more.
  void halt(std::function<void()> done);

  [[nodiscard]] std::size_t messages() const { return queue_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  // Of the next message to be taken in.
  [[nodiscard]] std::optional<std::uint64_t> next() const { return from_; }
  // It is refused for the moment: the functions do not keep up.
  [[nodiscard]] bool waiting() const { return failures_ > 0; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }

 private:
  struct Batch;
  void pump();
  void submit(std::shared_ptr<Batch> batch);
  void answered(const std::shared_ptr<Batch>& batch, Result<void> result);
  void finish_halt();

  const std::string source_;
  ports::Intake& intake_;
  const std::shared_ptr<WorkerLoop> loop_;
  const Positions positions_;
  const Hooks hooks_;
  std::shared_ptr<Feed*> self_;  // Answers from elsewhere hold it weakly.

  std::deque<Item> queue_;
  std::size_t bytes_ = 0;
  std::optional<std::uint64_t> from_;
  std::string incarnation_;
  Replies replies_ = Replies::None;
  std::uint64_t generation_ = 0;  // Counts starts: what belongs to an earlier one is over.
  bool running_ = false;
  bool held_ = false;
  bool under_way_ = false;  // A batch is with the intake.
  std::shared_ptr<Batch> refused_;  // To be tried again when the timer fires.
  std::uint32_t failures_ = 0;
  std::uint64_t taken_ = 0;
  std::vector<std::function<void()>> halting_;
};

}  // namespace holdfast::nats
