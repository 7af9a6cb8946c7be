// Any bytes as a configuration file. Beyond surviving: a refusal has a place in the file, nothing said
// exceeds its bound, and what is accepted keeps the promises of Configuration.
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "config/describe.h"
#include "config/load.h"
#include "model/address.h"

namespace {

using namespace holdfast;

void check_bad_records(const model::BadRecordPolicy& policy) {
  const bool letters = policy.then == model::BadRecordAction::DeadLetter;
  HOLDFAST_CHECK(letters == !policy.dead_letter_egress.empty());
  HOLDFAST_CHECK(letters == !policy.dead_letter_topic.empty());
}

void check_source(const model::SourceTopic& topic) {
  HOLDFAST_CHECK(!topic.topic.empty() && !topic.value_type.empty());
  for (const std::string& target : topic.targets) {
    const auto [ns, name] = model::split_type(target);
    HOLDFAST_CHECK(!ns.empty() && !name.empty() && name != "*");
  }
}

void check_edges(const config::Configuration& configuration) {
  for (const auto& ingress : configuration.kafka_ingresses) {
    HOLDFAST_CHECK(!ingress.bootstrap_servers.empty() && !ingress.group_id.empty() &&
                   !ingress.topics.empty());
    for (const auto& topic : ingress.topics) {
      check_source(topic);
      HOLDFAST_CHECK(topic.targets.empty() == !ingress.routes.empty());
    }
    for (const auto& route : ingress.routes)
      HOLDFAST_CHECK(!route.target.empty() && !route.message_type.empty() && !route.descriptor_set.empty());
    const bool specific = ingress.start.from == model::KafkaStart::From::Specific;
    HOLDFAST_CHECK(specific == !ingress.start.offsets.empty());
    check_bad_records(ingress.on_bad_record);
  }
  for (const auto& egress : configuration.kafka_egresses)
    HOLDFAST_CHECK(!egress.bootstrap_servers.empty() && !egress.positions_topic.empty() &&
                   egress.transaction_timeout.ms > 0 && egress.outbox_bytes > 0);
  for (const auto& ingress : configuration.nats_ingresses) {
    HOLDFAST_CHECK(!ingress.connection.servers.empty() && !ingress.subjects.empty());
    HOLDFAST_CHECK(ingress.queue_group.empty() || ingress.stream.empty());
    for (const auto& [topic, key] : ingress.subjects) {
      check_source(topic);
      HOLDFAST_CHECK(!topic.targets.empty() && !(key.subject_token && !key.header.empty()));
    }
    check_bad_records(ingress.on_bad_record);
  }
  for (const auto& egress : configuration.nats_egresses) HOLDFAST_CHECK(!egress.connection.servers.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const config::Source source{"fuzz.yaml", std::string(reinterpret_cast<const char*>(data), size),
                              "/nonexistent"};
  const config::Environment environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SECRET") return "hunter2-hunter2";
    if (name == "PORT") return "8081";
    return std::nullopt;
  };
  const config::LoadResult result = config::load(std::span(&source, 1), environment);
  HOLDFAST_CHECK(result.problems.size() <= config::kProblemsMax);
  for (const config::Problem& problem : result.problems) {
    const std::string text = problem.text();
    HOLDFAST_CHECK(text.starts_with("fuzz.yaml"));
    HOLDFAST_CHECK(text.size() < 16'384);
    HOLDFAST_CHECK(text.find('\n') == std::string::npos);
    HOLDFAST_CHECK(source.text.find("hunter2") != std::string::npos ||
                   text.find("hunter2") == std::string::npos);
  }
  if (!result.ok()) return 0;
  HOLDFAST_CHECK(!config::describe(result.configuration).empty());
  for (const model::EndpointSpec& endpoint : result.configuration.endpoints) {
    HOLDFAST_CHECK(endpoint.functions.find('/') != std::string::npos);
    HOLDFAST_CHECK(endpoint.url_template.find("://") != std::string::npos);
    HOLDFAST_CHECK(endpoint.call_timeout.ms > 0 && endpoint.max_concurrent > 0);
    HOLDFAST_CHECK(endpoint.native.has_value() == endpoint.url_template.starts_with("native://"));
    if (endpoint.native) HOLDFAST_CHECK(endpoint.native->threads > 0 && !endpoint.native->place.empty());
    HOLDFAST_CHECK((endpoint.on_failure.then == model::FailureAction::DeadLetter) ==
                   !endpoint.on_failure.dead_letter_stream.empty());
  }
  for (const model::EndpointSpec& endpoint : result.configuration.endpoints)
    HOLDFAST_CHECK(endpoint.protocol != model::FunctionProtocol::V3 || endpoint.states.empty());
  check_edges(result.configuration);
  for (const model::DaprAppSpec& app : result.configuration.dapr_apps) {
    HOLDFAST_CHECK(!app.app_id.empty() && app.app_id.find('.') == std::string::npos);
    HOLDFAST_CHECK(app.health.timeout <= app.health.interval && app.health.path.starts_with('/'));
    HOLDFAST_CHECK(app.body_bytes_max > 0 && app.header_bytes_max > 0);
  }
  for (const model::StreamEgressSpec& stream : result.configuration.streams)
    HOLDFAST_CHECK(!stream.default_topic.empty());
  return 0;
}
