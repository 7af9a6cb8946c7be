// Dapr's protocol buffers: what applications, their sidecar and other sidecars say to each other in gRPC (dapr.proto.common.v1,
// runtime.v1 and internals.v1, of Dapr 1.14 with what 1.18 added to these), and google.rpc.Status with its details.
//
// Plain data, nothing is judged here. Strings are owned; the bytes of values (`std::string_view`) are borrowed: of a message that was read,
// from the bytes it was read from; of one to be written, from whoever fills it. Maps are sorted, so a message has one form.
// JSON bodies of the HTTP API become some of these too (dapr_json.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace holdfast::codec::dapr {

// Items and entries of maps in one message, all its levels together.
inline constexpr std::size_t kPartsMax = 100'000;

using Metadata = std::map<std::string, std::string>;

struct Empty {};

// --- common.v1

struct Any {
  std::string type_url;
  std::string_view value;
};

// A word of which nobody knows the number is empty, as daprd has it.
struct StateOptions {
  std::string concurrency;  // "first-write", "last-write" or nothing; of JSON, whatever was written.
  std::string consistency;  // "eventual", "strong" or nothing; likewise.
};

struct StateItem {
  std::string key;
  std::string_view value;
  std::string etag;  // Empty: none. No store tells an empty one from none.
  Metadata metadata;
  StateOptions options;
  std::string content_type;  // Of JSON only.
};

struct HttpExtension {
  std::string verb = "NONE";  // "GET"...; empty: a number that is no verb.
  std::string querystring;
};

struct InvokeRequest {
  std::string method;
  std::optional<Any> data;
  std::string content_type;
  std::optional<HttpExtension> http_extension;
};

struct InvokeResponse {
  std::optional<Any> data;
  std::string content_type;
};

struct StreamPayload {
  std::string_view data;
  std::uint64_t seq = 0;
};

// --- runtime.v1: state

struct GetStateRequest {
  std::string store_name;
  std::string key;
  std::string consistency;
  Metadata metadata;
};
struct GetStateResponse {
  std::string_view data;
  std::string etag;
  Metadata metadata;
};
struct GetBulkStateRequest {
  std::string store_name;
  std::vector<std::string> keys;
  std::int32_t parallelism = 0;
  Metadata metadata;
};
struct BulkStateItem {
  std::string key;
  std::string_view data;
  std::string etag;
  std::string error;
  Metadata metadata;
};
struct GetBulkStateResponse {
  std::vector<BulkStateItem> items;
};
struct SaveStateRequest {
  std::string store_name;
  std::vector<StateItem> states;
};
struct DeleteStateRequest {
  std::string store_name;
  std::string key;
  std::string etag;
  StateOptions options;
  Metadata metadata;
};
struct DeleteBulkStateRequest {
  std::string store_name;
  std::vector<StateItem> states;
};
struct TransactionalStateOperation {
  std::string operation_type;
  StateItem request;
};
struct ExecuteStateTransactionRequest {
  std::string store_name;
  std::vector<TransactionalStateOperation> operations;
  Metadata metadata;
};
struct QueryStateRequest {
  std::string store_name;
  std::string_view query;
  Metadata metadata;
};
struct QueryStateItem {
  std::string key;
  std::string_view data;
  std::string etag;
  std::string error;
};
struct QueryStateResponse {
  std::vector<QueryStateItem> results;
  std::string token;
  Metadata metadata;
};

// --- runtime.v1: invocation, secrets, metadata

struct InvokeServiceRequest {
  std::string id;
  std::optional<InvokeRequest> message;
};

struct GetSecretRequest {
  std::string store_name;
  std::string key;
  Metadata metadata;
};
struct GetSecretResponse {
  Metadata data;
};
struct GetBulkSecretRequest {
  std::string store_name;
  Metadata metadata;
};
struct SecretResponse {
  Metadata secrets;
};
struct GetBulkSecretResponse {
  std::map<std::string, SecretResponse> data;
};

