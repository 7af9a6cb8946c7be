// Components, HTTP endpoints and resiliency, in the form of Dapr's own documentation and quickstarts.
#include <gmock/gmock.h>

#include "config/dapr.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

Loaded<DaprResources> load_text(std::string text, const model::DaprScope& scope = {"orders", ""}) {
  const Source source{"r.yaml", std::move(text), {}};
  return load_dapr_resources(std::span(&source, 1), scope);
}
using testing::lines;

constexpr const char* kRedis = R"(apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: statestore
spec:
  type: state.redis
  version: v1
  metadata:
  - name: redisHost
    value: localhost:6379
  - name: redisPassword
    secretKeyRef:
      name: redis
      key: password
  - name: actorStateStore
    value: true
  - name: redisDB
    value: 0
  - name: user
    envRef: REDIS_USER
auth:
  secretStore: vault
scopes:
- orders
)";

TEST(DaprComponents, AreReadAsDaprsQuickstartsWriteThem) {
  const auto loaded = load_text(kRedis);
  EXPECT_THAT(lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.value.components.size(), 1u);
  const auto& c = loaded.value.components[0];
  EXPECT_EQ(c.log_name(), "statestore (state.redis/v1)");
  EXPECT_EQ(c.secret_store, "vault");
  EXPECT_EQ(c.place.text(), "r.yaml:1");
  EXPECT_EQ(c.init_timeout.ms, 5'000);
  EXPECT_FALSE(c.ignore_errors);
  ASSERT_EQ(c.metadata.size(), 5u);
  EXPECT_EQ(c.metadata[0].name, "redisHost");
  EXPECT_EQ(c.metadata[0].value, "localhost:6379");
  EXPECT_FALSE(c.metadata[1].value);
  EXPECT_EQ(c.metadata[1].secret_name, "redis");
  EXPECT_EQ(c.metadata[1].secret_key, "password");
  EXPECT_EQ(c.metadata[2].value, "true");
  EXPECT_EQ(c.metadata[3].value, "0");
  EXPECT_EQ(c.metadata[4].env, "REDIS_USER");
}

std::string value_of(const std::string& written) {
  const auto loaded = load_text("kind: Component\nmetadata: {name: a}\nspec:\n  type: state.x\n  metadata:\n  - name: k\n    value: " + written + "\n");
  if (!loaded.problems.empty() || loaded.value.components.size() != 1) return "?";
  return loaded.value.components[0].metadata[0].value.value_or("none");
}

TEST(DaprComponents, ValuesAreTheTextThatGoMakesOfThem) {
  const std::pair<const char*, const char*> cases[] = {
      {"true", "true"}, {"yes", "true"}, {"Off", "false"}, {"'yes'", "yes"}, {"\"10\"", "10"}, {"10", "10"}, {"1.5", "1.5"},
      {"1.50", "1.5"}, {"'1.50'", "1.50"}, {"0x10", "16"}, {"010", "8"}, {"1e3", "1000"}, {"1e-7", "1e-7"}, {"1e21", "1e+21"},
      {"1_000", "1000"}, {"-7", "-7"}, {"18446744073709551615", "18446744073709551615"}, {"5s", "5s"}, {"a b", "a b"},
      {"${NOT_A_VARIABLE}", "${NOT_A_VARIABLE}"}, {"{podName}", "{\"podName\":null}"}, {"\"{podName}\"", "{podName}"}, {"null", "none"}, {"~", "none"}, {"''", ""},
      {"[b, 1, true]", "[\"b\",1,true]"}, {"{b: 1, a: x}", "{\"a\":\"x\",\"b\":1}"}, {"2020-01-02", "2020-01-02"}, {"1.2.3", "1.2.3"},
      {"127.0.0.1:1", "127.0.0.1:1"}, {"-", "?"}, {"+5", "5"}, {"e5", "e5"}};
  for (const auto& [written, text] : cases) EXPECT_EQ(value_of(written), text) << written;
}

TEST(DaprComponents, OfSeveralDocumentsStandInTheirOrder) {
  const auto loaded = load_text("kind: Component\nmetadata: {name: b}\nspec: {type: state.x}\n---\n\n---\nkind: Component\nmetadata: {name: a}\nspec: {type: state.x}\n");
  EXPECT_THAT(lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.value.components.size(), 2u);
  EXPECT_EQ(loaded.value.components[0].name, "b");
  EXPECT_EQ(loaded.value.components[1].place.line, 7u);
}

TEST(DaprComponents, OfOneNameAreAnError) {
  const auto loaded = load_text("kind: Component\nmetadata: {name: a}\nspec: {type: state.x}\n---\nkind: Component\nmetadata: {name: a}\nspec: {type: state.y}\n");
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(lines(loaded), ElementsAre("r.yaml:6:11: metadata: expected each name once among those of one kind, got \"a\" again (first at r.yaml:1)"));
}

TEST(DaprComponents, OfOthersAreNotLoadedAndTakeNoNames) {
  const std::string mine = "---\nkind: Component\nmetadata: {name: a}\nspec: {type: state.mine}\n";
  auto loaded = load_text("kind: Component\nmetadata: {name: a}\nspec: {type: [wrong]}\nscopes: [billing]\n" + mine);
  EXPECT_THAT(lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.value.components.size(), 1u);
  EXPECT_EQ(loaded.value.components[0].type, "state.mine");
  const std::string elsewhere = "kind: Component\nmetadata: {name: a, namespace: test}\nspec: {type: state.x}\n";
  EXPECT_EQ(load_text(elsewhere + mine, {"orders", "prod"}).value.components.size(), 1u);
  EXPECT_FALSE(load_text(elsewhere + mine, {"orders", "test"}).ok());
  // A namespace of ours that is not there is none to differ from.
  EXPECT_FALSE(load_text(elsewhere + mine, {"orders", ""}).ok());
}

TEST(DaprComponents, WithMistakesAreLeftOutWithAWord) {
  const auto loaded = load_text(
      "kind: Component\nmetadata: {name: a}\nspec: {type: state.x, ignoreErrors: perhaps}\n---\nkind: Component\nmetadata: {name: a/b}\nspec: {}\n---\n"
      "kind: Component\nmetadata: {name: c}\nspec: {type: state.x, initTimeout: soon, metaData: []}\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_THAT(lines(loaded),
              ElementsAre("r.yaml:3:37: warning: spec.ignoreErrors: expected true or false, got \"perhaps\" (this document is not loaded)",
                          "r.yaml:6:18: warning: metadata.name: expected a name without /, % and control characters, got \"a/b\" (this document is not loaded)",
                          "r.yaml:11:36: warning: spec.initTimeout: expected a duration, as 5s, got \"soon\" (it is 5s)",
                          "r.yaml:11:42: warning: spec.metaData: expected a known key, got \"metaData\" (it is ignored; did you mean \"metadata\"?)"));
  ASSERT_EQ(loaded.value.components.size(), 1u);
  EXPECT_EQ(loaded.value.components[0].name, "c");
}

TEST(DaprResources, OfOtherKindsAreSkippedWithAWord) {
  const auto loaded = load_text("kind: Subscription\nspec: {}\n---\nkind: Configuration\nspec: {}\n---\nkind: Componet\nmetadata: {name: x}\n---\napiVersion: v1\n---\n- a\n");
  EXPECT_TRUE(loaded.ok());
  const auto said = lines(loaded);
  ASSERT_EQ(said.size(), 5u);
  EXPECT_THAT(said[0], HasSubstr("does not know subscriptions yet"));
  EXPECT_THAT(said[1], HasSubstr("given by --config"));
  EXPECT_THAT(said[2], HasSubstr("did you mean \"Component\"?"));
  EXPECT_THAT(said[3], HasSubstr("it is not loaded"));
  EXPECT_THAT(said[4], HasSubstr("it is not loaded"));
}

TEST(DaprResources, BeforeASyntaxErrorAreLoaded) {
  const auto loaded = load_text("kind: Component\nmetadata: {name: a}\nspec: {type: state.x}\n---\nkind: [\n");
  EXPECT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.value.components.size(), 1u);
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_THAT(loaded.problems[0].text(), HasSubstr("what comes from there on is not loaded"));
}

