// Listeners: from what the configuration says of a listening socket to what net/ and api/ need: where, with which TLS, and who may
// come in.
#pragma once

#include <cstdint>
#include <string>

#include "api/guard.h"
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

struct PreparedListener {
  net::ListenSpec listen;
  api::GuardOptions guard;
  bool tls = false;
};
// Reads the token and the certificates.
[[nodiscard]] Result<PreparedListener> prepare(const model::Listener& listener, const std::string& name,
                                               const config::Environment& environment);

[[nodiscard]] net::HttpLimits http_limits(const model::Limits& limits);

}  // namespace holdfast::app
