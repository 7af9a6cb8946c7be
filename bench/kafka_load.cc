// bench_kafka: the Kafka side of bench/statefun.py. Says in one JSON object what came of it.
//
//   bench_kafka --mode preload --bootstrap HOST:PORT --topic in --count 300000 --keys 1000
//       Stores messages {"t":N,"p":"xxx…"} of 99 bytes or so with N = 1, 2, …; keys k0 … are drawn at random, the same in each run.
//   bench_kafka --mode latency --bootstrap HOST:PORT --topic in --out out --rate 200 --seconds 30 --warm-up 10 --keys 1000
//       Sends at a fixed rate and reads the answers twice, read_uncommitted and read_committed; both tell the time that passed since
//       a message was due, which it carries as "t". Exit code 1 if not all came.
//   bench_kafka --mode transactions --bootstrap HOST:PORT --topic out --seconds 3 --size 1000 --keys 1000
//       What the broker makes of one transactional producer with nothing else to do: transactions of --size records of 45 bytes, one
//       right after the other.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "bench/arguments.h"
#include "bench/histogram.h"

using namespace holdfast::bench;

namespace {

using Clock = std::chrono::steady_clock;
constexpr int kPatienceMs = 60'000;
constexpr int kStragglersMs = 10'000;  // After the last message was sent.

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "bench_kafka: %s\n", why.c_str());
  std::exit(1);
}

void check(rd_kafka_resp_err_t code, const char* what) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) give_up(std::string(what) + ": " + rd_kafka_err2str(code));
}
void check(rd_kafka_error_t* error, const char* what) {
  if (error != nullptr) give_up(std::string(what) + ": " + rd_kafka_error_string(error));
}

struct Destroy {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
using Client = std::unique_ptr<rd_kafka_t, Destroy>;
using Setting = std::pair<const char*, std::string>;

Client connect(rd_kafka_type_t type, const std::string& bootstrap, std::initializer_list<Setting> settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512];
  const auto set = [&](const char* name, const std::string& value) {
    if (rd_kafka_conf_set(conf, name, value.c_str(), text, sizeof text) != RD_KAFKA_CONF_OK) give_up(text);
  };
  set("bootstrap.servers", bootstrap);
  set("socket.nagle.disable", "true");
  for (const auto& [name, value] : settings) set(name, value);
  Client client(rd_kafka_new(type, conf, text, sizeof text));
  if (!client) give_up(text);
  return client;
}

void produce(rd_kafka_t* producer, const std::string& topic, std::string_view key, std::string_view value) {
  while (true) {
    const auto code = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_KEY(key.data(), key.size()),
                                        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) return check(code, "produce");
    rd_kafka_poll(producer, 10);
  }
}

// splitmix64: the n-th of a fixed sequence.
std::uint64_t dice(std::uint64_t n) {
  n += 0x9e3779b97f4a7c15;
  n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9;
  n = (n ^ (n >> 27)) * 0x94d049bb133111eb;
  return n ^ (n >> 31);
}

class Messages {
 public:
  explicit Messages(std::uint64_t keys) : keys_(keys) {}
  void make(std::uint64_t n, std::uint64_t t) {
    key_ = "k" + std::to_string(dice(n) % keys_);
    value_ = "{\"t\":" + std::to_string(t) + ",\"p\":\"" + padding_ + "\"}";
  }
  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] const std::string& value() const { return value_; }

 private:
  std::uint64_t keys_;
  std::string padding_ = std::string(70, 'x');
  std::string key_, value_;
};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// --- preload

