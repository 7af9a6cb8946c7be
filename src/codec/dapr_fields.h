// Fields of Dapr's messages: one table a message, from which it is measured, written and read (dapr_messages.cc). Numbers and types are
// those of dapr/proto in Dapr 1.14 and 1.18. Private to codec/.
//
// A visitor has: string (UTF-8), bytes, number (int32, uint64), flag, word (an enum, as the name it has), message (inside; one that is
// optional is there or not, of others the empty one is not written), wrapped (a message of one string, field 1), strings, messages, map
// (strings to strings or to messages).
#pragma once

#include <array>
#include <string_view>

#include "codec/dapr_messages.h"

namespace holdfast::codec::dapr {

// Names by number.
inline constexpr std::array<std::string_view, 3> kConcurrency = {"", "first-write", "last-write"};
inline constexpr std::array<std::string_view, 3> kConsistency = {"", "eventual", "strong"};
inline constexpr std::array<std::string_view, 10> kVerbs = {"NONE",   "GET",     "HEAD",    "POST",  "PUT",
                                                            "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
inline constexpr std::array<std::string_view, 4> kSubscriptionTypes = {"UNKNOWN", "DECLARATIVE", "PROGRAMMATIC", "STREAMING"};
inline constexpr std::array<std::string_view, 3> kActorRuntimeStatus = {"INITIALIZING", "DISABLED", "RUNNING"};

template <typename T>
inline constexpr const char* kMessageName = "message";  // For errors.

// `fields(visitor, message)` for a message, const or not.
#define HOLDFAST_FIELDS(Message)                                     \
  template <>                                                        \
  inline constexpr const char* kMessageName<Message> = #Message;     \
  template <typename V, typename M>                                  \
    requires std::is_same_v<std::remove_const_t<M>, Message>         \
  void fields([[maybe_unused]] V& v, [[maybe_unused]] M& m)

HOLDFAST_FIELDS(Empty) {}

HOLDFAST_FIELDS(Any) {
  v.string(1, m.type_url);
  v.bytes(2, m.value);
}
HOLDFAST_FIELDS(StateOptions) {
  v.word(1, m.concurrency, kConcurrency);
  v.word(2, m.consistency, kConsistency);
}
HOLDFAST_FIELDS(StateItem) {
  v.string(1, m.key);
  v.bytes(2, m.value);
  v.wrapped(3, m.etag);
  v.map(4, m.metadata);
  v.message(5, m.options);
}
HOLDFAST_FIELDS(HttpExtension) {
  v.word(1, m.verb, kVerbs);
  v.string(2, m.querystring);
}
HOLDFAST_FIELDS(InvokeRequest) {
  v.string(1, m.method);
  v.message(2, m.data);
  v.string(3, m.content_type);
  v.message(4, m.http_extension);
}
HOLDFAST_FIELDS(InvokeResponse) {
  v.message(1, m.data);
  v.string(2, m.content_type);
}
HOLDFAST_FIELDS(StreamPayload) {
  v.bytes(1, m.data);
  v.number(2, m.seq);
}

HOLDFAST_FIELDS(GetStateRequest) {
  v.string(1, m.store_name);
  v.string(2, m.key);
  v.word(3, m.consistency, kConsistency);
  v.map(4, m.metadata);
}
HOLDFAST_FIELDS(GetStateResponse) {
  v.bytes(1, m.data);
  v.string(2, m.etag);
  v.map(3, m.metadata);
}
HOLDFAST_FIELDS(GetBulkStateRequest) {
  v.string(1, m.store_name);
  v.strings(2, m.keys);
  v.number(3, m.parallelism);
  v.map(4, m.metadata);
}
HOLDFAST_FIELDS(BulkStateItem) {
  v.string(1, m.key);
  v.bytes(2, m.data);
  v.string(3, m.etag);
  v.string(4, m.error);
  v.map(5, m.metadata);
}
HOLDFAST_FIELDS(GetBulkStateResponse) { v.messages(1, m.items); }
HOLDFAST_FIELDS(SaveStateRequest) {
  v.string(1, m.store_name);
  v.messages(2, m.states);
}
HOLDFAST_FIELDS(DeleteStateRequest) {
  v.string(1, m.store_name);
  v.string(2, m.key);
  v.wrapped(3, m.etag);
  v.message(4, m.options);
  v.map(5, m.metadata);
}
HOLDFAST_FIELDS(DeleteBulkStateRequest) {
  v.string(1, m.store_name);
  v.messages(2, m.states);
}
HOLDFAST_FIELDS(TransactionalStateOperation) {
  v.string(1, m.operation_type);
  v.message(2, m.request);
}
HOLDFAST_FIELDS(ExecuteStateTransactionRequest) {
  v.string(1, m.store_name);
  v.messages(2, m.operations);
  v.map(3, m.metadata);
}
HOLDFAST_FIELDS(QueryStateRequest) {
  v.string(1, m.store_name);
  v.string(2, m.query);
  v.map(3, m.metadata);
}
HOLDFAST_FIELDS(QueryStateItem) {
  v.string(1, m.key);
  v.bytes(2, m.data);
  v.string(3, m.etag);
  v.string(4, m.error);
}
HOLDFAST_FIELDS(QueryStateResponse) {
  v.messages(1, m.results);
  v.string(2, m.token);
  v.map(3, m.metadata);
}

HOLDFAST_FIELDS(InvokeServiceRequest) {
  v.string(1, m.id);
  v.message(3, m.message);
}
HOLDFAST_FIELDS(GetSecretRequest) {
  v.string(1, m.store_name);
  v.string(2, m.key);
  v.map(3, m.metadata);
}
HOLDFAST_FIELDS(GetSecretResponse) { v.map(1, m.data); }
HOLDFAST_FIELDS(GetBulkSecretRequest) {
  v.string(1, m.store_name);
  v.map(2, m.metadata);
}
HOLDFAST_FIELDS(SecretResponse) { v.map(1, m.secrets); }
HOLDFAST_FIELDS(GetBulkSecretResponse) { v.map(1, m.data); }

HOLDFAST_FIELDS(ActiveActorsCount) {
  v.string(1, m.type);
  v.number(2, m.count);
}
HOLDFAST_FIELDS(RegisteredComponent) {
  v.string(1, m.name);
  v.string(2, m.type);
  v.string(3, m.version);
  v.strings(4, m.capabilities);
}
HOLDFAST_FIELDS(PubsubSubscriptionRule) {
  v.string(1, m.match);
  v.string(2, m.path);
}
HOLDFAST_FIELDS(PubsubSubscriptionRules) { v.messages(1, m.rules); }
HOLDFAST_FIELDS(PubsubSubscription) {
  v.string(1, m.pubsub_name);
  v.string(2, m.topic);
  v.map(3, m.metadata);
  v.message(4, m.rules);
  v.string(5, m.dead_letter_topic);
  v.word(6, m.type, kSubscriptionTypes);
}
HOLDFAST_FIELDS(Named) { v.string(1, m.name); }
HOLDFAST_FIELDS(AppConnectionHealthProperties) {
  v.string(1, m.health_check_path);
  v.string(2, m.health_probe_interval);
  v.string(3, m.health_probe_timeout);
  v.number(4, m.health_threshold);
}
HOLDFAST_FIELDS(AppConnectionProperties) {
  v.number(1, m.port);
  v.string(2, m.protocol);
  v.string(3, m.channel_address);
  v.number(4, m.max_concurrency);
  v.message(5, m.health);
}
HOLDFAST_FIELDS(ActorRuntime) {
  v.word(1, m.runtime_status, kActorRuntimeStatus);
  v.messages(2, m.active_actors);
  v.flag(3, m.host_ready);
  v.string(4, m.placement);
}
HOLDFAST_FIELDS(MetadataScheduler) { v.strings(1, m.connected_addresses); }
HOLDFAST_FIELDS(MetadataWorkflows) { v.number(1, m.connected_workers); }
HOLDFAST_FIELDS(GetMetadataResponse) {
  v.string(1, m.id);
  v.messages(2, m.active_actors_count);
  v.messages(3, m.registered_components);
  v.map(4, m.extended_metadata);
  v.messages(5, m.subscriptions);
  v.messages(6, m.http_endpoints);
  v.message(7, m.app_connection_properties);
  v.string(8, m.runtime_version);
  v.strings(9, m.enabled_features);
  v.message(10, m.actor_runtime);
  v.message(11, m.scheduler);
  v.message(12, m.workflows);
  v.messages(13, m.mcp_servers);
  v.messages(14, m.workflow_access_policies);
  v.messages(15, m.resiliencies);
}
HOLDFAST_FIELDS(SetMetadataRequest) {
  v.string(1, m.key);
  v.string(2, m.value);
}

HOLDFAST_FIELDS(Status) {
  v.number(1, m.code);
  v.string(2, m.message);
  v.messages(3, m.details);
}
HOLDFAST_FIELDS(ErrorInfo) {
  v.string(1, m.reason);
  v.string(2, m.domain);
  v.map(3, m.metadata);
}
HOLDFAST_FIELDS(ResourceInfo) {
  v.string(1, m.resource_type);
  v.string(2, m.resource_name);
  v.string(3, m.owner);
  v.string(4, m.description);
}
HOLDFAST_FIELDS(FieldViolation) {
  v.string(1, m.field);
  v.string(2, m.description);
}
HOLDFAST_FIELDS(BadRequest) { v.messages(1, m.field_violations); }
HOLDFAST_FIELDS(HelpLink) {
  v.string(1, m.description);
  v.string(2, m.url);
}
HOLDFAST_FIELDS(Help) { v.messages(1, m.links); }

HOLDFAST_FIELDS(ListStringValue) { v.strings(1, m.values); }
HOLDFAST_FIELDS(Actor) {
  v.string(1, m.actor_type);
  v.string(2, m.actor_id);
}
HOLDFAST_FIELDS(InternalInvokeRequest) {
  v.number(1, m.ver);
  v.map(2, m.metadata);
  v.message(3, m.message);
  v.message(4, m.actor);
}
HOLDFAST_FIELDS(InternalInvokeResponse) {
  v.message(1, m.status);
  v.map(2, m.headers);
  v.map(3, m.trailers);
  v.message(4, m.message);
}
HOLDFAST_FIELDS(InternalInvokeRequestStream) {
  v.message(1, m.request);
  v.message(2, m.payload);
}
HOLDFAST_FIELDS(InternalInvokeResponseStream) {
  v.message(1, m.response);
  v.message(2, m.payload);
}

#undef HOLDFAST_FIELDS

}  // namespace holdfast::codec::dapr
