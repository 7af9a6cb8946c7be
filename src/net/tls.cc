#include "net/tls.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "net/stream.h"
#include "net/tls_context.h"

namespace holdfast::net {
namespace {

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, ContextFree>;

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

// Never asks on a terminal: no password given is a wrong password.
int give_password(char* buffer, int size, int /*writing*/, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

ContextPtr make_context(const SSL_METHOD* method) {
  ContextPtr context(SSL_CTX_new(method));
  HOLDFAST_CHECK(context != nullptr);
  HOLDFAST_CHECK(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  return context;
}

Result<bool> use_certificate(SSL_CTX* context, const std::string& cert, const std::string& key, const std::string& password) {
  if (auto readable = check_readable("certificate file", cert); !readable) return fail(readable.error());
  if (auto readable = check_readable("key file", key); !readable) return fail(readable.error());
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, cert.c_str()) != 1) return cannot("certificate file", cert);
  SSL_CTX_set_default_passwd_cb(context, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&password));
  const int used = SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM);
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  if (used != 1) {
    const unsigned long first = ERR_peek_error();
    const unsigned long last = ERR_peek_last_error();
    if (ERR_GET_LIB(first) == ERR_LIB_X509 || ERR_GET_LIB(last) == ERR_LIB_X509) {
      ERR_clear_error();
      return fail(ErrorCode::Invalid, "key file " + key + " does not belong to certificate file " + cert);
    }
    return cannot(password.empty() ? "key file" : "key file (with the password given)", key);
  }
  if (SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::Invalid, "key file " + key + " does not belong to certificate file " + cert);
  }
  return true;
}

// A BIO over a socket that never raises SIGPIPE, which OpenSSL's own would.
int fd_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(fd_of(bio), into, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int bio_write(BIO* bio, const char* from, int size) {
  BIO_clear_retry_flags(bio);
  const auto put = ::send(fd_of(bio), from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (put < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
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
  SslPtr ssl(SSL_new(context.get()));
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

Result<TlsServer> load_tls_server(const TlsServerFiles& files) {
  ContextPtr context = make_context(TLS_server_method());
  if (auto used = use_certificate(context.get(), files.cert, files.key, files.key_password); !used) return fail(used.error());
  static constexpr unsigned char kSessionContext[] = "holdfast";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  if (!files.client_ca.empty()) {
    if (auto readable = check_readable("client CA file", files.client_ca); !readable) return fail(readable.error());
    if (SSL_CTX_load_verify_file(context.get(), files.client_ca.c_str()) != 1) return cannot("client CA file", files.client_ca);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca.c_str());
    if (names == nullptr) return cannot("client CA file", files.client_ca);
    SSL_CTX_set_client_CA_list(context.get(), names);
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  return std::make_shared<const TlsContext>(context.release());
}

Result<TlsClient> load_tls_client(const TlsClientFiles& files) {
  ContextPtr context = make_context(TLS_client_method());
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
    auto used = use_certificate(context.get(), files.client_cert, files.client_key, files.client_key_password);
    if (!used) return fail(used.error());
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return std::make_shared<const TlsContext>(context.release());
}

SslPtr make_server_session(const TlsContext& context, int fd) {
  SslPtr ssl = make_session(context, fd);
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslPtr make_client_session(const TlsContext& context, int fd, const std::string& host) {
  SslPtr ssl = make_session(context, fd);
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
