#include "app/listeners.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  const auto with = [](std::string token) {
    return prepare({.host = "0.0.0.0", .token_env = "T"}, "gateway",
                   [token](std::string_view name) { return name == "T" ? std::optional(token) : std::nullopt; });
  };
  EXPECT_EQ(with(" se cret\n")->guard.token, "se cret");
  EXPECT_FALSE(with("se cret")->guard.local_only);
  EXPECT_THAT(with(" \n").error().message, HasSubstr("the environment variable T"));
  EXPECT_FALSE(with(std::string(5000, 'x')).has_value());
  EXPECT_TRUE(prepare({}, "admin", [](std::string_view) { return std::nullopt; })->guard.local_only);
}

}  // namespace
}  // namespace holdfast::app
