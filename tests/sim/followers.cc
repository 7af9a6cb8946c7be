#include "followers.h"

#include <utility>

namespace holdfast::sim {

void Followers::start(runtime::Runtime& runtime, Loop& loop) {
  runtime_ = &runtime;
  loop_ = &loop;
  is_stopping_ = false;
  for (std::size_t topic = 0; topic < followers_.size(); ++topic) ask_later(topic);
}

void Followers::crash() {
  runtime_ = nullptr;
  for (Follower& follower : followers_) follower.unread.reset();
}

// Most read on at once; some have other things to do, and retention may pass them by.
void Followers::ask_later(std::size_t topic) {
  const auto pause = 1 + random_.below(random_.below(4) == 0 ? 2'000 : 30);
  loop_->after(Duration{static_cast<std::int64_t>(pause)}, [this, topic] { ask(topic); });
}

void Followers::ask(std::size_t topic) {
  followers_[topic].unread.reset();
  runtime::StreamQuery query{.stream = std::string(kTopics[topic]), .from = followers_[topic].next};
  query.limit = static_cast<std::uint32_t>(1 + random_.below(20));
  query.bytes_max = 100 + random_.below(3'000);
  query.wait = {static_cast<std::int64_t>(random_.below(4) == 0 ? random_.below(1'000) : 60'000)};
  query.reader = runtime::StreamQuery::For::Client;
  runtime_->read_stream(query, [this, topic, query, asked = scheduler_.monotonic()](Result<runtime::StreamPage> page) {
    take(topic, query, asked, std::move(page));
    loop_->post([this, topic] { ask_later(topic); });
  });
}

void Followers::take(std::size_t topic, const runtime::StreamQuery& query, Instant asked, Result<runtime::StreamPage>&& page) {
  if (!page) {
    if (page.error().code != ErrorCode::Overloaded) broken(topic, page.error().message);
    return;
  }
  Follower& follower = followers_[topic];
  follower.unread = std::move(page->unread);
  if (page->end < follower.next) broken(topic, "was followed to " + std::to_string(follower.next) + ", and ends at " + std::to_string(page->end));
  if (topic == 0 && page->first > 0) broken(topic, "keeps all, and has lost records up to " + std::to_string(page->first));
  if (page->next < follower.next) broken(topic, "goes back to " + std::to_string(page->next));
  const bool is_early = page->records.empty() && page->next == follower.next && scheduler_.monotonic() < asked + query.wait && !is_stopping_;
  if (is_early) broken(topic, "has nothing new before the time for that is over");
  follower.next = page->next;
  see_(topic, query, *page);
}

void Followers::broken(std::size_t topic, const std::string& why) {
  if (why_.empty()) why_ = "stream " + std::string(kTopics[topic]) + ", as it is followed, " + why;
}

}  // namespace holdfast::sim
