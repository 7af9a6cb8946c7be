#include "kafka/producer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "base/time.h"

namespace holdfast::kafka {
namespace {

// Blocking calls are cut into slices, to see an interruption in between.
constexpr int kSliceMs = 100;
constexpr std::uint64_t kCallUs = 30'000'000;
constexpr std::uint64_t kFlushUs = 35'000'000;   // A record fails by itself after 30 s.
constexpr int kAskMs = 5'000;

void* opaque_of(std::size_t index) { return reinterpret_cast<void*>(index + 1); }  // 0 stands for none.

}  // namespace

std::size_t OutgoingRecord::bytes() const {
  std::size_t bytes = key.size() + value.size();
  for (const auto& header : headers) bytes += header.name.size() + header.value.size();
  return bytes;
}

bool FailedRecord::is_transient() const {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return false;
    default:
      return true;
  }
}

bool FailedRecord::is_of_a_batch() const {
  return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || error == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE ||
         error == RD_KAFKA_RESP_ERR_INVALID_RECORD || error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
         error == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE;
}

bool FailedRecord::is_missing_topic() const {
  return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
         error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

Result<std::unique_ptr<Producer>> Producer::create(const model::KafkaEgressSpec& spec, Options options) {
  auto made = producer_conf(spec, options.transactional_id, options.batch_bytes);
  if (!made) return fail(made.error());
  const bool compresses = std::ranges::any_of(
      made->set, [](const auto& entry) { return entry.first.starts_with("compression.") && entry.first != "compression.level" && entry.second != "none"; });
  if (options.alone) rd_kafka_conf_set(made->conf.get(), "batch.num.messages", "1", nullptr, 0);
  std::unique_ptr<Producer> producer(new Producer(std::move(options)));
  producer->owner_.edge = producer->options_.edge;
  producer->owner_.delivered = [self = producer.get()](const rd_kafka_message_t& record) {
    if (record.err == RD_KAFKA_RESP_ERR_NO_ERROR || record._private == nullptr) return;
    self->failed_.push_back({reinterpret_cast<std::size_t>(record._private) - 1, record.err});
  };
  producer->owner_.failed = [self = producer.get()](rd_kafka_resp_err_t, std::string_view why) {
    self->trouble_ = why;
    if (self->options_.failed) self->options_.failed(why);
  };
  auto client = make_client(std::move(made->conf), Client::Producer, producer->owner_);
  if (!client) return fail(client.error());
  producer->client_ = std::move(*client);
  producer->compresses_ = compresses;
  return producer;
}

Producer::~Producer() = default;

std::string Producer::last_trouble(const std::string& otherwise) const { return trouble_.empty() ? otherwise : trouble_; }

// Calls again what timed out, or may be tried again, which for these functions means: goes on with it.
Result<void> Producer::until_done(const char* what, const std::function<rd_kafka_error_t*(int)>& call) {
  const std::uint64_t began = monotonic_us();
  while (true) {
    const ClientError error(call(kSliceMs));
    if (!error) return {};
    const auto code = rd_kafka_error_code(error.get());
    const std::string why = std::string(what) + ": " + rd_kafka_error_string(error.get());
    if (code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT) return fail(ErrorCode::TooLarge, why);
    if (rd_kafka_error_is_fatal(error.get()) != 0) return fail(ErrorCode::Unavailable, why);
    if (rd_kafka_error_txn_requires_abort(error.get()) != 0) return fail(ErrorCode::Conflict, why);
    if (rd_kafka_error_is_retriable(error.get()) == 0) return fail(ErrorCode::Unavailable, why);
    poll();
    if (is_interrupted()) return fail(ErrorCode::Unavailable, std::string(what) + ": interrupted");
    if (monotonic_us() - began > kCallUs) return fail(ErrorCode::Unavailable, std::string(what) + ": " + last_trouble(rd_kafka_error_string(error.get())));
  }
}

Result<void> Producer::init_transactions() {
  return until_done("init transactions", [this](int ms) { return rd_kafka_init_transactions(client(), ms); });
}

Result<void> Producer::look_for_broker() {
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(client(), 0, nullptr, &raw, kAskMs);
  const Metadata metadata(raw);
  poll();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorCode::Unavailable, "no broker answers: " + last_trouble(text_of(error)));
  return {};
}

rd_kafka_topic_t* Producer::handle_of(const std::string& topic) {
  auto found = topics_.find(topic);
  if (found == topics_.end())
    found = topics_.emplace(topic, Topic(rd_kafka_topic_new(client(), topic.c_str(), nullptr))).first;
  return found->second.get();
}

