// TLS settings, loaded and checked once, shared by all connections made with them. TLS 1.2 and up.
//
// Errors name the file. Any thread once loaded.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace holdfast::net {

class TlsContext;  // tls_context.h; of no use outside net/.

struct TlsServerFiles {
  std::string cert;       // PEM, the whole chain.
  std::string key;        // PEM.
  std::string key_password;
  std::string client_ca;  // PEM; not empty: clients must show a certificate signed by it.
};
struct TlsClientFiles {
  std::string trust_cacerts;  // PEM; empty: the system's.
  std::string client_cert;    // PEM; empty: none is shown.
  std::string client_key;     // PEM, PKCS #8 or older, encrypted or not.
  std::string client_key_password;
};

using TlsServer = std::shared_ptr<const TlsContext>;
using TlsClient = std::shared_ptr<const TlsContext>;

[[nodiscard]] Result<TlsServer> load_tls_server(const TlsServerFiles& files);
[[nodiscard]] Result<TlsClient> load_tls_client(const TlsClientFiles& files);

}  // namespace holdfast::net
