#include "kafka/properties.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

namespace holdfast::kafka {
namespace {

using model::Properties;

ClientProperties translated(Properties properties, Client client = Client::Consumer) {
  auto out = translate_properties(properties, client);
  EXPECT_TRUE(out.has_value()) << out.error().message;
  return out.value_or(ClientProperties{});
}
std::string error_of(Properties properties, Client client = Client::Consumer) {
  const auto out = translate_properties(properties, client);
  return out ? "none" : out.error().message;
}

class File {
 public:
  explicit File(std::string_view bytes) {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() / ("holdfast_properties_" + std::to_string(::getpid()) + "_" + std::to_string(++number));
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~File() { std::filesystem::remove(path_); }
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

TEST(Properties, WhatLibrdkafkaKnowsIsPassedOn) {
  const auto out = translated({{"fetch.min.bytes", "10"}, {"isolation.level", "READ_COMMITTED"}, {"security.protocol", "SASL_SSL"}});
  EXPECT_EQ(out.set, (Properties{{"fetch.min.bytes", "10"}, {"isolation.level", "read_committed"}, {"security.protocol", "sasl_ssl"}}));
  EXPECT_TRUE(out.warnings.empty());
}

TEST(Properties, JavasWordsBecomeLibrdkafkas) {
  EXPECT_EQ(translated({{"fetch.max.wait.ms", "7"}, {"receive.buffer.bytes", "-1"}, {"request.timeout.ms", "9000"}}).set,
            (Properties{{"fetch.wait.max.ms", "7"}, {"socket.receive.buffer.bytes", "0"}, {"socket.timeout.ms", "9000"}}));
  EXPECT_EQ(translated({{"buffer.memory", "33554432"}, {"max.request.size", "2000000"}, {"compression.type", "lz4"}}, Client::Producer).set,
            (Properties{{"queue.buffering.max.kbytes", "32768"}, {"message.max.bytes", "2000000"}, {"compression.type", "lz4"}}));
}

TEST(Properties, TheLastOfTwoWins) {
  EXPECT_EQ(translated({{"fetch.max.wait.ms", "7"}, {"fetch.wait.max.ms", "8"}}).set, (Properties{{"fetch.wait.max.ms", "8"}}));
}

TEST(Properties, WhatOnlyJavaHasAUseForIsLeftOutWithAWarning) {
  const auto out = translated({{"key.deserializer", "x"}, {"max.poll.records", "5"}, {"flink.poll-timeout", "1"}});
  EXPECT_TRUE(out.set.empty());
  ASSERT_EQ(out.warnings.size(), 3u);
  EXPECT_EQ(out.warnings[0], "property key.deserializer is left out: it means something to Java only");
}

TEST(Properties, WhatDecidesAboutExactlyOnceIsNotUpToThem) {
  const auto out = translated({{"enable.auto.commit", "true"}, {"auto.offset.reset", "latest"}, {"group.id", "g"}});
  EXPECT_TRUE(out.set.empty());
  EXPECT_EQ(out.warnings.size(), 2u);  // The group is the document's: nothing to warn of.
  EXPECT_EQ(translated({{"enable.idempotence", "false"}, {"transactional.id", "x"}, {"retries", "0"}}, Client::Producer).warnings.size(), 3u);
}

TEST(Properties, UnknownOrWrongOnesAreErrorsThatNameTheKeyAndNotItsValue) {
  const auto unknown = translated({{"fetch.mim.bytes", "1"}});
  EXPECT_TRUE(unknown.set.empty());
  ASSERT_EQ(unknown.warnings.size(), 1u);
  EXPECT_EQ(unknown.warnings[0], "property fetch.mim.bytes is left out: neither Java's client nor librdkafka knows it");
  EXPECT_TRUE(error_of({{"fetch.min.bytes", "many"}}).starts_with("property fetch.min.bytes: "));
  EXPECT_EQ(error_of({{"buffer.memory", "many"}}, Client::Producer), "property buffer.memory: expected a whole number");
  EXPECT_EQ(error_of({{"plugin.library.paths", "x.so"}}), "property plugin.library.paths is not allowed: it loads code");
  EXPECT_EQ(error_of({{"sasl.jaas.config", "secret"}}).find("secret"), std::string::npos);
}

TEST(Properties, JaasConfigBecomesUserAndPassword) {
  const std::string scram = R"(org.apache.kafka.common.security.scram.ScramLoginModule required
      username="alice" password="a\"b;c=d";)";
  EXPECT_EQ(translated({{"sasl.mechanism", "SCRAM-SHA-512"}, {"sasl.jaas.config", scram}}).set,
            (Properties{{"sasl.mechanism", "SCRAM-SHA-512"}, {"sasl.username", "alice"}, {"sasl.password", "a\"b;c=d"}}));
  EXPECT_EQ(error_of({{"sasl.jaas.config", "a.PlainLoginModule required username=\"x\";"}}),
            "property sasl.jaas.config: a.PlainLoginModule needs the option password");
  EXPECT_EQ(error_of({{"sasl.jaas.config", "a.OtherLoginModule required;"}}),
            "property sasl.jaas.config: the login module a.OtherLoginModule is not supported");
}

TEST(Properties, JaasConfigIsReadAsJavaReadsIt) {
  const auto config = parse_jaas_config("a.B required k='v 1' token=YQ== ;");
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->module, "a.B");
  EXPECT_EQ(config->options, (Properties{{"k", "v 1"}, {"token", "YQ=="}}));
  for (const char* bad : {"", "a.B", "a.B required", "a.B required k=\"v;", "a.B required k;", "a.B required; c.D required;", "a.B sometimes;"})
    EXPECT_FALSE(parse_jaas_config(bad).has_value()) << bad;
}

TEST(Properties, StoresAreWhatTheirFirstBytesSay) {
  const File pem("# mine\n-----BEGIN CERTIFICATE-----\n"), jks("\xfe\xed\xfe\xed...."), p12("\x30\x82....");
  EXPECT_EQ(translated({{"ssl.truststore.location", pem.path()}, {"ssl.truststore.password", "x"}, {"ssl.truststore.type", "PEM"}}).set,
            (Properties{{"ssl.ca.location", pem.path()}}));
  EXPECT_EQ(translated({{"ssl.keystore.location", pem.path()}, {"ssl.keystore.password", "x"}}).set,
            (Properties{{"ssl.certificate.location", pem.path()}, {"ssl.key.location", pem.path()}}));
  EXPECT_EQ(translated({{"ssl.keystore.location", p12.path()}, {"ssl.keystore.password", "x"}}).set,
            (Properties{{"ssl.keystore.location", p12.path()}, {"ssl.keystore.password", "x"}}));
  EXPECT_NE(error_of({{"ssl.truststore.location", jks.path()}}).find("export its certificates as PEM"), std::string::npos);
  EXPECT_NE(error_of({{"ssl.keystore.location", jks.path()}}).find("-deststoretype PKCS12"), std::string::npos);
  EXPECT_EQ(error_of({{"ssl.keystore.location", "/nowhere/x"}}), "property ssl.keystore.location: cannot read /nowhere/x");
}

TEST(Properties, EmptyEndpointIdentificationTurnsItOffAsInJava) {
  EXPECT_EQ(translated({{"ssl.endpoint.identification.algorithm", ""}}).set,
            (Properties{{"ssl.endpoint.identification.algorithm", "none"}}));
}

TEST(Properties, DiscoveryOfPartitionsIsSaidInOneOfFourWays) {
  EXPECT_EQ(translated({}).discovery, std::nullopt);
  EXPECT_EQ(translated({{"topic.metadata.refresh.interval.ms", "1000"}}).discovery, Duration{1000});
  EXPECT_EQ(translated({{"metadata.max.age.ms", "2000"}}).discovery, Duration{2000});
  EXPECT_EQ(translated({{"flink.partition-discovery.interval-millis", "3000"}}).discovery, Duration{3000});
  EXPECT_EQ(translated({{"partition.discovery.interval.ms", "-1"}}).discovery, Duration{0});
}

TEST(Validate, MakesTheClientWithoutABroker) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "not with TSan: see broker_fixture.h";
#endif
  model::KafkaIngressSpec in;
  in.id = "a/b";
  in.bootstrap_servers = "nowhere.invalid:9092";
  in.group_id = "g";
  in.properties = {{"max.poll.records", "5"}};
  const auto checked = validate(in);
  ASSERT_TRUE(checked.has_value()) << checked.error().message;
  EXPECT_EQ(checked->size(), 1u);
  in.properties = {{"security.protocol", "ssl"}, {"ssl.ca.location", "/nowhere/ca.pem"}};
  EXPECT_FALSE(validate(in).has_value());

  model::KafkaEgressSpec out;
  out.id = "a/b";
  out.bootstrap_servers = "nowhere.invalid:9092";
  for (const auto delivery : {model::KafkaEgressSpec::Delivery::None, model::KafkaEgressSpec::Delivery::AtLeastOnce,
                              model::KafkaEgressSpec::Delivery::ExactlyOnce}) {
    out.delivery = delivery;
    for (const std::int64_t timeout : {1, 1'000, 60'000, 900'000, 100'000'000}) {
      out.transaction_timeout = Duration{timeout};
      out.properties = {{"acks", "1"}, {"linger.ms", "100"}, {"delivery.timeout.ms", "5"}, {"max.in.flight.requests.per.connection", "10"}};
      EXPECT_TRUE(validate(out).has_value()) << timeout << ": " << validate(out).error().message;
    }
  }
}

}  // namespace
}  // namespace holdfast::kafka
