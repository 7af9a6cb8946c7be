#include <gmock/gmock.h>

#include "config/dapr.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Variables = std::map<std::string, std::string, std::less<>>;

Loaded<model::DaprConfiguration> load_texts(const std::vector<std::string>& files, const Variables& variables = {}) {
  std::vector<Source> sources;
  for (const std::string& text : files) sources.push_back({"c" + std::to_string(sources.size()) + ".yaml", text, {}});
  return load_dapr_configuration(std::span<const Source>(sources), testing::environment(variables));
}
using testing::lines;

constexpr const char* kAll = R"(apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata:
  name: appconfig
spec:
  tracing:
    samplingRate: "1"
    stdout: true
    zipkin: {endpointAddress: "http://localhost:9411/api/v2/spans"}
    otel: {endpointAddress: "localhost:4317", isSecure: false, protocol: grpc}
  metrics:
    enabled: false
    http: {increasedCardinality: false, excludeVerbs: true, pathMatching: [/items, "/orders/{orderID}"]}
  httpPipeline:
    handlers:
    - {name: oauth2, type: middleware.http.oauth2, version: v1, selector: {fields: []}}
  appHttpPipeline:
    handlers: [{name: upper, type: middleware.http.uppercase}]
  nameResolution:
    component: sqlite
    version: v1
    configuration: {connectionString: /home/user/nr.db, updateInterval: 5s, deep: {a: [1]}}
  secrets:
    scopes:
    - {storeName: vault, defaultAccess: deny, allowedSecrets: [secret1, secret2]}
    - {storeName: file, deniedSecrets: [root]}
    - {storeName: none, defaultAccess: Deny}
  api:
    allowed:
    - {name: state, version: v1.0, protocol: http}
    denied:
    - {name: invoke, version: v1, protocol: gRPC}
  accessControl:
    defaultAction: deny
    trustDomain: "public"
    policies:
    - appId: app1
      defaultAction: deny
      trustDomain: 'public'
      namespace: "default"
      operations:
      - {name: /op1, httpVerb: ['POST', 'get'], action: allow}
      - {name: op2/*, httpVerb: ["*"], action: Deny}
    - {appId: app2, trustDomain: public, namespace: default}
  features:
  - {name: HotReload, enabled: true}
  - {name: Other, enabled: false}
  components: {deny: [bindings.smtp, pubsub.in-memory/v1]}
  logging:
    apiLogging: {enabled: true, obfuscateURLs: true, omitHealthChecks: true}
)";

TEST(DaprConfigurationFile, HasAllThatDaprsReferenceNames) {
  const auto loaded = load_texts({kAll});
  EXPECT_THAT(lines(loaded), IsEmpty());
  const auto& c = loaded.value;
  EXPECT_EQ(c.name, "appconfig");
  EXPECT_EQ(c.tracing.sampling_rate, "1");
  EXPECT_TRUE(c.tracing.to_stdout);
  EXPECT_EQ(c.tracing.zipkin_endpoint, "http://localhost:9411/api/v2/spans");
  EXPECT_FALSE(c.tracing.otel_secure);
  EXPECT_FALSE(c.metrics.enabled);
  EXPECT_FALSE(c.metrics.increased_cardinality);
  EXPECT_THAT(c.metrics.path_matching, ElementsAre("/items", "/orders/{orderID}"));
  ASSERT_EQ(c.http_pipeline.size(), 1u);
  EXPECT_EQ(c.http_pipeline[0].type, "middleware.http.oauth2");
  EXPECT_EQ(c.app_http_pipeline[0].name, "upper");
  EXPECT_EQ(c.name_resolution.component, "sqlite");
  EXPECT_EQ(c.name_resolution.configuration.at("updateInterval"), "5s");
  EXPECT_EQ(c.name_resolution.configuration.at("deep"), "{\"a\":[1]}");
  EXPECT_EQ(c.api_allowed[0].name, "state");
  EXPECT_EQ(c.api_denied[0].protocol, "grpc");
  using Action = model::DaprAccessControl::Action;
  EXPECT_EQ(c.access_control.default_action, Action::Deny);
  ASSERT_EQ(c.access_control.policies.size(), 2u);
  const auto& policy = c.access_control.policies[0];
  EXPECT_EQ(policy.default_action, Action::Deny);
  EXPECT_THAT(policy.operations[0].verbs, ElementsAre("POST", "GET"));
  EXPECT_EQ(policy.operations[0].action, Action::Allow);
  EXPECT_EQ(policy.operations[1].name, "/op2/*");
  EXPECT_FALSE(c.access_control.policies[1].default_action);
  EXPECT_TRUE(c.has_feature("HotReload"));
  EXPECT_FALSE(c.has_feature("Other"));
  EXPECT_THAT(c.denied_components, ElementsAre("bindings.smtp", "pubsub.in-memory/v1"));
  EXPECT_TRUE(c.api_logging.omit_health_checks);
}

TEST(DaprConfigurationFile, ScopesSecrets) {
  const auto c = load_texts({kAll}).value;
  EXPECT_TRUE(c.allows_secret("vault", "secret1"));
  EXPECT_FALSE(c.allows_secret("vault", "secret3"));
  EXPECT_TRUE(c.allows_secret("file", "any"));
  EXPECT_FALSE(c.allows_secret("file", "root"));
  EXPECT_FALSE(c.allows_secret("none", "any"));
  EXPECT_TRUE(c.allows_secret("another", "any"));
}

TEST(DaprConfigurationFile, EmptyIsDaprsDefaults) {
  const auto loaded = load_texts({"", "kind: Configuration\n"});
  EXPECT_THAT(lines(loaded), IsEmpty());
  EXPECT_TRUE(loaded.value.metrics.enabled);
  EXPECT_EQ(loaded.value.access_control.default_action, model::DaprAccessControl::Action::Allow);
  EXPECT_TRUE(loaded.value.tracing.otel_secure);
}

TEST(DaprConfigurationFile, ThatComesLaterCountsAndReplacesLists) {
  const auto loaded = load_texts({"spec: {tracing: {samplingRate: '1', stdout: true}, features: [{name: A, enabled: true}], metric: {enabled: false}}\n",
                                  "spec: {tracing: {samplingRate: 0.5}, features: [{name: B, enabled: true}]}\n"});
  EXPECT_THAT(lines(loaded), IsEmpty());
  EXPECT_EQ(loaded.value.tracing.sampling_rate, "0.5");
  EXPECT_TRUE(loaded.value.tracing.to_stdout);
  EXPECT_FALSE(loaded.value.has_feature("A"));
  EXPECT_TRUE(loaded.value.has_feature("B"));
  EXPECT_FALSE(loaded.value.metrics.enabled);
}

TEST(DaprConfigurationFile, HasVariablesAsGoExpandsThem) {
  const auto sampled = [](const std::string& written, const Variables& variables) {
    return load_texts({"spec: {tracing: {samplingRate: '" + written + "'}}\n"}, variables).value.tracing.sampling_rate;
  };
  EXPECT_EQ(sampled("${RATE}", {{"RATE", "0.1"}}), "0.1");
  EXPECT_EQ(sampled("a$RATE/b", {{"RATE", "0.1"}}), "a0.1/b");
  EXPECT_EQ(sampled("[${NONE}]", {}), "[]");
  EXPECT_EQ(sampled("$ 5", {}), "$ 5");
  EXPECT_EQ(sampled("a$$b$1c", {}), "abc");
  EXPECT_EQ(sampled("${}x", {}), "x");
  EXPECT_EQ(load_texts({"spec: {metrics: {enabled: ${ON}}}\n"}, {{"ON", "false"}}).value.metrics.enabled, false);
}

TEST(DaprConfigurationFile, NeverShowsWhatAVariableHolds) {
  const std::string secret = "hunter2 \"and\" more, longer than what is shown of a value, which is eighty bytes and not one more";
  for (const std::string text : {"spec: {metrics: {enabled: '${S}'}}\n", "spec: {'${S}': 1}\n", "spec: {metrics: {enabled: |\n ${S}\n }}\n",
                                 "spec:\n  metrics:\n    enabled: |\n      ${S}\n", "kind: '${S}'\n", "spec: ['${S}']\n", "spec: {accessControl: {defaultAction: \"$S\"}}\n",
                                 "spec: {secrets: {scopes: [{storeName: '${S}'}, {storeName: '${S}'}]}}\n"}) {
    const auto loaded = load_texts({text}, {{"S", secret}});
    for (const std::string& line : lines(loaded)) EXPECT_THAT(line, Not(HasSubstr("hunter2"))) << text;
    EXPECT_THAT(lines(loaded), Not(IsEmpty())) << text;
  }
}

TEST(DaprConfigurationFile, WithMistakesIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"spec: {metric: {enabled: perhaps}}", "c0.yaml:1:26: spec.metric.enabled: expected true or false, got \"perhaps\""},
      {"spec: {secrets: {scopes: [{storeName: a}, {storeName: a}]}}", "spec.secrets.scopes[1].storeName: expected each store once, got \"a\" again"},
      {"spec: {secrets: {scopes: [{storeName: a, defaultAccess: maybe}]}}", "defaultAccess: expected allow or deny, got \"maybe\""},
      {"spec: {accessControl: {policies: [{trustDomain: a, namespace: b}]}}", "policies[0].appId: expected an app id, got nothing"},
      {"spec: {accessControl: {policies: [{appId: x, namespace: b}]}}", "policies[0].trustDomain: expected a trust domain, got nothing"},
      {"spec: {accessControl: {policies: [{appId: x, trustDomain: b}]}}", "policies[0].namespace: expected a namespace, got nothing"},
      {"spec: {api: {allowed: [{name: state, version: v1, protocol: tcp}]}}", "protocol: expected http or grpc, got \"tcp\""},
      {"- a", "expected a document with kind and spec, got a list"},
      {"spec: {", "expected YAML, got a syntax error"},
  };
  for (const auto& [text, line] : cases) {
    const auto loaded = load_texts({std::string(text) + "\n"});
    EXPECT_FALSE(loaded.ok()) << text;
    EXPECT_THAT(lines(loaded), ::testing::Contains(HasSubstr(line))) << text;
  }
}

TEST(DaprConfigurationFile, SaysWhatHasNoEffect) {
  const auto loaded = load_texts({"kind: Config\nspec: {mtls: {enabled: true}, sampling: 1}\n---\nkind: Configuration\n"});
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(lines(loaded), ::testing::UnorderedElementsAre(HasSubstr("only the first is read"), HasSubstr("it is read as if it were"),
                                                           HasSubstr("spec.mtls: expected what Holdfast does something with"),
                                                           HasSubstr("spec.sampling: expected a known key")));
}

TEST(DaprConfigurationFile, TakesOpenTelemetrysVariablesWhereItNamesNoEndpoint) {
  const Variables variables{{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel:4318"}, {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}, {"OTEL_EXPORTER_OTLP_INSECURE", "true"}};
  const auto from_environment = load_texts({}, variables).value.tracing;
  EXPECT_EQ(from_environment.otel_endpoint, "otel:4318");
  EXPECT_EQ(from_environment.otel_protocol, "http");
  EXPECT_EQ(from_environment.sampling_rate, "1");
  EXPECT_FALSE(from_environment.otel_secure);
  EXPECT_EQ(load_texts({kAll}, variables).value.tracing.otel_endpoint, "localhost:4317");
}

class DaprConfigurationFolder : public testing::Folder {};

TEST_F(DaprConfigurationFolder, FileThatIsNoneIsAnError) {
  const std::vector<std::string> files{(folder_ / "none.yaml").string(), folder_.string()};
  const auto loaded = load_dapr_configuration(std::span<const std::string>(files), testing::environment({}));
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(lines(loaded), ElementsAre(HasSubstr("expected a file, got nothing of this name"), HasSubstr("expected a file that can be read")));
}

}  // namespace
}  // namespace holdfast::config
