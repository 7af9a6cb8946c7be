// UnusableTopics: the topics that records cannot be sent to just now, and what that means for a record: it waits, the broker is asked
// again, or it is refused.
//
// A topic that is not there may just be coming: it is waited for some seconds from when it was first missed, whatever was sent meanwhile. What
// lies behind such a record waits with it, so an egress waits for its topics together only a part of the time (kWaitShare), however many
// names functions think of. A topic that a client may not write to is refused at once. Both are asked for again, the less often the more
// of them there are, and used again when they are there.
//
// Pure: time comes in. Bounded: with too many topics the one that was asked for longest ago is forgotten, and begins anew if it is met again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace holdfast::kafka {

class UnusableTopics {
 public:
  static constexpr std::uint64_t kWaitUs = 10'000'000;   // For one topic.
  static constexpr std::uint64_t kWaitMaxUs = 3 * kWaitUs;  // For several, one after the other; then as much as a share of the time allows.
  static constexpr std::uint64_t kWaitShare = 6;
  // Times the number of topics. Short: whoever makes the topic and then says `egress retry` must not meet what was known before.
  static constexpr std::uint64_t kAskAgainUs = 10'000;
  static constexpr std::uint64_t kAskAgainMaxUs = 30'000'000;
  static constexpr std::uint64_t kTryAgainUs = 200'000;  // A topic that is forbidden: only sending to it says so.
  static constexpr std::size_t kTopicsMax = 10'000;

  // What the broker has just said of it.
  void note_missing(const std::string& topic, std::string why, std::uint64_t now_us);
  void note_forbidden(const std::string& topic, std::string why, std::uint64_t now_us);
  void note_usable(std::string_view topic);

  // Nothing is known against it, or what is known is old: ask, or try.
  [[nodiscard]] bool is_due(std::string_view topic, std::uint64_t now_us) const;
  // Whether a record to a topic that was noted waits for it.
  [[nodiscard]] bool is_waited_for(std::string_view topic, std::uint64_t now_us) const;
  [[nodiscard]] const std::string& why(std::string_view topic) const;
  // So long has been waited.
  void spend(std::uint64_t us) { waited_us_ += us; }

 private:
  struct Topic {
    std::string why;
    bool is_forbidden = false;
    std::uint64_t wait_until_us = 0;
    std::uint64_t asked_us = 0;
  };
  Topic& note(const std::string& topic, std::string why, std::uint64_t now_us);

  std::map<std::string, Topic, std::less<>> topics_;
  std::uint64_t waited_us_ = 0;      // Less what has been made up for since.
  std::uint64_t made_up_at_us_ = 0;
};

}  // namespace holdfast::kafka
