// The inside of TlsContext, and sessions made from it. For net/ only.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "net/tls.h"

namespace holdfast::net {

class TlsContext {
 public:
  explicit TlsContext(SSL_CTX* context) : context_(context) {}
  ~TlsContext() { SSL_CTX_free(context_); }
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  [[nodiscard]] SSL_CTX* get() const { return context_; }

 private:
  SSL_CTX* context_;
};

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

// A session over a non-blocking socket; writing to a closed one gives an error, not SIGPIPE. `fd` is borrowed.
[[nodiscard]] SslPtr make_server_session(const TlsContext& context, int fd);
// `host` is checked against the certificate, and named to the server unless it is an address; empty (unix sockets): only the
// certificate's chain is checked.
[[nodiscard]] SslPtr make_client_session(const TlsContext& context, int fd, const std::string& host);
// What OpenSSL said last, and why a certificate was refused. Empties the thread's error queue.
[[nodiscard]] std::string tls_error(const SSL* ssl);

}  // namespace holdfast::net
