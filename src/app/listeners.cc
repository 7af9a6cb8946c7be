#include "app/listeners.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

namespace holdfast::app {
namespace {

constexpr std::size_t kTokenBytesMax = 4096;
constexpr std::size_t kTokenBytesMin = 16;  // A shorter one can be tried out.
constexpr std::string_view kBlanks = " \t\r\n";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) + 1 - begin);
}

}  // namespace

Result<std::string> read_token(const std::string& file_name, const std::string& variable, const std::string& name, const config::Environment& environment) {
  std::string token;
  std::string where;
  if (!file_name.empty()) {
    where = file_name;
    std::ifstream file(file_name);
    if (!file) return fail(ErrorCode::Invalid, name + ": cannot read the token file " + file_name);
    token = trimmed(std::string(std::istreambuf_iterator<char>(file), {}));
  } else if (!variable.empty()) {
    where = "the environment variable " + variable;
    token = trimmed(environment(variable).value_or(""));
  } else {
    return std::string();
  }
  if (token.empty()) return fail(ErrorCode::Invalid, name + ": " + where + " should hold the token, but is empty");
  // One that no header can carry would lock everybody out.
  if (std::ranges::any_of(token, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return fail(ErrorCode::Invalid, name + ": the token in " + where + " has control characters in it");
  if (token.size() > kTokenBytesMax) {
    return fail(ErrorCode::TooLarge, name + ": the token in " + where + " has more than " + std::to_string(kTokenBytesMax) + " bytes");
  }
  return token;
}

Result<void> set_host_port(model::Listener& listener, const std::string& text, const std::string& option) {
  const auto wrong = [&] { return fail(ErrorCode::Invalid, option + ": expected HOST:PORT as 127.0.0.1:9999, got \"" + text + "\""); };
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return wrong();
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos) return wrong();
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end) return wrong();
  if (!host.empty()) listener.host = host;
  listener.port = port;
  return {};
}

Result<void> check_exposure(const model::Listener& listener, const std::string& name, OpenToAll open_to_all) {
  if (listener.is_loopback() || listener.is_guarded() || open_to_all == OpenToAll::Allowed) return {};
  return fail(ErrorCode::Invalid, name + " would listen on " + listener.host + ", where others can reach it, without asking for anything: " +
                                      "configure a token (tokenFile, tokenEnv) or client certificates for it, or say --insecure");
}

std::vector<std::string> listener_warnings(const model::Listener& listener, const std::string& name, const config::Environment& environment) {
  std::vector<std::string> out;
  const auto token = read_token(listener.token_file, listener.token_env, name, environment);
  if (!token || token->empty()) return out;  // prepare() says what is wrong with it.
  if (!listener.is_loopback() && listener.tls.certificate.empty()) {
    out.push_back(name + ": the token is sent to " + listener.host +
                  " in the clear, where others may read it: configure tls, or let a proxy that has it come in over loopback");
  }
  if (token->size() < kTokenBytesMin) {
    out.push_back(name + ": the token has " + std::to_string(token->size()) + " bytes; at least " + std::to_string(kTokenBytesMin) +
                  " of chance are hard to guess");
  }
  return out;
}

Result<PreparedListener> prepare(const model::Listener& listener, const std::string& name, const config::Environment& environment,
                                 Rotation& rotation) {
  PreparedListener out;
  WatchedFiles token_files({listener.token_file});
  auto token = read_token(listener.token_file, listener.token_env, name, environment);
  if (!token) return fail(token.error());
  out.listen.host = listener.host;
  out.listen.port = listener.port;
  if (!listener.tls.certificate.empty()) {
    auto tls = net::load_tls_server({.cert = listener.tls.certificate,
                                     .key = listener.tls.key,
                                     .key_password = {},
                                     .client_ca = listener.tls.client_ca});
    if (!tls) return fail(tls.error().code, name + ": " + tls.error().message);
    out.listen.tls = *std::move(tls);
    out.tls = true;
    rotation.add(name + " certificate", [tls = out.listen.tls] { return net::reload_if_changed(*tls); });
  }
  out.guard.token = *std::move(token);
  if (!listener.token_file.empty()) {
    rotation.add(name + " token", [token = out.guard.token, listener, name, environment, files = std::move(token_files),
                                   again = false]() mutable -> Result<bool> {
      if (!files.changed() && !again) return false;
      auto fresh = read_token(listener.token_file, listener.token_env, name, environment);
      again = !fresh;
      if (!fresh) return fail(fresh.error());
      return token.replace(*std::move(fresh));
    });
  }
  out.guard.local_only = listener.is_loopback() && !listener.is_guarded();
  return out;
}

net::HttpLimits http_limits(const model::Limits& limits, std::size_t connections) {
  net::HttpLimits out;
  out.message.body_bytes_max = limits.request_bytes;
  out.connections_max = limits.http_connections;
  out.connections = std::make_shared<net::ConnectionBudget>(connections);
  out.idle_timeout = limits.http_idle_timeout;
  out.request_timeout = limits.http_read_timeout;
  return out;
}

}  // namespace holdfast::app
