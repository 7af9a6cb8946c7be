// What an HTTP answer of a StateFun endpoint means: the table in statefun_http.h, without a network.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "model/endpoint.h"
#include "model/invocation.h"
#include "net/http_client.h"
#include "net/http_message.h"

namespace holdfast::targets {

inline constexpr std::string_view kStatefunContentType = "application/octet-stream";

// `url` is named in messages.
[[nodiscard]] model::InvocationOutcome judge_answer(std::string_view url, model::FunctionProtocol protocol,
                                                    const net::HttpResponse& response);
// The body alone, of an answer that is good so far.
[[nodiscard]] model::InvocationOutcome judge_effects(std::string_view url, model::FunctionProtocol protocol, std::string_view body);
[[nodiscard]] model::InvocationOutcome judge_error(std::string_view url, std::size_t payload_bytes_max,
                                                   const net::ClientError& error);

}  // namespace holdfast::targets
