#include "kafka/unusable_topics.h"

#include <algorithm>
#include <utility>

namespace holdfast::kafka {

UnusableTopics::Topic& UnusableTopics::note(const std::string& topic, std::string why, std::uint64_t now_us) {
  if (topics_.size() >= kTopicsMax && !topics_.contains(topic))
    topics_.erase(std::ranges::min_element(topics_, {}, [](const auto& entry) { return entry.second.asked_us; }));
  Topic& noted = topics_[topic];
  noted.why = std::move(why);
  noted.asked_us = now_us;
  return noted;
}

void UnusableTopics::note_missing(const std::string& topic, std::string why, std::uint64_t now_us) {
  const bool is_new = !topics_.contains(topic);
  Topic& noted = note(topic, std::move(why), now_us);
  noted.is_forbidden = false;
  if (!is_new) return;
  waited_us_ -= std::min(waited_us_, (now_us - std::min(made_up_at_us_, now_us)) / kWaitShare);
  made_up_at_us_ = now_us;
  if (waited_us_ < kWaitMaxUs) noted.wait_until_us = now_us + kWaitUs;
}

void UnusableTopics::note_forbidden(const std::string& topic, std::string why, std::uint64_t now_us) {
  Topic& noted = note(topic, std::move(why), now_us);
  noted.is_forbidden = true;
  noted.wait_until_us = 0;
}

void UnusableTopics::note_usable(std::string_view topic) {
  if (const auto found = topics_.find(topic); found != topics_.end()) topics_.erase(found);
}

bool UnusableTopics::is_due(std::string_view topic, std::uint64_t now_us) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return true;
  const std::uint64_t pause =
      found->second.is_forbidden ? kTryAgainUs : std::min<std::uint64_t>(kAskAgainUs * topics_.size(), kAskAgainMaxUs);
  return now_us >= found->second.asked_us + pause;
}

bool UnusableTopics::is_waited_for(std::string_view topic, std::uint64_t now_us) const {
  const auto found = topics_.find(topic);
  return found != topics_.end() && now_us < found->second.wait_until_us;
}

const std::string& UnusableTopics::why(std::string_view topic) const {
  static const std::string nothing;
  const auto found = topics_.find(topic);
  return found != topics_.end() ? found->second.why : nothing;
}

}  // namespace holdfast::kafka
