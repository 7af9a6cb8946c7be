#include "config/describe.h"

#include <algorithm>

#include "config/formats.h"

namespace holdfast::config {
namespace {

std::string on_failure(const model::FailurePolicy& policy) {
  const std::uint32_t attempts = policy.retry.max_attempts;
  std::string out = attempts == 0   ? "retries for ever"
                    : attempts == 1 ? "after 1 attempt "
                                    : "after " + std::to_string(attempts) + " attempts ";
  if (attempts == 0) return out;
  switch (policy.then) {
    case model::FailureAction::Park:
      return out + "park";
    case model::FailureAction::Drop:
      return out + "drop";
    case model::FailureAction::DeadLetter:
      if (policy.dead_letter_topic.empty()) return out + "to " + policy.dead_letter_stream;
      return out + "to " + policy.dead_letter_stream.substr(0, policy.dead_letter_stream.rfind('/') + 1) +
             policy.dead_letter_topic;
  }
  return out;
}

constexpr std::size_t kShownMax = 5;  // Of a list.

std::string topics(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), kShownMax); ++i)
    out.append(i == 0 ? "" : ", ").append(names[i]);
  if (names.size() > kShownMax) out += " and " + std::to_string(names.size() - kShownMax) + " more";
  return out;
}

std::string listener(const model::Listener& at) {
  const std::string host = at.host.find(':') == std::string::npos ? at.host : "[" + at.host + "]";
  std::string out = host + ":" + std::to_string(at.port);
  if (!at.tls.certificate.empty()) out += at.tls.client_ca.empty() ? ", TLS" : ", mTLS";
  if (!at.token_file.empty() || !at.token_env.empty()) out += ", token";
  return out;
}

using Lines = std::vector<std::pair<std::string, std::string>>;

void endpoint(const model::EndpointSpec& e, Lines& out) {
  std::string how = "batch " + (e.max_batch == 0 ? "unbounded" : std::to_string(e.max_batch)) +
                    ", concurrency " + std::to_string(e.max_concurrent) + ", call " + show(e.call_timeout) +
                    ", " + on_failure(e.on_failure);
  if (e.native) {
    using Execution = model::NativeExecution;
    how += e.native->execution == Execution::Shard
               ? ", on the shard"
               : (e.native->execution == Execution::Pool ? ", on up to " : ", if they block on up to ") +
                     std::to_string(e.native->threads) + " threads";
  }
  if (e.protocol != model::FunctionProtocol::V3) {
    how += e.protocol == model::FunctionProtocol::V2 ? ", protocol v2" : ", protocol interim";
    std::vector<std::string> names;
    for (const auto& state : e.states)
      names.push_back(state.name + (state.expire_mode == model::ExpireMode::None
                                        ? ""
                                        : " for " + show(state.expire_after)));
    how += names.empty() ? ", no states" : ", states " + topics(names);
  }
  out.emplace_back(e.functions, e.shown_url() + "  (" + how + ")");
}

std::string bad_records(const model::BadRecordPolicy& policy) {
  switch (policy.then) {
    case model::BadRecordAction::Park:
      return "bad records park";
    case model::BadRecordAction::Skip:
      return "bad records skipped";
    case model::BadRecordAction::DeadLetter:
      return "bad records to " + model::stream_name(policy.dead_letter_egress, policy.dead_letter_topic);
  }
  return {};
}

// One of many: the first and how many more.
std::string brokers(std::string_view list) {
  const auto more = std::count(list.begin(), list.end(), ',');
  return std::string(list.substr(0, list.find(','))) +
         (more == 0 ? "" : " and " + std::to_string(more) + " more");
}
std::string servers(const std::vector<std::string>& list) {
  if (list.empty()) return {};
  return list.front() + (list.size() == 1 ? "" : " and " + std::to_string(list.size() - 1) + " more");
}

void source(const model::SourceTopic& topic, const std::string& key, Lines& out) {
  out.emplace_back(
      "  " + topic.topic,
      topic.value_type + (topic.targets.empty() ? " by its routers" : " to " + topics(topic.targets)) + key);
}
void more(std::size_t count, Lines& out) {
  if (count > kShownMax) out.emplace_back("  …", "and " + std::to_string(count - kShownMax) + " more");
}

void ingress(const model::KafkaIngressSpec& i, Lines& out) {
  using From = model::KafkaStart::From;
  const std::string from = i.start.from == From::Latest         ? "latest"
                           : i.start.from == From::Earliest     ? "earliest"
                           : i.start.from == From::GroupOffsets ? "the group's offsets"
                           : i.start.from == From::Specific
                               ? "offsets of " + std::to_string(i.start.offsets.size()) + " partitions"
                               : "a date";
  out.emplace_back(i.id, "Kafka " + brokers(i.bootstrap_servers) + ", group " + i.group_id + ", from " +
                             from + ", " + bad_records(i.on_bad_record));
  for (std::size_t k = 0; k < std::min(i.topics.size(), kShownMax); ++k) source(i.topics[k], {}, out);
  more(i.topics.size(), out);
  for (std::size_t k = 0; k < std::min(i.routes.size(), kShownMax); ++k)
    out.emplace_back("  router", i.routes[k].message_type + " to " + i.routes[k].target);
  more(i.routes.size(), out);
}

