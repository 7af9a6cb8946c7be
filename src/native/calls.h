// Calls: the calls that one target has under way in one instance, and where their answers arrive.
//
// The target begins a call on its loop; the module answers it from any thread, within invoke() or later. Answers given within invoke()
// wait for the end of the loop's turn, those of other threads are collected, and both are handed on in one go: one task, not one per call.
// An answer is parsed by the thread that gives it.
//
// A token names a place and the call that has it; once that call is over, the token is stale and its answers are dropped. So a module
// that answers twice or too late does no harm. A call that is given up keeps its place until it is answered: the instance lives so long.
#pragma once

#include <holdfast/module_abi.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/loop.h"
#include "native/counters.h"
#include "native/instance.h"
#include "ports/function_target.h"

namespace holdfast::native {

// Given up ones among them; beyond it calls fail at once.
inline constexpr std::size_t kCallsMax = 1u << 16;

class Calls : public std::enable_shared_from_this<Calls> {
 public:
  struct Options {
    std::size_t payload_bytes_max = 0;  // Of an answer.
    Duration call_timeout;
  };

  // `counters` outlive the instance. On the loop's thread, or before it runs.
  [[nodiscard]] static std::shared_ptr<Calls> open(Loop& loop, const Instance::Created& instance, Options options,
                                                   std::shared_ptr<Counters> counters);
  Calls(Loop& loop, const Instance::Created& instance, Options options, std::shared_ptr<Counters> counters);
  ~Calls();

  // --- On the loop's thread.

  [[nodiscard]] const Instance& instance() const { return *instance_; }
  [[nodiscard]] const Admission& admission() const { return admission_; }

  // `done` runs on the loop when there is an outcome, never from within these. Runs the function here and now.
  void call(const Function& function, holdfast_request& request, ports::FunctionTarget::Done done);
  // A call that start() will run elsewhere. None: there are kCallsMax already.
  [[nodiscard]] std::optional<holdfast_call> queue(const Function& function, ports::FunctionTarget::Done done);
  // An outcome without a call.
  void answer_later(ports::FunctionTarget::Done done, model::InvocationOutcome outcome);
  // Starts no more calls; those under way are answered.
  void retire();
  // Retired, and all answered.
  [[nodiscard]] bool is_over() const { return instance_ == nullptr; }
  // Answers nobody any more. When no other thread is on the loop, or on the loop's.
  void close();

  // --- Any thread.

  // Whether the queued call is still wanted; then it is under way from now on.
  [[nodiscard]] bool start(holdfast_call call);
  // Whether start() would say so.
  [[nodiscard]] bool is_queued(holdfast_call call) const;

  static int answer(holdfast_call call, const void* bytes, std::size_t size);
  static int fail(holdfast_call call, const char* reason, std::size_t size);

 private:
  enum class Phase : std::uint64_t { Free, Queued, UnderWay, Answered, GivenUp };
  struct Slot {
    std::atomic<std::uint64_t> word{0};  // Which call, and its phase.
    const Function* function = nullptr;  // Written before the call begins.
    ports::FunctionTarget::Done done;    // This and the rest: the loop's.
    std::uint64_t started_us = 0;
    std::uint32_t index = 0;
    bool waits = false;
    Slot* earlier = nullptr;
    Slot* later = nullptr;
  };
  struct Arrived {
    Slot* slot = nullptr;
    bool wanted = true;  // Not given up before.
    model::InvocationOutcome outcome;
  };
  struct Settled {
    ports::FunctionTarget::Done done;
    model::InvocationOutcome outcome;
  };
  static constexpr std::size_t kSlotsPerChunk = 256;
  using Chunk = std::array<Slot, kSlotsPerChunk>;
  static constexpr int kPhaseBits = 3;
  static constexpr int kIndexBits = 16;

  static std::uint64_t word(std::uint64_t generation, Phase phase) { return generation << kPhaseBits | static_cast<std::uint64_t>(phase); }
  [[nodiscard]] static std::uint64_t generation_of(std::uint64_t word) { return word >> kPhaseBits; }
  [[nodiscard]] static Phase phase_of(std::uint64_t word) { return static_cast<Phase>(word & ((1u << kPhaseBits) - 1)); }

  Slot* take_slot(const Function& function, Phase phase, ports::FunctionTarget::Done& done);
  [[nodiscard]] holdfast_call token(const Slot& slot);
  [[nodiscard]] Slot* find(holdfast_call call) const;
  void free(Slot& slot);
  void wait_for(Slot& slot);
  void forget(Slot& slot);
  void arm();
  void give_up_late_ones();
  void give_up(Slot& slot);
  void schedule();
  void drain();
  void settle_if_over();
  template <typename Judge>
  int take(holdfast_call call, Judge judge);
  void deliver(Arrived arrived);
  [[nodiscard]] model::InvocationOutcome judge(const Function& function, std::string_view bytes) const;
  [[nodiscard]] std::string who(const Function& function) const { return name_ + ": " + function.type; }

  const std::string name_;  // The instance's.
  const Options options_;
  const std::shared_ptr<Counters> counters_;
  Loop& loop_;  // Not to be touched once closed.
  std::shared_ptr<Instance> instance_;  // Until the last call has been answered.
  Admission admission_;                 // Until retired.

  std::array<std::atomic<Chunk*>, kCallsMax / kSlotsPerChunk> chunks_{};
  std::vector<Slot*> free_;
  std::size_t slots_ = 0;
  std::size_t under_way_ = 0;  // Slots that are not free. The loop's, and under mutex_ once closed.
  Slot* earliest_ = nullptr;   // Of those that wait for an answer, by age.
  Slot* latest_ = nullptr;
  bool timer_armed_ = false;
  bool scheduled_ = false;
  std::vector<Arrived> arrived_here_;
  std::vector<Settled> settled_;
  // Reused by drain().
  std::vector<Arrived> arrived_scratch_;
  std::vector<Settled> settled_scratch_;

  std::mutex mutex_;
  bool closed_ = false;
  std::vector<Arrived> arrived_;  // From other threads.
};

}  // namespace holdfast::native
