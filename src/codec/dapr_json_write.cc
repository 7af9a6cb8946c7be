// Members in the order of daprd's types. What it writes with json.NewEncoder ends with a newline.
#include "codec/base64.h"
#include "codec/dapr_json.h"
#include "codec/go_json.h"
#include "codec/utf8.h"

namespace holdfast::codec::dapr {

namespace {

void write_map(GoJsonWriter& out, const Metadata& all) {
  out.begin('{');
  for (const auto& [name, value] : all) out.key(name).string(value);
  out.end('}');
}

void write_map_if_any(GoJsonWriter& out, std::string_view name, const Metadata& all) {
  if (all.empty()) return;
  out.key(name);
  write_map(out, all);
}

void write_strings_if_any(GoJsonWriter& out, std::string_view name, const std::vector<std::string>& all) {
  if (all.empty()) return;
  out.key(name).begin('[');
  for (const auto& one : all) out.string(one);
  out.end(']');
}

// One object each, whose members `write` adds.
template <typename T, typename Write>
void write_objects_if_any(GoJsonWriter& out, std::string_view name, const std::vector<T>& all, Write&& write) {
  if (all.empty()) return;
  out.key(name).begin('[');
  for (const T& one : all) {
    out.begin('{');
    write(one);
    out.end('}');
  }
  out.end(']');
}

void write_value(GoJsonWriter& out, std::string_view value) {
  std::string text;
  append_value(text, value);
  out.raw(text);
}

void write_app_connection(GoJsonWriter& out, const AppConnectionProperties& app) {
  out.if_any("port", app.port).if_any("protocol", app.protocol).if_any("channelAddress", app.channel_address);
  out.if_any("maxConcurrency", app.max_concurrency);
  if (!app.health) return;
  out.key("health").begin('{');
  out.if_any("healthCheckPath", app.health->health_check_path).if_any("healthProbeInterval", app.health->health_probe_interval);
  out.if_any("healthProbeTimeout", app.health->health_probe_timeout).if_any("healthThreshold", app.health->health_threshold);
  out.end('}');
}

void write_subscription(GoJsonWriter& out, const PubsubSubscription& subscription) {
  out.key("pubsubname").string(subscription.pubsub_name).key("topic").string(subscription.topic);
  write_map_if_any(out, "metadata", subscription.metadata);
  write_objects_if_any(out, "rules", subscription.rules.rules,
                       [&](const auto& rule) { out.if_any("match", rule.match).if_any("path", rule.path); });
  out.key("deadLetterTopic").string(subscription.dead_letter_topic).key("type").string(subscription.type);
}

void write_names_if_any(GoJsonWriter& out, std::string_view name, const std::vector<Named>& all) {
  write_objects_if_any(out, name, all, [&](const Named& one) { out.if_any("name", one.name); });
}

// Fields of details, as protojson names them.
class DetailJson {
 public:
  explicit DetailJson(GoJsonWriter& out) : out_(out) {}

  bool write(const Any& detail) {
    const std::string_view type = std::string_view(detail.type_url).substr(detail.type_url.rfind('/') + 1);
    if (type == "google.rpc.ErrorInfo") return message<ErrorInfo>(detail);
    if (type == "google.rpc.ResourceInfo") return message<ResourceInfo>(detail);
    if (type == "google.rpc.BadRequest") return message<BadRequest>(detail);
    if (type == "google.rpc.Help") return message<Help>(detail);
    return false;
  }

