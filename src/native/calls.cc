#include "native/calls.h"

#include <string_view>
#include <utility>

#include "base/check.h"
#include "codec/statefun_v3.h"
#include "codec/utf8.h"

namespace holdfast::native {
namespace {

using Kind = model::InvocationFailure::Kind;

constexpr std::size_t kReasonBytesMax = 2000;  // Of what a function says of its failure.

// Whose invoke() this thread is in: answers given from there need no lock and no wake-up.
thread_local const Calls* t_inside = nullptr;

}  // namespace

std::shared_ptr<Calls> Calls::open(Loop& loop, const Instance::Created& instance, Options options, std::shared_ptr<Counters> counters) {
  auto calls = std::make_shared<Calls>(loop, instance, options, std::move(counters));
  instance.instance->attach(calls);
  return calls;
}

Calls::Calls(Loop& loop, const Instance::Created& instance, Options options, std::shared_ptr<Counters> counters)
    : name_(instance.instance->name()),
      options_(options),
      counters_(std::move(counters)),
      loop_(loop),
      instance_(instance.instance),
      admission_(instance.admission) {}

Calls::~Calls() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

// --- Places.

Calls::Slot* Calls::take_slot(const Function& function, Phase phase, ports::FunctionTarget::Done& done) {
  if (free_.empty()) {
    if (slots_ == kCallsMax) return nullptr;
    auto* chunk = new Chunk;
    for (std::size_t i = kSlotsPerChunk; i-- > 0;) {
      (*chunk)[i].index = static_cast<std::uint32_t>(slots_ + i);
      free_.push_back(&(*chunk)[i]);
    }
    chunks_[slots_ / kSlotsPerChunk].store(chunk, std::memory_order_release);
    slots_ += kSlotsPerChunk;
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  slot.function = &function;
  slot.done = std::move(done);
  slot.word.store(word(generation_of(slot.word.load(std::memory_order_relaxed)) + 1, phase), std::memory_order_release);
  ++under_way_;
  return &slot;
}

holdfast_call Calls::token(const Slot& slot) {
  return {this, generation_of(slot.word.load(std::memory_order_relaxed)) << kIndexBits | slot.index};
}

Calls::Slot* Calls::find(holdfast_call call) const {
  const std::size_t index = call.id & ((1u << kIndexBits) - 1);
  Chunk* const chunk = chunks_[index / kSlotsPerChunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &(*chunk)[index % kSlotsPerChunk];
}

void Calls::free(Slot& slot) {
  forget(slot);
  slot.done = nullptr;
  slot.word.store(word(generation_of(slot.word.load(std::memory_order_relaxed)), Phase::Free), std::memory_order_release);
  free_.push_back(&slot);
  --under_way_;
}

// --- Beginning.

void Calls::call(const Function& function, holdfast_request& request, ports::FunctionTarget::Done done) {
  Slot* const slot = take_slot(function, Phase::UnderWay, done);
  if (slot == nullptr) {
    return answer_later(std::move(done), model::InvocationFailure{Kind::Failed, who(function) + " was not called: " + std::to_string(kCallsMax) +
                                                                                    " calls of its module have not been answered"});
  }
  request.call = token(*slot);
  const Calls* const outer = std::exchange(t_inside, this);
  instance_->invoke(function, request);
  t_inside = outer;
  if (phase_of(slot->word.load(std::memory_order_acquire)) == Phase::UnderWay) wait_for(*slot);
}

std::optional<holdfast_call> Calls::queue(const Function& function, ports::FunctionTarget::Done done) {
  Slot* const slot = take_slot(function, Phase::Queued, done);
  if (slot == nullptr) {
    answer_later(std::move(done), model::InvocationFailure{Kind::Failed, who(function) + " was not called: " + std::to_string(kCallsMax) +
                                                                             " calls of its module have not been answered"});
    return std::nullopt;
  }
  wait_for(*slot);
  return token(*slot);
}

bool Calls::start(holdfast_call call) {
  Slot* const slot = find(call);
  const std::uint64_t generation = call.id >> kIndexBits;
  std::uint64_t expected = word(generation, Phase::Queued);
  return slot != nullptr && slot->word.compare_exchange_strong(expected, word(generation, Phase::UnderWay), std::memory_order_acq_rel);
}

bool Calls::is_queued(holdfast_call call) const {
  const Slot* const slot = find(call);
  return slot != nullptr && slot->word.load(std::memory_order_acquire) == word(call.id >> kIndexBits, Phase::Queued);
}

void Calls::answer_later(ports::FunctionTarget::Done done, model::InvocationOutcome outcome) {
  settled_.push_back({std::move(done), std::move(outcome)});
  schedule();
}

// --- Waiting. All calls have the same time, so the one that began first is the first to be given up.

void Calls::wait_for(Slot& slot) {
  slot.started_us = monotonic_us();
  slot.waits = true;
  slot.earlier = latest_;
  slot.later = nullptr;
  (latest_ == nullptr ? earliest_ : latest_->later) = &slot;
  latest_ = &slot;
  arm();
}

void Calls::forget(Slot& slot) {
  if (!std::exchange(slot.waits, false)) return;
  (slot.earlier == nullptr ? earliest_ : slot.earlier->later) = slot.later;
  (slot.later == nullptr ? latest_ : slot.later->earlier) = slot.earlier;
}

void Calls::arm() {
  if (earliest_ == nullptr || std::exchange(timer_armed_, true)) return;
  const auto waited = static_cast<std::int64_t>((monotonic_us() - earliest_->started_us) / 1000);
  loop_.after(Duration{std::max<std::int64_t>(0, options_.call_timeout.ms - waited)}, [self = weak_from_this()] {
    const auto calls = self.lock();
    if (calls == nullptr || calls->closed_) return;
    calls->timer_armed_ = false;
    calls->give_up_late_ones();
    calls->arm();
  });
}

void Calls::give_up_late_ones() {
  const std::uint64_t now = monotonic_us();
  const auto timeout_us = static_cast<std::uint64_t>(options_.call_timeout.ms) * 1000;
  while (earliest_ != nullptr && now - earliest_->started_us >= timeout_us) give_up(*earliest_);
  settle_if_over();
}

void Calls::give_up(Slot& slot) {
  forget(slot);
  const std::uint64_t generation = generation_of(slot.word.load(std::memory_order_relaxed));
  std::uint64_t queued = word(generation, Phase::Queued), under_way = word(generation, Phase::UnderWay);
  const bool begun = !slot.word.compare_exchange_strong(queued, word(generation, Phase::GivenUp), std::memory_order_acq_rel);
  if (begun && !slot.word.compare_exchange_strong(under_way, word(generation, Phase::GivenUp), std::memory_order_acq_rel))
    return;  // Answered just now.
  counters_->given_up.fetch_add(1, std::memory_order_relaxed);
  answer_later(std::move(slot.done), model::InvocationFailure{Kind::Failed, who(*slot.function) + " gave no answer within " +
                                                                                std::to_string(options_.call_timeout.ms) + " ms" +
                                                                                (begun ? "" : ": all threads of its pool were busy")});
  if (!begun) free(slot);
}

// --- Answers.

int Calls::answer(holdfast_call call, const void* bytes, std::size_t size) {
  if (call.owner == nullptr || (bytes == nullptr && size != 0)) return 0;
  auto& calls = *static_cast<Calls*>(call.owner);
  return calls.take(call, [&](const Function& function) { return calls.judge(function, {static_cast<const char*>(bytes), size}); });
}

int Calls::fail(holdfast_call call, const char* reason, std::size_t size) {
  if (call.owner == nullptr || (reason == nullptr && size != 0)) return 0;
  auto& calls = *static_cast<Calls*>(call.owner);
  return calls.take(call, [&](const Function& function) -> model::InvocationOutcome {
    const std::string why = size == 0 ? "it gives no reason" : codec::excerpt({reason, size}, kReasonBytesMax);
    return model::InvocationFailure{Kind::Failed, calls.who(function) + " failed: " + why};
  });
}

template <typename Judge>
int Calls::take(holdfast_call call, Judge judge) {
  Slot* const slot = find(call);
  const std::uint64_t generation = call.id >> kIndexBits;
  const auto move_on = [&](Phase from) {
    std::uint64_t expected = word(generation, from);
    return slot->word.compare_exchange_strong(expected, word(generation, Phase::Answered), std::memory_order_acq_rel);
  };
  if (slot != nullptr && move_on(Phase::UnderWay)) {
    deliver({slot, true, judge(*slot->function)});
    return 1;
  }
  counters_->unwanted_answers.fetch_add(1, std::memory_order_relaxed);
  if (slot != nullptr && move_on(Phase::GivenUp)) deliver({slot, false, {}});
  return 0;
}

model::InvocationOutcome Calls::judge(const Function& function, std::string_view bytes) const {
  if (bytes.size() > options_.payload_bytes_max) {
    return model::InvocationFailure{Kind::Refused, who(function) + " answered " + std::to_string(bytes.size()) +
                                                       " bytes, more than the endpoint's limit of " + std::to_string(options_.payload_bytes_max)};
  }
  auto answer = codec::parse_from_function(bytes);
  if (!answer) {
    return model::InvocationFailure{Kind::Refused, who(function) + " answered " + std::to_string(bytes.size()) +
                                                       " bytes that make no sense: " + answer.error().message};
  }
  return std::visit([](auto&& effects) -> model::InvocationOutcome { return std::move(effects); }, std::move(*answer));
}

void Calls::deliver(Arrived arrived) {
  if (t_inside == this) {
    arrived_here_.push_back(std::move(arrived));
    return schedule();
  }
  std::shared_ptr<Instance> last;  // Let go of outside the lock.
  std::unique_lock lock(mutex_);
  if (closed_) {
    if (--under_way_ == 0) last = std::move(instance_);
    lock.unlock();
    return;
  }
  arrived_.push_back(std::move(arrived));
  if (arrived_.size() == 1) loop_.post([self = shared_from_this()] { self->drain(); });
}

void Calls::schedule() {
  if (std::exchange(scheduled_, true)) return;
  loop_.post([self = weak_from_this()] {
    const auto calls = self.lock();
    if (calls == nullptr) return;
    calls->scheduled_ = false;
    calls->drain();
  });
}

void Calls::drain() {
  auto settled = std::exchange(settled_scratch_, {});
  auto arrived = std::exchange(arrived_scratch_, {});
  std::swap(settled, settled_);
  std::swap(arrived, arrived_here_);
  const auto self = shared_from_this();  // What is done may end the target.
  for (int round = 0; round < 2; ++round) {
    for (Arrived& a : arrived) {
      auto done = std::move(a.slot->done);
      free(*a.slot);
      if (a.wanted) done(std::move(a.outcome));
      if (closed_) return;
    }
    arrived.clear();
    if (round == 1) break;
    std::unique_lock lock(mutex_);
    std::swap(arrived, arrived_);
  }
  for (Settled& s : settled) {
    s.done(std::move(s.outcome));
    if (closed_) return;
  }
  settled.clear();
  arrived_scratch_ = std::move(arrived);
  settled_scratch_ = std::move(settled);
  settle_if_over();
}

// --- The end.

void Calls::settle_if_over() {
  if (admission_ == nullptr && under_way_ == 0) instance_.reset();
}

void Calls::retire() {
  admission_.reset();
  settle_if_over();
}

void Calls::close() {
  admission_.reset();
  std::shared_ptr<Instance> last;
  std::unique_lock lock(mutex_);
  closed_ = true;
  settled_.clear();
  under_way_ -= arrived_here_.size() + arrived_.size();
  arrived_here_.clear();
  arrived_.clear();
  for (std::size_t i = 0; i < slots_; ++i) {
    Slot& slot = (*chunks_[i / kSlotsPerChunk].load(std::memory_order_relaxed))[i % kSlotsPerChunk];
    slot.done = nullptr;
    const std::uint64_t generation = generation_of(slot.word.load(std::memory_order_relaxed));
    std::uint64_t queued = word(generation, Phase::Queued);
    if (slot.word.compare_exchange_strong(queued, word(generation, Phase::Free), std::memory_order_acq_rel)) --under_way_;
  }
  if (under_way_ == 0) last = std::move(instance_);
}

}  // namespace holdfast::native
