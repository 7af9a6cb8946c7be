// A real broker for tests: HOLDFAST_TEST_KAFKA=host:port. Without it the tests that need one are skipped.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <tuple>
#include <vector>

#include "base/log.h"
#include "base/time.h"
#include "kafka/client.h"

namespace holdfast::kafka {

class BrokerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* broker = std::getenv("HOLDFAST_TEST_KAFKA");
    if (broker == nullptr || *broker == '\0') GTEST_SKIP() << "needs a broker: HOLDFAST_TEST_KAFKA=host:port";
#ifdef __SANITIZE_THREAD__
    // librdkafka makes its threads with C11's thrd_create, which TSan does not know: it crashes in the first of them.
    GTEST_SKIP() << "not with TSan";
#endif
    broker_ = broker;
    init_log(std::getenv("HOLDFAST_TEST_LOG") != nullptr ? LogLevel::Debug : LogLevel::Error, LogFormat::Text);
    static int number = 0;
    name_ = "t" + std::to_string(SystemClock().now().unix_ms) + "-" + std::to_string(++number);
    owner_.edge = "test";
    Conf conf(rd_kafka_conf_new());
    rd_kafka_conf_set(conf.get(), "bootstrap.servers", broker, nullptr, 0);
    rd_kafka_conf_set(conf.get(), "linger.ms", "0", nullptr, 0);
    auto made = make_client(std::move(conf), Client::Producer, owner_);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    admin_ = std::move(*made);
  }
  void TearDown() override { admin_.reset(); }

  // A name that no other test has.
  [[nodiscard]] std::string name(const std::string& suffix) const { return name_ + "-" + suffix; }

  void create_topic(const std::string& topic, int partitions, const model::Properties& config = {}) {
    auto* fresh = rd_kafka_NewTopic_new(topic.c_str(), partitions, 1, nullptr, 0);
    for (const auto& [key, value] : config) rd_kafka_NewTopic_set_config(fresh, key.c_str(), value.c_str());
    const Queue queue(rd_kafka_queue_new(admin_.get()));
    rd_kafka_CreateTopics(admin_.get(), &fresh, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), 20'000));
    ASSERT_TRUE(event != nullptr);
    std::size_t count = 0;
    const auto* const* results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
    ASSERT_EQ(count, 1u);
    EXPECT_EQ(rd_kafka_topic_result_error(results[0]), RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_topic_result_error_string(results[0]);
    rd_kafka_NewTopic_destroy(fresh);
  }
  void add_partitions(const std::string& topic, std::size_t total) {
    auto* fresh = rd_kafka_NewPartitions_new(topic.c_str(), total, nullptr, 0);
    const Queue queue(rd_kafka_queue_new(admin_.get()));
    rd_kafka_CreatePartitions(admin_.get(), &fresh, 1, nullptr, queue.get());
    EXPECT_TRUE(Event(rd_kafka_queue_poll(queue.get(), 20'000)) != nullptr);
    rd_kafka_NewPartitions_destroy(fresh);
  }
  // Gone when it returns.
  void delete_topic(const std::string& topic) {
    auto* named = rd_kafka_DeleteTopic_new(topic.c_str());
    const Queue queue(rd_kafka_queue_new(admin_.get()));
    rd_kafka_DeleteTopics(admin_.get(), &named, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), 20'000));
    EXPECT_TRUE(event != nullptr);
    rd_kafka_DeleteTopic_destroy(named);
    while (has_topic(topic)) {
    }
  }
  [[nodiscard]] bool has_topic(const std::string& topic) {
    const struct rd_kafka_metadata* raw = nullptr;
    if (rd_kafka_metadata(admin_.get(), 1, nullptr, &raw, 10'000) != RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    const Metadata metadata(raw);
    for (int i = 0; i < metadata->topic_cnt; ++i)
      if (metadata->topics[i].topic == topic) return metadata->topics[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
    return false;
  }
  // All records below `offset` are gone.
  void delete_records(const std::string& topic, std::int32_t partition, std::int64_t offset) {
    PartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = offset;
    auto* before = rd_kafka_DeleteRecords_new(list.get());
    const Queue queue(rd_kafka_queue_new(admin_.get()));
    rd_kafka_DeleteRecords(admin_.get(), &before, 1, nullptr, queue.get());
    const Event event(rd_kafka_queue_poll(queue.get(), 20'000));
    ASSERT_TRUE(event != nullptr);
    EXPECT_EQ(rd_kafka_event_error(event.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_DeleteRecords_destroy(before);
  }

  // Acknowledged when it returns.
  void produce(const std::string& topic, std::int32_t partition, const std::string& key, const std::string& value) {
    const auto hand_over = [&] {
      return rd_kafka_producev(admin_.get(), RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(partition),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.empty() ? nullptr : key.data(), key.size()),
                               RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
    };
    auto error = hand_over();
    // A partition that has just come: it is asked for.
    for (int i = 0; i < 100 && error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION; ++i) {
      const Topic handle(rd_kafka_topic_new(admin_.get(), topic.c_str(), nullptr));
      const struct rd_kafka_metadata* raw = nullptr;
      rd_kafka_metadata(admin_.get(), 0, handle.get(), &raw, 10'000);
      const Metadata metadata(raw);
      error = hand_over();
    }
    ASSERT_EQ(error, RD_KAFKA_RESP_ERR_NO_ERROR);
    ASSERT_EQ(rd_kafka_flush(admin_.get(), 20'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  struct Read {
    std::string key, value;
    model::Properties headers;
    bool operator==(const Read&) const = default;
  };
  // What a read_committed consumer sees of a partition, to its end.
  std::vector<Read> read_all(const std::string& topic, std::int32_t partition = 0) {
    Conf conf(rd_kafka_conf_new());
    for (const auto& [key, value] : model::Properties{{"bootstrap.servers", broker_}, {"group.id", "test"}, {"isolation.level", "read_committed"},
                                                      {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"}, {"fetch.wait.max.ms", "10"}})
      rd_kafka_conf_set(conf.get(), key.c_str(), value.c_str(), nullptr, 0);
    ClientOwner owner{.edge = "test reader"};
    auto made = make_client(std::move(conf), Client::Consumer, owner);
    EXPECT_TRUE(made.has_value());
    rd_kafka_t* client = made->get();
    rd_kafka_poll_set_consumer(client);
    PartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(client, list.get());
    std::vector<Read> out;
    const std::uint64_t began = monotonic_us();
    while (monotonic_us() - began < 30'000'000) {
      const Record record(rd_kafka_consumer_poll(client, 100));
      if (!record) continue;
      if (record->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        std::int64_t low = 0, high = 0;
        rd_kafka_get_watermark_offsets(client, topic.c_str(), partition, &low, &high);
        if (record->offset >= high) return out;
        continue;
      }
      if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      Read read{{static_cast<const char*>(record->key), record->key_len}, {static_cast<const char*>(record->payload), record->len}, {}};
      rd_kafka_headers_t* headers = nullptr;
      if (rd_kafka_message_headers(record.get(), &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char* key = nullptr;
        const void* value = nullptr;
        std::size_t size = 0;
        for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &key, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i)
          read.headers.emplace_back(key, std::string(static_cast<const char*>(value), size));
      }
      out.push_back(std::move(read));
    }
    ADD_FAILURE() << "the end of " << topic << " is not reached";
    return out;
  }

  std::string broker_;
  ClientHandle admin_;

 private:
  std::string name_;
  ClientOwner owner_;
};

}  // namespace holdfast::kafka
