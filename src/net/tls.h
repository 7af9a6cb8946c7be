// TLS settings, loaded and checked, shared by all connections made with them. TLS 1.2 and up.
//
// Files are rotated while a process runs: reload_if_changed() takes what is in them now, for connections made from then on. Errors name
// the file. Any thread once loaded.
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
  std::string client_key_password_file = {};  // Not empty: its first line is the password.
};

// What a server says it speaks, to clients that ask (ALPN).
enum class Offer { Http1, Http2 };  // Http2: beside HTTP/1.1.

using TlsServer = std::shared_ptr<TlsContext>;
using TlsClient = std::shared_ptr<TlsContext>;

[[nodiscard]] Result<TlsServer> load_tls_server(const TlsServerFiles& files);
[[nodiscard]] Result<TlsClient> load_tls_client(const TlsClientFiles& files);

// Looks whether the files have become others since, and takes them as a whole: true, if so. An error: they cannot be used as they are (one
// is half written, or of another pair than the other); what was loaded before stays in use, and the next call tries again. One thread
// at a time; blocks as long as reading files does.
[[nodiscard]] Result<bool> reload_if_changed(TlsContext& context);

}  // namespace holdfast::net
