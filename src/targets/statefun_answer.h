// What an HTTP answer of a StateFun endpoint means: the table in statefun_http.h, without a network.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"
#include "model/endpoint.h"
#include "model/invocation.h"
#include "net/http_client.h"
#include "net/http_message.h"

namespace holdfast::targets {

// Longest that a Retry-After is obeyed.
inline constexpr Duration kRetryAfterMax{300'000};

inline constexpr std::string_view kStatefunContentType = "application/octet-stream";

// `url` is named in messages.
[[nodiscard]] model::InvocationOutcome judge_answer(std::string_view url, model::FunctionProtocol protocol,
                                                    const net::HttpResponse& response);
// How long the answer wants to be waited for: seconds or a date (RFC 9110, 10.2.3), which is compared with the answer's own. Nothing, or
// nothing that can be read: no time at all.
[[nodiscard]] Duration retry_after(const net::HttpResponse& response);
// The body alone, of an answer that is good so far.
[[nodiscard]] model::InvocationOutcome judge_effects(std::string_view url, model::FunctionProtocol protocol, std::string_view body);
[[nodiscard]] model::InvocationOutcome judge_error(std::string_view url, std::size_t payload_bytes_max,
                                                   const net::ClientError& error);

}  // namespace holdfast::targets