Result<Producer::TopicAnswer> Producer::look_for(const std::string& topic) {
  if (known_.contains(topic)) return TopicAnswer{};
  rd_kafka_topic_t* handle = handle_of(topic);
  if (handle == nullptr) return TopicAnswer{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "not a topic name: " + topic};
  const struct rd_kafka_metadata* raw = nullptr;
  const auto error = rd_kafka_metadata(client(), 0, handle, &raw, kAskMs);
  const Metadata metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(ErrorCode::Unavailable, "metadata of topic " + topic + ": " + last_trouble(text_of(error)));
  auto state = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  for (int i = 0; i < metadata->topic_cnt; ++i)
    if (metadata->topics[i].topic == topic) state = metadata->topics[i].partition_cnt > 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : metadata->topics[i].err;
  if (state == RD_KAFKA_RESP_ERR_NO_ERROR) {
    known_.insert(topic);
    return TopicAnswer{};
  }
  return TopicAnswer{state, "topic " + topic + ": " + text_of(state)};
}

void Producer::forget(std::string_view topic) {
  if (const auto known = known_.find(topic); known != known_.end()) known_.erase(known);
}

Result<void> Producer::begin() {
  failed_.clear();
  const ClientError error(rd_kafka_begin_transaction(client()));
  if (error) return fail(ErrorCode::Unavailable, std::string("begin transaction: ") + rd_kafka_error_string(error.get()));
  return {};
}

Result<void> Producer::produce(const OutgoingRecord& record, std::size_t index, std::int32_t partition) {
  rd_kafka_topic_t* topic = handle_of(record.topic);
  const auto* key = record.key.empty() ? nullptr : record.key.data();
  auto* value = const_cast<char*>(record.value.data());  // Copied: it is not written to.
  const std::uint64_t began = monotonic_us();
  while (true) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (record.headers.empty()) {
      if (rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, value, record.value.size(), key, record.key.size(), opaque_of(index)) != 0)
        error = rd_kafka_last_error();
    } else {
      rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
      for (const auto& header : record.headers)
        rd_kafka_header_add(headers, header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                            static_cast<ssize_t>(header.value.size()));
      error = rd_kafka_producev(client(), RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_VALUE(value, record.value.size()), RD_KAFKA_V_KEY(key, record.key.size()),
                                RD_KAFKA_V_OPAQUE(opaque_of(index)), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      const FailedRecord failed{index, error};
      if (failed.is_transient()) return fail(ErrorCode::Unavailable, "produce: " + text_of_error(error));
      failed_.push_back(failed);
      return {};
    }
    rd_kafka_poll(client(), kSliceMs / 4);
    if (is_interrupted() || monotonic_us() - began > kFlushUs)
      return fail(ErrorCode::Unavailable, "produce: " + last_trouble("the queue stays full"));
  }
}

Result<void> Producer::flush() {
  const std::uint64_t began = monotonic_us();
  while (true) {
    const auto error = rd_kafka_flush(client(), kSliceMs);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      trouble_.clear();
      return {};
    }
    if (error != RD_KAFKA_RESP_ERR__TIMED_OUT) return fail(ErrorCode::Unavailable, "flush: " + text_of(error));
    // A failure ends a transaction: what is still waiting is not sent any more.
    if (!options_.transactional_id.empty() && !failed_.empty()) return {};
    if (is_interrupted() || monotonic_us() - began > kFlushUs)
      return fail(ErrorCode::Unavailable, "records are not acknowledged: " + last_trouble(text_of(error)));
  }
}

std::vector<FailedRecord> Producer::take_failed() {
  auto failed = std::exchange(failed_, {});
  std::ranges::sort(failed, {}, &FailedRecord::index);
  return failed;
}

Result<void> Producer::commit() {
  return until_done("commit transaction", [this](int ms) { return rd_kafka_commit_transaction(client(), ms); });
}

Result<void> Producer::abort() {
  return until_done("abort transaction", [this](int ms) { return rd_kafka_abort_transaction(client(), ms); });
}

// Only asked for when there is something: a transaction with a failed record is not committed.
rd_kafka_resp_err_t Producer::transaction_error() {
  const ClientError error(rd_kafka_commit_transaction(client(), kSliceMs));
  return error ? rd_kafka_error_code(error.get()) : RD_KAFKA_RESP_ERR_NO_ERROR;
}

std::string Producer::text_of_error(rd_kafka_resp_err_t error) const {
  if (error != RD_KAFKA_RESP_ERR__FATAL) return text_of(error);
  std::array<char, 512> why{};
  const auto cause = rd_kafka_fatal_error(client(), why.data(), why.size());
  return cause == RD_KAFKA_RESP_ERR_NO_ERROR ? text_of(error) : text_of(cause);
}

void Producer::poll() { rd_kafka_poll(client(), 0); }

}  // namespace holdfast::kafka