struct ActiveActorsCount {
  std::string type;
  std::int32_t count = 0;
};
struct RegisteredComponent {
  std::string name;
  std::string type;
  std::string version;
  std::vector<std::string> capabilities;
};
struct PubsubSubscriptionRule {
  std::string match;
  std::string path;
};
struct PubsubSubscriptionRules {
  std::vector<PubsubSubscriptionRule> rules;
};
struct PubsubSubscription {
  std::string pubsub_name;
  std::string topic;
  Metadata metadata;
  PubsubSubscriptionRules rules;
  std::string dead_letter_topic;
  std::string type = "UNKNOWN";  // "DECLARATIVE", "PROGRAMMATIC", "STREAMING".
};
struct Named {  // HTTP endpoints, and in 1.18 MCP servers, policies.
  std::string name;
};
struct AppConnectionHealthProperties {
  std::string health_check_path;
  std::string health_probe_interval;
  std::string health_probe_timeout;
  std::int32_t health_threshold = 0;
};
struct AppConnectionProperties {
  std::int32_t port = 0;
  std::string protocol;
  std::string channel_address;
  std::int32_t max_concurrency = 0;
  std::optional<AppConnectionHealthProperties> health;
};
struct ActorRuntime {
  std::string runtime_status = "INITIALIZING";  // "DISABLED", "RUNNING".
  std::vector<ActiveActorsCount> active_actors;
  bool host_ready = false;
  std::string placement;
};
struct MetadataScheduler {
  std::vector<std::string> connected_addresses;
};
struct MetadataWorkflows {
  std::int32_t connected_workers = 0;
};
struct GetMetadataResponse {
  std::string id;
  std::vector<ActiveActorsCount> active_actors_count;
  std::vector<RegisteredComponent> registered_components;
  Metadata extended_metadata;
  std::vector<PubsubSubscription> subscriptions;
  std::vector<Named> http_endpoints;
  std::optional<AppConnectionProperties> app_connection_properties;
  std::string runtime_version;
  std::vector<std::string> enabled_features;
  std::optional<ActorRuntime> actor_runtime;
  // Since 1.15 to 1.18.
  std::optional<MetadataScheduler> scheduler;
  std::optional<MetadataWorkflows> workflows;
  std::vector<Named> mcp_servers;
  std::vector<Named> workflow_access_policies;
  std::vector<Named> resiliencies;
};
struct SetMetadataRequest {
  std::string key;
  std::string value;
};

// --- google.rpc, whose Status is the same as that of internals.v1

struct Status {
  std::int32_t code = 0;
  std::string message;
  std::vector<Any> details;
};
struct ErrorInfo {
  std::string reason;
  std::string domain;
  Metadata metadata;
};
struct ResourceInfo {
  std::string resource_type;
  std::string resource_name;
  std::string owner;
  std::string description;
};
struct FieldViolation {
  std::string field;
  std::string description;
};
struct BadRequest {
  std::vector<FieldViolation> field_violations;
};
struct HelpLink {
  std::string description;
  std::string url;
};
struct Help {
  std::vector<HelpLink> links;
};

// --- internals.v1: from sidecar to sidecar

struct ListStringValue {
  std::vector<std::string> values;
};
using Headers = std::map<std::string, ListStringValue>;

struct Actor {
  std::string actor_type;
  std::string actor_id;
};
struct InternalInvokeRequest {
  std::int32_t ver = 0;  // 1: V1.
  Headers metadata;
  std::optional<InvokeRequest> message;
  std::optional<Actor> actor;
};
struct InternalInvokeResponse {
  std::optional<Status> status;
  Headers headers;
  Headers trailers;
  std::optional<InvokeResponse> message;
};
// One piece of a body; the first has the request, or the response, and the others have none.
struct InternalInvokeRequestStream {
  std::optional<InternalInvokeRequest> request;
  std::optional<StreamPayload> payload;
};
struct InternalInvokeResponseStream {
  std::optional<InternalInvokeResponse> response;
  std::optional<StreamPayload> payload;
};

// For every message above that is sent on its own. As libprotobuf reads: unknown fields are passed over, the last of several wins, messages
// that come twice are merged. Refused: bytes that are no protocol buffers, strings that are not UTF-8, more than kPartsMax.
template <typename Message>
[[nodiscard]] Result<Message> read(std::string_view bytes);

// Adds it to the end. Its strings are UTF-8; who fills it sees to that.
template <typename Message>
void append(std::string& out, const Message& message);

template <typename Message>
[[nodiscard]] std::string write(const Message& message) {
  std::string out;
  append(out, message);
  return out;
}

}  // namespace holdfast::codec::dapr
