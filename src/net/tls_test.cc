#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "net/net_fixture.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;
using ::testing::HasSubstr;

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertFree {
  void operator()(X509* cert) const { X509_free(cert); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, KeyFree>;
using CertPtr = std::unique_ptr<X509, CertFree>;

struct Identity {
  KeyPtr key;
  CertPtr cert;
};

void add_extension(X509* cert, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate signed by `issuer`, or by itself: then it is a CA.
Identity make_identity(const char* name, const char* alternative_names, const Identity* issuer) {
  static long serial = 1;
  Identity out{KeyPtr(EVP_EC_gen("P-256")), CertPtr(X509_new())};
  X509* cert = out.cert.get();
  X509_set_version(cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, out.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const issuer_cert = issuer != nullptr ? issuer->cert.get() : cert;
  X509_set_issuer_name(cert, X509_get_subject_name(issuer_cert));
  if (issuer == nullptr) add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
  if (alternative_names != nullptr) add_extension(cert, issuer_cert, NID_subject_alt_name, alternative_names);
  EXPECT_GT(X509_sign(cert, issuer != nullptr ? issuer->key.get() : out.key.get(), EVP_sha256()), 0);
  return out;
}

class TlsTest : public NetTest {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "hf_tls_" + std::to_string(::getpid()) + "/";
    std::filesystem::create_directories(folder_);
    ca_ = make_identity("test ca", nullptr, nullptr);
    other_ca_ = make_identity("other ca", nullptr, nullptr);
    write_cert("ca.pem", ca_);
    write_cert("other_ca.pem", other_ca_);
    const Identity server = make_identity("server", "DNS:localhost,IP:127.0.0.1", &ca_);
    write_cert("server.pem", server);
    write_key("server.key", server, "");
    const Identity elsewhere = make_identity("elsewhere", "DNS:elsewhere.example", &ca_);
    write_cert("elsewhere.pem", elsewhere);
    write_key("elsewhere.key", elsewhere, "");
    const Identity client = make_identity("client", nullptr, &ca_);
    write_cert("client.pem", client);
    write_key("client.key", client, "");
    write_key("client_encrypted.key", client, "open sesame");
    const Identity stranger = make_identity("stranger", nullptr, &other_ca_);
    write_cert("stranger.pem", stranger);
    write_key("stranger.key", stranger, "");
    std::ofstream(file("garbage.pem")) << "this is not a certificate\n";
  }
  void TearDown() override {
    NetTest::TearDown();
    std::filesystem::remove_all(folder_);
  }

  std::string file(const std::string& name) const { return folder_ + name; }
  void write_cert(const std::string& name, const Identity& identity) {
    std::FILE* out = std::fopen(file(name).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_X509(out, identity.cert.get()), 1);
    std::fclose(out);
  }
  void write_key(const std::string& name, const Identity& identity, const std::string& password) {
    std::FILE* out = std::fopen(file(name).c_str(), "w");
    ASSERT_NE(out, nullptr);
    EXPECT_EQ(PEM_write_PKCS8PrivateKey(out, identity.key.get(), password.empty() ? nullptr : EVP_aes_256_cbc(),
                                        password.empty() ? nullptr : password.data(), static_cast<int>(password.size()), nullptr, nullptr),
              1);
    std::fclose(out);
  }

  void serve_tls(const std::string& name = "server", const std::string& client_ca = "") {
    auto context = load_tls_server({file(name + ".pem"), file(name + ".key"), "", client_ca.empty() ? "" : file(client_ca)});
    ASSERT_TRUE(context) << context.error().message;
    ListenSpec spec;
    spec.tls = *context;
    serve([](HttpRequest&& request, Responder responder) { responder.send({200, {}, std::move(request.body)}); }, {}, spec);
  }
  HttpClient& connect_tls(const TlsClientFiles& files, const std::string& host = "127.0.0.1") {
    auto context = load_tls_client(files);
    if (!context) ADD_FAILURE() << context.error().message;
    ClientOptions options;
    options.tls = *context;
    Url origin = url(true);
    origin.host = host;
    return connect(origin, options);
  }
  TlsClientFiles trusting(const std::string& ca) const { return {file(ca), "", "", ""}; }
  TlsClientFiles showing(const std::string& who, const std::string& key, const std::string& password = "") const {
    return {file("ca.pem"), file(who + ".pem"), file(key), password};
  }

  std::string folder_;
  Identity ca_;
  Identity other_ca_;
};

TEST_F(TlsTest, CallsGoThroughAndShareAConnection) {
  serve_tls();
  for (const char* host : {"127.0.0.1", "localhost"}) {
    HttpClient& client = connect_tls(trusting("ca.pem"), host);
    for (int i = 0; i < 5; ++i) {
      const CallResult result = post(client, "/", "secret " + std::to_string(i));
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->body, "secret " + std::to_string(i));
    }
    EXPECT_EQ(client.connects(), 1u);
  }
}

TEST_F(TlsTest, BigBodiesGoBothWays) {
  serve_tls();
  std::string body(8 * 1024 * 1024, 'x');
  for (std::size_t i = 0; i < body.size(); i += 991) body[i] = static_cast<char>('a' + i % 26);
  HttpClient& client = connect_tls(trusting("ca.pem"));
  for (int i = 0; i < 2; ++i) {
    const CallResult result = post(client, "/", body);
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->body == body);
  }
}

TEST_F(TlsTest, AServerOfAnotherAuthorityIsUnreachable) {
  serve_tls();
  const CallResult result = post(connect_tls(trusting("other_ca.pem")), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Unreachable);
  EXPECT_THAT(result.error().message, HasSubstr("certificate refused: "));
}

TEST_F(TlsTest, TheSystemsAuthoritiesDoNotKnowOurs) {
  serve_tls();
  const CallResult result = post(connect(url(true)), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Unreachable);
}

TEST_F(TlsTest, ACertificateForAnotherNameIsRefused) {
  serve_tls("elsewhere");
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const CallResult result = post(connect_tls(trusting("ca.pem"), host), "/");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, Kind::Unreachable);
    EXPECT_THAT(result.error().message, HasSubstr("mismatch"));
  }
}

