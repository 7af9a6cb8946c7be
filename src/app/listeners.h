// Listeners: from what the configuration says of a listening socket to what net/ and api/ need: where, with which TLS, and who may
// come in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/guard.h"
#include "app/rotation.h"
#include "base/result.h"
#include "config/load.h"
#include "model/settings.h"
#include "net/http_server.h"

namespace holdfast::app {

// "HOST:PORT", "[::1]:PORT" or ":PORT" (loopback). `option` is named in the error.
[[nodiscard]] Result<void> set_host_port(model::Listener& listener, const std::string& text, const std::string& option);

// A listener off loopback that lets everybody in is refused, unless that was said out loud.
enum class OpenToAll { Refused, Allowed };
[[nodiscard]] Result<void> check_exposure(const model::Listener& listener, const std::string& name, OpenToAll open_to_all);

// The token that is in a file or else in an environment variable, without surrounding white space; empty, if neither is named. Invalid: it is
// empty there, or no header could carry it. `name` is named in the error.
[[nodiscard]] Result<std::string> read_token(const std::string& file_name, const std::string& variable, const std::string& name,
                                             const config::Environment& environment);

struct PreparedListener {
  net::ListenSpec listen;
  api::GuardOptions guard;
  bool tls = false;
};
// Reads the token and the certificates; `rotation` keeps looking at their files.
[[nodiscard]] Result<PreparedListener> prepare(const model::Listener& listener, const std::string& name,
                                               const config::Environment& environment, Rotation& rotation);
// What is allowed, and yet not safe: a token that others can read on its way, or guess.
[[nodiscard]] std::vector<std::string> listener_warnings(const model::Listener& listener, const std::string& name,
                                                         const config::Environment& environment);

// `connections`: of the listeners that share it.
[[nodiscard]] net::HttpLimits http_limits(const model::Limits& limits, std::size_t connections);

}  // namespace holdfast::app