 private:
  template <typename Message>
  bool message(const Any& detail) {
    const auto read_detail = read<Message>(detail.value);
    if (read_detail) fields(*read_detail);
    return read_detail.has_value();
  }
  void fields(const ErrorInfo& info) {
    out_.if_any("reason", info.reason).if_any("domain", info.domain);
    write_map_if_any(out_, "metadata", info.metadata);
  }
  void fields(const ResourceInfo& info) {
    out_.if_any("resourceType", info.resource_type).if_any("resourceName", info.resource_name);
    out_.if_any("owner", info.owner).if_any("description", info.description);
  }
  void fields(const BadRequest& request) {
    write_objects_if_any(out_, "fieldViolations", request.field_violations,
                         [&](const FieldViolation& one) { out_.if_any("field", one.field).if_any("description", one.description); });
  }
  void fields(const Help& help) {
    write_objects_if_any(out_, "links", help.links,
                         [&](const HelpLink& one) { out_.if_any("description", one.description).if_any("url", one.url); });
  }
  GoJsonWriter& out_;
};

}  // namespace

void append_value(std::string& out, std::string_view value) {
  if (check_go_json(value)) out += value;
  else if (is_utf8(value)) append_go_string(out, value);
  else append_go_string(out, to_base64(value));
}

std::string bulk_get_body(std::span<const BulkStateItem> items) {
  std::string text;
  GoJsonWriter out(text);
  out.begin('[');
  for (const auto& item : items) {
    out.begin('{').key("key").string(item.key);
    if (!item.data.empty()) {
      out.key("data");
      write_value(out, item.data);
    }
    out.if_any("etag", item.etag);
    write_map_if_any(out, "metadata", item.metadata);
    out.if_any("error", item.error).end('}');
  }
  out.end(']');
  return text;
}

std::string query_body(const QueryStateResponse& response) {
  std::string text;
  GoJsonWriter out(text);
  out.begin('{').key("results").begin('[');
  for (const auto& item : response.results) {
    out.begin('{').key("key").string(item.key).key("data");
    if (item.data.empty()) out.raw("null");
    else write_value(out, item.data);
    out.if_any("etag", item.etag).if_any("error", item.error).end('}');
  }
  out.end(']').if_any("token", response.token);
  write_map_if_any(out, "metadata", response.metadata);
  out.end('}');
  text.push_back('\n');
  return text;
}

std::string metadata_body(const GetMetadataResponse& response) {
  std::string text;
  GoJsonWriter out(text);
  const auto actors = [&](const ActiveActorsCount& one) { out.if_any("type", one.type).if_any("count", one.count); };
  out.begin('{').if_any("id", response.id).if_any("runtimeVersion", response.runtime_version);
  write_strings_if_any(out, "enabledFeatures", response.enabled_features);
  write_objects_if_any(out, "actors", response.active_actors_count, actors);
  write_objects_if_any(out, "components", response.registered_components, [&](const RegisteredComponent& one) {
    out.if_any("name", one.name).if_any("type", one.type).if_any("version", one.version);
    write_strings_if_any(out, "capabilities", one.capabilities);
  });
  write_map_if_any(out, "extended", response.extended_metadata);
  write_objects_if_any(out, "subscriptions", response.subscriptions,
                       [&](const PubsubSubscription& one) { write_subscription(out, one); });
  write_names_if_any(out, "httpEndpoints", response.http_endpoints);
  out.key("appConnectionProperties").begin('{');
  if (response.app_connection_properties) write_app_connection(out, *response.app_connection_properties);
  out.end('}');
  const ActorRuntime runtime = response.actor_runtime.value_or(ActorRuntime{});
  out.key("actorRuntime").begin('{').key("runtimeStatus").string(runtime.runtime_status);
  write_objects_if_any(out, "activeActors", runtime.active_actors, actors);
  out.key("hostReady").boolean(runtime.host_ready).if_any("placement", runtime.placement).end('}');
  if (response.scheduler) {
    out.key("scheduler").begin('{');
    write_strings_if_any(out, "connected_addresses", response.scheduler->connected_addresses);
    out.end('}');
  }
  if (response.workflows && response.workflows->connected_workers != 0)
    out.key("workflows").begin('{').if_any("connectedWorkers", response.workflows->connected_workers).end('}');
  write_names_if_any(out, "mcpServers", response.mcp_servers);
  write_names_if_any(out, "workflowAccessPolicies", response.workflow_access_policies);
  write_names_if_any(out, "resiliencies", response.resiliencies);
  out.end('}');
  text.push_back('\n');
  return text;
}

std::string secret_body(const Metadata& secret) {
  std::string text;
  GoJsonWriter out(text);
  write_map(out, secret);
  text.push_back('\n');
  return text;
}

std::string bulk_secret_body(const GetBulkSecretResponse& response) {
  std::string text;
  GoJsonWriter out(text);
  out.begin('{');
  for (const auto& [name, secret] : response.data) {
    out.key(name);
    write_map(out, secret.secrets);
  }
  out.end('}');
  text.push_back('\n');
  return text;
}

std::string grpc_status_body(const Status& status) {
  std::string text;
  GoJsonWriter out(text);
  out.begin('{').if_any("code", status.code).if_any("message", status.message);
  write_objects_if_any(out, "details", status.details, [&](const Any& detail) {
    out.key("@type").string(detail.type_url);
    if (!DetailJson(out).write(detail)) out.key("value").string(to_base64(detail.value));
  });
  out.end('}');
  return text;
}

}  // namespace holdfast::codec::dapr
