// ConnectionBudget: how many connections servers or clients may have open together, so that descriptors are left for everything else.
// Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace holdfast::net {

class ConnectionBudget {
 public:
  explicit ConnectionBudget(std::size_t max) : max_(max) {}

  // One connection's share, given back when it goes. An empty one is nobody's.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      Place old(std::move(*this));
      of_ = std::move(other.of_);
      return *this;
    }
    ~Place() {
      if (of_) of_->taken_.fetch_sub(1);
    }

   private:
    friend class ConnectionBudget;
    explicit Place(std::shared_ptr<ConnectionBudget> of) : of_(std::move(of)) {}
    std::shared_ptr<ConnectionBudget> of_;
  };

  // False: all are taken. With a budget that is null there is always one.
  [[nodiscard]] static bool take(const std::shared_ptr<ConnectionBudget>& budget, Place& place) {
    if (!budget) return true;
    if (budget->taken_.fetch_add(1) >= budget->max_) {
      budget->taken_.fetch_sub(1);
      return false;
    }
    place = Place(budget);
    return true;
  }
  // Others may want one: idle connections are worth less than that.
  [[nodiscard]] bool is_short() const { return taken_.load(std::memory_order_relaxed) >= max_; }
  [[nodiscard]] std::size_t max() const { return max_; }
  [[nodiscard]] std::size_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const std::size_t max_;
  std::atomic<std::size_t> taken_{0};
};

}  // namespace holdfast::net
