// Calls to an application that speaks gRPC: a call as HTTP becomes dapr.proto.runtime.v1.AppCallback.OnInvoke, and its answer HTTP again.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "grpc/client.h"
#include "net/http_client.h"

namespace holdfast::dapr {

// Its headers are metadata, as daprd makes them of a caller's: those that HTTP gives a meaning to begin with "dapr-".
[[nodiscard]] net::HttpCall on_invoke(const net::HttpCall& call);

// Its trailers have the gRPC status, whatever that is: by that an answer in gRPC is known. To callers over HTTP the rest says the same.
[[nodiscard]] net::HttpResponse on_invoke_answer(tl::expected<grpc::Answer, grpc::Refusal> answer);

// The status of gRPC, put into an answer as above.
void set_grpc_status(net::HttpResponse& answer, const grpc::Status& status);

// AppCallbackHealthCheck.HealthCheck. Whatever is answered, somebody is there.
[[nodiscard]] net::HttpCall health_check();

}  // namespace holdfast::dapr
