// Histogram: how often a value was seen, in buckets that grow with it: every quantile is right to within 1/128 of itself, whatever
// the range, in 60 KiB. Values are counts of anything; here, nanoseconds.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::bench {

class Histogram {
 public:
  void add(std::uint64_t value) {
    ++buckets_[bucket_of(value)];
    ++count_;
    sum_ += static_cast<double>(value);
    max_ = std::max(max_, value);
  }

  // The smallest value that at least this share of all values does not exceed; rounded up by less than 1/128. 0 if there are none.
  [[nodiscard]] std::uint64_t quantile(double share) const {
    if (count_ == 0) return 0;
    const double wanted = std::max(1.0, share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (static_cast<double>(seen) >= wanted) return std::min(last_of(i), max_);
    }
    return max_;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

 private:
  static constexpr unsigned kBits = 7;  // 128 buckets for each power of two.

  // Below 128 a bucket for each value; above, the seven bits after the highest one.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < (1u << kBits)) return static_cast<std::size_t>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return ((shift + 1) << kBits) + static_cast<std::size_t>((value >> shift) - (1u << kBits));
  }
  static std::uint64_t last_of(std::size_t bucket) {
    if (bucket < (1u << kBits)) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket >> kBits) - 1;
    const std::uint64_t top = (1u << kBits) + (bucket & ((1u << kBits) - 1));
    return ((top + 1) << shift) - 1;
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>((64 - kBits + 1) << kBits);
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace holdfast::bench
