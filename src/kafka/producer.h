// Producer: one client that sends records, in transactions or not, and says of each record that failed why.
//
// It remembers which topics there are: librdkafka looks for a topic it has not seen only once a second, so a first record would wait that
// long; asked for by name it is there within a round trip. librdkafka forgets none of the topics it was asked about until its client ends:
// has_too_many_topics() says when that should be.
//
// One thread, but for interrupt().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kafka/client.h"
#include "model/edges.h"

namespace holdfast::kafka {

struct OutgoingRecord {
  std::string topic;
  std::string key;  // Empty: a null key.
  std::string value;
  struct Header {
    std::string name;
    std::string value;
  };
  std::vector<Header> headers;

  [[nodiscard]] std::size_t bytes() const;
};

// A record that the broker, or librdkafka before it, does not take.
struct FailedRecord {
  std::size_t index = 0;
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  // Sending it again may help: the broker was away.
  [[nodiscard]] bool is_transient() const;
  // The records that went in one batch with it get the error as well: only alone it is known to be its own.
  [[nodiscard]] bool is_of_a_batch() const;
  // The topic is not there.
  [[nodiscard]] bool is_missing_topic() const;
};

class Producer {
 public:
  struct Options {
    std::string edge;              // For the log.
    std::string transactional_id;  // Empty: no transactions.
    std::uint64_t batch_bytes = 1'000'000;
    bool alone = false;            // Each record is a batch of its own.
    const std::atomic<bool>* interrupted = nullptr;  // Ends what blocks, with Unavailable.
    std::function<void(std::string_view why)> failed;  // What the connection's errors are, on the thread that calls. Empty: not interested.
  };
  [[nodiscard]] static Result<std::unique_ptr<Producer>> create(const model::KafkaEgressSpec& spec, Options options);
  ~Producer();

  // Shuts out whoever has the same transactional id, and undoes what he had begun. Once, before all else.
  [[nodiscard]] Result<void> init_transactions();
  // Whether a broker answers.
  [[nodiscard]] Result<void> look_for_broker();
  // What the broker says of a topic, one round trip away unless it is known to be there. `state` NO_ERROR: it is there.
  struct TopicAnswer {
    rd_kafka_resp_err_t state = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string why;
  };
  [[nodiscard]] Result<TopicAnswer> look_for(const std::string& topic);
  // It is not there any more: look_for() is to look again.
  void forget(std::string_view topic);
  void forget_all() { known_.clear(); }
  [[nodiscard]] bool has_too_many_topics() const { return topics_.size() > kTopicsMax; }

  [[nodiscard]] Result<void> begin();
  // Hands a record over; `index` comes back in failed(). Waits while librdkafka's queue is full. The topic has been looked for.
  [[nodiscard]] Result<void> produce(const OutgoingRecord& record, std::size_t index, std::int32_t partition = RD_KAFKA_PARTITION_UA);
  // Waits until each record has been acknowledged or has failed.
  [[nodiscard]] Result<void> flush();
  // The records that failed since the last call, by index.
  [[nodiscard]] std::vector<FailedRecord> take_failed();
  // Unavailable: whether it is committed is not known, and this producer is not to be used any more. Conflict: it is not, abort it.
  [[nodiscard]] Result<void> commit();
  [[nodiscard]] Result<void> abort();
  // Why the transaction cannot be committed any more; after a record of it has failed. Abort it then.
  [[nodiscard]] rd_kafka_resp_err_t transaction_error();
  // Serves callbacks without waiting.
  void poll();
  // What `error` means here: what has ended the client, where it only says that something has.
  [[nodiscard]] std::string text_of_error(rd_kafka_resp_err_t error) const;
  // Whether the broker sees a record's size as it is.
  [[nodiscard]] bool sends_as_it_is() const { return !compresses_; }

  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }

 private:
  static constexpr std::size_t kTopicsMax = 10'000;
  explicit Producer(Options options) : options_(std::move(options)) {}
  [[nodiscard]] bool is_interrupted() const { return options_.interrupted != nullptr && options_.interrupted->load(); }
  [[nodiscard]] Result<void> until_done(const char* what, const std::function<rd_kafka_error_t*(int timeout_ms)>& call);
  [[nodiscard]] rd_kafka_topic_t* handle_of(const std::string& topic);
  [[nodiscard]] std::string last_trouble(const std::string& otherwise) const;

  Options options_;
  ClientOwner owner_;  // Before the client, which it outlives.
  std::vector<FailedRecord> failed_;
  std::string trouble_;  // What the connection's last error was.
  ClientHandle client_;
  std::map<std::string, Topic, std::less<>> topics_;
  std::set<std::string, std::less<>> known_;  // Looked for, and there.
  bool compresses_ = false;
};

}  // namespace holdfast::kafka
