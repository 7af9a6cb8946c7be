// The inside of TlsContext, and sessions made from it. For net/ only.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/watched_files.h"
#include "net/tls.h"

namespace holdfast::net {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;

class TlsContext {
 public:
  using Load = std::function<Result<SslContextPtr>()>;
  // `files`: those that `load` has read, looked at before it did.
  TlsContext(WatchedFiles files, Load load, SslContextPtr loaded)
      : files_(std::move(files)), load_(std::move(load)), loaded_(std::move(loaded)) {}

  // As of now. Any thread.
  [[nodiscard]] SslContextPtr get() const;
  [[nodiscard]] Result<bool> reload_if_changed();

 private:
  WatchedFiles files_;
  Load load_;
  bool again_ = false;  // What is in the files could not be used.
  mutable std::mutex mutex_;
  SslContextPtr loaded_;  // Under `mutex_`.
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

// A session over a non-blocking socket; writing to a closed one gives an error, not SIGPIPE. `fd` is borrowed.
[[nodiscard]] SslPtr make_server_session(const TlsContext& context, int fd, Offer offer);
// `host` is checked against the certificate, and named to the server unless it is an address; empty (unix sockets): only the
// certificate's chain is checked. With Http2, that is all it says it speaks; else it says nothing.
[[nodiscard]] SslPtr make_client_session(const TlsContext& context, int fd, const std::string& host, Offer offer = Offer::Http1);
// What OpenSSL said last, and why a certificate was refused. Empties the thread's error queue.
[[nodiscard]] std::string tls_error(const SSL* ssl);

}  // namespace holdfast::net