void ingress(const model::NatsIngressSpec& i, Lines& out) {
  std::string how = "NATS " + servers(i.connection.servers);
  if (!i.stream.empty())
    how += ", stream " + i.stream + (i.durable.empty() ? "" : ", durable " + i.durable) + ", from " +
           (i.start_at_earliest ? "earliest" : "latest");
  else if (!i.queue_group.empty())
    how += ", queue group " + i.queue_group;
  out.emplace_back(i.id, how + ", " + bad_records(i.on_bad_record));
  for (std::size_t k = 0; k < std::min(i.subjects.size(), kShownMax); ++k) {
    const auto& [topic, key] = i.subjects[k];
    source(topic,
           key.subject_token    ? ", id from token " + std::to_string(*key.subject_token)
           : key.header.empty() ? ", id from the subject"
                                : ", id from header " + key.header,
           out);
  }
  more(i.subjects.size(), out);
}

void egress(const model::KafkaEgressSpec& e, Lines& out) {
  using Delivery = model::KafkaEgressSpec::Delivery;
  const std::string delivery = e.delivery == Delivery::None          ? "none"
                               : e.delivery == Delivery::AtLeastOnce ? "at-least-once"
                                                                     : "exactly-once";
  out.emplace_back(e.id, "Kafka " + brokers(e.bootstrap_servers) + ", " + delivery + ", outbox up to " +
                             show_bytes(e.outbox_bytes));
}

void egress(const model::NatsEgressSpec& e, Lines& out) {
  out.emplace_back(e.id, "NATS " + servers(e.connection.servers) + (e.jetstream ? ", JetStream" : ", core") +
                             (e.default_subject.empty() ? "" : ", default " + e.default_subject) +
                             ", outbox up to " + show_bytes(e.outbox_bytes));
}

void dapr_app(const model::DaprAppSpec& app, Lines& out) {
  std::string how = app.app_port == 0 ? "no port" : std::string(model::show(app.app_protocol)) + " at " + app.app_channel_address + ":" + std::to_string(app.app_port);
  if (app.http_port) how += ", HTTP API on port " + std::to_string(*app.http_port);
  if (app.grpc_port) how += ", gRPC API on port " + std::to_string(*app.grpc_port);
  if (!app.unix_socket_folder.empty()) how += ", sockets in " + app.unix_socket_folder;
  if (!app.resource_folders.empty()) how += ", resources of " + topics(app.resource_folders);
  out.emplace_back(app.app_id, how);
}

// One heading and its lines, as a table of two columns.
struct Section {
  std::string heading;
  Lines lines;
};

}  // namespace

std::string describe(const Configuration& configuration) {
  std::vector<Section> sections(4);
  sections[0].heading = "endpoints";
  for (const auto& e : configuration.endpoints) endpoint(e, sections[0].lines);
  sections[1].heading = "ingresses";
  for (const auto& i : configuration.playground_ingresses)
    sections[1].lines.emplace_back("playground", "port " + std::to_string(i.port));
  for (const auto& i : configuration.kafka_ingresses) ingress(i, sections[1].lines);
  for (const auto& i : configuration.nats_ingresses) ingress(i, sections[1].lines);
  sections[2].heading = "egresses";
  for (const auto& e : configuration.playground_egresses)
    sections[2].lines.emplace_back("playground",
                                   "port " + std::to_string(e.port) + ", topics " + topics(e.topics));
  for (const auto& e : configuration.streams)
    sections[2].lines.emplace_back(
        e.id,
        (e.topics.empty() ? "any topic, default " + e.default_topic : "topics " + topics(e.topics)) +
            ", kept " + (e.retention_time.ms == 0 ? "for ever" : show(e.retention_time)) + ", " +
            (e.retention_bytes == 0 ? "any size" : "up to " + show_bytes(e.retention_bytes) + " a topic"));
  for (const auto& e : configuration.kafka_egresses) egress(e, sections[2].lines);
  for (const auto& e : configuration.nats_egresses) egress(e, sections[2].lines);
  for (const auto& k : configuration.kinesis)
    sections[k.is_ingress ? 1 : 2].lines.emplace_back(k.id, "Kinesis, not supported yet");
  const model::Settings& s = configuration.settings;
  sections[3].heading = "settings";
  sections[3].lines = {
      {"gateway", listener(s.gateway)},
      {"admin", listener(s.admin)},
      {"shards", s.shards == 0 ? "half the processors" : std::to_string(s.shards)},
      {"partitions", s.partitions_given ? std::to_string(s.partitions)
                                        : std::to_string(s.partitions) + " for a new data directory"}};
  if (!configuration.dapr_apps.empty()) {
    Section apps{.heading = "Dapr apps", .lines = {}};
    for (const auto& app : configuration.dapr_apps) dapr_app(app, apps.lines);
    sections.insert(sections.end() - 1, std::move(apps));
  }
  std::size_t width = 0;
  for (const Section& section : sections)
    for (const auto& [left, right] : section.lines)
      width = std::max(width, std::min<std::size_t>(left.size(), 40));
  std::string out;
  for (const Section& section : sections) {
    out += section.heading + (section.lines.empty() ? ": none\n" : "\n");
    for (const auto& [left, right] : section.lines)
      out +=
          "  " + left + std::string(left.size() < width ? width - left.size() : 0, ' ') + "  " + right + "\n";
  }
  return out;
}

}  // namespace holdfast::config
