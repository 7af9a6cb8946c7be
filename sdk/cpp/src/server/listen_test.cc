// Where a server listens: ports, unix sockets, TLS, and what it says when it cannot.
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "server/server_fixture.h"

namespace holdfast::sdk::server {
namespace {

using ::testing::HasSubstr;

class ListenTest : public ServerTest {
 protected:
  ServerOptions unix_options(const std::string& name = "f.sock") {
    ServerOptions options;
    options.unix_path = file(name);
    return options;
  }
  ServerTls tls(const std::string& client_ca = "") {
    return {file("server.pem"), file("server.key"), client_ca.empty() ? "" : file(client_ca)};
  }
  net::ClientOptions with(const net::TlsClientFiles& files) {
    auto context = net::load_tls_client(files);
    if (!context) ADD_FAILURE() << context.error().message;
    net::ClientOptions options;
    options.tls = *context;
    return options;
  }
  static std::string why_not(ServerOptions options, Functions functions = Functions().bind({"test/echo", echo})) {
    try {
      const Server server(std::move(functions), std::move(options));
      return "it listens on " + server.url();
    } catch (const Error& error) {
      return error.what();
    }
  }
  void expect_echo(net::HttpClient& http) {
    const std::string body = request("test/echo", "a", {"one"});
    EXPECT_EQ(answer(http, body), expected_echo(body));
  }
};

TEST_F(ListenTest, AFreePortIsFoundAndNamed) {
  Server& server = start_echo();
  EXPECT_NE(server.port(), 0);
  EXPECT_EQ(server.url(), "http://127.0.0.1:" + std::to_string(server.port()));
  expect_echo(client());
}

TEST_F(ListenTest, ATakenPortIsAClearError) {
  Server& server = start_echo();
  EXPECT_EQ(why_not({.port = server.port()}), "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": address already in use");
}

TEST_F(ListenTest, AHostThatIsNoneIsAClearError) {
  EXPECT_THAT(why_not({.host = "no.such.host.invalid", .port = 0}), HasSubstr("cannot listen on no.such.host.invalid:0: "));
}

TEST_F(ListenTest, AUnixSocketIsServed) {
  Server& server = start_echo(unix_options());
  EXPECT_EQ(server.url(), "http+unix://" + file("f.sock"));
  expect_echo(client());
}

TEST_F(ListenTest, AUnixSocketGoesWithItsServer) {
  start_echo(unix_options());
  EXPECT_TRUE(std::filesystem::exists(file("f.sock")));
  sdk_server_.reset();
  EXPECT_FALSE(std::filesystem::exists(file("f.sock")));
}

TEST_F(ListenTest, AUnixSocketOfSomebodyAliveIsAClearErrorAndThatOneGoesOn) {
  start_echo(unix_options());
  EXPECT_EQ(why_not(unix_options()), "cannot listen on " + file("f.sock") + ": address already in use");
  expect_echo(client());
}

TEST_F(ListenTest, AUnixSocketLeftByAProcessThatIsGoneIsTakenOver) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, file("f.sock").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);
  start_echo(unix_options());
  expect_echo(client());
}

TEST_F(ListenTest, AUnixPathThatCannotBeUsedIsAClearError) {
  EXPECT_THAT(why_not(unix_options(std::string(120, 'x') + ".sock")), HasSubstr("the path is longer than 107 bytes"));
  EXPECT_THAT(why_not(unix_options("f.socket")), HasSubstr("cannot be named in a url"));
  EXPECT_THAT(why_not(unix_options("a.sock/f.sock")), HasSubstr("cannot be named in a url"));
  EXPECT_THAT(why_not(unix_options("no/such/folder/f.sock")), HasSubstr("no such file or directory"));
  std::ofstream(file("file.sock")) << "precious";
  EXPECT_THAT(why_not(unix_options("file.sock")), HasSubstr("something that is not a socket is there"));
  EXPECT_TRUE(std::filesystem::exists(file("file.sock")));
}

TEST_F(ListenTest, TlsIsServed) {
  Server& server = start_echo({.tls = tls()});
  EXPECT_EQ(server.url(), "https://127.0.0.1:" + std::to_string(server.port()));
  auto& http = client(with(trusting("ca.pem")));
  for (int i = 0; i < 3; ++i) expect_echo(http);
  EXPECT_EQ(http.connects(), 1u);
}

TEST_F(ListenTest, TlsIsServedOnAUnixSocket) {
  auto options = unix_options();
  options.tls = tls();
  EXPECT_EQ(start_echo(options).url(), "https+unix://" + file("f.sock"));
  expect_echo(client(with(trusting("ca.pem"))));
}

TEST_F(ListenTest, WithAClientCaOnlyThoseWhoShowACertificateAreServed) {
  start_echo({.tls = tls("ca.pem")});
  expect_echo(client(with(showing("client", "client.key"))));
  const std::string body = request("test/echo", "a", {"one"});
  EXPECT_FALSE(call_function(client(with(trusting("ca.pem"))), body));
  EXPECT_FALSE(call_function(client(with(showing("stranger", "stranger.key"))), body));
}

TEST_F(ListenTest, TlsFilesThatCannotBeUsedAreNamed) {
  const auto why = [&](const std::string& certificate, const std::string& key, const std::string& ca = "") {
    return why_not({.port = 0, .tls = {file(certificate), file(key), ca.empty() ? "" : file(ca)}});
  };
  EXPECT_EQ(why("none.pem", "server.key"),
            "ServerOptions::tls: cannot use certificate file " + file("none.pem") + ": no such file or directory");
  EXPECT_THAT(why("garbage.pem", "server.key"), HasSubstr("cannot use certificate file " + file("garbage.pem")));
  EXPECT_THAT(why("server.pem", "none.key"), HasSubstr("cannot use key file " + file("none.key")));
  EXPECT_THAT(why("server.pem", "elsewhere.key"), HasSubstr("does not belong to certificate file"));
  EXPECT_THAT(why("server.pem", "server.key", "garbage.pem"), HasSubstr("cannot use client CA file " + file("garbage.pem")));
}

TEST_F(ListenTest, OptionsThatMakeNoSenseAreRefusedByName) {
  EXPECT_EQ(why_not({.port = 0, .threads = 0}), "ServerOptions::threads is 0, expected at least 1");
  EXPECT_EQ(why_not({.port = 0, .blocking_threads = 0}), "ServerOptions::blocking_threads is 0, expected at least 1");
  EXPECT_EQ(why_not({.port = 0, .concurrent_calls_max = 0}), "ServerOptions::concurrent_calls_max is 0, expected at least 1");
  EXPECT_EQ(why_not({.port = 0, .request_bytes_max = 0}), "ServerOptions::request_bytes_max is 0, expected at least 1");
  EXPECT_EQ(why_not({.port = 0, .tls = {"a.pem", ""}}), "ServerOptions::tls has a certificate, but no key");
  EXPECT_EQ(why_not({.port = 0, .tls = {"", "a.key"}}), "ServerOptions::tls has no certificate, but a key");
  EXPECT_EQ(why_not({.host = "", .port = 0}), "ServerOptions::host is empty, expected a name or an address");
  EXPECT_EQ(why_not({.port = 0}, Functions()), "a server without functions: bind one before");
}

}  // namespace
}  // namespace holdfast::sdk::server
