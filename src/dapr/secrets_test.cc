#include "dapr/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "dapr/local_secret_stores.h"

namespace holdfast::dapr {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Pair;

Properties properties(std::initializer_list<std::pair<const char*, const char*>> items) {
  return Properties(std::vector<std::pair<std::string, std::string>>(items.begin(), items.end()));
}

class Secrets : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "holdfast_secrets_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& text) {
    std::ofstream(folder_ / "secrets.json") << text;
    return (folder_ / "secrets.json").string();
  }
  Result<std::unique_ptr<SecretStore>> file(const std::string& text, std::vector<std::pair<std::string, std::string>> more = {}) {
    more.emplace_back("secretsFile", write(text));
    return open_local_file(Properties(std::move(more)));
  }
  static model::DaprComponent component(std::string name, std::string type, std::vector<model::DaprProperty> metadata = {}, std::string store = {}) {
    model::DaprComponent out;
    out.name = std::move(name);
    out.type = std::move(type);
    out.version = "v1";
    out.metadata = std::move(metadata);
    out.secret_store = std::move(store);
    out.place = {"c.yaml", 7};
    return out;
  }
  model::DaprComponent file_component(const std::string& name, const std::string& text) {
    return component(name, "secretstores.local.file", {{.name = "secretsFile", .value = write(text)}});
  }
  static model::DaprProperty from_secret(std::string name, std::string secret, std::string key = {}) {
    return {.name = std::move(name), .value = std::nullopt, .secret_name = std::move(secret), .secret_key = std::move(key)};
  }

  std::filesystem::path folder_;
  SeededRandom random_{1};
  Variables variables_{{"REDIS", "pw"}, {"POD_NAME", "pod-1"}, {"DAPR_API_TOKEN", "t"}, {"dapr_x", "t"}, {"APP_API_TOKEN", "t"}, {"P_A", "1"}, {"P_", "2"}, {"EMPTY", ""}};
};

TEST_F(Secrets, OfAFileHaveTheNamesThatLeadToThem) {
  const auto store = file(R"({"redisPassword":"pw","connectionStrings":{"sql":"a","deep":{"x":"b"}},"list":["p",{"q":"r"}],"n":1,"yes":true,"no":null})");
  ASSERT_TRUE(store);
  EXPECT_FALSE((*store)->has_multiple_values());
  const auto all = *(*store)->get_all();
  std::vector<std::string> names;
  for (const auto& [name, secret] : all) {
    EXPECT_THAT(secret, ElementsAre(Pair(name, ::testing::_)));
    names.push_back(name + "=" + secret.at(name));
  }
  EXPECT_THAT(names, ElementsAre("connectionStrings:deep:x=b", "connectionStrings:sql=a", "list:0=p", "list:1:q=r", "n=1", "no=", "redisPassword=pw", "yes=true"));
  EXPECT_EQ((*store)->get("connectionStrings:sql")->at("connectionStrings:sql"), "a");
  EXPECT_EQ((*store)->get("connectionStrings").error().message, "secret connectionStrings not found");
}

TEST_F(Secrets, OfAFileMayHaveAnotherSeparator) {
  const auto store = file(R"({"a":{"b":"x"}})", {{"nestedseparator", "."}});
  EXPECT_EQ((*store)->get("a.b")->at("a.b"), "x");
}

TEST_F(Secrets, OfAFileMayHaveManyTextsEach) {
  const auto store = file(R"({"a":"x","b":{"c":"y","d":{"e":"z"}},"n":1})", {{"multiValued", "true"}});
  EXPECT_TRUE((*store)->has_multiple_values());
  EXPECT_THAT(*(*store)->get_all(), ElementsAre(Pair("a", ElementsAre(Pair("a", "x"))), Pair("b", ElementsAre(Pair("c", "y"), Pair("d:e", "z")))));
}