class DaprFolder : public testing::Folder {};

TEST_F(DaprFolder, IsReadInTheOrderOfNamesWithoutWhatIsNoYaml) {
  const auto component = [](const std::string& name) { return "kind: Component\nmetadata: {name: " + name + "}\nspec: {type: state.x}\n"; };
  write("b.yaml", component("second"));
  write("a.yml", component("first"));
  write("notes.txt", "not YAML");
  std::filesystem::create_directory(folder_ / "deeper.yaml");
  std::ofstream(folder_ / "deeper.yaml" / "c.yaml") << component("third");
  const std::vector<std::string> folders{folder_.string()};
  const auto loaded = load_dapr_resources(std::span<const std::string>(folders), {"orders", ""});
  ASSERT_EQ(loaded.value.components.size(), 2u);
  EXPECT_EQ(loaded.value.components[0].name, "first");
  EXPECT_EQ(loaded.value.components[1].name, "second");
  EXPECT_EQ(loaded.value.components[1].place.text(), (folder_ / "b.yaml").string() + ":1");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_THAT(loaded.problems[0].text(), HasSubstr("notes.txt: warning: expected files whose names end in .yaml or .yml"));
}

TEST_F(DaprFolder, ThatIsMissingIsAnError) {
  const std::vector<std::string> folders{(folder_ / "none").string()};
  const auto loaded = load_dapr_resources(std::span<const std::string>(folders), {"orders", ""});
  EXPECT_FALSE(loaded.ok());
  EXPECT_THAT(loaded.problems[0].text(), HasSubstr("expected a folder of resources, got No such file or directory"));
}

