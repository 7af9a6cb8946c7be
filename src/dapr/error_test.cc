// Bodies as daprd 1.14 writes them, and what its integration tests (suite/daprd/state/{http,grpc}/errors) ask of them.
#include "dapr/error.h"

#include <gtest/gtest.h>

#include <string>

#include "codec/dapr_messages.h"

namespace holdfast::dapr {
namespace {

using grpc::Code;

void expect_http(const DaprError& error, int status, const std::string& body) {
  EXPECT_EQ(error.http_status, status) << body;
  EXPECT_EQ(to_json(error), body);
}

TEST(DaprError, StoresThatAreNotThereHaveOnlyErrorInfo) {
  expect_http(errors::state_store_not_found("nope", "myapp"), 400,
              R"({"errorCode":"ERR_STATE_STORE_NOT_FOUND","message":"state store nope is not found","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"appID":"myapp"},)"
              R"("reason":"DAPR_STATE_NOT_FOUND"}]})");
  expect_http(errors::state_store_not_configured("nope", ""), 500,
              R"({"errorCode":"ERR_STATE_STORE_NOT_CONFIGURED","message":"state store nope is not configured","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,)"
              R"("reason":"DAPR_STATE_NOT_CONFIGURED"}]})");
}

TEST(DaprError, AnIllegalKeySaysWhichInTheWordsOfEachApi) {
  const auto error = errors::state_illegal_key("mystore", "ke||y1");
  expect_http(error, 400,
              R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"api error: code = InvalidArgument desc = )"
              R"(input key/keyPrefix 'ke||y1' can't contain '||'","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.BadRequest","field_violations":[{"field":"ke||y1",)"
              R"("description":"api error: code = InvalidArgument desc = input key/keyPrefix 'ke||y1' can't contain '||'"}]},)"
              R"({"@type":"type.googleapis.com/google.rpc.ResourceInfo","description":"","owner":"","resource_name":"mystore",)"
              R"("resource_type":"state"},)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,"reason":"DAPR_STATE_ILLEGAL_KEY"}]})");
  EXPECT_EQ(error.grpc_code, Code::InvalidArgument);
  EXPECT_EQ(grpc_message(error), "input key/keyPrefix 'ke||y1' can't contain '||'");
}

TEST(DaprError, TransactionsThatCanNotBeSayWhereToLookAndHowManyThereMayBe) {
  expect_http(errors::state_transactions_not_supported("s"), 500,
              R"({"errorCode":"ERR_STATE_STORE_NOT_SUPPORTED","message":"state store s doesn't support transactions","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Check the list of state stores and the features they )"
              R"(support","url":"https://docs.dapr.io/reference/components-reference/supported-state-stores/"}]},)"
              R"({"@type":"type.googleapis.com/google.rpc.ResourceInfo","description":"","owner":"","resource_name":"s","resource_type":"state"},)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":null,)"
              R"("reason":"DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED"}]})");
  expect_http(errors::state_too_many_operations("s", 2, 1), 400,
              R"({"errorCode":"ERR_STATE_STORE_TOO_MANY_TRANSACTIONS","message":"the transaction contains 2 operations, which is more than )"
              R"(what the state store supports: 1","details":[)"
              R"({"@type":"type.googleapis.com/google.rpc.ResourceInfo","description":"","owner":"","resource_name":"s","resource_type":"state"},)"
              R"({"@type":"type.googleapis.com/google.rpc.ErrorInfo","domain":"dapr.io","metadata":{"currentOpsTransaction":"2",)"
              R"("maxOpsPerTransaction":"1"},"reason":"DAPR_STATE_TOO_MANY_TRANSACTIONS"}]})");
}

