// Texts, codes and statuses of daprd 1.14: pkg/messages, pkg/api/errors, and what pkg/api/http and pkg/api/grpc say of their own.
#include "codec/go_json.h"
#include "dapr/error.h"

namespace holdfast::dapr::errors {

namespace {

using grpc::Code;

// One text of several pieces.
template <typename... Pieces>
std::string say(const Pieces&... pieces) {
  std::string out;
  (out.append(pieces), ...);
  return out;
}

DaprError plain(int http_status, Code grpc_code, std::string_view code, std::string message) {
  DaprError error;
  error.http_status = http_status;
  error.grpc_code = grpc_code;
  error.code = code;
  error.message = std::move(message);
  return error;
}

// With ErrorInfo, and of most also the store.
DaprError about_store(DaprError error, std::string_view reason, std::string_view store) {
  error.reason = reason;
  error.resource_type = "state";
  error.resource_name = store;
  return error;
}

DaprError no_store(DaprError error, std::string_view reason, std::string_view app_id) {
  error.reason = reason;
  error.has_metadata_in_grpc = false;
  if (!app_id.empty()) error.metadata = {{"appID", std::string(app_id)}};
  return error;
}

DaprError change_failed(std::string_view code, std::string message, StoreError::Kind kind) {
  switch (kind) {
    case StoreError::Kind::EtagMismatch: return plain(409, Code::Aborted, code, std::move(message));
    case StoreError::Kind::EtagInvalid: return plain(400, Code::InvalidArgument, code, std::move(message));
    case StoreError::Kind::Failed: break;
  }
  return plain(500, Code::Internal, code, std::move(message));
}

}  // namespace

DaprError bad_request(std::string_view why) { return plain(400, Code::InvalidArgument, "ERR_BAD_REQUEST", say("invalid request: ", why)); }
DaprError malformed_request(std::string_view why) {
  return plain(400, Code::InvalidArgument, "ERR_MALFORMED_REQUEST", say("failed deserializing HTTP body: ", why));
}
DaprError malformed_body(std::string_view why) { return plain(400, Code::InvalidArgument, "ERR_MALFORMED_REQUEST", say(why)); }
DaprError body_read(std::string_view why) {
  return plain(400, Code::InvalidArgument, "ERR_BODY_READ", say("failed to read request body: ", why));
}
DaprError api_unimplemented() {
  return plain(501, Code::Unimplemented, "ERR_API_UNIMPLEMENTED", "this API is currently not implemented");
}
DaprError unknown(std::string_view why) { return plain(500, Code::Unknown, "ERROR", say(why)); }
DaprError refused_by_server(int http_status, std::string_view why) {
  const auto code = http_status == 413 ? "ERR_BODY_READ" : http_status < 500 ? "ERR_BAD_REQUEST" : "ERROR";
  return plain(http_status, grpc_code_of(http_status), code, say(why));
}
DaprError malformed_message(std::string_view why) {
  return plain(400, Code::Internal, "ERR_MALFORMED_REQUEST", say("grpc: error unmarshalling request: ", why));
}

DaprError state_store_not_found(std::string_view store, std::string_view app_id) {
  return no_store(plain(400, Code::InvalidArgument, "ERR_STATE_STORE_NOT_FOUND", say("state store ", store, " is not found")),
                  "DAPR_STATE_NOT_FOUND", app_id);
}
DaprError state_store_not_configured(std::string_view store, std::string_view app_id) {
  return no_store(
      plain(500, Code::FailedPrecondition, "ERR_STATE_STORE_NOT_CONFIGURED", say("state store ", store, " is not configured")),
      "DAPR_STATE_NOT_CONFIGURED", app_id);
}
DaprError state_illegal_key(std::string_view store, std::string_view key) {
  const std::string text = say("input key/keyPrefix '", key, "' can't contain '||'");
  // In HTTP, daprd makes an error of the text of the error that gRPC gets.
  auto error = about_store(
      plain(400, Code::InvalidArgument, "ERR_MALFORMED_REQUEST", say("api error: code = InvalidArgument desc = ", text)),
      "DAPR_STATE_ILLEGAL_KEY", store);
  error.grpc_message = text;
  error.violations = {{std::string(key), ""}};
  return error;
}
DaprError state_key_empty() { return plain(400, Code::InvalidArgument, "ERR_MALFORMED_REQUEST", "state key cannot be empty"); }
DaprError state_get(std::string_view key, std::string_view store, std::string_view why) {
  return plain(500, Code::Internal, "ERR_STATE_GET", say("fail to get ", key, " from state store ", store, ": ", why));
}
DaprError state_bulk_get(std::string_view why) { return plain(500, Code::Unknown, "ERR_STATE_BULK_GET", say(why)); }
DaprError state_save(std::string_view store, const StoreError& why) {
  return change_failed("ERR_STATE_SAVE", say("failed saving state in state store ", store, ": ", text_of(why)), why.kind);
}
DaprError state_delete(std::string_view key, const StoreError& why) {
  return change_failed("ERR_STATE_DELETE", say("failed deleting state with key ", key, ": ", text_of(why)), why.kind);
}
DaprError state_delete_bulk(std::string_view store, const StoreError& why) {
  return change_failed("ERR_STATE_DELETE", say("failed deleting state in state store ", store, ": ", text_of(why)), why.kind);
}
DaprError state_operation_not_supported(std::string_view operation) {
  return plain(400, Code::Unimplemented, "ERR_NOT_SUPPORTED_STATE_OPERATION", say("operation type ", operation, " not supported"));
}
DaprError state_transactions_not_supported(std::string_view store) {
  auto error = about_store(plain(500, Code::Unimplemented, "ERR_STATE_STORE_NOT_SUPPORTED",
                                 say("state store ", store, " doesn't support transactions")),
                           "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED", store);
  error.links = {{"https://docs.dapr.io/reference/components-reference/supported-state-stores/",
                  "Check the list of state stores and the features they support"}};
  return error;
}
DaprError state_too_many_operations(std::string_view store, std::size_t count, std::size_t max) {
  auto error = about_store(plain(400, Code::InvalidArgument, "ERR_STATE_STORE_TOO_MANY_TRANSACTIONS",
                                 say("the transaction contains ", std::to_string(count),
                                     " operations, which is more than what the state store supports: ", std::to_string(max))),
                           "DAPR_STATE_TOO_MANY_TRANSACTIONS", store);
  error.metadata = {{"currentOpsTransaction", std::to_string(count)}, {"maxOpsPerTransaction", std::to_string(max)}};
  return error;
}
DaprError state_transaction(const StoreError& why) {
  return plain(500, Code::Internal, "ERR_STATE_TRANSACTION", say("error while executing state transaction: ", text_of(why)));
}
DaprError state_outbox(std::string_view app_id, std::string_view why) {
  auto error = plain(500, Code::Internal, "ERR_PUBLISH_OUTBOX", say("error while publishing outbox message: ", why));
  error.reason = "DAPR_PUBSUB_OUTBOX";
  error.metadata = {{"appID", std::string(app_id)}, {"error", std::string(why)}};
  return error;
}
DaprError state_query_not_supported(std::string_view store) {
  return about_store(plain(500, Code::Internal, "ERR_STATE_STORE_NOT_SUPPORTED", "state store does not support querying"),
                     "DAPR_STATE_QUERYING_NOT_SUPPORTED", store);
}
DaprError state_query(std::string_view store, std::string_view why) {
  return about_store(plain(500, Code::Internal, "ERR_STATE_QUERY", say("state store ", store, " query failed: ", why)),
                     "DAPR_STATE_QUERY_FAILED", store);
}
DaprError state_query_malformed(std::string_view store, std::string_view why) {
  return state_query(store, say("failed to parse JSON query body: ", why));
}

DaprError direct_invoke(std::string_view app_id, std::string_view why) {
  return plain(500, Code::Internal, "ERR_DIRECT_INVOKE", say("failed to invoke, id: ", app_id, ", err: ", why));
}
DaprError direct_invoke_denied(std::string_view app_id, std::string_view why) {
  auto error = direct_invoke(app_id, why);
  error.http_status = 403;
  return error;
}
DaprError direct_invoke_no_app_id() {
  return plain(404, Code::NotFound, "ERR_DIRECT_INVOKE",
               "failed getting app id either from the URL path or the header dapr-app-id");
}
DaprError direct_invoke_not_ready() { return plain(500, Code::Internal, "ERR_DIRECT_INVOKE", "invoke API is not ready"); }
DaprError invoke_without_message(std::string_view app_id) {
  return direct_invoke(app_id, rpc_error_text(Code::InvalidArgument, "missing HTTP extension field"));
}

DaprError secret_stores_not_configured() {
  return plain(500, Code::FailedPrecondition, "ERR_SECRET_STORES_NOT_CONFIGURED", "secret store is not configured");
}
DaprError secret_store_not_found(std::string_view store) {
  return plain(401, Code::InvalidArgument, "ERR_SECRET_STORE_NOT_FOUND", say("failed finding secret store with key ", store));
}
DaprError secret_denied(std::string_view key, std::string_view store) {
  return plain(403, Code::PermissionDenied, "ERR_PERMISSION_DENIED",
               say("access denied by policy to get ", codec::go_quote(key), " from ", codec::go_quote(store)));
}
DaprError secret_get(std::string_view key, std::string_view store, std::string_view why) {
  return plain(500, Code::Internal, "ERR_SECRET_GET", say("failed getting secret with key ", key, " from secret store ", store, ": ", why));
}
DaprError secret_bulk_get(std::string_view store, std::string_view why) {
  return plain(500, Code::Internal, "ERR_SECRET_GET", say("failed getting secrets from secret store ", store, ": ", why));
}
DaprError health_not_ready() { return plain(500, Code::Internal, "ERR_HEALTH_NOT_READY", "dapr is not ready"); }
DaprError outbound_health_not_ready() {
  return plain(500, Code::Internal, "ERR_OUTBOUND_HEALTH_NOT_READY", "dapr outbound is not ready");
}
DaprError health_app_id_not_match() {
  return plain(500, Code::Internal, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match");
}

DaprError pubsub_not_found(std::string_view pubsub, std::map<std::string, std::string> metadata) {
  auto error = plain(404, Code::InvalidArgument, "ERR_PUBSUB_NOT_FOUND", say("pubsub ", pubsub, " is not found"));
  error.reason = "DAPR_PUBSUB_NOT_FOUND";
  error.metadata = std::move(metadata);
  error.has_metadata_in_grpc = false;
  return error;
}
DaprError output_binding_not_found(std::string_view binding) {
  return plain(500, Code::Internal, "ERR_INVOKE_OUTPUT_BINDING",
               say("error invoking output binding ", binding, ": couldn't find output binding ", binding));
}
DaprError configuration_stores_not_configured() {
  return plain(500, Code::FailedPrecondition, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED", "configuration stores not configured");
}
DaprError lock_stores_not_configured() {
  return plain(500, Code::FailedPrecondition, "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured");
}
DaprError crypto_providers_not_configured() {
  return plain(500, Code::Internal, "ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED", "crypto providers not configured");
}
DaprError actor_runtime_not_found() {
  return plain(500, Code::Internal, "ERR_ACTOR_RUNTIME_NOT_FOUND",
               "the state store is not configured to use the actor runtime. Have you set the - name: actorStateStore value: \"true\" in your "
               "state store component file?");
}

}  // namespace holdfast::dapr::errors
