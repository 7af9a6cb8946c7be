// Shard: reading streams. Only what is durable is shown.
#include <algorithm>
#include <iterator>
#include <utility>

#include "partition/stream.h"
#include "runtime/shard.h"

namespace holdfast::runtime {
namespace {

constexpr std::uint32_t kPageRecordsMax = 10'000;

// Pages for clients.
constexpr std::size_t kReadersPerTurn = 16;
constexpr std::size_t kReadBytesPerTurn = 64u << 10;
constexpr std::size_t kClientPageBytesMin = 16u << 10, kClientPageBytesMax = 128u << 10;
constexpr std::size_t kPagesOfRoom = 8;          // No page takes more than its share of the room there is.
constexpr std::size_t kBytesPerRecordByte = 2;   // What a record takes as an answer, about.

}  // namespace

// Remembered from before the first append on; until then all there is is durable, and nothing need be kept of a name that
// somebody merely asks for.
std::uint64_t Shard::visible_end(const std::string& stream) const {
  const auto it = visible_.find(stream);
  return it != visible_.end() ? it->second : table_.stream(stream).next;
}

// What is there up to a gap is given; a page that would begin with one is damage, which says where the stream goes on. What has been taken
// away before it was ever durable was never there: whoever was told to go on behind it would miss what comes in its place after a crash.
Result<StreamPage> Shard::page(const StreamQuery& query) {
  StreamPage page;
  const std::uint64_t end = visible_end(query.stream);
  page.first = std::min(table_.stream(query.stream).first, end);
  page.next = std::max(query.from, page.first);
  page.end = end;
  page.bytes = table_.stream(query.stream).bytes;
  if (page.next >= end || query.limit == 0) return page;
  const std::uint32_t limit = std::min(query.limit, kPageRecordsMax);
  std::size_t bytes = 0;
  table_.read_records(query.stream, page.next, end, [&](std::uint64_t position, const model::StreamRecord& record) {
    if (position != page.next) return false;
    bytes += partition::record_bytes(record);
    page.next = position + 1;
    page.records.push_back({position, record});
    return page.records.size() < limit && bytes < query.bytes_max;
  });
  if (page.records.empty()) {
    const std::uint64_t goes_on = end_of_gap(query.stream, page.next, end);
    return fail(ErrorCode::Damaged, "stream " + query.stream + " has lost its records " + std::to_string(page.next) + " to " +
                                        std::to_string(goes_on - 1) + ", the disk does not have them any more; it goes on at " +
                                        std::to_string(goes_on));
  }
  metrics_.records_read.add(page.records.size());
  return page;
}

std::uint64_t Shard::end_of_gap(const std::string& stream, std::uint64_t from, std::uint64_t end) const {
  std::uint64_t found = end;
  table_.read_records(stream, from, end, [&found](std::uint64_t position, const model::StreamRecord&) {
    found = position;
    return false;
  });
  return found;
}

void Shard::read_stream(StreamQuery&& query, Runtime::Done<StreamPage> done) {
  const bool is_client = query.reader == StreamQuery::For::Client;
  if (!is_client || refusing_) {
    Result<StreamPage> now = page(query);
    if (!now || !now->records.empty() || query.wait.ms <= 0 || refusing_) return done(std::move(now));
  }
  // Readers of the core are few, and what they read must not stop because clients are many.
  if (is_client && waiting_ >= options_.waiting_requests_max)
    return done(fail(ErrorCode::Overloaded, std::to_string(waiting_) + " requests are waiting already"));
  ++waiting_;
  Reader reader{std::move(query), std::move(done), 0, next_waiter_++};
  if (is_client) serve_later(std::move(reader));
  else (void)waits_on(reader);
}

// For a record to come.
bool Shard::waits_on(Reader& reader) {
  if (reader.query.wait.ms <= 0 || refusing_) return false;
  const std::string stream = reader.query.stream;
  const std::uint64_t number = reader.id;
  reader.timer = loop_.after(reader.query.wait, [this, stream, number] {
    auto& readers = readers_[stream];
    const auto found = std::ranges::find(readers, number, &Reader::id);
    if (found == readers.end()) return;
    auto due = std::move(*found);
    readers.erase(found);
    if (readers.empty()) readers_.erase(stream);
    --waiting_;
    due.done(page(due.query));
  });
  if (table_.stream(stream).next > visible_end(stream)) readers_wait_ = true;
  readers_[stream].push_back(std::move(reader));
  wake();
  return true;
}

void Shard::serve_later(Reader&& reader) {
  const std::uint64_t number = reader.id;
  reader.timer = loop_.after(options_.unread_wait_max, [this, number] {
    const auto found = std::ranges::find(due_readers_, number, &Reader::id);
    if (found == due_readers_.end()) return;
    auto late = std::move(found->done);
    due_readers_.erase(found);
    --waiting_;
    late(fail(ErrorCode::Overloaded, std::to_string(unread_->bytes()) + " bytes of answers wait for clients to read them (limits.unreadBytes)"));
  });
  due_readers_.push_back(std::move(reader));
  if (std::exchange(serving_readers_, true)) return;
  loop_.post([this] {
    serving_readers_ = false;
    serve_readers();
  });
}

// A few in one turn: what else the loop has to do comes in between. A page is made when there is room for it, and a smaller one where
// there is not much.
void Shard::serve_readers() {
  std::size_t looked_at = 0;
  std::size_t made = 0;
  while (!due_readers_.empty() && looked_at < kReadersPerTurn && made < kReadBytesPerTurn) {
    if (!unread_->has_room(options_.unread_bytes_max)) return;
    ++looked_at;
    Reader reader = std::move(due_readers_.front());
    due_readers_.pop_front();
    loop_.cancel(reader.timer);
    StreamQuery query = reader.query;
    const std::size_t room = options_.unread_bytes_max - std::min(options_.unread_bytes_max, unread_->bytes());
    query.bytes_max = std::min(query.bytes_max, std::clamp(room / kPagesOfRoom, kClientPageBytesMin, kClientPageBytesMax));
    Result<StreamPage> found = page(query);
    if (found && found->records.empty() && waits_on(reader)) continue;
    std::size_t bytes = 0;
    if (found)
      for (const auto& entry : found->records) bytes += partition::record_bytes(entry.record);
    made += bytes;
    if (bytes > 0) found->unread = unread_->take(bytes * kBytesPerRecordByte);
    --waiting_;
    reader.done(std::move(found));
  }
  if (due_readers_.empty() || std::exchange(serving_readers_, true)) return;
  loop_.post([this] {
    serving_readers_ = false;
    serve_readers();
  });
}

void Shard::wake_readers(const std::string& stream) {
  const auto it = readers_.find(stream);
  if (it == readers_.end()) return;
  auto readers = std::move(it->second);
  readers_.erase(it);
  const std::uint64_t end = visible_end(stream);
  for (auto& reader : readers) {
    if (reader.query.from >= end) {
      readers_[stream].push_back(std::move(reader));  // It waits for a position that is still to come.
      continue;
    }
    loop_.cancel(reader.timer);
    if (reader.query.reader == StreamQuery::For::Client) {
      serve_later(std::move(reader));
      continue;
    }
    Result<StreamPage> found = page(reader.query);
    --waiting_;
    reader.done(std::move(found));
  }
}

// All of them, with what there is, which may be nothing: there will be no more.
void Shard::answer_readers() {
  std::vector<Reader> all(std::make_move_iterator(due_readers_.begin()), std::make_move_iterator(due_readers_.end()));
  due_readers_.clear();
  for (auto& [stream, readers] : std::exchange(readers_, {}))
    for (auto& reader : readers) all.push_back(std::move(reader));
  for (auto& reader : all) {
    loop_.cancel(reader.timer);
    --waiting_;
    reader.done(page(reader.query));
  }
}

void Shard::pop_stream(const std::string& stream, Runtime::Done<std::optional<model::StreamRecord>> done) {
  Result<StreamPage> oldest = page({.stream = stream, .limit = 1});
  if (!oldest) {  // Said once; the next one gets what comes after the gap.
    const model::StreamRow row = table_.stream(stream);
    const std::uint64_t goes_on = end_of_gap(stream, row.first, visible_end(stream));
    const std::uint64_t left = partition::bytes_from(table_, stream, goes_on);
    if (auto released = partition::release_records(table_, stream, goes_on, row.bytes - std::min(row.bytes, left)); released)
      perform(std::move(*released));
    gate([done = std::move(done), error = std::move(oldest.error())]() mutable { done(fail(std::move(error))); });
    return;
  }
  if (oldest->records.empty()) return done(std::nullopt);
  auto& entry = oldest->records.front();
  auto released = partition::release_records(table_, stream, entry.position + 1, partition::record_bytes(entry.record));
  if (!released) return done(fail(std::move(released.error())));
  perform(std::move(*released));
  // The record is given away once it is gone for good: a crash in between gives it again rather than never.
  gate([done = std::move(done), record = std::move(entry.record)]() mutable {
    done(std::optional<model::StreamRecord>(std::move(record)));
  });
}

void Shard::release_records(const std::string& stream, std::uint64_t next, std::uint64_t bytes, std::vector<model::Command>&& instead,
                            Runtime::Done<void> done) {
  auto released = partition::release_records(table_, stream, next, bytes);
  if (!released) return done(fail(std::move(released.error())));
  for (auto& command : instead) released->effects.push_back(partition::Deliver{std::move(command)});
  perform(std::move(*released));
  show_outbox(stream);
  // Whoever waits for this has nothing to lose by waiting a little longer.
  patient_gate_.push_back([done = std::move(done)] { done({}); });
}

void Shard::settle_records(const std::string& stream, ports::Settlement&& settlement, Runtime::Done<void> done) {
  std::vector<partition::SetAside> aside;
  aside.reserve(settlement.aside.size());
  auto wanted = settlement.aside.begin();
  if (wanted != settlement.aside.end())
    table_.read_records(stream, wanted->position, visible_end(stream), [&](std::uint64_t position, const model::StreamRecord& record) {
      if (position != wanted->position) return position < wanted->position;
      aside.push_back({position, record, std::move(wanted->reason)});
      return ++wanted != settlement.aside.end();
    });
  if (wanted != settlement.aside.end())
    return done(fail(ErrorCode::NotFound, "stream " + stream + " has no record " + std::to_string(wanted->position)));
  auto settled = partition::settle_records(table_, stream, settlement.next, settlement.bytes, std::move(aside), settlement.parked);
  if (!settled) return done(fail(std::move(settled.error())));
  perform(std::move(*settled));
  show_outbox(stream);
  gate([done = std::move(done)] { done({}); });
}

// Functions that emit to a full outbox wait (see accept()); when there is room again, all shards look.
void Shard::show_outbox(const std::string& stream) {
  auto* outbox = levels_.outbox(stream);
  if (outbox == nullptr) return;
  const bool was_full = outbox->is_full();
  outbox->bytes.store(table_.stream(stream).bytes, std::memory_order_relaxed);
  if (!was_full || outbox->is_full()) return;
  for (Shard* shard : all_) shard->loop().post([shard] { shard->wake(); });
}

}  // namespace holdfast::runtime
