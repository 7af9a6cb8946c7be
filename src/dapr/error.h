// DaprError: what an application is told when something goes wrong, in Dapr's words: the JSON of HTTP answers, and status and details of gRPC
// ones, are made of the same value. Applications and SDKs compare codes and texts, so both are daprd 1.14's to the letter, and each of
// its errors is made here and nowhere else.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dapr/state_store.h"
#include "grpc/status.h"

namespace holdfast::dapr {

struct DaprError {
  int http_status = 500;
  grpc::Code grpc_code = grpc::Code::Internal;
  std::string code;          // "ERR_STATE_SAVE": errorCode in JSON.
  std::string message;       // As daprd says it.
  std::string grpc_message;  // Where it says something else in gRPC; empty: the same.
  // Rich details (google.rpc), which newer errors of daprd have: none where `reason` is empty.
  std::string reason;                                          // ErrorInfo, whose domain is "dapr.io".
  std::optional<std::map<std::string, std::string>> metadata;  // ErrorInfo.
  bool has_metadata_in_grpc = true;
  std::string resource_type, resource_name;                     // ResourceInfo, if either is there.
  std::string resource_description;
  std::vector<std::pair<std::string, std::string>> violations;  // BadRequest: field, description; no description is the message.
  std::vector<std::pair<std::string, std::string>> links;       // Help: url, description.
};

[[nodiscard]] std::string to_json(const DaprError& error);
[[nodiscard]] const std::string& grpc_message(const DaprError& error);
// A google.rpc.Status for grpc-status-details-bin; empty: there are no details, and no such trailer.
[[nodiscard]] std::string to_status_details(const DaprError& error);

[[nodiscard]] int http_status_of(grpc::Code code);
[[nodiscard]] grpc::Code grpc_code_of(int http_status);
// What gRPC's errors are in Go's messages: "rpc error: code = Internal desc = app is not in a healthy state".
[[nodiscard]] std::string rpc_error_text(grpc::Code code, std::string_view message);
// As daprd's stores say it: "possible etag mismatch. error from state store: …".
[[nodiscard]] std::string text_of(const StoreError& error);

inline constexpr std::string_view kAppUnhealthy = "app is not in a healthy state";
inline constexpr std::string_view kNoAppChannel = "app channel is not initialized";

namespace errors {

// --- Everywhere. `why` comes behind daprd's own words.
[[nodiscard]] DaprError bad_request(std::string_view why);
[[nodiscard]] DaprError malformed_request(std::string_view why);  // "failed deserializing HTTP body: …"
[[nodiscard]] DaprError malformed_body(std::string_view why);     // Of a save, which has no words before it.
[[nodiscard]] DaprError body_read(std::string_view why);
[[nodiscard]] DaprError api_unimplemented();
[[nodiscard]] DaprError unknown(std::string_view why);  // Of which nobody knows more.
// What is refused before there is a request: too large, too many, no HTTP.
[[nodiscard]] DaprError refused_by_server(int http_status, std::string_view why);
// A call in gRPC whose bytes are not its message.
[[nodiscard]] DaprError malformed_message(std::string_view why);
// An answer that is not 2xx, as gRPC tells it: of an app that speaks HTTP, and, with 401, to a call without the API token. Its name is Go's;
// `phrase` is for statuses that have none there.
[[nodiscard]] DaprError answered_with_status(int http_status, std::string_view phrase, std::string_view body);

// --- State. app_id is told in HTTP alone.
[[nodiscard]] DaprError state_store_not_found(std::string_view store, std::string_view app_id);
[[nodiscard]] DaprError state_store_not_configured(std::string_view store, std::string_view app_id);  // There is no store at all.
[[nodiscard]] DaprError state_illegal_key(std::string_view store, std::string_view key);              // "||" is in it.
[[nodiscard]] DaprError state_key_empty();                                                            // gRPC's; HTTP has malformed_body().
[[nodiscard]] DaprError state_get(std::string_view key, std::string_view store, std::string_view why);
[[nodiscard]] DaprError state_bulk_get(std::string_view why);
[[nodiscard]] DaprError state_save(std::string_view store, const StoreError& why);
[[nodiscard]] DaprError state_delete(std::string_view key, const StoreError& why);
[[nodiscard]] DaprError state_delete_bulk(std::string_view store, const StoreError& why);
[[nodiscard]] DaprError state_operation_not_supported(std::string_view operation);
[[nodiscard]] DaprError state_transactions_not_supported(std::string_view store);
[[nodiscard]] DaprError state_too_many_operations(std::string_view store, std::size_t count, std::size_t max);
// A condition that does not hold has no status of its own here.
[[nodiscard]] DaprError state_transaction(const StoreError& why);
[[nodiscard]] DaprError state_outbox(std::string_view app_id, std::string_view why);
[[nodiscard]] DaprError state_query_not_supported(std::string_view store);
[[nodiscard]] DaprError state_query(std::string_view store, std::string_view why);
[[nodiscard]] DaprError state_query_malformed(std::string_view store, std::string_view why);

// --- Invocation
[[nodiscard]] DaprError direct_invoke(std::string_view app_id, std::string_view why);
[[nodiscard]] DaprError direct_invoke_denied(std::string_view app_id, std::string_view why);  // By an access control list.
[[nodiscard]] DaprError direct_invoke_no_app_id();                                            // Also of paths that are none.
[[nodiscard]] DaprError direct_invoke_not_ready();
[[nodiscard]] DaprError invoke_without_message(std::string_view app_id = {});  // gRPC's.

// --- Secrets and health
[[nodiscard]] DaprError secret_stores_not_configured();
[[nodiscard]] DaprError secret_store_not_found(std::string_view store);
[[nodiscard]] DaprError secret_denied(std::string_view key, std::string_view store);
[[nodiscard]] DaprError secret_get(std::string_view key, std::string_view store, std::string_view why);
[[nodiscard]] DaprError secret_bulk_get(std::string_view store, std::string_view why);
[[nodiscard]] DaprError health_not_ready();
[[nodiscard]] DaprError outbound_health_not_ready();
[[nodiscard]] DaprError health_app_id_not_match();

// --- Building blocks that have no component
[[nodiscard]] DaprError pubsub_not_found(std::string_view pubsub, std::map<std::string, std::string> metadata);
[[nodiscard]] DaprError output_binding_not_found(std::string_view binding);
[[nodiscard]] DaprError configuration_stores_not_configured();
[[nodiscard]] DaprError lock_stores_not_configured();
[[nodiscard]] DaprError crypto_providers_not_configured();
[[nodiscard]] DaprError actor_runtime_not_found();

}  // namespace errors
}  // namespace holdfast::dapr
