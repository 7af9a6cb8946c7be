#include "streams.h"

#include <algorithm>
#include <memory>

#include "partition/stream.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t kAll = 10'000;
constexpr std::uint64_t kRecordBytesMax = 1'000;  // Of any record here, more than enough.

std::string show(const model::StreamRecord& record) { return record.source + " " + record.value.value; }

}  // namespace

StreamWatch::StreamWatch(World& world, Random& random) : world_(world), random_(random) {
  world.followers = std::make_unique<Followers>(random, world.scheduler(), [this](auto topic, const auto& query, const auto& page) { see(topic, query, page); });
}

void StreamWatch::broken(std::size_t topic, const std::string& why) {
  if (why_.empty()) why_ = "stream " + std::string(kTopics[topic]) + " " + why;
}

void StreamWatch::started() {
  for (std::size_t i = 0; i < kTopics.size(); ++i) {
    Watched& watched = topics_[i];
    if (watched.popping) ++watched.pops_lost;
    watched.reading = watched.popping = false;
    const auto& retention = world_.retentions[i];
    if (retention.bytes != 0) watched.bytes_min = std::min(watched.bytes_min, retention.bytes);
    watched.by_age |= retention.time.ms != 0;
  }
}

void StreamWatch::do_something() {
  const auto topic = random_.below(kTopics.size());
  // One is only ever popped; of the ones with retentions some are popped, too.
  if (topic == 1 || (topic > 1 && random_.below(4) == 0)) return pop(topic);
  if (random_.below(3) == 0) return read_all();
  runtime::StreamQuery query;
  query.from = random_.below(topics_[topic].end + 2);
  query.limit = static_cast<std::uint32_t>(1 + random_.below(20));
  query.bytes_max = 100 + random_.below(3'000);
  query.wait = {static_cast<std::int64_t>(random_.below(2) * random_.below(300))};
  read(topic, std::move(query));
}

void StreamWatch::read_all() {
  for (std::size_t i = 0; i < kTopics.size(); ++i) read(i, {.from = 0, .limit = kAll});
}

void StreamWatch::read(std::size_t topic, runtime::StreamQuery query) {
  if (std::exchange(topics_[topic].reading, true)) return;
  query.stream = kTopics[topic];
  world_.runtime().read_stream(query, [this, topic, query](Result<runtime::StreamPage> page) {
    topics_[topic].reading = false;
    if (!page) return broken(topic, page.error().message);
    see(topic, query, *page);
  });
}

void StreamWatch::pop(std::size_t topic) {
  Watched& watched = topics_[topic];
  if (std::exchange(watched.popping, true)) return;
  world_.runtime().pop_stream(std::string(kTopics[topic]), [this, topic](Result<std::optional<model::StreamRecord>> popped) {
    Watched& watched = topics_[topic];
    watched.popping = false;
    if (!popped) return broken(topic, "cannot be popped from: " + popped.error().message);
    if (!*popped) return;
    const std::string text = show(**popped);
    if (!watched.popped.insert(text).second) return broken(topic, "gave \"" + text + "\" to two pops");
    const auto shown = std::ranges::find(watched.shown, text, [](const auto& entry) { return entry.second.first; });
    if (shown == watched.shown.end()) return;
    if (watched.popped_last && shown->first <= *watched.popped_last) broken(topic, "was popped out of order");
    watched.popped_last = shown->first;
  });
}

void StreamWatch::see(std::size_t topic, const runtime::StreamQuery& query, const runtime::StreamPage& page) {
  Watched& watched = topics_[topic];
  const auto at = [](std::uint64_t position) { return std::to_string(position); };
  if (page.end < watched.end) broken(topic, "ended at " + at(watched.end) + ", now at " + at(page.end));
  watched.end = std::max(watched.end, page.end);
  watched.first = page.first;
  std::uint64_t next = std::max(query.from, page.first);
  for (const auto& entry : page.records) {
    if (entry.position != next) broken(topic, "has record " + at(entry.position) + " where " + at(next) + " was to be");
    next = entry.position + 1;
    const std::string text = show(entry.record);
    const auto [it, is_new] = watched.shown.emplace(entry.position, std::pair(text, partition::record_bytes(entry.record)));
    if (!is_new && it->second.first != text) broken(topic, "position " + at(entry.position) + " was \"" + it->second.first + "\", now \"" + text + "\"");
    if (watched.popped.contains(text)) broken(topic, "shows \"" + text + "\", which was popped");
  }
  if (page.next != next) broken(topic, "says to go on at " + at(page.next) + ", not at " + at(next));
  const bool is_short = page.records.size() < query.limit && query.bytes_max > kAll;
  if (is_short && next < page.end) broken(topic, "has records up to " + at(page.end) + ", but shows none from " + at(next) + " on");
}

// Who waits is told of records, not of what is gone.
std::string StreamWatch::not_followed() const {
  for (std::size_t i = 0; i < kTopics.size(); ++i)
    if (const auto at = std::max(world_.followers->at(i), topics_[i].first); at < topics_[i].end)
      return std::string(kTopics[i]) + " is followed to " + std::to_string(at) + " only, of " + std::to_string(topics_[i].end);
  return {};
}

std::string StreamWatch::verify(std::size_t topic, const runtime::StreamPage& page, const Emitted& emitted) {
  Watched& watched = topics_[topic];
  see(topic, {.from = 0, .limit = kAll}, page);

  std::uint64_t count = 0;
  for (const auto& [source, numbers] : emitted) count += numbers.size();
  if (page.end != count) broken(topic, "has had " + std::to_string(page.end) + " records, " + std::to_string(count) + " were emitted");

  // Of each source the last ones are there, in order: those before them are gone.
  Emitted present;
  std::uint64_t bytes = 0;
  for (const auto& entry : page.records) {
    present[entry.record.source].push_back(number_of_record(entry.record.value.value));
    bytes += partition::record_bytes(entry.record);
  }
  for (const auto& [source, numbers] : present) {
    const auto of_source = emitted.find(source);
    if (of_source == emitted.end() || numbers.size() > of_source->second.size() ||
        !std::equal(numbers.rbegin(), numbers.rend(), of_source->second.rbegin()))
      broken(topic, "does not have the records of " + source + ", once and in order");
  }

  if (watched.by_age || page.first == 0) return why_;
  if (watched.bytes_min == UINT64_MAX) {
    const std::uint64_t popped = watched.popped.size();
    if (page.first < popped || page.first > popped + watched.pops_lost)
      broken(topic, "has lost " + std::to_string(page.first) + " records, " + std::to_string(popped) + " were popped");
    return why_;
  }
  // The last of those that are gone was popped, or there was too much with it.
  const auto gone = watched.shown.find(page.first - 1);
  const bool was_popped = gone != watched.shown.end() ? watched.popped.contains(gone->second.first) : !watched.popped.empty();
  const std::uint64_t with_it = bytes + (gone != watched.shown.end() ? gone->second.second : kRecordBytesMax);
  if (!was_popped && watched.pops_lost == 0 && with_it <= watched.bytes_min)
    broken(topic, "has lost record " + std::to_string(page.first - 1) + ", though only " + std::to_string(with_it) + " bytes were there with it");
  return why_;
}

}  // namespace holdfast::sim
