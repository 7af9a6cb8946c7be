#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <thread>

#include "net/tls_fixture.h"

namespace holdfast::net {
namespace {

using Kind = ClientError::Kind;
using ::testing::HasSubstr;

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

TEST_F(TlsTest, Http2IsOfferedByAServerThatSpeaksIt) {
  serve_tls();
  const auto offered = [&](const std::vector<std::string>& protocols) {
    std::string wanted, chosen;
    for (const std::string& each : protocols) wanted.append(1, static_cast<char>(each.size())).append(each);
    auto peer = raw_connect();
    peer->pause();
    ::fcntl(peer->stream->watcher().fd(), F_SETFL, 0);
    std::thread client([&, fd = peer->stream->watcher().fd()] {
      SSL_CTX* context = SSL_CTX_new(TLS_client_method());
      SSL* ssl = SSL_new(context);
      SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wanted.data()), static_cast<unsigned>(wanted.size()));
      SSL_set_fd(ssl, fd);
      EXPECT_EQ(SSL_connect(ssl), 1);
      const unsigned char* name = nullptr;
      unsigned size = 0;
      SSL_get0_alpn_selected(ssl, &name, &size);
      chosen.assign(reinterpret_cast<const char*>(name), size);
      if (chosen == "h2") {
        const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') + "\x04" + std::string(5, '\0');
        SSL_write(ssl, preface.data(), static_cast<int>(preface.size()));
        char head[9] = {};
        EXPECT_EQ(SSL_read(ssl, head, sizeof head), 9);
        EXPECT_EQ(head[3], 4) << "not a SETTINGS frame";
      }
      SSL_free(ssl);
      SSL_CTX_free(context);
      loop_.post([&] { raw_.back()->ended = true; });
    });
    run_until([&] { return peer->ended; });
    client.join();
    return chosen;
  };
  EXPECT_EQ(offered({"h2", "http/1.1"}), "");
  server_.reset();
  HttpLimits limits;
  limits.http2.protocol = http2();
  serve_tls("server", "", limits);
  EXPECT_EQ(offered({"http/1.1", "h2"}), "h2");
  EXPECT_EQ(offered({"http/1.1"}), "http/1.1");
  EXPECT_EQ(offered({"spdy/3"}), "");
  EXPECT_EQ(post(connect_tls(trusting("ca.pem")), "/", "still")->body, "still");
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

TEST_F(TlsTest, ARotatedServerCertificateIsShownToNewConnectionsAndOldOnesGoOn) {
  auto context = load_tls_server({file("server.pem"), file("server.key"), "", ""});
  ASSERT_TRUE(context);
  ListenSpec spec;
  spec.tls = *context;
  serve([](HttpRequest&&, Responder responder) { responder.send({200, {}, "."}); }, {}, spec);
  HttpClient& old = connect_tls(trusting("ca.pem"));
  ASSERT_TRUE(post(old, "/"));
  EXPECT_FALSE(*reload_if_changed(**context));
  const Identity next = make_identity("server", "IP:127.0.0.1", &other_ca_);
  write_cert("server.pem", next);

  // The key is still that of the old one.
  const auto half = reload_if_changed(**context);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().message, "key file " + file("server.key") + " does not belong to certificate file " + file("server.pem"));
  EXPECT_FALSE(reload_if_changed(**context)) << "it is tried again, whether or not anything has changed since";
  EXPECT_TRUE(post(connect_tls(trusting("ca.pem")), "/"));

  write_key("server.key", next, "");
  const auto taken = reload_if_changed(**context);
  ASSERT_TRUE(taken) << taken.error().message;
  EXPECT_TRUE(*taken);
  EXPECT_FALSE(*reload_if_changed(**context));
  EXPECT_TRUE(post(connect_tls(trusting("other_ca.pem")), "/"));
  EXPECT_FALSE(post(connect_tls(trusting("ca.pem")), "/"));
  EXPECT_TRUE(post(old, "/"));
  EXPECT_EQ(old.connects(), 1u);
}

