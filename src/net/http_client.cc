#include "net/http_client.h"

#include "net/client_pool.h"

namespace holdfast::net {

struct HttpClient::Impl {
  std::shared_ptr<ClientCalls> pool;
};

Result<std::unique_ptr<HttpClient>> HttpClient::create(EventLoop& loop, Url origin, ClientOptions options) {
  if (origin.tls && !options.tls) {
    auto system = load_tls_client({});
    if (!system) return fail(system.error());
    options.tls = std::move(*system);
  }
  auto impl = std::make_unique<Impl>();
  if (options.protocol) impl->pool = options.protocol(loop, origin, options);
  else impl->pool = std::make_shared<ClientPool>(loop, std::move(origin), std::move(options));
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() { impl_->pool->shut(); }

void HttpClient::call(HttpCall call, Done done) { impl_->pool->call(std::move(call), std::move(done)); }

void HttpClient::post(std::string path_and_query, HeaderList extra, std::string body, Done done) {
  impl_->pool->call({"POST", std::move(path_and_query), std::move(extra), std::move(body)}, std::move(done));
}

void HttpClient::upgrade(std::string path_and_query, std::string protocol, UpgradeDone done) {
  impl_->pool->upgrade(std::move(path_and_query), std::move(protocol), std::move(done));
}

std::size_t HttpClient::connections() const { return impl_->pool->connections(); }
std::size_t HttpClient::idle_connections() const { return impl_->pool->idle(); }
std::size_t HttpClient::connects() const { return impl_->pool->connects(); }
std::size_t HttpClient::pending() const { return impl_->pool->pending(); }

}  // namespace holdfast::net