TEST_F(DaprFolder, HasOneNamespaceOverAllFolders) {
  std::filesystem::create_directory(folder_ / "one");
  std::filesystem::create_directory(folder_ / "two");
  for (const char* name : {"one/a.yaml", "two/a.yaml"}) write(name, "kind: Component\nmetadata: {name: a}\nspec: {type: state.x}\n");
  const std::vector<std::string> folders{(folder_ / "one").string(), (folder_ / "two").string()};
  EXPECT_FALSE(load_dapr_resources(std::span<const std::string>(folders), {"orders", ""}).ok());
}

TEST(DaprHttpEndpoints, AreReadWithHeadersAndTls) {
  const auto loaded = load_text(R"(apiVersion: dapr.io/v1alpha1
kind: HTTPEndpoint
metadata:
  name: "github"
spec:
  baseUrl: https://api.github.com
  headers:
  - name: "Accept-Language"
    value: "en-US"
  - name: "Authorization"
    secretKeyRef: {name: "my-secret", key: "mymetadataSecret"}
  clientTLS:
    rootCA:
      secretKeyRef: {name: dapr-tls, key: ca.crt}
    certificate: {value: "-----BEGIN"}
    renegotiation: OnceAsClient
scopes: [orders]
auth: {secretStore: local}
)");
  EXPECT_THAT(lines(loaded), IsEmpty());
  ASSERT_EQ(loaded.value.http_endpoints.size(), 1u);
  const auto& e = loaded.value.http_endpoints[0];
  EXPECT_EQ(e.base_url, "https://api.github.com");
  EXPECT_EQ(e.headers[0].value, "en-US");
  EXPECT_EQ(e.headers[1].secret_key, "mymetadataSecret");
  EXPECT_EQ(e.root_ca.secret_name, "dapr-tls");
  EXPECT_EQ(e.certificate.value, "-----BEGIN");
  EXPECT_FALSE(e.private_key.value);
  EXPECT_EQ(e.secret_store, "local");
}

TEST(DaprHttpEndpoints, WithoutAUrlAreLeftOut) {
  for (const std::string url : {"", "baseUrl: ftp://x", "baseUrl: here"}) {
    const auto loaded = load_text("kind: HTTPEndpoint\nmetadata: {name: a}\nspec: {" + url + "}\n");
    EXPECT_TRUE(loaded.ok()) << url;
    EXPECT_THAT(loaded.value.http_endpoints, IsEmpty()) << url;
    EXPECT_EQ(loaded.problems.size(), 1u) << url;
  }
}