TEST(DaprError, OlderOnesHaveNoDetails) {
  struct Case {
    DaprError error;
    int status;
    Code code;
    const char* body;
  };
  const StoreError mismatch{StoreError::Kind::EtagMismatch, "state etag not match for key=app||k: current=2, expect=1"};
  const StoreError invalid{StoreError::Kind::EtagInvalid, "strconv.ParseInt: parsing \"x\": invalid syntax"};
  const StoreError failed{StoreError::Kind::Failed, "disk <full> & more"};
  const Case kCases[] = {
      // clang-format off
      {errors::malformed_body(R"("key" is a required field)"), 400, Code::InvalidArgument, R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"\"key\" is a required field"})"},
      {errors::malformed_request("unexpected end of JSON input"), 400, Code::InvalidArgument, R"({"errorCode":"ERR_MALFORMED_REQUEST","message":"failed deserializing HTTP body: unexpected end of JSON input"})"},
      {errors::state_save("s", mismatch), 409, Code::Aborted, R"({"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store s: possible etag mismatch. error from state store: state etag not match for key=app||k: current=2, expect=1"})"},
      {errors::state_save("s", invalid), 400, Code::InvalidArgument, R"({"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store s: invalid etag value: strconv.ParseInt: parsing \"x\": invalid syntax"})"},
      {errors::state_save("s", failed), 500, Code::Internal, R"({"errorCode":"ERR_STATE_SAVE","message":"failed saving state in state store s: disk \u003cfull\u003e \u0026 more"})"},
      {errors::state_delete("k", {StoreError::Kind::EtagMismatch, ""}), 409, Code::Aborted, R"({"errorCode":"ERR_STATE_DELETE","message":"failed deleting state with key k: possible etag mismatch. error from state store"})"},
      {errors::state_get("k", "s", "down"), 500, Code::Internal, R"({"errorCode":"ERR_STATE_GET","message":"fail to get k from state store s: down"})"},
      {errors::state_operation_not_supported("what"), 400, Code::Unimplemented, R"({"errorCode":"ERR_NOT_SUPPORTED_STATE_OPERATION","message":"operation type what not supported"})"},
      {errors::state_transaction(mismatch), 500, Code::Internal, R"({"errorCode":"ERR_STATE_TRANSACTION","message":"error while executing state transaction: possible etag mismatch. error from state store: state etag not match for key=app||k: current=2, expect=1"})"},
      {errors::direct_invoke("a", "couldn't find service: a"), 500, Code::Internal, R"({"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: a, err: couldn't find service: a"})"},
      {errors::direct_invoke_denied("a", rpc_error_text(Code::PermissionDenied, "no")), 403, Code::Internal, R"({"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: a, err: rpc error: code = PermissionDenied desc = no"})"},
      {errors::direct_invoke_no_app_id(), 404, Code::NotFound, R"({"errorCode":"ERR_DIRECT_INVOKE","message":"failed getting app id either from the URL path or the header dapr-app-id"})"},
      {errors::secret_store_not_found("v"), 401, Code::InvalidArgument, R"({"errorCode":"ERR_SECRET_STORE_NOT_FOUND","message":"failed finding secret store with key v"})"},
      {errors::secret_denied("k\"", "v"), 403, Code::PermissionDenied, R"({"errorCode":"ERR_PERMISSION_DENIED","message":"access denied by policy to get \"k\\\"\" from \"v\""})"},
      {errors::health_not_ready(), 500, Code::Internal, R"({"errorCode":"ERR_HEALTH_NOT_READY","message":"dapr is not ready"})"},
      {errors::api_unimplemented(), 501, Code::Unimplemented, R"({"errorCode":"ERR_API_UNIMPLEMENTED","message":"this API is currently not implemented"})"},
      // clang-format on
  };
  for (const auto& [error, status, code, body] : kCases) {
    expect_http(error, status, body);
    EXPECT_EQ(error.grpc_code, code) << body;
    EXPECT_EQ(grpc_message(error), error.message) << body;
    EXPECT_EQ(to_status_details(error), "") << body;
  }
}