TEST_F(TlsTest, AServerThatAsksForAClientCertificateServesThoseWhoShowOne) {
  serve_tls("server", "ca.pem");
  for (const auto& files : {showing("client", "client.key"), showing("client", "client_encrypted.key", "open sesame")}) {
    const CallResult result = post(connect_tls(files), "/", "mutual");
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->body, "mutual");
  }
}

// With TLS 1.3 the client learns of it only after the handshake: from its point of view the connection was lost.
TEST_F(TlsTest, AServerThatAsksForAClientCertificateServesNobodyElse) {
  serve_tls("server", "ca.pem");
  int served = 0;
  for (const auto& files : {trusting("ca.pem"), showing("stranger", "stranger.key")}) {
    const CallResult result = post(connect_tls(files), "/");
    served += result.has_value();
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().kind == Kind::Disconnected || result.error().kind == Kind::Unreachable) << result.error().message;
  }
  EXPECT_EQ(served, 0);
}

TEST_F(TlsTest, APlainClientGetsNothingOutOfATlsServerAndTheServerLives) {
  serve_tls();
  Url plain = url(false);
  EXPECT_FALSE(post(connect(plain), "/"));
  EXPECT_TRUE(post(connect_tls(trusting("ca.pem")), "/"));
}

TEST_F(TlsTest, AServerThatSpeaksNoTlsIsUnreachable) {
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "."}); });
  const CallResult result = post(connect_tls(trusting("ca.pem")), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Unreachable);
  EXPECT_THAT(result.error().message, HasSubstr("tls: "));
}

TEST_F(TlsTest, AHandshakeThatDoesNotEndIsAConnectTimeout) {
  raw_serve([](RawPeer&) {});
  auto context = load_tls_client(trusting("ca.pem"));
  ASSERT_TRUE(context);
  ClientOptions options;
  options.tls = *context;
  options.connect_timeout = Duration{30};
  Url origin;
  origin.tls = true;
  origin.host = "127.0.0.1";
  origin.port = listener_->port;
  const CallResult result = post(connect(origin, options), "/");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, Kind::Unreachable);
  EXPECT_THAT(result.error().message, HasSubstr("connect_timeout=30 ms"));
}

