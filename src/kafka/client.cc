#include "kafka/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/log.h"

// CMakeLists.txt says why, and puts this in the place of librdkafka's own: when its main thread has to look at its timers again, in
// microseconds from now. It waits in whole milliseconds and rounds down, so that within the last one it does not wait at all.
extern "C" std::int64_t __real_rd_kafka_timers_next(void* timers, int longest_us, int lock) __attribute__((weak));
extern "C" std::int64_t __wrap_rd_kafka_timers_next(void* timers, int longest_us, int lock) {
  const std::int64_t us = __real_rd_kafka_timers_next(timers, longest_us, lock);
  return us <= 0 ? us : (us + 999) / 1000 * 1000;
}

namespace holdfast::kafka {
namespace {

// How long a record may be on its way before it counts as not sent: an outage longer than that begins it anew.
constexpr std::int64_t kSendMs = 30'000;
constexpr std::chrono::seconds kEndMax{3};

using Text = std::array<char, 512>;

void set(rd_kafka_conf_t* conf, const char* name, const std::string& value) {
  Text why{};
  // Ours are names and values that librdkafka has: anything else is a mistake of this file.
  HOLDFAST_CHECK(rd_kafka_conf_set(conf, name, value.c_str(), why.data(), why.size()) == RD_KAFKA_CONF_OK);
}

Result<void> set_all(rd_kafka_conf_t* conf, const model::Properties& properties) {
  for (const auto& [name, value] : properties) {
    Text why{};
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      return fail(ErrorCode::Invalid, "property " + name + ": " + why.data());
  }
  return {};
}

// What a client's callbacks are given. It outlives a client that does not end.
struct Opaque {
  std::string edge;
  std::mutex mutex;              // Held while the owner is called.
  ClientOwner* owner = nullptr;  // None: it has left the client behind.
};
using SharedOpaque = std::shared_ptr<Opaque>;

Opaque& opaque_of(const rd_kafka_t* client) { return **static_cast<SharedOpaque*>(rd_kafka_opaque(client)); }

// "[thrd:broker]: topic [0]: broker unavailable: fetch: Broker: Unknown topic or partition"
void hear_of_vanished(Opaque& opaque, std::string_view text) {
  if (!text.ends_with(rd_kafka_err2str(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART))) return;
  constexpr std::string_view kThreadEnd = "]: ";
  if (text.starts_with("[thrd:") && text.find(kThreadEnd) != std::string_view::npos) text.remove_prefix(text.find(kThreadEnd) + kThreadEnd.size());
  const auto open = text.find(" [");
  std::int32_t partition = 0;
  if (open == std::string_view::npos) return;
  const char* number = text.data() + open + 2;
  if (std::from_chars(number, text.data() + text.size(), partition).ec != std::errc()) return;
  const std::lock_guard lock(opaque.mutex);
  if (opaque.owner != nullptr && opaque.owner->vanished) opaque.owner->vanished(text.substr(0, open), partition);
}

void on_log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  auto& opaque = opaque_of(client);
  if (std::string_view(facility) == "BROKERUA") hear_of_vanished(opaque, text);
  // Everything up to "warning" is about a broker that is tried again; who stands still because of it says so himself.
  const LogLevel at = level <= 4 ? LogLevel::Warn : LogLevel::Debug;
  log_line(at, "kafka client", {{"edge", opaque.edge}, {"about", facility}, {"says", text}});
}

void on_delivered(rd_kafka_t* client, const rd_kafka_message_t* record, void*) {
  auto& opaque = opaque_of(client);
  const std::lock_guard lock(opaque.mutex);
  if (opaque.owner != nullptr && opaque.owner->delivered) opaque.owner->delivered(*record);
}

void on_failed(rd_kafka_t* client, int error, const char* why, void*) {
  auto& opaque = opaque_of(client);
  const std::lock_guard lock(opaque.mutex);
  if (opaque.owner != nullptr && opaque.owner->failed) opaque.owner->failed(static_cast<rd_kafka_resp_err_t>(error), why);
}

// Both kinds: what keeps a lone record from waiting, and what brings a client back soon after its brokers.
Conf basic_conf(const std::string& bootstrap_servers) {
  Conf conf(rd_kafka_conf_new());
  set(conf.get(), "client.id", "holdfast");
  set(conf.get(), "bootstrap.servers", bootstrap_servers);
  set(conf.get(), "socket.nagle.disable", "true");
  set(conf.get(), "socket.keepalive.enable", "true");
  set(conf.get(), "reconnect.backoff.ms", "50");
  set(conf.get(), "reconnect.backoff.max.ms", "2000");
  set(conf.get(), "log.connection.close", "false");
  return conf;
}

Result<MadeConf> finish(Conf conf, ClientProperties&& properties) {
  MadeConf made;
  made.conf = std::move(conf);
  made.warnings = std::move(properties.warnings);
  made.set = std::move(properties.set);
  made.discovery = properties.discovery;
  return made;
}

std::string share(std::uint64_t whole, std::size_t parts, std::uint64_t least, std::uint64_t most) {
  return std::to_string(std::clamp<std::uint64_t>(whole / std::max<std::size_t>(parts, 1), least, most));
}

}  // namespace