TEST_F(Secrets, OfAFileThatIsNoneAreRefused) {
  EXPECT_EQ(open_local_file(Properties()).error().message, "missing local secrets file in metadata");
  EXPECT_THAT(open_local_file(properties({{"secretsFile", "/none/such"}})).error().message, HasSubstr("/none/such cannot be read"));
  EXPECT_THAT(open_local_file(properties({{"secretsFile", folder_.c_str()}})).error().message, HasSubstr("cannot be read"));
  EXPECT_THAT(file("{\"a\":").error().message, HasSubstr("secrets.json: not JSON"));
  EXPECT_THAT(file("[]").error().message, HasSubstr("not a JSON object"));
  EXPECT_THAT(file(std::string(kSecretsFileBytesMax + 1, ' ')).error().message, HasSubstr("more than 4194304 bytes"));
}

TEST_F(Secrets, OfTheEnvironmentAreAllButDaprsOwn) {
  const auto store = open_local_env(Properties(), variables_);
  EXPECT_THAT(*store->get("REDIS"), ElementsAre(Pair("REDIS", "pw")));
  EXPECT_THAT(*store->get("NONE"), ElementsAre(Pair("NONE", "")));
  for (const std::string name : {"DAPR_API_TOKEN", "dapr_x", "APP_API_TOKEN"}) EXPECT_THAT(*store->get(name), ElementsAre(Pair(name, ""))) << name;
  std::vector<std::string> names;
  const auto all = *store->get_all();
  for (const auto& [name, secret] : all) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("EMPTY", "POD_NAME", "P_", "P_A", "REDIS"));
}

TEST_F(Secrets, OfTheEnvironmentMayHaveAPrefix) {
  const auto store = open_local_env(properties({{"prefix", "P_"}}), variables_);
  EXPECT_THAT(*store->get("A"), ElementsAre(Pair("A", "1")));
  EXPECT_THAT(*store->get_all(), ElementsAre(Pair("A", ElementsAre(Pair("A", "1")))));
  EXPECT_THAT(*open_local_env(properties({{"prefix", "DAPR_"}}), variables_)->get("API_TOKEN"), ElementsAre(Pair("API_TOKEN", "")));
}

TEST_F(Secrets, AreAskedForInDaprsWords) {
  model::DaprSecretScope vault;
  vault.store = "vault";
  vault.allowed = {"a"};
  SecretStores stores({"orders", "", variables_}, {vault});
  EXPECT_EQ(stores.get("vault", "a").error().code, "ERR_SECRET_STORES_NOT_CONFIGURED");
  EXPECT_EQ(stores.get_all("vault").error().http_status, 500);
  ASSERT_TRUE(stores.open(std::vector{file_component("vault", R"({"a":"x","b":"y"})")}, random_));
  EXPECT_THAT(*stores.get("vault", "a"), ElementsAre(Pair("a", "x")));
  EXPECT_THAT(*stores.get_all("vault"), ElementsAre(Pair("a", ElementsAre(Pair("a", "x")))));
  const auto denied = stores.get("vault", "b\"").error();
  EXPECT_EQ(denied.message, "access denied by policy to get \"b\\\"\" from \"vault\"");
  EXPECT_EQ(denied.http_status, 403);
  EXPECT_EQ(denied.grpc_code, grpc::Code::PermissionDenied);
  const auto unknown = stores.get("none", "a").error();
  EXPECT_EQ(unknown.message, "failed finding secret store with key none");
  EXPECT_EQ(unknown.http_status, 401);
  EXPECT_EQ(unknown.grpc_code, grpc::Code::InvalidArgument);
  EXPECT_EQ(stores.get_all("none").error().code, "ERR_SECRET_STORE_NOT_FOUND");
}

TEST_F(Secrets, ThatAreMissingAreAskedForInDaprsWordsToo) {
  SecretStores stores({"orders", "", variables_}, {});
  ASSERT_TRUE(stores.open(std::vector{file_component("vault", "{}")}, random_));
  EXPECT_EQ(stores.get("vault", "a").error().message, "failed getting secret with key a from secret store vault: secret a not found");
  EXPECT_EQ(stores.get("vault", "a").error().code, "ERR_SECRET_GET");
  EXPECT_THAT(*stores.get_all("vault"), IsEmpty());
}

