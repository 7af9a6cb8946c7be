#include "net/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/check.h"
#include "net/private_key.h"
#include "net/stream.h"
#include "net/tls_context.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kPasswordBytesMax = 4096;

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown reason";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

auto cannot(const std::string& what, const std::string& file) {
  return fail(ErrorCode::Invalid, "cannot use " + what + " " + file + ": " + last_error());
}

// OpenSSL's own words for a missing file are "system lib".
Result<bool> check_readable(const std::string& what, const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return fail(ErrorCode::Invalid, "cannot use " + what + " " + file + ": " + error_text(errno));
  return true;
}

SslContextPtr make_context(const SSL_METHOD* method) {
  SslContextPtr context(SSL_CTX_new(method));
  HOLDFAST_CHECK(context != nullptr);
  HOLDFAST_CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<bool> use_certificate(SSL_CTX* context, const std::string& cert, const std::string& key, const std::string& password) {
  if (auto readable = check_readable("certificate file", cert); !readable) return fail(readable.error());
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1) return cannot("certificate file", cert);
  const auto used = read_private_key(key, password);
  if (!used) return fail(used.error());
  if (SSL_CTX_use_PrivateKey(context, used->get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    const unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(last) != ERR_LIB_X509) return cannot("key file", key);
    ERR_clear_error();
    return fail(ErrorCode::Invalid, "key file " + key + " does not belong to certificate file " + cert);
  }
  return true;
}

// The first line: editors end files with a newline.
Result<std::string> read_password(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kPasswordBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof())) return fail(ErrorCode::Io, "client_key_password: cannot read " + path);
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kPasswordBytesMax)
    return fail(ErrorCode::TooLarge, "client_key_password: " + path + " has more than " + std::to_string(kPasswordBytesMax) + " bytes");
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  return text;
}

// One context serves listeners with and without HTTP/2: the session says which it is of. Without it nothing is chosen, as if the client
// had not asked.
int choose_protocol(SSL* ssl, const unsigned char** chosen, unsigned char* size, const unsigned char* offered, unsigned int offered_size,
                    void* /*argument*/) {
  if (SSL_get_app_data(ssl) == nullptr) return SSL_TLSEXT_ERR_NOACK;
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kOurs, sizeof kOurs - 1, offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

Result<SslContextPtr> server_context(const TlsServerFiles& files) {
  SslContextPtr context = make_context(TLS_server_method());
  if (auto used = use_certificate(context.get(), files.cert, files.key, files.key_password); !used) return fail(used.error());
  static constexpr unsigned char kSessionContext[] = "holdfast";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (!files.client_ca.empty()) {
    if (auto readable = check_readable("client CA file", files.client_ca); !readable) return fail(readable.error());
    if (SSL_CTX_load_verify_file(context.get(), files.client_ca.c_str()) != 1) return cannot("client CA file", files.client_ca);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca.c_str());
    if (names == nullptr) return cannot("client CA file", files.client_ca);
    SSL_CTX_set_client_CA_list(context.get(), names);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return context;
}

Result<SslContextPtr> client_context(const TlsClientFiles& files) {
  SslContextPtr context = make_context(TLS_client_method());
  ERR_clear_error();
  if (files.trust_cacerts.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1) return cannot("the system's certificates", "");
  } else {
    const std::string what = "trusted certificates file";
    if (auto readable = check_readable(what, files.trust_cacerts); !readable) return fail(readable.error());
    if (SSL_CTX_load_verify_file(context.get(), files.trust_cacerts.c_str()) != 1) return cannot(what, files.trust_cacerts);
  }
  if (files.client_cert.empty() != files.client_key.empty())
    return fail(ErrorCode::Invalid, files.client_cert.empty()
                                        ? "client key file " + files.client_key + " is given without a client certificate"
                                        : "client certificate file " + files.client_cert + " is given without a client key");
  if (!files.client_cert.empty()) {
    Result<std::string> password = files.client_key_password;
    if (!files.client_key_password_file.empty()) password = read_password(files.client_key_password_file);
    if (!password) return fail(password.error());
    auto used = use_certificate(context.get(), files.client_cert, files.client_key, *password);
    if (!used) return fail(used.error());
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

Result<std::shared_ptr<TlsContext>> load(WatchedFiles files, TlsContext::Load load) {
  auto loaded = load();
  if (!loaded) return fail(loaded.error());
  return std::make_shared<TlsContext>(std::move(files), std::move(load), *std::move(loaded));
}

// A BIO over a socket that never raises SIGPIPE, which OpenSSL's own would.
int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t got = 0;
  do got = ::recv(fd_of(bio), into, static_cast<std::size_t>(size), 0);
  while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int bio_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  ssize_t put = 0;
  do put = ::send(fd_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  while (put < 0 && errno == EINTR);
  if (put < 0 && errno == EAGAIN) BIO_set_retry_write(bio);
  return static_cast<int>(put);
}

long bio_ctrl(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* socket_bio() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    HOLDFAST_CHECK(m != nullptr);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_ctrl(m, bio_ctrl);
    BIO_meth_set_create(m, bio_create);
    return m;
  }();
  return method;
}

SslPtr make_session(const TlsContext& context, int fd) {
  SslPtr ssl(SSL_new(context.get().get()));
  HOLDFAST_CHECK(ssl != nullptr);
  BIO* bio = BIO_new(socket_bio());
  HOLDFAST_CHECK(bio != nullptr);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  SSL_set_bio(ssl.get(), bio, bio);
  return ssl;
}

bool is_address(const std::string& host) {
  unsigned char buffer[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), buffer) == 1 || ::inet_pton(AF_INET6, host.c_str(), buffer) == 1;
}

}  // namespace