void ClientDestroyer::operator()(rd_kafka_t* client) const {
  auto* held = static_cast<SharedOpaque*>(rd_kafka_opaque(client));
  const SharedOpaque opaque = *held;
  std::promise<void> ended;
  auto end = ended.get_future();
  std::thread([client, held, ended = std::move(ended)]() mutable {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    delete held;
    ended.set_value();
  }).detach();
  if (end.wait_for(kEndMax) == std::future_status::ready) return;
  log_warn("a kafka client does not end: it is left behind", {{"edge", opaque->edge}});
  const std::lock_guard lock(opaque->mutex);
  opaque->owner = nullptr;
}

Result<void> check_property(const std::string& name, const std::string& value) {
  const Conf conf(rd_kafka_conf_new());
  Text why{};
  switch (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size())) {
    case RD_KAFKA_CONF_OK:
      return {};
    case RD_KAFKA_CONF_UNKNOWN:
      return fail(ErrorCode::NotFound, "no such property");
    default:
      return fail(ErrorCode::Invalid, why.data());
  }
}

Result<MadeConf> consumer_conf(const model::KafkaIngressSpec& spec, const ConsumerLimits& limits) {
  auto properties = translate_properties(spec.properties, Client::Consumer);
  if (!properties) return fail(properties.error());
  Conf conf = basic_conf(spec.bootstrap_servers);
  const auto ours = [&](const char* name, const std::string& value) { set(conf.get(), name, value); };
  // Java's default, other than librdkafka's: who wants only what is committed says so.
  ours("isolation.level", "read_uncommitted");
  // A fetch that finds nothing keeps partitions that begin or go on meanwhile waiting.
  ours("fetch.wait.max.ms", "50");
  ours("fetch.error.backoff.ms", "50");
  ours("debug", "topic");  // A few lines a minute, for ClientOwner::vanished.
  // librdkafka fetches while the queue holds less, so it may hold one fetch more. A fetch is a quarter of the queue: were it the larger one,
  // each would fill the queue, and wait until it is seen to be empty again.
  ours("queued.max.messages.kbytes", share(limits.queued_bytes / 1024, limits.partitions, 128, 1024));
  ours("queued.min.messages", share(limits.queued_records, limits.partitions, 1000, 1u << 20));
  ours("fetch.message.max.bytes", share(limits.queued_bytes / 4, limits.partitions, 32u << 10, 256u << 10));
  ours("fetch.max.bytes", "1048576");
  if (auto done = set_all(conf.get(), properties->set); !done) return fail(done.error());
  ours("group.id", spec.group_id);
  ours("enable.auto.commit", "false");
  ours("enable.auto.offset.store", "false");
  ours("auto.offset.reset", "error");
  ours("enable.partition.eof", "true");
  ours("allow.auto.create.topics", "false");
  return finish(std::move(conf), std::move(*properties));
}