// "BadRequest{...} ..." of the details, as a client reads them.
std::string shown(const DaprError& error) {
  using namespace codec::dapr;
  const std::string bytes = to_status_details(error);
  const auto status = read<Status>(bytes);
  EXPECT_TRUE(status.has_value());
  std::string out = std::to_string(status->code) + " " + status->message;
  for (const auto& detail : status->details) {
    const std::string type = detail.type_url.substr(detail.type_url.rfind('.') + 1);
    EXPECT_EQ(detail.type_url, "type.googleapis.com/google.rpc." + type);
    out += "|" + type;
    if (type == "ErrorInfo") {
      const auto info = read<ErrorInfo>(detail.value);
      out += " " + info->domain + " " + info->reason;
      for (const auto& [name, value] : info->metadata) out += " " + name + "=" + value;
    } else if (type == "ResourceInfo") {
      const auto info = read<ResourceInfo>(detail.value);
      out += " " + info->resource_type + " " + info->resource_name + info->owner + info->description;
    } else if (type == "BadRequest") {
      const auto request = read<BadRequest>(detail.value);
      for (const auto& v : request->field_violations) out += " " + v.field + ": " + v.description;
    } else if (type == "Help") {
      const auto help = read<Help>(detail.value);
      for (const auto& link : help->links) out += " " + link.url + " " + link.description;
    }
  }
  return out;
}

TEST(DaprError, DetailsOfGrpcAreThoseOfGoogleRpc) {
  EXPECT_EQ(shown(errors::state_store_not_found("s", "myapp")), "3 state store s is not found|ErrorInfo dapr.io DAPR_STATE_NOT_FOUND");
  EXPECT_EQ(shown(errors::state_store_not_configured("s", "myapp")),
            "9 state store s is not configured|ErrorInfo dapr.io DAPR_STATE_NOT_CONFIGURED");
  EXPECT_EQ(shown(errors::state_illegal_key("mystore", "a||b")),
            "3 input key/keyPrefix 'a||b' can't contain '||'|BadRequest a||b: input key/keyPrefix 'a||b' can't contain '||'"
            "|ResourceInfo state mystore|ErrorInfo dapr.io DAPR_STATE_ILLEGAL_KEY");
  EXPECT_EQ(shown(errors::state_query_not_supported("s")),
            "13 state store does not support querying|ResourceInfo state s|ErrorInfo dapr.io DAPR_STATE_QUERYING_NOT_SUPPORTED");
  EXPECT_EQ(shown(errors::state_query("s", "why")),
            "13 state store s query failed: why|ResourceInfo state s|ErrorInfo dapr.io DAPR_STATE_QUERY_FAILED");
  EXPECT_EQ(shown(errors::state_transactions_not_supported("s")),
            "12 state store s doesn't support transactions|Help https://docs.dapr.io/reference/components-reference/supported-state-stores/ "
            "Check the list of state stores and the features they support|ResourceInfo state s|ErrorInfo dapr.io "
            "DAPR_STATE_TRANSACTIONS_NOT_SUPPORTED");
  EXPECT_EQ(shown(errors::state_too_many_operations("s", 2, 1)),
            "3 the transaction contains 2 operations, which is more than what the state store supports: 1|ResourceInfo state s|ErrorInfo "
            "dapr.io DAPR_STATE_TOO_MANY_TRANSACTIONS currentOpsTransaction=2 maxOpsPerTransaction=1");
}

TEST(DaprError, AnAppsHttpStatusIsOneOfGrpcWithTheBeginningOfItsBody) {
  const auto error = errors::answered_with_status(404, "Content", std::string(100, 'x'));
  EXPECT_EQ(error.grpc_code, Code::NotFound);
  EXPECT_EQ(shown(error), "5 Not Found|ErrorInfo dapr.io Not Found http.code=404 http.error_message=" + std::string(63, 'x'));
  EXPECT_EQ(shown(errors::answered_with_status(401, "", "authentication error: api token mismatch")),
            "16 Unauthorized|ErrorInfo dapr.io Unauthorized http.code=401 http.error_message=authentication error: api token mismatch");
}

}  // namespace
}  // namespace holdfast::dapr