void preload(const Arguments& arguments, const std::string& bootstrap, const std::string& topic) {
  const auto count = arguments.number<std::uint64_t>("count", 300'000, 1, 100'000'000);
  Messages messages(arguments.number<std::uint64_t>("keys", 1000, 1, 10'000'000));
  const auto producer = connect(RD_KAFKA_PRODUCER, bootstrap,
                                {{"enable.idempotence", "true"}, {"linger.ms", "20"}, {"queue.buffering.max.messages", "1000000"}});
  const auto begin = Clock::now();
  for (std::uint64_t n = 1; n <= count; ++n) {
    messages.make(n, n);
    produce(producer.get(), topic, messages.key(), messages.value());
  }
  check(rd_kafka_flush(producer.get(), kPatienceMs), "flush");
  std::printf("{\"messages\":%llu,\"seconds\":%.3f}\n", static_cast<unsigned long long>(count), seconds_since(begin));
}

// --- latency

// "t" is in microseconds of this clock.
std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::int64_t time_in(std::string_view value) {
  constexpr std::string_view kField = "\"t\":";
  const auto at = value.find(kField);
  std::int64_t t = 0;
  if (at != std::string_view::npos) std::from_chars(value.data() + at + kField.size(), value.data() + value.size(), t);
  return t;
}

// Reads a topic from its end, on a thread of its own.
class Reader {
 public:
  Reader(const std::string& bootstrap, const std::string& topic, const char* isolation)
      : consumer_(connect(RD_KAFKA_CONSUMER, bootstrap,
                          {{"group.id", "bench"}, {"enable.auto.commit", "false"}, {"isolation.level", isolation},
                           {"fetch.wait.max.ms", "100"}, {"fetch.error.backoff.ms", "5"}})) {
    rd_kafka_t* consumer = consumer_.get();
    check(rd_kafka_poll_set_consumer(consumer), "consumer");
    const rd_kafka_metadata_t* metadata = nullptr;
    rd_kafka_topic_t* handle = rd_kafka_topic_new(consumer, topic.c_str(), nullptr);
    check(rd_kafka_metadata(consumer, 0, handle, &metadata, kPatienceMs), "metadata");
    rd_kafka_topic_destroy(handle);
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(8);
    for (int p = 0; p < metadata->topics[0].partition_cnt; ++p) {
      std::int64_t low = 0, high = 0;
      check(rd_kafka_query_watermark_offsets(consumer, topic.c_str(), p, &low, &high, kPatienceMs), "offsets");
      rd_kafka_topic_partition_list_add(list, topic.c_str(), p)->offset = high;
    }
    rd_kafka_metadata_destroy(metadata);
    check(rd_kafka_assign(consumer, list), "assign");
    rd_kafka_topic_partition_list_destroy(list);
  }

  // Counts what is due from `begin_us` on, and measures from `measure_from_us` on.
  void start(std::int64_t begin_us, std::int64_t measure_from_us) {
    begin_us_ = begin_us;
    measure_from_us_ = measure_from_us;
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    stopping_ = true;
    thread_.join();
    rd_kafka_consumer_close(consumer_.get());
  }
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] const Histogram& latency_us() const { return latency_us_; }  // After stop().

 private:
  void run() {
    while (!stopping_) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer_.get(), 50);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const auto now = now_us();
        const auto due = time_in({static_cast<const char*>(message->payload), message->len});
        if (due >= measure_from_us_) latency_us_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - due)));
        if (due >= begin_us_) ++received_;
      }
      rd_kafka_message_destroy(message);
    }
  }

  Client consumer_;
  std::int64_t begin_us_ = 0, measure_from_us_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> received_{0};
  Histogram latency_us_;
  std::thread thread_;
};

bool latency(const Arguments& arguments, const std::string& bootstrap, const std::string& topic) {
  const auto rate = arguments.number<double>("rate", 200, 1, 1e6);
  const auto seconds = arguments.number<double>("seconds", 30, 0.1, 3600);
  const auto warm_up = arguments.number<double>("warm-up", 10, 0, 3600);
  Messages messages(arguments.number<std::uint64_t>("keys", 1000, 1, 10'000'000));
  Reader uncommitted(bootstrap, arguments.text("out", "out"), "read_uncommitted");
  Reader committed(bootstrap, arguments.text("out", "out"), "read_committed");
  const auto producer = connect(RD_KAFKA_PRODUCER, bootstrap, {{"acks", "1"}, {"linger.ms", "0"}});

  const auto begin = Clock::now() + std::chrono::milliseconds(200);
  const auto begin_us = now_us() + 200'000;
  const auto measure_from_us = begin_us + static_cast<std::int64_t>(warm_up * 1e6);
  uncommitted.start(begin_us, measure_from_us);
  committed.start(begin_us, measure_from_us);
  const auto count = static_cast<std::uint64_t>(rate * (warm_up + seconds));
  for (std::uint64_t n = 0; n < count; ++n) {
    const double due = static_cast<double>(n) / rate;
    std::this_thread::sleep_until(begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due)));
    messages.make(n, static_cast<std::uint64_t>(begin_us) + static_cast<std::uint64_t>(due * 1e6));
    produce(producer.get(), topic, messages.key(), messages.value());
    rd_kafka_poll(producer.get(), 0);
  }
  check(rd_kafka_flush(producer.get(), kPatienceMs), "flush");
  const auto sent = Clock::now();
  while ((uncommitted.received() < count || committed.received() < count) && seconds_since(sent) * 1e3 < kStragglersMs)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  uncommitted.stop();
  committed.stop();

  const auto print = [](const char* name, const Reader& reader) {
    const Histogram& h = reader.latency_us();
    const auto ms = [&](double share) { return static_cast<double>(h.quantile(share)) / 1e3; };
    std::printf(",\"%s\":{\"received\":%llu,\"samples\":%llu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", name,
                static_cast<unsigned long long>(reader.received()), static_cast<unsigned long long>(h.count()), ms(0.5), ms(0.9), ms(0.99),
                static_cast<double>(h.max()) / 1e3);
  };
  std::printf("{\"messages\":%llu,\"driver_cpu_us\":%.1f", static_cast<unsigned long long>(count),
              own_cpu_seconds() * 1e6 / static_cast<double>(count));
  print("read_uncommitted", uncommitted);
  print("read_committed", committed);
  std::printf("}\n");
  return uncommitted.received() == count && committed.received() == count;
}