Result<MadeConf> producer_conf(const model::KafkaEgressSpec& spec, const std::string& transactional_id, std::uint64_t batch_bytes) {
  auto properties = translate_properties(spec.properties, Client::Producer);
  if (!properties) return fail(properties.error());
  Conf conf = basic_conf(spec.bootstrap_servers);
  const auto ours = [&](const char* name, const std::string& value) { set(conf.get(), name, value); };
  const bool transactional = !transactional_id.empty();
  const bool acknowledged = spec.delivery != model::KafkaEgressSpec::Delivery::None;
  // As Java's client does: a key goes to the partition that StateFun would have put it into.
  ours("partitioner", "murmur2_random");
  // A page is handed over as one and then flushed, which sends what is there: waiting only ever makes whole batches.
  ours("linger.ms", acknowledged ? "20" : "1");
  // The broker says what is too large for it.
  ours("message.max.bytes", "104857600");
  // After a commit the broker is not ready for the next transaction for some milliseconds, and says so.
  ours("retry.backoff.ms", transactional ? "2" : "10");
  if (!acknowledged) ours("acks", "1");
  if (auto done = set_all(conf.get(), properties->set); !done) return fail(done.error());
  if (batch_bytes < 1'000'000) ours("batch.size", std::to_string(batch_bytes));
  if (transactional) {
    ours("transactional.id", transactional_id);
    ours("transaction.timeout.ms", std::to_string(std::clamp<std::int64_t>(spec.transaction_timeout.ms, 1000, INT32_MAX)));
    // librdkafka wants both below the transaction's.
    ours("message.timeout.ms", std::to_string(std::clamp<std::int64_t>(spec.transaction_timeout.ms, 1000, kSendMs)));
    ours("socket.timeout.ms", std::to_string(std::clamp<std::int64_t>(spec.transaction_timeout.ms - 100, 900, 60'000)));
    ours("acks", "all");
  } else {
    ours("message.timeout.ms", std::to_string(kSendMs));
    ours("enable.idempotence", acknowledged ? "true" : "false");
    if (acknowledged) ours("acks", "all");
  }
  return finish(std::move(conf), std::move(*properties));
}

Result<MadeConf> reader_conf(const model::KafkaEgressSpec& spec) {
  auto properties = translate_properties(spec.properties, Client::Producer);
  if (!properties) return fail(properties.error());
  Conf conf = basic_conf(spec.bootstrap_servers);
  const auto ours = [&](const char* name, const std::string& value) { set(conf.get(), name, value); };
  // How to get to the broker; the rest is a producer's.
  std::erase_if(properties->set, [](const auto& entry) {
    const auto& name = entry.first;
    return !name.starts_with("sasl.") && !name.starts_with("ssl.") && !name.starts_with("enable.ssl.") &&
           !name.starts_with("enable.sasl.") && !name.starts_with("socket.") && !name.starts_with("broker.") &&
           !name.starts_with("reconnect.") && name != "security.protocol" && name != "client.id" && name != "debug";
  });
  if (auto done = set_all(conf.get(), properties->set); !done) return fail(done.error());
  ours("group.id", "holdfast-positions");  // Of a group that never forms: librdkafka does not assign partitions without a name.
  ours("isolation.level", "read_committed");
  ours("enable.auto.commit", "false");
  ours("enable.auto.offset.store", "false");
  ours("auto.offset.reset", "earliest");
  ours("enable.partition.eof", "true");
  ours("fetch.wait.max.ms", "10");
  ours("queued.max.messages.kbytes", "4096");
  ours("allow.auto.create.topics", "false");
  return finish(std::move(conf), std::move(*properties));
}

Result<ClientHandle> make_client(Conf conf, Client kind, ClientOwner& owner) {
  auto opaque = std::make_unique<SharedOpaque>(std::make_shared<Opaque>());
  (*opaque)->edge = owner.edge;
  (*opaque)->owner = &owner;
  rd_kafka_conf_set_opaque(conf.get(), opaque.get());
  rd_kafka_conf_set_log_cb(conf.get(), on_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_failed);
  if (kind == Client::Producer) rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivered);
  Text why{};
  rd_kafka_t* client = rd_kafka_new(kind == Client::Consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf.get(), why.data(), why.size());
  if (client == nullptr) return fail(ErrorCode::Invalid, std::string("kafka client: ") + why.data());
  static_cast<void>(conf.release());    // The client's, now.
  static_cast<void>(opaque.release());  // So is this.
  return ClientHandle(client);
}

Result<void> try_client(Conf conf, Client kind) {
  set(conf.get(), "bootstrap.servers", "");
  set(conf.get(), "log_level", "3");  // Its advice about properties would come without the document's name.
  ClientOwner owner{.edge = "check"};
  if (auto client = make_client(std::move(conf), kind, owner); !client) return fail(client.error());
  return {};
}

}  // namespace holdfast::kafka
