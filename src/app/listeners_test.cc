#include "app/listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace holdfast::app {
namespace {

using ::testing::HasSubstr;

TEST(Listeners, HostAndPortAreReadInEveryForm) {
  model::Listener listener{.port = 1};
  ASSERT_TRUE(set_host_port(listener, "0.0.0.0:80", "--gateway").has_value());
  EXPECT_EQ(listener.host, "0.0.0.0");
  EXPECT_EQ(listener.port, 80);
  ASSERT_TRUE(set_host_port(listener, "[::1]:0", "--gateway").has_value());
  EXPECT_EQ(listener.host, "::1");
  EXPECT_EQ(listener.port, 0);
  ASSERT_TRUE(set_host_port(listener, ":81", "--gateway").has_value());
  EXPECT_EQ(listener.host, "::1") << "no host: the one there was";
  for (const char* wrong : {"", "nonsense", "host:", "host:x", "host:65536", "host:-1", "::1:80", "host:80x"}) {
    const auto result = set_host_port(listener, wrong, "--gateway");
    ASSERT_FALSE(result.has_value()) << wrong;
    EXPECT_THAT(result.error().message, HasSubstr("--gateway: expected HOST:PORT"));
  }
}

TEST(Listeners, OffLoopbackSomethingMustBeAskedForOrSaidOutLoud) {
  EXPECT_TRUE(check_exposure({.host = "127.0.0.1"}, "gateway", OpenToAll::Refused).has_value());
  EXPECT_TRUE(check_exposure({.host = "::1"}, "gateway", OpenToAll::Refused).has_value());
  EXPECT_TRUE(check_exposure({.host = "0.0.0.0", .token_env = "T"}, "gateway", OpenToAll::Refused).has_value());
  EXPECT_TRUE(check_exposure({.host = "0.0.0.0"}, "gateway", OpenToAll::Allowed).has_value());
  const auto open = check_exposure({.host = "0.0.0.0"}, "gateway", OpenToAll::Refused);
  ASSERT_FALSE(open.has_value());
  EXPECT_THAT(open.error().message, HasSubstr("--insecure"));
}

TEST(Listeners, TokensAreTrimmedAndNeverEmpty) {
  Rotation rotation;
  const auto with = [&rotation](std::string token) {
    return prepare({.host = "0.0.0.0", .token_env = "T"}, "gateway",
                   [token](std::string_view name) { return name == "T" ? std::optional(token) : std::nullopt; }, rotation);
  };
  EXPECT_TRUE(with(" se cret\n")->guard.token.is("se cret"));
  EXPECT_FALSE(with("se\x01""cret"));
  EXPECT_FALSE(with("se\ncret"));
  EXPECT_FALSE(with("se cret")->guard.local_only);
  EXPECT_THAT(with(" \n").error().message, HasSubstr("the environment variable T"));
  EXPECT_FALSE(with(std::string(5000, 'x')).has_value());
  EXPECT_TRUE(prepare({}, "admin", [](std::string_view) { return std::nullopt; }, rotation)->guard.local_only);
}

TEST(Listeners, ATokenFileThatIsWrittenAnewHoldsTheTokenFromThenOn) {
  const std::string path = ::testing::TempDir() + "hf_token_" + std::to_string(::getpid());
  std::ofstream(path) << "first\n";
  Rotation rotation;
  const auto prepared = prepare({.host = "0.0.0.0", .token_file = path}, "gateway", [](std::string_view) { return std::nullopt; }, rotation);
  ASSERT_TRUE(prepared.has_value()) << prepared.error().message;
  const api::GuardOptions guard = prepared->guard;
  EXPECT_TRUE(guard.token.is("first"));
  std::ofstream(path) << "the second\n";
  rotation.look();
  EXPECT_FALSE(guard.token.is("first"));
  EXPECT_TRUE(guard.token.is("the second"));
  std::ofstream(path) << "\n";  // Half written: an empty token would let everybody in, or nobody.
  rotation.look();
  EXPECT_TRUE(guard.token.is("the second"));
  std::filesystem::remove(path);
  rotation.look();
  EXPECT_TRUE(guard.token.is("the second"));
}

TEST(Listeners, TokensThatCanBeReadOrGuessedAreWarnedOf) {
  const auto warnings = [](const std::string& host, const std::string& certificate, const std::string& token) {
    return listener_warnings({.host = host, .tls = {.certificate = certificate, .key = {}, .client_ca = {}}, .token_env = "T"}, "gateway",
                             [token](std::string_view) { return std::optional(token); });
  };
  const std::string good(16, 'x');
  EXPECT_THAT(warnings("127.0.0.1", "", good), ::testing::IsEmpty());
  EXPECT_THAT(warnings("0.0.0.0", "cert.pem", good), ::testing::IsEmpty());
  EXPECT_THAT(warnings("0.0.0.0", "", good), ::testing::ElementsAre(HasSubstr("gateway: the token is sent to 0.0.0.0 in the clear")));
  EXPECT_THAT(warnings("127.0.0.1", "", "abc"), ::testing::ElementsAre(HasSubstr("gateway: the token has 3 bytes; at least 16")));
}

}  // namespace
}  // namespace holdfast::app
