#include "cli/daprd_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/command_line.h"
#include "cli/daprd_command.h"

namespace holdfast::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Task = DaprdArguments::Task;

Result<DaprdArguments> parse(std::vector<std::string> arguments, std::map<std::string, std::string> variables = {{"HOME", "/home/me"}}) {
  return parse_daprd_flags(arguments, [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  });
}
// With an app id.
DaprdOptions options(std::vector<std::string> arguments, std::map<std::string, std::string> variables = {{"HOME", "/home/me"}}) {
  arguments.insert(arguments.begin(), {"--app-id", "orders"});
  auto parsed = parse(std::move(arguments), std::move(variables));
  EXPECT_TRUE(parsed) << parsed.error().message;
  return parsed ? parsed->options : DaprdOptions{};
}
std::string fault(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--app-id", "orders"});
  const auto parsed = parse(std::move(arguments));
  return parsed ? "none" : parsed.error().message;
}

TEST(DaprdFlags, DefaultsAreDaprds) {
  const auto o = options({});
  EXPECT_EQ(o.app.app_id, "orders");
  EXPECT_EQ(o.app.http_port, 3500);
  EXPECT_EQ(o.app.grpc_port, 50001);
  EXPECT_EQ(o.app.metrics_port, 9090);
  EXPECT_EQ(o.app.internal_grpc_port, 0);
  EXPECT_FALSE(o.app.public_port);
  EXPECT_EQ(o.app.app_port, 0);
  EXPECT_EQ(o.app.app_protocol, model::DaprAppProtocol::Http);
  EXPECT_EQ(o.app.app_channel_address, "127.0.0.1");
  EXPECT_EQ(o.app.app_max_concurrency, 0u);
  EXPECT_FALSE(o.app.health.enabled);
  EXPECT_EQ(o.app.health.interval.ms, 5'000);
  EXPECT_EQ(o.app.health.timeout.ms, 500);
  EXPECT_EQ(o.app.health.threshold, 3u);
  EXPECT_TRUE(o.app.metrics);
  EXPECT_EQ(o.app.body_bytes_max, 4u << 20);
  EXPECT_EQ(o.app.header_bytes_max, 4u << 10);
  EXPECT_EQ(o.app.graceful_shutdown.ms, 5'000);
  EXPECT_FALSE(o.app.block_shutdown);
  EXPECT_FALSE(o.app.api_logging);
  EXPECT_EQ(o.app.api_token.env, "DAPR_API_TOKEN");
  EXPECT_EQ(o.app.app_api_token.env, "APP_API_TOKEN");
  EXPECT_EQ(o.app.allowed_origins, "*");
  EXPECT_EQ(o.log_level, "info");
  EXPECT_FALSE(o.log_as_json);
  EXPECT_THAT(o.notes, IsEmpty());
}

TEST(DaprdFlags, AreTakenAsTheDaprCliGivesThem) {
  const auto o = options({"--app-id", "shop", "--dapr-http-port", "3601", "--dapr-grpc-port", "50002", "--log-level", "DEBUG", "--app-max-concurrency", "-1",
                          "--app-protocol", "grpc", "--metrics-port", "9091", "--dapr-internal-grpc-port", "47301", "--app-port", "5000", "--resources-path",
                          "/a", "--resources-path", "/b,/c", "--config", "/c.yaml", "--enable-app-health-check", "--app-health-check-path", "health",
                          "--app-health-probe-interval", "10", "--app-health-probe-timeout", "2000", "--app-health-threshold", "5", "--log-as-json",
                          "--dapr-listen-addresses", "127.0.0.1, ::1", "--dapr-public-port", "3501", "--dapr-public-listen-address", "0.0.0.0",
                          "--unix-domain-socket", "/tmp/s", "--max-body-size", "16Mi", "--read-buffer-size", "64Ki", "--dapr-graceful-shutdown-seconds", "7",
                          "--dapr-block-shutdown-duration", "1m30s", "--enable-api-logging", "--enable-metrics=false", "--runtime-version", "1.14.0",
                          "--data", "memory", "--ports-file", "/p"});
  EXPECT_EQ(o.app.app_id, "shop");
  EXPECT_EQ(o.app.http_port, 3601);
  EXPECT_EQ(o.app.grpc_port, 50002);
  EXPECT_EQ(o.app.metrics_port, 9091);
  EXPECT_EQ(o.app.internal_grpc_port, 47301);
  EXPECT_EQ(o.app.public_port, 3501);
  EXPECT_EQ(o.app.public_listen_address, "0.0.0.0");
  EXPECT_EQ(o.app.app_port, 5000);
  EXPECT_EQ(o.app.app_protocol, model::DaprAppProtocol::Grpc);
  EXPECT_EQ(o.app.app_max_concurrency, 0u);
  EXPECT_THAT(o.app.resource_folders, ElementsAre("/a", "/b", "/c"));
  EXPECT_THAT(o.app.configuration_files, ElementsAre("/c.yaml"));
  EXPECT_TRUE(o.app.health.enabled);
  EXPECT_EQ(o.app.health.path, "/health");
  EXPECT_EQ(o.app.health.interval.ms, 10'000);
  EXPECT_EQ(o.app.health.timeout.ms, 2'000);
  EXPECT_EQ(o.app.health.threshold, 5u);
  EXPECT_THAT(o.app.listen_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_EQ(o.app.unix_socket_folder, "/tmp/s");
  EXPECT_EQ(o.app.body_bytes_max, 16u << 20);
  EXPECT_EQ(o.app.header_bytes_max, 64u << 10);
  EXPECT_EQ(o.app.graceful_shutdown.ms, 7'000);
  EXPECT_EQ(o.app.block_shutdown->ms, 90'000);
  EXPECT_EQ(o.app.api_logging, true);
  EXPECT_FALSE(o.app.metrics);
  EXPECT_EQ(o.app.runtime_version, "1.14.0");
  EXPECT_EQ(o.data, "memory");
  EXPECT_EQ(o.ports_file, "/p");
  EXPECT_EQ(o.log_level, "debug");
  EXPECT_TRUE(o.log_as_json);
}

TEST(DaprdFlags, HaveOneDashOrTwoAndValuesBehindASpaceOrAnEqualsSign) {
  for (const auto& way : {std::vector<std::string>{"-dapr-http-port", "1"}, {"--dapr-http-port", "1"}, {"-dapr-http-port=1"}, {"--dapr-http-port=1"}})
    EXPECT_EQ(options(way).app.http_port, 1);
  EXPECT_EQ(options({"--app-max-concurrency", "-10"}).app.app_max_concurrency, 0u);
  EXPECT_EQ(options({"--app-max-concurrency=0x10"}).app.app_max_concurrency, 16u);
  EXPECT_EQ(options({"--data="}).data, "/home/me/.local/state/holdfast/dapr/orders");
}

TEST(DaprdFlags, ThatAreTrueOrFalseTakeAValueBehindAnEqualsSignAlone) {
  EXPECT_EQ(options({"--enable-api-logging=F"}).app.api_logging, false);
  EXPECT_EQ(options({"--enable-api-logging", "false"}).app.api_logging, true);
  EXPECT_EQ(options({"--enable-api-logging=1"}).app.api_logging, true);
}

TEST(DaprdFlags, BehindTwoDashesAndWhatIsNoFlagMeanNothing) {
  const auto o = options({"word", "--dapr-http-port", "1", "-", "--", "--dapr-http-port", "2"});
  EXPECT_EQ(o.app.http_port, 1);
}

TEST(DaprdFlags, ThatAreWrongAreRefusedInGosWords) {
  EXPECT_EQ(fault({"--nonsense"}), "unknown flag: --nonsense");
  EXPECT_EQ(fault({"-nonsense=1"}), "unknown flag: --nonsense");
  EXPECT_EQ(fault({"---x"}), "bad flag syntax: ---x");
  EXPECT_EQ(fault({"--=x"}), "bad flag syntax: --=x");
  EXPECT_EQ(fault({"--app-port"}), "flag needs an argument: --app-port");
  EXPECT_EQ(fault({"--app-max-concurrency", "many"}), "invalid argument \"many\" for \"--app-max-concurrency\" flag: strconv.ParseInt: parsing \"many\": invalid syntax");
  EXPECT_EQ(fault({"--app-max-concurrency", "99999999999999999999"}),
            "invalid argument \"99999999999999999999\" for \"--app-max-concurrency\" flag: strconv.ParseInt: parsing \"99999999999999999999\": value out of range");
  EXPECT_EQ(fault({"--enable-mtls=perhaps"}), "invalid argument \"perhaps\" for \"--enable-mtls\" flag: strconv.ParseBool: parsing \"perhaps\": invalid syntax");
  EXPECT_EQ(fault({"--dapr-block-shutdown-duration", "soon"}), "invalid argument \"soon\" for \"--dapr-block-shutdown-duration\" flag: time: invalid duration \"soon\"");
  EXPECT_EQ(fault({"--dapr-http-port", "http"}), "error parsing dapr-http-port flag: strconv.Atoi: parsing \"http\": invalid syntax");
  EXPECT_EQ(fault({"--dapr-grpc-port", "70000"}), "error parsing dapr-grpc-port flag: 70000 is no port from 0 to 65535");
  EXPECT_EQ(fault({"--app-port", "3500"}), "the 'dapr-http-port' argument value 3500 conflicts with 'app-port'");
  EXPECT_EQ(fault({"--app-port", "50001"}), "the 'dapr-grpc-port' argument value 50001 conflicts with 'app-port'");
  EXPECT_EQ(fault({"--app-protocol", "http3"}), "invalid value for 'app-protocol': http3");
  EXPECT_EQ(fault({"--app-health-probe-timeout", "6000"}), "value for 'health-probe-timeout' must be smaller than 'health-probe-interval'");
  EXPECT_THAT(fault({"--max-body-size", "big"}), HasSubstr("invalid value for 'max-body-size' option: quantities must match"));
  EXPECT_EQ(fault({"--max-body-size", "2Gi"}), "invalid value for 'max-body-size' option: at most 1073741824 bytes");
  EXPECT_EQ(fault({"--dapr-http-max-request-size", "9223372036854775807"}), "invalid value for 'dapr-http-max-request-size' option: at most 1073741824 bytes");
  EXPECT_EQ(fault({"--log-level", "loud"}), "invalid value for --log-level: loud");
  EXPECT_THAT(fault({"--mode", "kubernetes"}), HasSubstr("invalid value for 'mode': kubernetes"));
  EXPECT_EQ(fault({"--app-id", ""}), "parameter app-id cannot be empty");
  EXPECT_EQ(fault({"--app-id", "a.b"}), "parameter app-id cannot contain dots");
  EXPECT_EQ(parse({}).error().message, "parameter app-id cannot be empty");
}

TEST(DaprdFlags, ThatMeanNothingHereAreTakenWithAWord) {
  const auto o = options({"--placement-host-address", "localhost:50005", "--scheduler-host-address=localhost:50006", "--enable-mtls", "--sentry-address", "x",
                          "--control-plane-address", "x", "--control-plane-trust-domain", "x", "--control-plane-namespace", "x", "--actors-service", "x",
                          "--reminders-service", "x", "--profile-port", "7778", "--enable-profiling", "--disable-builtin-k8s-secret-store", "--mode", "standalone",
                          "--allowed-origins", "x", "--log-file", "x", "--hot-reload-reconcile-interval", "1s", "--app-binding-options-timeout", "1s",
                          "--actors-disseminate-timeout", "1s", "--disable-init-endpoints", "x", "--sentry-request-jwt-audiences", "x"});
  EXPECT_EQ(o.notes.size(), 18u);
  EXPECT_THAT(o.notes, ::testing::Contains("--placement-host-address: Has no effect: there are no actors"));
  EXPECT_THAT(options({"--placement-host-address=", "--enable-mtls=false", "--profile-port", "7777"}).notes, IsEmpty());
}

TEST(DaprdFlags, ThatDaprHadBeforeStillDoWhatTheyDid) {
  auto o = options({"--components-path", "/a", "--app-ssl", "--dapr-http-max-request-size", "8", "--dapr-http-read-buffer-size", "32"});
  EXPECT_THAT(o.app.resource_folders, ElementsAre("/a"));
  EXPECT_EQ(o.app.app_protocol, model::DaprAppProtocol::Https);
  EXPECT_EQ(o.app.body_bytes_max, 8u << 20);
  EXPECT_EQ(o.app.header_bytes_max, 32u << 10);
  EXPECT_EQ(o.notes.size(), 4u);
  o = options({"--components-path", "/a", "--resources-path", "/b", "--app-ssl", "--app-protocol", "grpc", "--dapr-http-max-request-size", "8", "--max-body-size", "1Mi"});
  EXPECT_THAT(o.app.resource_folders, ElementsAre("/b"));
  EXPECT_EQ(o.app.app_protocol, model::DaprAppProtocol::Grpcs);
  EXPECT_EQ(o.app.body_bytes_max, 1u << 20);
}

TEST(DaprdFlags, SizesWithoutABoundHaveOurs) {
  EXPECT_EQ(options({"--max-body-size", "0"}).app.body_bytes_max, model::DaprAppSpec::kBodyBytesLimit);
  EXPECT_EQ(options({"--max-body-size", "-1"}).app.body_bytes_max, 4u << 20);
  EXPECT_EQ(options({"--dapr-http-read-buffer-size", "-1"}).app.header_bytes_max, 4u << 10);
  EXPECT_EQ(options({"--app-health-probe-interval", "9223372036854775807"}).app.health.interval.ms, 365LL * 24 * 3'600'000);
  EXPECT_EQ(options({"--dapr-graceful-shutdown-seconds", "-1"}).app.graceful_shutdown.ms, 5'000);
}

TEST(DaprdFlags, DataIsUnderTheUsersState) {
  EXPECT_EQ(options({}).data, "/home/me/.local/state/holdfast/dapr/orders");
  EXPECT_EQ(options({}, {{"HOME", "/home/me"}, {"XDG_STATE_HOME", "/state"}}).data, "/state/holdfast/dapr/orders");
  EXPECT_EQ(options({}, {{"HOME", "/home/me"}, {"XDG_STATE_HOME", "relative"}}).data, "/home/me/.local/state/holdfast/dapr/orders");
  const auto named = options({}, {{"HOME", "/home/me"}, {"NAMESPACE", "prod"}});
  EXPECT_EQ(named.app.name_space, "prod");
  EXPECT_EQ(named.data, "/home/me/.local/state/holdfast/dapr/prod.orders");
  EXPECT_THAT(parse({"--app-id", "orders"}, {}).error().message, HasSubstr("--data must say where"));
  EXPECT_EQ(options({"--data", "/d"}, {}).data, "/d");
}

TEST(DaprdFlags, AskForOtherThingsThanRunning) {
  EXPECT_EQ(parse({"--version"})->task, Task::Version);
  EXPECT_EQ(parse({"-version"})->task, Task::Version);
  EXPECT_EQ(parse({"--build-info"})->task, Task::BuildInfo);
  EXPECT_EQ(parse({"--help"})->task, Task::Help);
  EXPECT_EQ(parse({"-h"})->task, Task::Help);
  const auto wait = parse({"--wait", "--dapr-http-port", "3601"});
  EXPECT_EQ(wait->task, Task::Wait);
  EXPECT_EQ(wait->options.app.http_port, 3601);
}

TEST(DaprdFlags, AreAllInTheUsageButTheOldOnes) {
  const std::string usage = daprd_usage();
  for (const auto& flag : daprd_flag_helps()) EXPECT_THAT(usage, HasSubstr("--" + flag.name + " ")) << flag.name;
  EXPECT_THAT(usage, Not(HasSubstr("--components-path")));
  EXPECT_THAT(usage, HasSubstr("--dapr-http-port string                     HTTP port for the Dapr API to listen on (default \"3500\")\n"));
}

class DaprdCommand : public ::testing::Test {
 protected:
  int run(std::vector<const char*> argv) {
    LocalCommands local;
    local.version = "holdfast 1.2.3";
    local.daprd = [this](const DaprdOptions& options) {
      app_id_ = options.app.app_id;
      return 7;
    };
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = cli::run(static_cast<int>(argv.size()), argv.data(), local);
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    return code;
  }
  std::string app_id_, out_, err_;
};

TEST_F(DaprdCommand, IsASubcommandAndAName) {
  EXPECT_EQ(run({"holdfast", "daprd", "--app-id", "a", "--data", "memory"}), 7);
  EXPECT_EQ(app_id_, "a");
  EXPECT_EQ(run({"/usr/local/bin/daprd", "-app-id=b", "--data", "memory"}), 7);
  EXPECT_EQ(app_id_, "b");
  EXPECT_FALSE(is_daprd("/daprd/holdfast"));
}

TEST_F(DaprdCommand, SaysItsVersionAsTheDaprCliReadsIt) {
  EXPECT_EQ(run({"daprd", "--version"}), kExitDone);
  EXPECT_EQ(out_, "1.2.3\n");
  EXPECT_EQ(run({"daprd", "--build-info"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Version: 1.2.3\n"));
}

TEST_F(DaprdCommand, RefusesWrongUsageWithTwo) {
  EXPECT_EQ(run({"daprd", "--nonsense"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("unknown flag: --nonsense"));
  EXPECT_EQ(app_id_, "");
}

TEST_F(DaprdCommand, HasHelpOfItsOwnAndAPlaceInHoldfasts) {
  EXPECT_EQ(run({"holdfast", "daprd", "--help"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Usage of daprd:"));
  EXPECT_EQ(run({"holdfast", "--help"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("be the Dapr sidecar of one application"));
  EXPECT_EQ(run({"holdfast", "completion", "bash"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("--dapr-http-port"));
}

}  // namespace
}  // namespace holdfast::cli