SslContextPtr TlsContext::get() const {
  const std::lock_guard lock(mutex_);
  SSL_CTX_up_ref(loaded_.get());
  return SslContextPtr(loaded_.get());
}

Result<bool> TlsContext::reload_if_changed() {
  if (!files_.changed() && !again_) return false;
  auto fresh = load_();
  again_ = !fresh;
  if (!fresh) return fail(fresh.error());
  const std::lock_guard lock(mutex_);
  loaded_.swap(*fresh);
  return true;
}

Result<bool> reload_if_changed(TlsContext& context) { return context.reload_if_changed(); }

Result<TlsServer> load_tls_server(const TlsServerFiles& files) {
  return load(WatchedFiles({files.cert, files.key, files.client_ca}), [files] { return server_context(files); });
}

Result<TlsClient> load_tls_client(const TlsClientFiles& files) {
  const std::string trusted = files.trust_cacerts.empty() ? X509_get_default_cert_file() : files.trust_cacerts;
  return load(WatchedFiles({trusted, files.client_cert, files.client_key, files.client_key_password_file}),
              [files] { return client_context(files); });
}

SslPtr make_server_session(const TlsContext& context, int fd, Offer offer) {
  static char offers_http2;  // Only its address is of use.
  SslPtr ssl = make_session(context, fd);
  if (offer == Offer::Http2) SSL_set_app_data(ssl.get(), &offers_http2);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr make_client_session(const TlsContext& context, int fd, const std::string& host, Offer offer) {
  SslPtr ssl = make_session(context, fd);
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  if (offer == Offer::Http2) HOLDFAST_CHECK(SSL_set_alpn_protos(ssl.get(), kHttp2, sizeof kHttp2) == 0);
  SSL_set_connect_state(ssl.get());
  if (host.empty()) return ssl;
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl.get());
  if (is_address(host)) {
    HOLDFAST_CHECK(X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) == 1);
  } else {
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    HOLDFAST_CHECK(SSL_set1_host(ssl.get(), host.c_str()) == 1);
    HOLDFAST_CHECK(SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1);
  }
  return ssl;
}

std::string tls_error(const SSL* ssl) {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return std::string("certificate refused: ") + X509_verify_cert_error_string(verdict);
  }
  return last_error();
}

}  // namespace holdfast::net
