// Producer: one client that sends records, in transactions or not, and says of each record that failed why.
//
// It remembers which topics there are: librdkafka looks for a topic it has not seen only once a second, so a first record would wait that
// long; asked for by name it is there within a round trip. A topic that is not there is waited for once, then refused at once until it
// appears.
//
// One thread, but for interrupt().
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
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
  // All records to its topic get it.
  [[nodiscard]] bool is_of_a_topic() const;
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
  // None: the topic is there. Else why records to it cannot be sent, ever.
  [[nodiscard]] Result<std::optional<std::string>> look_for(const std::string& topic);

  // It is not there any more: look_for() is to look again.
  void forget(const std::string& topic) { known_[topic] = false; }

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
  // Serves callbacks without waiting.
  void poll();

  [[nodiscard]] rd_kafka_t* client() const { return client_.get(); }

 private:
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
  std::map<std::string, bool, std::less<>> known_;  // Looked for: whether it is there.
};

}  // namespace holdfast::kafka