constexpr const char* kResiliency = R"(apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: myresiliency
scopes: [orders, billing]
spec:
  policies:
    timeouts:
      general: 5s
      bare: 1500
    retries:
      retryForever: {policy: constant, duration: 5s, maxRetries: -1}
      important: {policy: exponential, maxInterval: 15s, maxRetries: 10, matching: {httpStatusCodes: "429,500-599", gRPCStatusCodes: "1,4,8-11"}}
      DefaultRetryPolicy: {}
    circuitBreakers:
      simpleCB: {maxRequests: 1, timeout: 30s, trip: consecutiveFailures >= 5}
      plain: {}
  targets:
    apps:
      appB: {timeout: general, retry: important, circuitBreaker: simpleCB, circuitBreakerCacheSize: 7}
    actors:
      myActorType: {timeout: general}
    components:
      statestore1:
        outbound: {timeout: general, retry: retryForever, circuitBreaker: simpleCB}
        inbound: {timeout: bare}
)";

TEST(DaprResiliency, HasPoliciesAndTargets) {
  const auto loaded = load_text(kResiliency);
  EXPECT_THAT(lines(loaded), ElementsAre(HasSubstr("there are no actors here")));
  const auto& r = loaded.value.resiliency;
  EXPECT_EQ(r.timeouts.at("general").ms, 5'000);
  EXPECT_EQ(r.timeouts.at("bare").ms, 1'500);
  EXPECT_FALSE(r.retries.at("retryForever").max_retries);
  const auto& important = r.retries.at("important");
  EXPECT_EQ(important.policy, model::DaprRetry::Policy::Exponential);
  EXPECT_EQ(important.max_interval.ms, 15'000);
  EXPECT_EQ(important.max_retries, 10u);
  EXPECT_THAT(important.http_codes, ElementsAre(Pair(429, 429), Pair(500, 599)));
  EXPECT_THAT(important.grpc_codes, ElementsAre(Pair(1, 1), Pair(4, 4), Pair(8, 11)));
  EXPECT_EQ(r.retries.at("DefaultRetryPolicy").duration.ms, 5'000);
  EXPECT_EQ(r.circuit_breakers.at("simpleCB").timeout.ms, 30'000);
  EXPECT_EQ(r.circuit_breakers.at("simpleCB").trip, "consecutiveFailures >= 5");
  EXPECT_EQ(r.circuit_breakers.at("plain").trip, "consecutiveFailures > 5");
  EXPECT_EQ(r.circuit_breakers.at("plain").max_requests, 1u);
  EXPECT_EQ(r.apps.at("appB").policies.retry, "important");
  EXPECT_EQ(r.apps.at("appB").circuit_breakers_max, 7u);
  EXPECT_EQ(r.components.at("statestore1").outbound.circuit_breaker, "simpleCB");
  EXPECT_EQ(r.components.at("statestore1").inbound.timeout, "bare");
}

TEST(DaprResiliency, OfSeveralDocumentsIsOneAndTheLaterWins) {
  const auto loaded = load_text(
      "kind: Resiliency\nspec: {policies: {timeouts: {a: 1s, b: 2s}}}\n---\nkind: Resiliency\nspec: {policies: {timeouts: {b: 3s}}}\n---\n"
      "kind: Resiliency\nscopes: [other]\nspec: {policies: {timeouts: {a: 9s}}}\n");
  EXPECT_THAT(lines(loaded), IsEmpty());
  EXPECT_EQ(loaded.value.resiliency.timeouts.at("a").ms, 1'000);
  EXPECT_EQ(loaded.value.resiliency.timeouts.at("b").ms, 3'000);
}

TEST(DaprResiliency, WithMistakesIsLeftOutWhole) {
  for (const std::string spec :
       {"{policies: {timeouts: {a: 1s, b: soon}}}", "{policies: {timeouts: {a: 1s}, retries: {x: {policy: linear}}}}",
        "{policies: {timeouts: {a: 1s}, retries: {x: {matching: {httpStatusCodes: '99'}}}}}",
        "{policies: {timeouts: {a: 1s}, retries: {x: {matching: {gRPCStatusCodes: 5-3}}}}}", "{policies: {timeouts: {a: 1s}, circuitBreakers: {x: yes}}}"}) {
    const auto loaded = load_text("kind: Resiliency\nspec: " + spec + "\n");
    EXPECT_TRUE(loaded.ok()) << spec;
    EXPECT_EQ(loaded.problems.size(), 1u) << spec;
    EXPECT_THAT(loaded.value.resiliency.timeouts, IsEmpty()) << spec;
  }
}

}  // namespace
}  // namespace holdfast::config
