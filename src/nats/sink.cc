#include "nats/sink.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>

#include "base/log.h"
#include "base/time.h"
#include "codec/base64.h"
#include "codec/egress_records.h"
#include "codec/utf8.h"
#include "nats/wire.h"

namespace holdfast::nats {
namespace {

constexpr std::int64_t kFlushTimeoutMs = 10'000;
// Without any answer from the server, while some are due.
constexpr std::chrono::seconds kAnswerWait{10};
// Between two looks for a stream that takes a subject: one that is just being made, or has no leader.
constexpr std::chrono::milliseconds kStreamLookPause{500};
// More than a page of the outbox: whoever sent a page before us may have stored any part of it.
constexpr std::uint64_t kFreshRecordsMin = 20'000;
constexpr std::size_t kHeaderOverhead = 4;                             // ": " and a line end.
constexpr std::size_t kHeadersOverhead = sizeof("NATS/1.0\r\n\r\n") - 1;
constexpr std::size_t kMessageIdBytesMax = 1024;

// On their way at once: a page of the outbox.
constexpr std::size_t kWindowMax = 10'000;
// Remembered streams of subjects.
constexpr std::size_t kSubjectsMax = 100'000;
// What a stream counts for a message, beside subject, headers and data, at most.
constexpr std::uint64_t kStoredOverhead = 64;

// Codes of the server (err_code) that sending again does not change.
constexpr std::uint32_t kMessageTooLarge = 10054;
constexpr std::uint32_t kHeadersTooLarge = 10097;
// It is full, or cannot write: its words say what.
constexpr std::uint32_t kNotStored = 10077;
constexpr std::string_view kSubjectIsFull = "per subject";
// Ours: not an err_code.
constexpr std::uint32_t kNoResponders = 503;
constexpr std::uint32_t kForbidden = 403;
constexpr std::size_t kForbiddenMax = 10'000;  // Subjects; more are taken for ones that are not answered.

bool is_for_the_server(std::string_view header) {
  constexpr std::string_view kPrefix = "nats-";
  return header.size() >= kPrefix.size() && std::ranges::equal(header.substr(0, kPrefix.size()), kPrefix, [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

void add_header(std::string_view name, const std::string& value, OutgoingMessage& message) {
  if (is_header_value(value)) message.headers.emplace_back(name, value);
  else message.headers.emplace_back(std::string(name).append(kBase64Suffix), codec::to_base64(value));
}

void add_key(const std::string& key, OutgoingMessage& message) {
  if (!key.empty()) add_header(kKeyHeader, key, message);
}

Result<void> add_headers(const codec::KafkaRecord& record, OutgoingMessage& message) {
  for (const auto& header : record.headers) {
    if (is_for_the_server(header.key)) continue;
    if (!is_header_name(header.key))
      return fail(ErrorCode::Invalid, "\"" + codec::excerpt(header.key) + "\" cannot be the name of a header in NATS");
    add_header(header.key, header.value, message);
  }
  return {};
}

Result<MessagePtr> make(const OutgoingMessage& message, const std::string& reply) {
  natsMsg* made = nullptr;
  auto status = natsMsg_Create(&made, message.subject.c_str(), reply.empty() ? nullptr : reply.c_str(), message.data.data(),
                               static_cast<int>(message.data.size()));
  MessagePtr owner(made);
  for (const auto& [name, value] : message.headers) {
    if (status != NATS_OK) break;
    status = natsMsgHeader_Add(made, name.c_str(), value.c_str());
  }
  if (status != NATS_OK) return fail(ErrorCode::Io, describe("message to " + message.subject, status));
  return owner;
}

}  // namespace

std::size_t OutgoingMessage::size_with_headers() const {
  std::size_t size = data.size() + (headers.empty() ? 0 : kHeadersOverhead);
  for (const auto& [name, value] : headers) size += name.size() + value.size() + kHeaderOverhead;
  return size;
}

Result<OutgoingMessage> outgoing_message(const model::StreamRecord& record, const std::string& default_subject) {
  OutgoingMessage message;
  if (codec::is_kafka_record(record.value.type_name)) {
    auto parsed = codec::parse_kafka_record(record.value.value);
    if (!parsed) return fail(ErrorCode::Invalid, "it is no KafkaProducerRecord: " + parsed.error().message);
    message.subject = parsed->topic.empty() ? default_subject : std::move(parsed->topic);
    message.data = std::move(parsed->value);
    add_key(parsed->key, message);
    if (auto added = add_headers(*parsed, message); !added) return fail(std::move(added.error()));
  } else {
    message.subject = default_subject;
    message.data = record.value.value;
    add_key(record.key, message);
    if (is_header_value(record.value.type_name)) message.headers.emplace_back(kTypeHeader, record.value.type_name);
  }
  if (message.subject.empty()) return fail(ErrorCode::Invalid, "it names no subject, and the egress has no defaultSubject");
  if (!is_subject(message.subject))
    return fail(ErrorCode::Invalid, "\"" + message.subject.substr(0, 100) + "\" is no subject that may be published to");
  if (!record.traceparent.empty() && is_header_value(record.traceparent))
    message.headers.emplace_back(kTraceHeader, record.traceparent);
  return message;
}

// What the server says about the page under way. Written on the library's threads.
struct Sink::Answers {
  struct Failure {
    std::uint32_t code = 0;
    std::string text;
  };
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t page = 0;
  std::vector<bool> answered;  // By index in the page.
  std::size_t waiting = 0;
  std::uint64_t answers = 0;
  std::map<std::size_t, Failure> failures;
  std::string last_error;  // That belongs to no message.
  std::set<std::string, std::less<>> forbidden;  // Subjects that the server does not let us publish to, since open(): it answers nothing.
  std::uint64_t interrupts = 0;

  void begin(std::uint64_t number, std::size_t records) {
    const std::lock_guard lock(mutex);
    page = number;
    answered.assign(records, false);
    waiting = 0;
    failures.clear();
    last_error.clear();
  }

  void take(natsMsg* message) {
    // <inbox>.<page>.<index>
    std::string_view subject = natsMsg_GetSubject(message);
    const auto number_behind_last_dot = [&subject]() -> std::uint64_t {
      const auto dot = subject.rfind('.');
      std::uint64_t number = UINT64_MAX;
      if (dot != std::string_view::npos) std::from_chars(subject.data() + dot + 1, subject.data() + subject.size(), number);
      subject = subject.substr(0, dot == std::string_view::npos ? 0 : dot);
      return number;
    };
    const auto index = number_behind_last_dot();
    const auto number = number_behind_last_dot();
    Failure failure;
    bool failed = true;
    if (natsMsg_IsNoResponders(message)) {
      failure = {kNoResponders, "no stream takes it"};
    } else {
      auto answer = parse_publish_answer(data_of(message));
      failed = !answer.stored;
      failure = {answer.error, std::move(answer.description)};
    }
    const std::lock_guard lock(mutex);
    if (number != page || index >= answered.size() || answered[index]) return;
    answered[index] = true;
    --waiting;
    ++answers;
    if (failed) failures.emplace(index, std::move(failure));
    if (waiting == 0 || failed) changed.notify_all();
  }
};

Sink::Sink(model::NatsEgressSpec spec, std::string directory_id)
    : spec_(std::move(spec)), id_prefix_(directory_id + "/" + spec_.id + "/"), tls_(spec_.connection, "egress " + spec_.id),
      answers_(std::make_shared<Answers>()),
      stored_(id_prefix_),
      window_(kWindowMax) {}

Sink::~Sink() = default;

void Sink::interrupt() {
  const std::lock_guard lock(answers_->mutex);
  ++answers_->interrupts;
  answers_->changed.notify_all();
}

Result<std::optional<std::uint64_t>> Sink::open() {
  if (spec_.jetstream && id_prefix_.size() > kMessageIdBytesMax)
    return fail(ErrorCode::Invalid, "the id of egress " + spec_.id.substr(0, 100) + " is too long");
  // A connection of its own, so that nothing of before is under way on it any more.
  inbox_subscription_.reset();
  jetstream_.reset();
  connection_.reset();
  streams_.clear();
  stream_by_subject_.clear();
  looked_at_.clear();
  looked_at_whole_.clear();
  fresh_records_ = 0;
  {
    const std::lock_guard lock(answers_->mutex);
    answers_->forbidden.clear();
  }

  Connection::Events events;
  events.disconnected = [answers = answers_] {
    const std::lock_guard lock(answers->mutex);
    answers->changed.notify_all();
  };
  events.error = [answers = answers_, egress = spec_.id](std::string what) {
    log_warn("NATS reports an error", {{"egress", egress}, {"error", what}});
    const std::lock_guard lock(answers->mutex);
    if (auto subject = forbidden_subject(what); subject && answers->forbidden.size() < kForbiddenMax) {
      answers->forbidden.insert(std::move(*subject));
      answers->changed.notify_all();
    }
    answers->last_error = std::move(what);
  };
  auto connection = Connection::open(spec_.connection, "holdfast egress " + spec_.id, Connection::Sending::Batched, std::move(events), &tls_);
  if (!connection) return fail(std::move(connection.error()));
  connection_ = std::move(*connection);
  if (!spec_.jetstream) return std::optional<std::uint64_t>();

  auto jetstream = JetStream::over(*connection_);
  if (!jetstream) return fail(std::move(jetstream.error()));
  jetstream_ = std::move(*jetstream);
  auto inbox = new_inbox();
  if (!inbox) return fail(std::move(inbox.error()));
  inbox_ = std::move(*inbox);
  auto subscription = Subscription::open(*connection_, inbox_ + ".*.*", "", {},
                                         [answers = answers_](MessagePtr message) { answers->take(message.get()); });
  if (!subscription) return fail(std::move(subscription.error()));
  inbox_subscription_ = std::move(*subscription);
  return std::optional<std::uint64_t>();
}

bool Sink::is_forbidden(const std::string& subject) const {
  const std::lock_guard lock(answers_->mutex);
  return answers_->forbidden.contains(subject);
}

bool Sink::is_interrupted() const {
  const std::lock_guard lock(answers_->mutex);
  return answers_->interrupts > 0;
}

tl::unexpected<Error> Sink::in_doubt(std::string what) const {
  if (connection_ && !connection_->connected()) what += "; " + connection_->trouble();
  const std::lock_guard lock(answers_->mutex);
  if (!answers_->last_error.empty()) what += "; " + answers_->last_error;
  return fail(ErrorCode::Unavailable, std::move(what));
}

Result<ports::SendOutcome> Sink::send(std::span<const ports::StreamPage::Entry> records, std::uint64_t) {
  if (records.empty()) return ports::SendOutcome{};
  static_cast<void>(tls_.look());  // They are used where the connection is lost; who wrote them hears of it now.
  if (!connection_ || !connection_->connected() || (spec_.jetstream && !inbox_subscription_)) return in_doubt("not connected");
  losses_ = connection_->losses();

  std::vector<OutgoingMessage> messages;
  messages.reserve(records.size());
  ports::SendOutcome malformed;
  const auto bytes_max = connection_->payload_bytes_max();
  for (const auto& entry : records) {
    auto message = outgoing_message(entry.record, spec_.default_subject);
    std::string refused;
    if (!message) {
      refused = std::move(message.error().message);
    } else {
      if (spec_.jetstream)
        message->headers.emplace_back(kMessageIdHeader, message_id(id_prefix_, {entry.position, entry.record.time.unix_ms}));
      if (const auto size = message->size_with_headers(); bytes_max > 0 && size > static_cast<std::size_t>(bytes_max))
        refused = "with its headers it has " + std::to_string(size) + " bytes, the server takes " + std::to_string(bytes_max);
    }
    const auto index = static_cast<std::size_t>(&entry - records.data());
    if (!refused.empty()) malformed.refused.push_back({index, std::move(refused)});
    else messages.push_back(std::move(*message));
  }
  if (!malformed.refused.empty()) return malformed;
  return spec_.jetstream ? send_jetstream(records, messages) : send_core(messages);
}

Result<ports::SendOutcome> Sink::send_core(const std::vector<OutgoingMessage>& messages) {
  for (const auto& message : messages) {
    auto made = make(message, "");
    if (!made) return fail(std::move(made.error()));
    if (const auto status = natsConnection_PublishMsg(connection_->handle(), made->get()); status != NATS_OK)
      return in_doubt(describe("publishing to " + message.subject, status));
  }
  if (const auto status = natsConnection_FlushTimeout(connection_->handle(), kFlushTimeoutMs); status != NATS_OK)
    return in_doubt(describe("flush", status));
  if (connection_->losses() != losses_) return in_doubt("the connection was lost while records were published");
  return ports::SendOutcome{.settled = messages.size()};
}

struct Sink::Fates {
  enum class Fate : std::uint8_t { Waits, Stored, Refused };
  std::vector<Fate> of;  // By index in the page.
  std::map<std::size_t, std::string> refused;
  std::string trouble;   // Why something waits.
};

Result<ports::SendOutcome> Sink::send_jetstream(std::span<const ports::StreamPage::Entry> records,
                                                const std::vector<OutgoingMessage>& messages) {
  using Fate = Fates::Fate;
  const auto id = [&](std::size_t i) { return RecordId{records[i].position, records[i].record.time.unix_ms}; };
  stored_.forget_below(records.front().position);
  if (auto looked = look_for_stored(records, messages); !looked) return fail(std::move(looked.error()));

  Fates fates;
  fates.of.assign(records.size(), Fate::Waits);
  std::vector<std::size_t> left;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (stored_.contains(id(i))) fates.of[i] = Fate::Stored;
    else left.push_back(i);

  // The outbox will come with these again.
  const auto remember_from = [&](std::size_t first) {
    for (std::size_t i = first; i < records.size(); ++i)
      if (fates.of[i] == Fate::Stored) stored_.add(id(i));
  };
  for (auto rest = std::span<const std::size_t>(left); !rest.empty() && fates.trouble.empty();) {
    const auto count = fitting(rest.first(std::min(rest.size(), window_)), messages, fates.trouble);
    if (!count) {
      remember_from(0);
      return fail(count.error());
    }
    if (*count == 0) break;
    const auto window = rest.first(*count);
    const auto published = publish(window, messages);
    note_stored(window, fates);
    if (!published) {
      remember_from(0);
      return fail(published.error());
    }
    judge(messages, fates);
    if (fates.trouble.empty()) window_ = std::min(window_ * 2, kWindowMax);
    rest = rest.subspan(*count);
  }

  ports::SendOutcome outcome;
  outcome.settled = static_cast<std::size_t>(std::ranges::find(fates.of, Fate::Waits) - fates.of.begin());
  remember_from(outcome.settled);
  for (auto& [index, reason] : fates.refused) outcome.refused.push_back({index, std::move(reason)});
  outcome.trouble = std::move(fates.trouble);
  return outcome;
}

Result<std::size_t> Sink::fitting(std::span<const std::size_t> indexes, const std::vector<OutgoingMessage>& messages,
                                  std::string& trouble) {
  struct Room {
    StreamState state;
    std::uint64_t messages = 0, bytes = 0;  // Of ours that are to come.
  };
  std::map<const KnownStream*, Room> rooms;
  // One alone shows by itself whether there is room.
  if (indexes.size() == 1) return 1;
  // Pointers into streams_ must last: all that are needed are found first.
  std::set<std::string_view> no_stream;
  for (const auto i : indexes) {
    const std::string& subject = messages[i].subject;
    if (stream_by_subject_.contains(subject) || no_stream.contains(subject)) continue;
    const auto stream = stream_of(subject);
    if (!stream) return fail(stream.error());
    if (*stream == nullptr) no_stream.insert(subject);
  }
  for (std::size_t count = 0; count < indexes.size(); ++count) {
    const OutgoingMessage& message = messages[indexes[count]];
    const auto found = stream_by_subject_.find(message.subject);
    if (found == stream_by_subject_.end() || !streams_[found->second].may_be_full) continue;
    const KnownStream* stream = &streams_[found->second];
    auto room = rooms.find(stream);
    if (room == rooms.end()) {
      auto state = jetstream_->stream(stream->name);
      if (!state) return fail(ErrorCode::Unavailable, state.error().message);
      room = rooms.emplace(stream, Room{std::move(*state)}).first;
    }
    auto& [state, ours, bytes] = room->second;
    ++ours;
    bytes += message.subject.size() + message.size_with_headers() + kStoredOverhead;
    const bool over_messages = state.refuses_above_messages != 0 && state.messages + ours > state.refuses_above_messages;
    if (over_messages && count == 0) {
      trouble = "stream " + stream->name + " is full: it has " + std::to_string(state.messages) + " messages, and takes " +
                std::to_string(state.refuses_above_messages);
      return 0;
    }
    // How many bytes one will take is not known so well: it is tried.
    if (over_messages || (state.refuses_above_bytes != 0 && state.bytes + bytes > state.refuses_above_bytes))
      return std::max<std::size_t>(count, 1);
  }
  return indexes.size();
}

Result<void> Sink::publish(std::span<const std::size_t> indexes, const std::vector<OutgoingMessage>& messages) {
  answers_->begin(++page_, messages.size());
  const std::string inbox = inbox_ + "." + std::to_string(page_) + ".";
  {
    const std::lock_guard lock(answers_->mutex);
    answers_->waiting = indexes.size();
  }
  for (const auto i : indexes) {
    if (is_forbidden(messages[i].subject)) continue;
    auto made = make(messages[i], inbox + std::to_string(i));
    if (!made) return fail(std::move(made.error()));
    if (const auto status = natsConnection_PublishMsg(connection_->handle(), made->get()); status != NATS_OK)
      return in_doubt(describe("publishing to " + messages[i].subject, status));
  }
  if (const auto status = natsConnection_FlushTimeout(connection_->handle(), kFlushTimeoutMs); status != NATS_OK)
    return in_doubt(describe("flush", status));

  std::unique_lock lock(answers_->mutex);
  auto answers = answers_->answers;
  auto deadline = std::chrono::steady_clock::now() + kAnswerWait;
  const auto over = [&] {
    for (auto i = answers_->forbidden.empty() ? indexes.end() : indexes.begin(); i != indexes.end(); ++i) {
      if (answers_->answered[*i] || !answers_->forbidden.contains(messages[*i].subject)) continue;
      answers_->answered[*i] = true;
      --answers_->waiting;
      answers_->failures.emplace(*i, Answers::Failure{kForbidden, "the server does not permit it"});
    }
    return answers_->waiting == 0 || answers_->interrupts > 0 || connection_->losses() != losses_;
  };
  while (!answers_->changed.wait_until(lock, deadline, over)) {
    if (answers_->answers == answers) break;
    answers = answers_->answers;
    deadline = std::chrono::steady_clock::now() + kAnswerWait;
  }
  if (answers_->waiting == 0) return {};
  std::string what = std::to_string(answers_->waiting) + " of " + std::to_string(indexes.size()) + " records are not acknowledged";
  if (answers_->interrupts > 0) what += ", and nobody waits any longer";
  lock.unlock();
  return in_doubt(std::move(what));
}

void Sink::note_stored(std::span<const std::size_t> indexes, Fates& fates) {
  const std::lock_guard lock(answers_->mutex);
  for (const auto i : indexes)
    if (answers_->answered[i] && !answers_->failures.contains(i)) fates.of[i] = Fates::Fate::Stored;
}

void Sink::judge(const std::vector<OutgoingMessage>& messages, Fates& fates) {
  using Fate = Fates::Fate;
  std::map<std::size_t, Answers::Failure> failures;
  {
    const std::lock_guard lock(answers_->mutex);
    failures = answers_->failures;
  }
  std::map<std::string_view, NoAnswer> unanswered;
  for (auto& [index, failure] : failures) {
    const std::string& subject = messages[index].subject;
    std::string refused, trouble;
    if (failure.code == kMessageTooLarge || failure.code == kHeadersTooLarge) {
      refused = "the stream of subject " + subject + " does not take it: " + failure.text + " (it has " +
                std::to_string(messages[index].size_with_headers()) + " bytes)";
    } else if (failure.code == kNotStored && failure.text.find(kSubjectIsFull) != std::string::npos) {
      refused = "the stream does not take it: " + failure.text + " (" + subject + ")";
    } else if (failure.code == kForbidden) {
      refused = "publishing to " + subject + ": " + failure.text;
    } else if (failure.code == kNoResponders) {
      auto why = unanswered.find(subject);
      if (why == unanswered.end()) why = unanswered.emplace(subject, why_no_answer(subject)).first;
      (why->second.refused ? refused : trouble) = why->second.why;
    } else {
      trouble = "subject " + subject + ": " + failure.text;
    }
    if (!refused.empty()) {
      fates.of[index] = Fate::Refused;
      fates.refused.emplace(index, std::move(refused));
    } else if (fates.trouble.empty()) {
      fates.trouble = std::move(trouble);
    }
  }
  if (fates.trouble.empty()) return;
  // Whatever was thought of the streams was wrong. No more goes at once than can be taken in order.
  window_ = 1;
  streams_.clear();
  stream_by_subject_.clear();
}

// Nobody answers either where there is no such stream or where it is not ready. The server says which; twice, with a pause between.
Sink::NoAnswer Sink::why_no_answer(const std::string& subject) {
  for (const bool again : {false, true}) {
    auto stream = jetstream_->stream_of(subject);
    if (!stream) return {.why = "no answer from the stream of subject " + subject + ": " + stream.error().message};
    if (*stream) return {.why = "stream " + **stream + " of subject " + subject + " does not answer"};
    if (again) break;
    std::unique_lock lock(answers_->mutex);
    answers_->changed.wait_for(lock, kStreamLookPause, [&] { return answers_->interrupts > 0; });
  }
  return {.refused = true, .why = "no stream takes subject " + subject};
}

Result<void> Sink::look_for_stored(std::span<const ports::StreamPage::Entry> records, const std::vector<OutgoingMessage>& messages) {
  if (fresh_records_ >= kFreshRecordsMin) return {};
  Instant oldest = records.front().record.time;
  for (const auto& entry : records) oldest = std::min(oldest, entry.record.time);
  const SystemClock clock;
  bool has_looked = false;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string& subject = messages[i].subject;
    if (looked_at_.contains(subject)) continue;
    if (is_interrupted()) return in_doubt("nobody waits any longer");
    const auto stream = stream_of(subject);
    if (!stream) return fail(stream.error());
    if (*stream != nullptr && !looked_at_whole_.contains((*stream)->name) && !StoredRecords::is_young(clock.now() - oldest, (*stream)->duplicates)) {
      const auto looked = stored_.look(*jetstream_, (*stream)->name, subject, oldest, [this] { return is_interrupted(); });
      if (!looked) return fail(ErrorCode::Unavailable, looked.error().message);
      if (*looked == StoredRecords::Seen::Stream) looked_at_whole_.insert((*stream)->name);
      has_looked = true;
    }
    looked_at_.insert(subject);
  }
  std::uint64_t count = 0;
  for (const auto& entry : records) {
    const bool is_stored = stored_.contains({entry.position, entry.record.time.unix_ms});
    fresh_records_ = is_stored ? 0 : fresh_records_ + 1;
    count += is_stored ? 1 : 0;
  }
  if (has_looked && count > 0) log_info("records had been sent before", {{"egress", spec_.id}, {"records", count}, {"of", records.size()}});
  if (fresh_records_ >= kFreshRecordsMin) looked_at_.clear();
  return {};
}

Result<const Sink::KnownStream*> Sink::stream_of(const std::string& subject) {
  if (const auto known = stream_by_subject_.find(subject); known != stream_by_subject_.end()) return &streams_[known->second];
  if (stream_by_subject_.size() >= kSubjectsMax) stream_by_subject_.clear();
  for (std::size_t i = 0; i < streams_.size(); ++i)
    for (const auto& pattern : streams_[i].subjects)
      if (matches(pattern, subject)) {
        stream_by_subject_.emplace(subject, i);
        return &streams_[i];
      }
  auto name = jetstream_->stream_of(subject);
  if (!name) return fail(std::move(name.error()));
  if (!*name) return nullptr;
  auto state = jetstream_->stream(**name);
  if (!state) {
    if (state.error().code == ErrorCode::NotFound) return nullptr;
    return fail(std::move(state.error()));
  }
  if (streams_.empty())
    log_info("JetStream egress", {{"egress", spec_.id}, {"stream", **name}, {"duplicate_window_ms", state->duplicates.ms}});
  stream_by_subject_.emplace(subject, streams_.size());
  // The vector grows; what is handed out counts until the next call.
  streams_.push_back({std::move(**name), std::move(state->subjects), state->refuses_above_messages != 0 || state->refuses_above_bytes != 0,
                      state->duplicates});
  return &streams_.back();
}

}  // namespace holdfast::nats
