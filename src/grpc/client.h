// The client's side of unary gRPC: a call as HTTP/2 carries it (net::HttpClient with ClientOptions::protocol), and what came of it. Pure: who
// holds the connections, retries and waits is the caller's affair.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"
#include "grpc/status.h"
#include "net/http_client.h"

namespace holdfast::grpc {

// `path`: "/package.Service/Method". Reserved names of `metadata` are left out. `timeout` is told to the server, which ends the call then.
[[nodiscard]] net::HttpCall call_of(std::string path, std::string message, const net::HeaderList& metadata, std::optional<Duration> timeout = {});

struct Answer {
  std::string message;
  net::HeaderList headers;   // Metadata before the message,
  net::HeaderList trailers;  // and behind it; no reserved names.
};
struct Refusal {
  Status status;  // Never Ok.
  net::HeaderList headers;
  net::HeaderList trailers;
};
// A call that has not come through is Unavailable, DeadlineExceeded, ResourceExhausted or Internal; an answer that is not gRPC's has the
// status that its own stands for (gRPC's http-grpc-status-mapping.md).
[[nodiscard]] tl::expected<Answer, Refusal> read_answer(net::CallResult result, std::size_t message_bytes_max);

}  // namespace holdfast::grpc
