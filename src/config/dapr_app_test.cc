// holdfast.dapr.v1/app, and dapr.yaml.
#include <gmock/gmock.h>

#include "config/dapr.h"
#include "config/describe.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr std::string_view kApp = "holdfast.dapr.v1/app";

class DaprAppDocument : public testing::Folder {};

TEST_F(DaprAppDocument, HasTheKeysOfDaprdsFlags) {
  std::filesystem::create_directory(folder_ / "resources");
  write("c.yaml", "");
  write("token", "t");
  const std::string file = write("app.yaml", R"(kind: holdfast.dapr.v1/app
spec:
  appId: orders
  namespace: prod
  runtimeVersion: 1.14.0
  appPort: 5000
  appProtocol: grpc
  appChannelAddress: 127.0.0.2
  appMaxConcurrency: 10
  enableAppHealthCheck: true
  appHealthCheckPath: health
  appHealthProbeInterval: 10
  appHealthProbeTimeout: 2s
  appHealthThreshold: 4
  daprHttpPort: 3500
  daprGrpcPort: 50001
  daprPublicPort: 3501
  daprPublicListenAddress: 0.0.0.0
  daprInternalGrpcPort: 0
  daprInternalGrpcListenAddress: 127.0.0.1
  daprListenAddresses: [127.0.0.1, "::1"]
  metricsPort: 9090
  enableMetrics: false
  unixDomainSocket: /tmp/s
  allowedOrigins: https://example.com
  resourcesPath: resources
  config: [c.yaml, ./c.yaml]
  maxBodySize: 16Mi
  readBufferSize: 64Ki
  daprGracefulShutdownSeconds: 7
  daprBlockShutdownDuration: 1m
  enableApiLogging: false
  daprApiTokenEnv: TOKEN
  appApiTokenFile: token
)");
  const std::vector<std::string> files{file};
  const auto loaded = load(std::span<const std::string>(files), testing::environment({{"TOKEN", "t"}, {"NAMESPACE", "other"}}));
  EXPECT_THAT(testing::lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.configuration.dapr_apps.size(), 1u);
  const auto& app = loaded.configuration.dapr_apps[0];
  EXPECT_EQ(app.app_id, "orders");
  EXPECT_EQ(app.name_space, "prod");
  EXPECT_EQ(app.runtime_version, "1.14.0");
  EXPECT_EQ(app.app_port, 5000);
  EXPECT_EQ(app.app_protocol, model::DaprAppProtocol::Grpc);
  EXPECT_EQ(app.app_max_concurrency, 10u);
  EXPECT_TRUE(app.health.enabled);
  EXPECT_EQ(app.health.path, "/health");
  EXPECT_EQ(app.health.interval.ms, 10'000);
  EXPECT_EQ(app.health.timeout.ms, 2'000);
  EXPECT_EQ(app.http_port, 3500);
  EXPECT_EQ(app.internal_grpc_port, 0);
  EXPECT_THAT(app.listen_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_FALSE(app.metrics);
  EXPECT_THAT(app.resource_folders, ElementsAre((folder_ / "resources").string()));
  EXPECT_THAT(app.configuration_files, ElementsAre((folder_ / "c.yaml").string(), (folder_ / "c.yaml").string()));
  EXPECT_EQ(app.body_bytes_max, 16u << 20);
  EXPECT_EQ(app.header_bytes_max, 64u << 10);
  EXPECT_EQ(app.graceful_shutdown.ms, 7'000);
  EXPECT_EQ(app.block_shutdown->ms, 60'000);
  EXPECT_EQ(app.api_logging, false);
  EXPECT_EQ(app.api_token.env, "TOKEN");
  EXPECT_EQ(app.app_api_token.env, "");
  EXPECT_EQ(app.app_api_token.file, (folder_ / "token").string());
  EXPECT_THAT(describe(loaded.configuration), HasSubstr("Dapr apps\n  orders      grpc at 127.0.0.2:5000, HTTP API on port 3500, gRPC API on port 50001, sockets in /tmp/s, resources of "));
}

TEST_F(DaprAppDocument, NeedsNothingButAnAppId) {
  const auto loaded = testing::load_text("kind: holdfast.dapr.v1/app\nspec: {appId: a}\n---\nkind: holdfast.dapr.v1/app\nspec: {appId: b}\n", {{"NAMESPACE", "prod"}});
  EXPECT_THAT(testing::lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.configuration.dapr_apps.size(), 2u);
  const auto& app = loaded.configuration.dapr_apps[0];
  EXPECT_EQ(app.name_space, "prod");
  EXPECT_FALSE(app.http_port);
  EXPECT_FALSE(app.grpc_port);
  EXPECT_EQ(app.api_token.env, "DAPR_API_TOKEN");
  EXPECT_THAT(describe(loaded.configuration), HasSubstr("  a           no port\n"));
}

TEST_F(DaprAppDocument, WithMistakesIsRefusedWithWhatAndWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "spec.appId: expected an app id without dots, slashes and control characters, got nothing"},
      {"appId: a.b", "m.yaml:3:10: spec.appId: expected an app id without dots, slashes and control characters, got \"a.b\" (parameter app-id cannot contain dots)"},
      {"appId: a\nappProtocol: tcp", "spec.appProtocol: expected http, https, h2c, grpc or grpcs, got \"tcp\""},
      {"appId: a\nappPort: 70000", "spec.appPort: expected an integer from 0 to 65535, got \"70000\""},
      {"appId: a\nappPort: 3500\ndaprHttpPort: 3500", "spec.daprHttpPort: expected another port than appPort, got \"3500\""},
      {"appId: a\ndaprHttpPort: 1\ndaprGrpcPort: 1", "spec.daprGrpcPort: expected a port that nothing else listens on"},
      {"appId: a\nappHealthProbeTimeout: 6s", "spec.appHealthProbeTimeout: expected appHealthProbeTimeout not above appHealthProbeInterval, got \"6s\""},
      {"appId: a\nappHealthProbeInterval: -1", "spec.appHealthProbeInterval: expected a number of seconds, or a duration as 500ms or 5s, at most a day, got \"-1\""},
      {"appId: a\nmaxBodySize: 2Gi", "spec.maxBodySize: expected a size up to 1gb, as 4Mi or 64Ki, got \"2Gi\""},
      {"appId: a\nresourcesPath: /none/such", "spec.resourcesPath: expected a folder that is there, got \"/none/such\" (there is no /none/such)"},
      {"appId: a\nconfig: [/none/such]", "spec.config[0]: expected a file that is there, got \"/none/such\" (there is no /none/such)"},
      {"appId: a\ndaprApiTokenEnv: NONE", "spec.daprApiTokenEnv: expected an environment variable that is set, got \"NONE\""},
      {"appId: a\nappid: b", "spec.appid: expected a known key, got \"appid\" (did you mean \"appId\"?)"},
      {"appId: a\nenableMetrics: perhaps", "spec.enableMetrics: expected true or false, got \"perhaps\""},
  };
  for (const auto& [spec, line] : cases) EXPECT_THAT(testing::problems_of(kApp, spec), Contains(HasSubstr(line))) << spec;
  EXPECT_THAT(testing::lines(testing::load_text("kind: holdfast.dapr.v1/app\nspec: {appId: a}\n---\nkind: holdfast.dapr.v1/app\nspec: {appId: a}\n")),
              ElementsAre(HasSubstr("m.yaml:5:15: spec.appId: expected an app id that no other app has, got \"a\" again (first at m.yaml:2:15)")));
}

class DaprRunTemplate : public testing::Folder {
 protected:
  Loaded<model::DaprRun> load_run(const std::string& text) {
    write("dapr.yaml", text);
    return load_dapr_run(folder_.string(), testing::environment({{"HOME", (folder_ / "home").string()}}));
  }
  std::string in(const std::string& path) {
    std::filesystem::create_directories(folder_ / path);
    return (folder_ / path).string();
  }
};
using testing::lines;

TEST_F(DaprRunTemplate, IsReadAsDaprsReferenceWritesIt) {
  const std::string web = in("apps/webapp"), backend = in("apps/backend"), resources = in("resources"), own = in("apps/webapp/components");
  write("config.yaml", "");
  const auto loaded = load_run(R"(version: 1
name: shop
common:
  resourcesPath: ./resources
  configFilePath: config.yaml
  appProtocol: http
  appHealthProbeTimeout: 10
  env:
    DEBUG: true
    PORT: 8080
  appLogDestination: file
  daprdLogDestination: fileAndConsole
  logLevel: warn
apps:
  - appID: webapp
    appDirPath: ./apps/webapp/
    resourcesPaths: [components]
    appPort: 8000
    daprHTTPPort: 3601
    daprGRPCPort: -1
    metricsPort: 9091
    unixDomainSocket: "/tmp/test-socket"
    appChannelAddress: 127.0.0.1
    appProtocol: https
    enableAppHealthCheck: true
    appHealthCheckPath: "ready"
    apiListenAddresses: 127.0.0.1,::1
    command: ["python3", "app.py"]
    appMaxConcurrency: 4
    maxBodySize: 8Mi
    env: {DEBUG: false}
    appLogDestination: console
  - appDirPath: ./apps/backend
    appSSL: true
    command: [node, index.js]
)");
  EXPECT_THAT(lines(loaded), IsEmpty());
  EXPECT_EQ(loaded.value.name, "shop");
  ASSERT_EQ(loaded.value.apps.size(), 2u);
  const auto& a = loaded.value.apps[0];
  EXPECT_EQ(a.sidecar.app_id, "webapp");
  EXPECT_EQ(a.folder, web);
  EXPECT_THAT(a.sidecar.resource_folders, ElementsAre(own));
  EXPECT_THAT(a.sidecar.configuration_files, ElementsAre((folder_ / "config.yaml").string()));
  EXPECT_EQ(a.sidecar.app_port, 8000);
  EXPECT_EQ(a.sidecar.http_port, 3601);
  EXPECT_EQ(a.sidecar.grpc_port, 0);
  EXPECT_EQ(a.sidecar.app_protocol, model::DaprAppProtocol::Https);
  EXPECT_EQ(a.sidecar.health.path, "/ready");
  EXPECT_EQ(a.sidecar.health.timeout.ms, 10);
  EXPECT_THAT(a.sidecar.listen_addresses, ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(a.command, ElementsAre("python3", "app.py"));
  EXPECT_THAT(a.env, ElementsAre(Pair("DEBUG", "false"), Pair("PORT", "8080")));
  EXPECT_EQ(a.app_log, model::DaprLogTo::Console);
  EXPECT_EQ(a.daprd_log, model::DaprLogTo::FileAndConsole);
  const auto& b = loaded.value.apps[1];
  EXPECT_EQ(b.sidecar.app_id, "backend");
  EXPECT_EQ(b.folder, backend);
  EXPECT_THAT(b.sidecar.resource_folders, ElementsAre(resources));
  EXPECT_EQ(b.sidecar.app_protocol, model::DaprAppProtocol::Https);
  EXPECT_EQ(b.sidecar.app_max_concurrency, 0u);
  EXPECT_EQ(b.sidecar.body_bytes_max, 4u << 20);
  EXPECT_EQ(b.app_log, model::DaprLogTo::File);
  EXPECT_EQ(b.log_level, "warn");
  EXPECT_THAT(b.env, ElementsAre(Pair("DEBUG", "true"), Pair("PORT", "8080")));
}

TEST_F(DaprRunTemplate, FindsResourcesWhereDaprsCliDoes) {
  in("a");
  const std::string text = "version: 1\napps: [{appDirPath: a}]\n";
  const auto resources = [&](const std::string& t) { return load_run(t).value.apps.at(0).sidecar; };
  EXPECT_THAT(resources(text).resource_folders, IsEmpty());
  const std::string installed = in("home/.dapr/components");
  std::ofstream(folder_ / "home/.dapr/config.yaml") << "";
  EXPECT_THAT(resources(text).resource_folders, ElementsAre(installed));
  EXPECT_THAT(resources(text).configuration_files, ElementsAre((folder_ / "home/.dapr/config.yaml").string()));
  const std::string common = in("common"), own = in("a/.dapr/resources");
  EXPECT_THAT(resources("common: {resourcesPaths: [common]}\n" + text).resource_folders, ElementsAre(own));
  std::filesystem::remove_all(folder_ / "a/.dapr");
  EXPECT_THAT(resources("common: {resourcesPaths: [common]}\n" + text).resource_folders, ElementsAre(common));
  EXPECT_THAT(resources("version: 1\napps: [{appDirPath: a, resourcesPath: ~/.dapr/components}]\n").resource_folders, ElementsAre(installed));
}

TEST_F(DaprRunTemplate, WithMistakesIsRefused) {
  in("a");
  const std::pair<const char*, const char*> cases[] = {
      {"apps: []", "version: expected an integer from 1 to 1000000, got nothing"},
      {"version: 1", "apps: expected a list of apps, got nothing"},
      {"version: 1\napps: [{appID: x}]", "apps[0].appDirPath: expected a folder that is there, got nothing"},
      {"version: 1\napps: [{appDirPath: none}]", "apps[0].appDirPath: expected a folder that is there, got \"none\""},
      {"version: 1\napps: [{appDirPath: a}, {appDirPath: a}]", "apps[1].appID: expected an app id that no other app has, got \"a\" again"},
      {"version: 1\napps: [{appDirPath: a, appLogDestination: nowhere}]", "appLogDestination: expected console, file or fileAndConsole"},
      {"version: 1\napps: [{appDirPath: a, command: python app.py}]", "command: expected a list, got \"python app.py\""},
      {"version: 1\napps: [{appDirPath: a, resourcesPaths: [b]}]", "resourcesPaths[0]: expected a folder that is there"},
      {"version: 1\napps: [{appDirPath: a, appHealthProbeTimeout: 6000}]", "appHealthProbeTimeout: expected a timeout not above appHealthProbeInterval"},
      {"version: 1\napps: [{appDirPath: a, appPort: 99999}]", "appPort: expected an integer from -1 to 65535"},
      {"- a", "expected a document with version and apps, got a list"},
      {"", "expected a document with version and apps, got nothing"},
  };
  for (const auto& [text, line] : cases) {
    const auto loaded = load_run(std::string(text) + "\n");
    EXPECT_FALSE(loaded.ok()) << text;
    EXPECT_THAT(lines(loaded), Contains(HasSubstr(line))) << text;
  }
  EXPECT_FALSE(load_dapr_run((folder_ / "none.yaml").string(), testing::environment({})).ok());
}

TEST_F(DaprRunTemplate, SaysWhatHasNoEffect) {
  in("a");
  const auto loaded = load_run("version: 1\ncommon: {placementHostAddress: x, enableProfiling: false}\napps: [{appDirPath: a, createService: true, dependsOn: b}]\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.problems.size(), 3u);
}

}  // namespace
}  // namespace holdfast::config