TEST_F(Secrets, AreFilledIntoComponents) {
  SecretStores stores({"orders", "", variables_}, {});
  ASSERT_TRUE(stores.open(std::vector{file_component("vault", R"({"pw":"secret of {appID}","empty":""})")}, random_));
  const auto resolved = stores.resolve(component("s", "state.redis",
                                                 {{.name = "redisHost", .value = "localhost"},
                                                  from_secret("redisPassword", "pw"),
                                                  {.name = "kept", .value = "old", .secret_name = "empty"},
                                                  {.name = "twice", .value = "1"},
                                                  {.name = "twice", .value = "2"},
                                                  {.name = "user", .env = "REDIS"},
                                                  {.name = "both", .value = "", .env = "REDIS"},
                                                  {.name = "unset", .env = "NONE"},
                                                  {.name = "token", .env = "DAPR_API_TOKEN"}},
                                                 "vault"),
                                       random_);
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_THAT(resolved->all(), ElementsAre(Pair("redisHost", "localhost"), Pair("redisPassword", "secret of orders"), Pair("kept", "old"), Pair("twice", "2"),
                                           Pair("user", "pw"), Pair("both", ""), Pair("unset", ""), Pair("token", "")));
  EXPECT_EQ(resolved->find("REDISHOST"), "localhost");
  EXPECT_EQ(resolved->find("unset"), std::nullopt);
}

TEST_F(Secrets, ThatComponentsReferToAndAreNotThereAreSaid) {
  SecretStores stores({"orders", "", variables_}, {});
  ASSERT_TRUE(stores.open(std::vector{file_component("vault", R"({"a":"x"})")}, random_));
  const auto why = [&](std::string store, std::string secret, std::string key = {}) {
    return stores.resolve(component("s", "state.redis", {from_secret("pw", std::move(secret), std::move(key))}, std::move(store)), random_).error().message;
  };
  EXPECT_EQ(why("", "a"), "c.yaml:7: component s (state.redis/v1) has a secretKeyRef, and no auth.secretStore says where to look for it");
  EXPECT_EQ(why("kubernetes", "a"), "c.yaml:7: component s (state.redis/v1) references the secret store kubernetes, which there is in Kubernetes alone");
  EXPECT_EQ(why("other", "a"), "c.yaml:7: component s (state.redis/v1) references a secret store that isn't loaded: other");
  EXPECT_EQ(why("vault", "b"), "c.yaml:7: component s (state.redis/v1) cannot have its secret from vault: secret b not found");
  EXPECT_EQ(why("vault", "a", "k"), "c.yaml:7: component s (state.redis/v1) cannot have its secret from vault: secret a has no key k");
}

TEST_F(Secrets, OfStoresComeFromOtherStoresInAnyOrder) {
  const std::string path = write(R"({"a":"x"})");
  variables_["WHERE"] = path;
  const auto vault = component("vault", "secretstores.local.file", {from_secret("secretsFile", "WHERE")}, "env");
  const auto env = component("env", "secretstores.local.env");
  for (const auto& order : {std::vector{vault, env}, std::vector{env, vault}}) {
    SecretStores stores({"orders", "", variables_}, {});
    const auto opened = stores.open(order, random_);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(stores.get("vault", "a"));
  }
  SecretStores stores({"orders", "", variables_}, {});
  EXPECT_THAT(stores.open(std::vector{component("self", "secretstores.local.file", {from_secret("secretsFile", "x")}, "self")}, random_).error().message,
              HasSubstr("references a secret store that isn't loaded: self"));
}