// --- transactions

void transactions(const Arguments& arguments, const std::string& bootstrap, const std::string& topic) {
  const auto size = arguments.number<std::uint64_t>("size", 1000, 1, 100'000);
  const auto seconds = arguments.number<double>("seconds", 3, 0.1, 3600);
  const auto keys = arguments.number<std::uint64_t>("keys", 1000, 1, 10'000'000);
  const auto producer = connect(RD_KAFKA_PRODUCER, bootstrap,
                                {{"transactional.id", "bench-limit"}, {"linger.ms", "1"}, {"retry.backoff.ms", "2"},
                                 {"queue.buffering.max.messages", "1000000"}});
  check(rd_kafka_init_transactions(producer.get(), kPatienceMs), "init_transactions");
  Histogram latency_us;
  std::uint64_t n = 0;
  const auto begin_first = Clock::now();
  auto begin = begin_first;
  // The first one takes up to a second: the broker sets up its side.
  for (bool warm = false; !warm || seconds_since(begin) < seconds;) {
    const auto began = Clock::now();
    check(rd_kafka_begin_transaction(producer.get()), "begin_transaction");
    for (std::uint64_t i = 0; i < size; ++i, ++n) {
      const auto key = "k" + std::to_string(dice(n) % keys);
      produce(producer.get(), topic, key, "{\"t\":" + std::to_string(n) + ",\"n\":" + std::to_string(n) + ",\"g\":\"Hello " + key + "\"}");
    }
    check(rd_kafka_commit_transaction(producer.get(), kPatienceMs), "commit_transaction");
    if (warm) latency_us.add(static_cast<std::uint64_t>(seconds_since(began) * 1e6));
    if (!warm && seconds_since(begin_first) > 0.5) {
      warm = true;
      begin = Clock::now();
    }
  }
  const double took = seconds_since(begin);
  const auto done = static_cast<double>(latency_us.count());
  std::printf("{\"transactions\":%.0f,\"size\":%llu,\"rate\":%.1f,\"transactions_rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f}\n", done,
              static_cast<unsigned long long>(size), done * static_cast<double>(size) / took, done / took,
              static_cast<double>(latency_us.quantile(0.5)) / 1e3, static_cast<double>(latency_us.quantile(0.99)) / 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv, {"mode", "bootstrap", "topic", "out", "count", "keys", "rate", "seconds", "warm-up", "size"});
  if (!arguments.words().empty()) usage("unexpected " + arguments.words().front());
  const std::string mode = arguments.text("mode", "");
  const std::string bootstrap = arguments.text("bootstrap", "");
  if (bootstrap.empty()) usage("--bootstrap: expected host:port");
  const std::string topic = arguments.text("topic", mode == "transactions" ? "out" : "in");
  if (mode == "preload") {
    preload(arguments, bootstrap, topic);
  } else if (mode == "latency") {
    if (!latency(arguments, bootstrap, topic)) return 1;
  } else if (mode == "transactions") {
    transactions(arguments, bootstrap, topic);
  } else {
    usage("--mode: expected preload, latency or transactions, got \"" + mode + "\"");
  }
}
