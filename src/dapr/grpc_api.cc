#include "dapr/grpc_api.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "codec/dapr_messages.h"
#include "codec/go_json.h"
#include "dapr/error.h"
#include "grpc/wire.h"

namespace holdfast::dapr {
namespace {

namespace wire = codec::dapr;

// As grpc-go says of a message that it cannot read.
template <typename Message>
DaprResult<Message> read(std::string_view bytes) {
  auto message = wire::read<Message>(bytes);
  if (!message) return tl::unexpected(errors::malformed_message(message.error().message));
  return *std::move(message);
}

template <typename Message>
GrpcApi::Reply reply(const Message& message) {
  return {wire::write(message), {}};
}

States::Done<void> answers_empty(GrpcApi::Done done) {
  return [done = std::move(done)](DaprResult<void> outcome) {
    if (!outcome) return done(tl::unexpected(std::move(outcome.error())));
    done(GrpcApi::Reply{});
  };
}

// Metadata as HTTP headers: not what is HTTP/2's or gRPC's own, nor bytes.
void add_as_headers(const net::HeaderList& metadata, net::HeaderList& headers) {
  for (const auto& [name, value] : metadata) {
    if (name.ends_with("-bin") || name == "content-type" || name == "dapr-api-token" || name == "grpc-timeout" || name == "te") continue;
    headers.add(name == "host" ? "dapr-authority" : name, value);
  }
}

// What an application answered over HTTP, as gRPC has it.
GrpcApi::Reply reply_of(const net::HttpResponse& response) {
  GrpcApi::Reply out;
  const auto of_grpc = grpc::find_status(response.trailers);
  if (of_grpc && of_grpc->code != grpc::Code::Ok) {
    out.error = DaprError{.http_status = response.status, .grpc_code = of_grpc->code, .code = "ERROR", .message = of_grpc->message};
  } else if (response.status < 200 || response.status > 299) {
    out.error = errors::answered_with_status(response.status, std::string(net::reason_phrase(response.status)), response.body);
  } else {
    wire::InvokeResponse answer;
    if (!response.body.empty()) answer.data = wire::Any{.type_url = {}, .value = response.body};
    answer.content_type = response.headers.get("content-type");
    out = reply(answer);
  }
  for (const auto& [name, value] : response.headers)
    if (!net::equals_ignoring_case(name, "content-type")) out.headers.add(name, value);
  if (!of_grpc) out.headers.add("dapr-http-status", std::to_string(response.status));
  return out;
}

}  // namespace

const GrpcApi::Method GrpcApi::kMethods[] = {
    {"GetState", &GrpcApi::get_state},
    {"GetBulkState", &GrpcApi::get_bulk_state},
    {"SaveState", &GrpcApi::save_state},
    {"DeleteState", &GrpcApi::delete_state},
    {"DeleteBulkState", &GrpcApi::delete_bulk_state},
    {"ExecuteStateTransaction", &GrpcApi::execute_state_transaction},
    {"QueryStateAlpha1", &GrpcApi::query_state},
    {"InvokeService", &GrpcApi::invoke_service},
    {"GetSecret", &GrpcApi::get_secret},
    {"GetBulkSecret", &GrpcApi::get_bulk_secret},
    {"GetMetadata", &GrpcApi::get_metadata},
    {"SetMetadata", &GrpcApi::set_metadata},
    {"Shutdown", &GrpcApi::shut_down},
};

std::vector<std::string_view> GrpcApi::methods() {
  std::vector<std::string_view> names;
  for (const auto& method : kMethods) names.push_back(method.name);
  return names;
}

void GrpcApi::call(std::string_view method, std::string_view message, const net::HeaderList& metadata, Done done) {
  const auto* found = std::ranges::find(kMethods, method, &Method::name);
  HOLDFAST_CHECK(found != std::end(kMethods));
  (this->*found->handler)({message, metadata, std::move(done)});
}

// --- State -----------------------------------------------------------------------------------------------------------

void GrpcApi::get_state(Call call) {
  auto request = read<wire::GetStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  app_.states->get(**component, request->key, [done = std::move(call.done)](DaprResult<std::optional<StateValue>> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    if (!*found) return done(Reply{});
    const StateValue& state = **found;
    done(reply(wire::GetStateResponse{.data = state.value, .etag = state.etag, .metadata = state.metadata}));
  });
}

void GrpcApi::get_bulk_state(Call call) {
  auto request = read<wire::GetBulkStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  app_.states->get_bulk(**component, std::move(request->keys), [done = std::move(call.done)](DaprResult<std::vector<BulkState>> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    done(reply(wire::GetBulkStateResponse{bulk_items(*found)}));
  });
}

void GrpcApi::save_state(Call call) {
  auto request = read<wire::SaveStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  std::vector<StateRequest> requests;
  requests.reserve(request->states.size());
  for (auto& item : request->states) {
    if (item.key.empty()) return call.done(tl::unexpected(errors::state_key_empty()));
    // What says that it is JSON is it; daprd keeps another text of the same value, we this one.
    if (const auto type = item.metadata.find("contentType"); type != item.metadata.end() && type->second == "application/json")
      if (auto json = codec::check_go_json(item.value); !json) return call.done(tl::unexpected(errors::unknown(json.error().message)));
    requests.push_back(request_of(StateChange::Kind::Set, std::move(item)));
  }
  app_.states->save(**component, std::move(requests), answers_empty(std::move(call.done)));
}

void GrpcApi::delete_state(Call call) {
  auto request = read<wire::DeleteStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  StateRequest one{.kind = StateChange::Kind::Delete, .key = std::move(request->key), .etag = std::move(request->etag), .metadata = std::move(request->metadata)};
  one.concurrency = std::move(request->options.concurrency);
  one.consistency = std::move(request->options.consistency);
  app_.states->remove(**component, std::move(one), answers_empty(std::move(call.done)));
}

void GrpcApi::delete_bulk_state(Call call) {
  auto request = read<wire::DeleteBulkStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  std::vector<StateRequest> requests;
  requests.reserve(request->states.size());
  for (auto& item : request->states) requests.push_back(request_of(StateChange::Kind::Delete, std::move(item)));
  app_.states->remove_bulk(**component, std::move(requests), answers_empty(std::move(call.done)));
}

void GrpcApi::execute_state_transaction(Call call) {
  auto request = read<wire::ExecuteStateTransactionRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find_transactional(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  const std::string store = request->store_name;
  auto requests = operations_of(store, *std::move(request));
  if (!requests) return call.done(tl::unexpected(std::move(requests.error())));
  app_.states->transact(**component, *std::move(requests), answers_empty(std::move(call.done)));
}

void GrpcApi::query_state(Call call) {
  auto request = read<wire::QueryStateRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const auto component = app_.states->find_queryable(request->store_name);
  if (!component) return call.done(tl::unexpected(component.error()));
  app_.states->query(**component, request->query, [done = std::move(call.done)](DaprResult<StateMatches> found) {
    if (!found) return done(tl::unexpected(std::move(found.error())));
    done(reply(query_response(*found)));
  });
}

// --- Invocation ------------------------------------------------------------------------------------------------------

void GrpcApi::invoke_service(Call call) {
  auto request = read<wire::InvokeServiceRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  const wire::InvokeRequest message = request->message.value_or(wire::InvokeRequest());
  net::HttpRequest http;
  // Words that are none are for whoever is called to refuse: none at all is empty.
  if (message.http_extension) http.method = message.http_extension->verb.empty() ? "NONE" : message.http_extension->verb;
  const std::size_t mark = message.method.find('?');
  std::string query = mark == std::string::npos ? std::string() : message.method.substr(mark + 1);
  if (message.http_extension && !message.http_extension->querystring.empty()) query += (query.empty() ? "" : "&") + message.http_extension->querystring;
  const std::string method = message.method.substr(0, mark);
  http.target = query.empty() ? method : method + "?" + query;
  add_as_headers(call.metadata, http.headers);
  if (!message.content_type.empty()) http.headers.set("content-type", message.content_type);
  if (message.data) http.body = message.data->value;
  app_.invocation->call({request->id, method}, http, [done = std::move(call.done)](DaprResult<net::HttpResponse> response) {
    if (!response) return done(tl::unexpected(std::move(response.error())));
    done(reply_of(*response));
  });
}

// --- Secrets, metadata -----------------------------------------------------------------------------------------------

void GrpcApi::get_secret(Call call) {
  auto request = read<wire::GetSecretRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  auto secret = app_.secrets->get(request->store_name, request->key);
  if (!secret) return call.done(tl::unexpected(std::move(secret.error())));
  call.done(reply(wire::GetSecretResponse{*std::move(secret)}));
}

void GrpcApi::get_bulk_secret(Call call) {
  auto request = read<wire::GetBulkSecretRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  auto secrets = app_.secrets->get_all(request->store_name);
  if (!secrets) return call.done(tl::unexpected(std::move(secrets.error())));
  call.done(reply(bulk_secrets(*std::move(secrets))));
}

void GrpcApi::get_metadata(Call call) { call.done(reply(metadata_of(app_))); }

void GrpcApi::set_metadata(Call call) {
  auto request = read<wire::SetMetadataRequest>(call.message);
  if (!request) return call.done(tl::unexpected(std::move(request.error())));
  if (!request->key.empty())
    if (auto ok = app_.extended.set(request->key, std::move(request->value)); !ok) return call.done(tl::unexpected(errors::malformed_request(ok.error().message)));
  call.done(Reply{});
}

void GrpcApi::shut_down(Call call) {
  if (!app_.shut_down) return call.done(tl::unexpected(errors::bad_request(kNotAlone)));
  call.done(Reply{});
  app_.shut_down();
}

}  // namespace holdfast::dapr
