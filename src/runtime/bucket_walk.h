// BucketWalk: through all elements of a hashed container, in slices, while it changes between them. All that are in it from begin to end
// are met, some of them perhaps twice.
#pragma once

#include <cstddef>

namespace holdfast::runtime {

struct BucketWalk {
  std::size_t bucket = 0;
  std::size_t buckets = 0;
};

// Goes on for `left` elements, which it takes off; true: that was the last.
template <typename Hashed, typename Visit>
bool walk_on(const Hashed& container, BucketWalk& at, std::size_t& left, Visit visit) {
  if (at.buckets != container.bucket_count()) at = {0, container.bucket_count()};  // All have moved.
  for (; at.bucket < at.buckets; ++at.bucket) {
    if (left == 0) return false;
    --left;
    for (auto it = container.begin(at.bucket); it != container.end(at.bucket); ++it) visit(*it, left);
  }
  return true;
}

}  // namespace holdfast::runtime