TEST_F(TlsTest, RotatedAuthoritiesAndClientCertificatesAreUsedForNewConnections) {
  serve_tls("server", "other_ca.pem");
  auto context = load_tls_client(showing("client", "client.key"));
  ASSERT_TRUE(context);
  ClientOptions options;
  options.tls = *context;
  EXPECT_FALSE(post(connect(url(true), options), "/"));
  const Identity next = make_identity("client", nullptr, &other_ca_);
  write_cert("client.pem", next);
  write_key("client.key", next, "");
  ASSERT_TRUE(*reload_if_changed(**context));
  EXPECT_TRUE(post(connect(url(true), options), "/"));

  std::filesystem::copy_file(file("garbage.pem"), file("ca.pem"), std::filesystem::copy_options::overwrite_existing);
  const auto broken = reload_if_changed(**context);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr(file("ca.pem")));
  EXPECT_TRUE(post(connect(url(true), options), "/"));
  write_cert("ca.pem", other_ca_);
  ASSERT_TRUE(*reload_if_changed(**context));
  const CallResult stranger = post(connect(url(true), options), "/");
  ASSERT_FALSE(stranger);
  EXPECT_THAT(stranger.error().message, HasSubstr("certificate refused: "));
}

// `openssl pkcs8 -topk8 -v1 PBE-SHA1-RC4-128` is how StateFun's own certificates are made.
TEST_F(TlsTest, KeysThatAreEncryptedInOldWaysAreOpened) {
  const Identity client = make_identity("client", nullptr, &ca_);
  write_cert("old.pem", client);
  serve_tls("server", "ca.pem");
  for (const int algorithm : {NID_pbe_WithSHA1And128BitRC4, NID_pbe_WithSHA1And40BitRC4, NID_pbeWithMD5AndDES_CBC, NID_pbeWithSHA1AndDES_CBC,
                              NID_pbe_WithSHA1And3_Key_TripleDES_CBC, NID_pbe_WithSHA1And40BitRC2_CBC}) {
    SCOPED_TRACE(OBJ_nid2sn(algorithm));
    write_legacy_key("old.key", client, algorithm, "open sesame");
    HttpClient& opened = connect_tls(showing("old", "old.key", "open sesame"));
    EXPECT_TRUE(post(opened, "/", "x"));
    const auto wrong = load_tls_client(showing("old", "old.key", "wrong"));
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().message, HasSubstr("old.key: the password given does not open it (pbe"));
    const auto none = load_tls_client(showing("old", "old.key"));
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().message, HasSubstr("old.key: it is encrypted, and no password is given"));
  }
  // What was needed to open them is of no use to anybody else.
  EXPECT_EQ(OSSL_PROVIDER_available(nullptr, "legacy"), 0);
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
  EXPECT_EQ(client_error(showing("client", "client_encrypted.key")),
            "cannot use key file " + file("client_encrypted.key") + ": it is encrypted, and no password is given");
  EXPECT_EQ(client_error(showing("client", "client_encrypted.key", "wrong")),
            "cannot use key file " + file("client_encrypted.key") + ": the password given does not open it (PBES2)");
  EXPECT_THAT(client_error(showing("client", "client.pem")), HasSubstr("no PEM private key could be read from it"));
  EXPECT_EQ(client_error(showing("client", "stranger.key")),
            "key file " + file("stranger.key") + " does not belong to certificate file " + file("client.pem"));
  EXPECT_THAT(client_error({file("ca.pem"), file("client.pem"), "", ""}), HasSubstr("without a client key"));
  EXPECT_THAT(client_error({file("ca.pem"), "", file("client.key"), ""}), HasSubstr("without a client certificate"));
  EXPECT_THAT(server_error({file("none.pem"), file("server.key"), "", ""}), HasSubstr("certificate file " + file("none.pem")));
  EXPECT_THAT(server_error({file("server.pem"), file("server.key"), "", file("none.pem")}), HasSubstr("client CA file " + file("none.pem")));
}

}  // namespace
}  // namespace holdfast::net