TEST_F(TlsTest, AUnixSocketMaySpeakTlsToo) {
  auto context = load_tls_server({file("server.pem"), file("server.key"), "", ""});
  ASSERT_TRUE(context);
  ListenSpec spec;
  spec.tls = *context;
  spec.unix_path = file("x.sock");
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "."}); }, {}, spec);
  auto client_context = load_tls_client(trusting("ca.pem"));
  ClientOptions options;
  options.tls = *client_context;
  const auto origin = parse_url("https+unix://" + file("x.sock") + "/");
  ASSERT_TRUE(origin) << origin.error().message;
  const CallResult result = post(connect(*origin, options), "/");
  EXPECT_TRUE(result) << result.error().message;
}

TEST_F(TlsTest, AStreamArrivesBitByBit) {
  auto context = load_tls_server({file("server.pem"), file("server.key"), "", ""});
  ASSERT_TRUE(context);
  ListenSpec spec;
  spec.tls = *context;
  std::vector<StreamWriter> streams;
  serve([&](HttpRequest&&, Responder responder) { streams.push_back(responder.stream(200, {})); }, {}, spec);
  HttpClient& client = connect_tls(trusting("ca.pem"));
  std::optional<CallResult> result;
  client.call({"GET", "/", {}, {}}, [&](CallResult r) { result = std::move(r); });
  run_until([&] { return streams.size() == 1; });
  streams[0].write(std::string(100'000, 'a'));
  streams[0].write("b");
  streams[0].close();
  run_until([&] { return result.has_value(); });
  ASSERT_TRUE(*result) << result->error().message;
  EXPECT_TRUE((*result)->body == std::string(100'000, 'a') + "b");
}

TEST_F(TlsTest, FilesThatDoNotServeAreNamed) {
  const auto client_error = [](const TlsClientFiles& files) {
    const auto context = load_tls_client(files);
    return context ? std::string("loaded") : context.error().message;
  };
  const auto server_error = [](const TlsServerFiles& files) {
    const auto context = load_tls_server(files);
    return context ? std::string("loaded") : context.error().message;
  };
  EXPECT_EQ(client_error({file("none.pem"), "", "", ""}),
            "cannot use trusted certificates file " + file("none.pem") + ": no such file or directory");
  EXPECT_THAT(client_error({file("garbage.pem"), "", "", ""}), HasSubstr("garbage.pem"));
  EXPECT_THAT(client_error(showing("garbage", "client.key")), HasSubstr("cannot use certificate file " + file("garbage.pem")));
  EXPECT_THAT(client_error(showing("client", "none.key")), HasSubstr("cannot use key file " + file("none.key")));
  EXPECT_THAT(client_error(showing("client", "client_encrypted.key")), HasSubstr("cannot use key file " + file("client_encrypted.key")));
  EXPECT_THAT(client_error(showing("client", "client_encrypted.key", "wrong")), HasSubstr("(with the password given) " + file("client_encrypted.key")));
  EXPECT_EQ(client_error(showing("client", "stranger.key")),
            "key file " + file("stranger.key") + " does not belong to certificate file " + file("client.pem"));
  EXPECT_THAT(client_error({file("ca.pem"), file("client.pem"), "", ""}), HasSubstr("without a client key"));
  EXPECT_THAT(client_error({file("ca.pem"), "", file("client.key"), ""}), HasSubstr("without a client certificate"));
  EXPECT_THAT(server_error({file("none.pem"), file("server.key"), "", ""}), HasSubstr("certificate file " + file("none.pem")));
  EXPECT_THAT(server_error({file("server.pem"), file("server.key"), "", file("none.pem")}), HasSubstr("client CA file " + file("none.pem")));
}

}  // namespace
}  // namespace holdfast::net
