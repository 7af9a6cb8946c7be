#include "cli/remote.h"

#include <optional>
#include <utility>

#include "net/event_loop.h"
#include "net/http_client.h"
#include "net/url.h"

namespace holdfast::cli {

Result<net::HttpResponse> Remote::ask(std::string method, std::string path_and_query, net::HeaderList headers, std::string body,
                                      Duration timeout) const {
  auto url = net::parse_url(options_.url);
  if (!url) return fail(ErrorCode::Invalid, options_.option + ": " + url.error().message);
  std::string base = url->target;
  while (base.ends_with('/')) base.pop_back();

  net::ClientOptions client_options;
  client_options.connect_timeout = {5'000};
  client_options.call_timeout = timeout;
  client_options.response_bytes_max = 1u << 30;
  client_options.pool_size = 1;
  if (url->tls) {
    auto tls = net::load_tls_client({.trust_cacerts = options_.trust_cacerts,
                                     .client_cert = options_.client_cert,
                                     .client_key = options_.client_key,
                                     .client_key_password = {}});
    if (!tls) return fail(ErrorCode::Invalid, tls.error().message);
    client_options.tls = *std::move(tls);
  }
  if (!options_.token.empty()) headers.add("authorization", "Bearer " + options_.token);

  net::EventLoop loop;
  auto client = net::HttpClient::create(loop, *std::move(url), std::move(client_options));
  if (!client) return fail(client.error());
  std::optional<net::CallResult> result;
  // On the loop's thread, which this one becomes in run().
  loop.post([&] {
    (*client)->call({.method = std::move(method), .target = base + path_and_query, .headers = std::move(headers), .body = std::move(body)},
                    [&](net::CallResult answer) {
                      result = std::move(answer);
                      loop.stop();
                    });
  });
  loop.run();
  if (*result) return **std::move(result);

  const net::ClientError& error = result->error();
  using Kind = net::ClientError::Kind;
  if (error.kind == Kind::Unreachable) {
    return fail(ErrorCode::Unavailable, "no Holdfast answers at " + options_.url + " (" + error.message +
                                            ").\nIs it running? `holdfast up` starts one; " + options_.option +
                                            " URL says where it is, if not there.");
  }
  return fail(error.kind == Kind::Timeout ? ErrorCode::Timeout : ErrorCode::Io, options_.url + ": " + error.message);
}

}  // namespace holdfast::cli