TEST_F(Secrets, StoresThatThereAreNotAreRefusedByName) {
  const auto why = [&](const std::string& type, bool ignore = false) {
    auto wrong = component("s", type);
    wrong.ignore_errors = ignore;
    SecretStores stores({"orders", "", variables_}, {});
    const auto opened = stores.open(std::vector{wrong}, random_);
    return opened ? std::string("opened") : opened.error().message;
  };
  EXPECT_THAT(why("secretstores.kubernetes"), HasSubstr("needs Kubernetes"));
  EXPECT_THAT(why("secretstores.hashicorp.vault"), HasSubstr("couldn't find secret store secretstores.hashicorp.vault/v1"));
  EXPECT_EQ(why("secretstores.hashicorp.vault", true), "opened");
  EXPECT_EQ(why("secretstores.Local.ENV"), "opened");
  EXPECT_EQ(why("state.redis"), "opened");  // No secret store: not this one's business.
}

TEST_F(Secrets, AreFilledIntoHttpEndpoints) {
  SecretStores stores({"orders", "", variables_}, {});
  ASSERT_TRUE(stores.open(std::vector{file_component("vault", R"({"token":"Bearer x","ca":"PEM"})")}, random_));
  model::DaprHttpEndpoint endpoint;
  endpoint.name = "github";
  endpoint.base_url = "https://api.github.com";
  endpoint.headers = {{.name = "Accept", .value = "{appID}"}, from_secret("Authorization", "token")};
  endpoint.root_ca.secret_name = "ca";
  endpoint.private_key.value = "KEY";
  endpoint.secret_store = "vault";
  const auto resolved = stores.resolve(endpoint);
  ASSERT_TRUE(resolved) << resolved.error().message;
  EXPECT_THAT(resolved->headers, ElementsAre(Pair("Accept", "{appID}"), Pair("Authorization", "Bearer x")));
  EXPECT_EQ(resolved->root_ca, "PEM");
  EXPECT_EQ(resolved->certificate, "");
  EXPECT_EQ(resolved->private_key, "KEY");
  endpoint.certificate.secret_name = "none";
  EXPECT_FALSE(stores.resolve(endpoint));
}

TEST(Templates, AreFilledIn) {
  SeededRandom random(1);
  const Surroundings surroundings{"orders", "prod", {{"POD_NAME", "pod-1"}}};
  EXPECT_EQ(*fill_in("{appID}/{namespace}/{podName}/{other}", surroundings, random), "orders/prod.orders/pod-1/{other}");
  const auto uuids = *fill_in("{uuid} {uuid}", surroundings, random);
  EXPECT_THAT(uuids, MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_NE(uuids.substr(0, 36), uuids.substr(37));
  EXPECT_EQ(*fill_in("{namespace}", {"orders", "", {}}, random), ".orders");
  EXPECT_THAT(fill_in("{podName}", {"orders", "", {}}, random).error().message, HasSubstr("POD_NAME is not set"));
}

TEST(EnvRef, MayNameWhatIsNotDaprsOwnAndIsListed) {
  EXPECT_TRUE(is_variable_allowed("REDIS", {}));
  for (const char* name : {"", "DAPR_X", "dapr_x", "app_api_token", "A B"}) EXPECT_FALSE(is_variable_allowed(name, {})) << name;
  const Variables listed{{"DAPR_ENV_KEYS", "REDIS OTHER"}};
  EXPECT_TRUE(is_variable_allowed("redis", listed));
  EXPECT_TRUE(is_variable_allowed("OTHER", listed));
  EXPECT_FALSE(is_variable_allowed("REDI", listed));
  EXPECT_FALSE(is_variable_allowed("MORE", listed));
}

TEST(Properties, AreTrueInDaprsWords) {
  const Properties given = properties({{"a", "TRUE"}, {"b", "1"}, {"c", "no"}, {"d", "yes"}, {"e", ""}});
  EXPECT_TRUE(given.is_true("A"));
  EXPECT_TRUE(given.is_true("b"));
  EXPECT_TRUE(given.is_true("d"));
  EXPECT_FALSE(given.is_true("c"));
  EXPECT_FALSE(given.is_true("e"));
  EXPECT_FALSE(given.is_true("none"));
}

}  // namespace
}  // namespace holdfast::dapr
