// Guard: who may ask. Three things keep strangers out of a listener: on loopback, that a stranger cannot connect; elsewhere a
// bearer token, or a client certificate (which net/ has checked by the time a request is here).
//
// A browser on this machine can connect to loopback on behalf of any web page. So on a listener that nothing else
// guards the Host must be a local name (a page that re-points its own name at 127.0.0.1 still sends its name), and
// on every listener a request that a page of another origin has caused is refused if it could change anything.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "net/http_message.h"

namespace holdfast::api {

// A bearer token, which can be replaced while requests are judged by it: copies are the same token. Any thread.
class Token {
 public:
  // Empty: none is asked for, for good.
  Token(std::string text = {});  // NOLINT(google-explicit-constructor): it is what its text is.
  Token(const char* text) : Token(std::string(text)) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] bool is_asked_for() const { return shared_ != nullptr; }
  [[nodiscard]] bool is(std::string_view given) const;
  // Only by another that is not empty, where one is asked for. False: it is what there was.
  bool replace(std::string text);

 private:
  struct Shared {
    std::mutex mutex;
    std::string text;
  };
  std::shared_ptr<Shared> shared_;
};

struct GuardOptions {
  Token token;
  bool local_only = false;  // Listens on loopback, and asks for neither token nor certificate.
};

enum class Refusal {
  NoToken,        // 401
  WrongToken,     // 401
  ForeignHost,    // 403
  ForeignOrigin,  // 403
};

// Whether the method can change something; only GET and HEAD cannot.
[[nodiscard]] bool is_safe_method(std::string_view method);

class Guard {
 public:
  explicit Guard(GuardOptions options) : options_(std::move(options)) {}

  // None: come in. `changes`: the request can change something, whatever its method says.
  [[nodiscard]] std::optional<Refusal> check(const net::HttpRequest& request, bool changes) const;
  // The same without the token: for what a load balancer may ask.
  [[nodiscard]] std::optional<Refusal> check_origin(const net::HttpRequest& request, bool changes) const;

 private:
  GuardOptions options_;
};

// Takes the same time for all strings of one length.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

// "localhost", "x.localhost", or an IP address literal; with or without a port.
[[nodiscard]] bool is_local_host_header(std::string_view host);

}  // namespace holdfast::api
