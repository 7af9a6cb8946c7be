// What is said about documents that are not in order, word for word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/kinds.h"
#include "config/load.h"
#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kEgress;
using testing::kIngress;
using testing::kSettings;
using testing::kStream;
using testing::kV1;
using testing::kV2;
using testing::lines;
using testing::load_text;
using testing::problems_of;
using testing::problems_of_endpoint;

TEST(DocumentErrors, NameTheDocumentTheLineAndTheKind) {
  EXPECT_THAT(
      lines(load_text("kind: io.statefun.endpoint.v2/http\nspec: {}\n")),
      ElementsAre(
          R"(m.yaml:1:7: kind: expected a known kind, got "io.statefun.endpoint.v2/http" (did you mean "io.statefun.endpoints.v2/http"?))"));
  std::string known = "known here: ";
  for (const Kind& kind : kKinds) known.append(&kind == std::begin(kKinds) ? "" : ", ").append(kind.name);
  EXPECT_THAT(
      lines(load_text("kind: something/else\nspec: {}\n")),
      ElementsAre(HasSubstr("m.yaml:1:7: kind: expected a known kind, got \"something/else\" (" + known)));
}

TEST(DocumentErrors, SayWhatADocumentIsMadeOf) {
  EXPECT_THAT(lines(load_text("- a\n")),
              ElementsAre("m.yaml:1:1: expected a document with kind and spec, got a list"));
  EXPECT_THAT(lines(load_text("hello\n")),
              ElementsAre("m.yaml:1:1: expected a document with kind and spec, got \"hello\""));
  EXPECT_THAT(lines(load_text("spec: {}\n")),
              ElementsAre("m.yaml:1:1: kind: expected the kind of the document, as "
                          "io.statefun.endpoints.v2/http, got nothing"));
  EXPECT_THAT(lines(load_text("kind: [x]\n")),
              ElementsAre("m.yaml:1:7: kind: expected the kind of the document, as "
                          "io.statefun.endpoints.v2/http, got a list"));
  EXPECT_THAT(lines(load_text("kind: holdfast.runtime.v1/settings\n")),
              ElementsAre("m.yaml:1:1: spec: expected a map, got nothing"));
  EXPECT_THAT(lines(load_text("kind: holdfast.runtime.v1/settings\nspec: 3\n")),
              ElementsAre("m.yaml:2:7: spec: expected a map, got \"3\""));
  EXPECT_THAT(lines(load_text("")),
              ElementsAre("m.yaml: warning: expected documents with kind and spec, got none"));
}

TEST(DocumentErrors, KindsAreNotTakenFromTheEnvironment) {
  EXPECT_THAT(lines(load_text("kind: x${SECRET}\nspec: {}\n", {{"SECRET", "hunter2"}})),
              ElementsAre(HasSubstr(R"(m.yaml:1:7: kind: expected a known kind, got "x${SECRET}")")));
}

TEST(UnknownKeys, AreWarnedAboutWhereStateFunIgnoresThemAndErrorsInOurFormats) {
  const auto foreign = load_text(
      "kind: io.statefun.endpoints.v2/http\nmeta: x\nspec:\n  functions: a/*\n  urlPathTemplat: x\n  "
      "urlPathTemplate: http://h\n"
      "  transport: {timeouts: {conect: 1s}, zzz: 1}\n");
  EXPECT_TRUE(foreign.ok());
  EXPECT_THAT(lines(foreign),
              ElementsAre("m.yaml:2:1: warning: meta: expected a known key, got \"meta\" (it is ignored; "
                          "known here: kind, spec)",
                          "m.yaml:5:3: warning: spec.urlPathTemplat: expected a known key, got "
                          "\"urlPathTemplat\" (it is ignored; did you mean \"urlPathTemplate\"?)",
                          "m.yaml:7:26: warning: spec.transport.timeouts.conect: expected a known key, got "
                          "\"conect\" (it is ignored; did you mean \"connect\"?)",
                          "m.yaml:7:39: warning: spec.transport.zzz: expected a known key, got \"zzz\" (it "
                          "is ignored; known here: type, call, connect, pool_ttl, "
                          "pool_size, payload_max_bytes, trust_cacerts, client_cert, client_key, "
                          "client_key_password, timeouts)"));
  const auto own =
      load_text("kind: holdfast.streams.v1/egress\nmeta: x\nspec: {id: a/b, retention: {siez: 1}}\n");
  EXPECT_FALSE(own.ok());
  EXPECT_THAT(
      lines(own),
      ElementsAre(
          "m.yaml:2:1: meta: expected a known key, got \"meta\" (known here: kind, spec)",
          "m.yaml:3:29: spec.retention.siez: expected a known key, got \"siez\" (did you mean \"size\"?)"));
  // Our keys inside StateFun's document are ours.
  EXPECT_THAT(problems_of_endpoint("onFailure: {retrys: 3}"),
              ElementsAre("m.yaml:5:15: spec.onFailure.retrys: expected a known key, got \"retrys\" (did you "
                          "mean \"retry\"?)"));
  EXPECT_THAT(problems_of(kStream, "id: a/b\n\"odd key.\\n\": 1"),
              ElementsAre("m.yaml:4:3: spec.\"odd key.\\x0a\": expected a known key, got \"odd key.\\x0a\" "
                          "(known here: id, topics, defaultTopic, retention)"));
}

TEST(EndpointErrors, NameWhatIsMissing) {
  const std::string url =
      "a URL as http://host:port/path or http+unix:///path/to.sock/path, {function.name} anywhere behind the "
      "scheme";
  EXPECT_THAT(
      problems_of(kV2, "functions:\ntransport: x"),
      ElementsAre(
          "m.yaml:3:3: spec.functions: expected functions as namespace/name or namespace/*, got nothing",
          "m.yaml:3:3: spec.urlPathTemplate: expected " + url + ", got nothing",
          "m.yaml:4:14: spec.transport: expected a map, got \"x\""));
  EXPECT_THAT(problems_of(kV1, "functions: greeter\nurlPathTemplate: {a: b}"),
              ElementsAre("m.yaml:3:14: spec.functions: expected functions as namespace/name or namespace/*, "
                          "got \"greeter\" (the / is missing)",
                          "m.yaml:4:20: spec.urlPathTemplate: expected " + url + ", got a map"));
}

TEST(EndpointErrors, NameTheBoundsOfEveryNumber) {
  EXPECT_THAT(
      problems_of_endpoint("maxNumBatchRequests: many\nmaxConcurrentRequests: 0\ntransport:\n  call: 0\n  "
                           "connect: 1.5s\n  pool_ttl: -1s\n"
                           "  pool_size: 0\n  payload_max_bytes: 32mb"),
      ElementsAre("m.yaml:5:24: spec.maxNumBatchRequests: expected an integer from -2147483648 to "
                  "2147483647, got \"many\"",
                  "m.yaml:6:26: spec.maxConcurrentRequests: expected an integer from 1 to 100000, got \"0\"",
                  "m.yaml:8:11: spec.transport.call: expected a duration from 1ms to 36500d, as 500ms, 10s or "
                  "2 min, got \"0\"",
                  "m.yaml:9:14: spec.transport.connect: expected a duration from 1ms to 36500d, as 500ms, 10s "
                  "or 2 min, got \"1.5s\"",
                  "m.yaml:10:15: spec.transport.pool_ttl: expected a duration from 0ms to 36500d, as 500ms, "
                  "10s or 2 min, got \"-1s\"",
                  "m.yaml:11:16: spec.transport.pool_size: expected an integer from 1 to 100000, got \"0\"",
                  "m.yaml:12:24: spec.transport.payload_max_bytes: expected an integer from 1 to 1073741824, "
                  "got \"32mb\""));
  EXPECT_THAT(
      problems_of_endpoint("transport: {type: io.statefun.transports.v1/okhtp}"),
      ElementsAre(
          "m.yaml:5:21: spec.transport.type: expected io.statefun.transports.v1/async or "
          "io.statefun.transports.v1/okhttp, "
          "got \"io.statefun.transports.v1/okhtp\" (did you mean \"io.statefun.transports.v1/okhttp\"?)"));
  EXPECT_THAT(problems_of(kV1, "functions: a/*\nurlPathTemplate: http://h\ntimeouts: {read: 5us}"),
              ElementsAre("m.yaml:5:20: spec.timeouts.read: expected a duration from 1ms to 36500d, as 500ms, "
                          "10s or 2 min, got \"5us\" "
                          "(microseconds are written µs or micros)"));
}

TEST(FailurePolicyErrors, NameEveryContradiction) {
  EXPECT_THAT(
      problems_of_endpoint(
          "onFailure: {retry: {initial: 0, factor: 0.5, max: 2d, jitter: 1.1, maxAttempts: -1}}"),
      ElementsAre("m.yaml:5:32: spec.onFailure.retry.initial: expected a duration from 1ms to 1d, as 500ms, "
                  "10s or 2 min, got \"0\"",
                  "m.yaml:5:43: spec.onFailure.retry.factor: expected a number from 1 to 100, got \"0.5\"",
                  "m.yaml:5:53: spec.onFailure.retry.max: expected a duration from 1ms to 1d, as 500ms, 10s "
                  "or 2 min, got \"2d\"",
                  "m.yaml:5:65: spec.onFailure.retry.jitter: expected a number from 0 to 1, got \"1.1\"",
                  "m.yaml:5:83: spec.onFailure.retry.maxAttempts: expected an integer from 0 to 1000000, got "
                  "\"-1\""));
  for (const std::string factor : {"nan", "inf", "1e999", "0x2", "2x", "''"})
    EXPECT_THAT(problems_of_endpoint("onFailure: {retry: {factor: " + factor + "}}"),
                ElementsAre(HasSubstr("factor: expected a number from 1 to 100, got")))
        << factor;
  EXPECT_THAT(
      problems_of_endpoint("onFailure: {retry: {initial: 2s, max: 1s}}"),
      ElementsAre(
          "m.yaml:5:41: spec.onFailure.retry.max: expected a duration not below initial, 2s, got \"1s\""));
  EXPECT_THAT(problems_of_endpoint("onFailure: {then: dead_letter}"),
              ElementsAre("m.yaml:5:21: spec.onFailure.then: expected park, dead-letter or drop, got "
                          "\"dead_letter\" (did you mean \"dead-letter\"?)"));
  EXPECT_THAT(problems_of_endpoint("onFailure: {then: dead-letter}"),
              ElementsAre("m.yaml:5:14: spec.onFailure.deadLetter: expected where to: {egress: "
                          "namespace/name, topic: name}, got nothing"));
  EXPECT_THAT(problems_of_endpoint("onFailure: {then: drop, deadLetter: {topic: t}}"),
              ElementsAre("m.yaml:5:39: spec.onFailure.deadLetter: expected this key only beside then: "
                          "dead-letter, got then: drop",
                          "m.yaml:5:39: spec.onFailure.deadLetter.egress: expected an egress id as "
                          "namespace/name, got nothing"));
}

TEST(DeadLetters, MustHaveAnEgressThatIsDeclaredAndATopicOfIt) {
  const std::string unknown = "expected the id of an egress";
  EXPECT_THAT(problems_of_endpoint("onFailure: {then: dead-letter, deadLetter: {egress: shop/letters}}"),
              ElementsAre("m.yaml:5:55: spec.onFailure.deadLetter.egress: " + unknown +
                          ", got \"shop/letters\" (no document declares it)"));
  const std::string more =
      "\n---\nkind: holdfast.streams.v1/egress\nspec: {id: s/l, topics: [dead, late]}\n---\n"
      "kind: io.statefun.playground.v1/egress\nspec: {topics: [t]}\n";
  const auto with = [&](std::string letter) {
    return lines(load_text(
        "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: http://h\n"
        "  onFailure:\n    then: dead-letter\n    deadLetter: " +
        letter + more));
  };
  EXPECT_THAT(with("{egress: s/l}"), IsEmpty());
  EXPECT_THAT(with("{egress: s/l, topic: late}"), IsEmpty());
  EXPECT_THAT(with("{egress: s/l, topic: lost}"),
              ElementsAre("m.yaml:7:38: spec.onFailure.deadLetter.topic: expected a topic of the egress, got "
                          "\"lost\" (it has dead, late)"));
  EXPECT_THAT(with("{egress: io.statefun.playground/egress, topic: t}"), IsEmpty());
  EXPECT_THAT(
      with("{egress: io.statefun.playground/egress}"),
      ElementsAre(
          "m.yaml:7:17: spec.onFailure.deadLetter.topic: expected a topic of the egress, got nothing"));
}

TEST(Duplicates, NameBothPlacesAlsoAcrossFiles) {
  const Source sources[] = {
      {"a.yaml",
       "kind: io.statefun.endpoints.v2/http\nspec: {functions: a/*, urlPathTemplate: http://h}\n---\n"
       "kind: io.statefun.playground.v1/ingress\nspec: {port: 8090}\n---\n"
       "kind: holdfast.streams.v1/egress\nspec: {id: s/o}\n---\n"
       "kind: holdfast.runtime.v1/settings\nspec: {listen: {gateway: '127.0.0.1:80'}}\n",
       {}},
      {"b.yaml",
       "kind: io.statefun.endpoints.v1/http\nspec: {functions: a/*, urlPathTemplate: http://h}\n---\n"
       "kind: io.statefun.playground.v1/egress\nspec: {port: 8090, topics: [t, u, t]}\n---\n"
       "kind: io.statefun.playground.v1/egress\nspec: {port: 80, topics: [t]}\n---\n"
       "kind: holdfast.streams.v1/egress\nspec: {id: s/o}\n---\n"
       "kind: holdfast.runtime.v1/settings\nspec: {shards: 1}\n",
       {}}};
  const LoadResult result = load(sources, testing::environment({}));
  EXPECT_THAT(
      lines(result),
      ElementsAre(
          "b.yaml:2:19: spec.functions: expected functions that no other endpoint has, got \"a/*\" again "
          "(first at a.yaml:2:19)",
          "b.yaml:5:14: spec.port: expected a port that nothing else listens on, got \"8090\" again (first "
          "at a.yaml:5:14)",
          "b.yaml:5:35: spec.topics: expected each topic once, got \"t\" again (first at b.yaml:5:29)",
          "b.yaml:8:7: spec: expected one egress document of this kind, got another (first at b.yaml:5:7)",
          "b.yaml:8:14: spec.port: expected a port that nothing else listens on, got \"80\" again (first at "
          "a.yaml:11:26)",
          "b.yaml:11:12: spec.id: expected an egress id that no other egress has, got \"s/o\" again (first "
          "at a.yaml:8:12)",
          "b.yaml:14:7: spec: expected one document with settings, got another (first at a.yaml:11:7)"));
}

TEST(Duplicates, OfAPortAreFoundAgainstListenersAtTheirDefaults) {
  EXPECT_THAT(problems_of(kIngress, "port: 9999"),
              ElementsAre("m.yaml:3:9: spec.port: expected a port that nothing else listens on, got 9999 "
                          "(the default of listen.gateway in holdfast.runtime.v1/settings)"));
  EXPECT_THAT(problems_of(kSettings, "listen: {gateway: '127.0.0.1:7780'}"),
              ElementsAre("m.yaml:3:21: spec.listen.gateway: expected a port that nothing else listens on, "
                          "got 7780 (the default of listen.admin in holdfast.runtime.v1/settings)"));
  EXPECT_THAT(problems_of(kSettings, "listen: {gateway: '127.0.0.1:7780', admin: '127.0.0.1:9999'}"),
              IsEmpty());
}

TEST(PlaygroundErrors, NamePortsAndTopics) {
  EXPECT_THAT(problems_of(kIngress, "port: 70000"),
              ElementsAre("m.yaml:3:9: spec.port: expected an integer from 0 to 65535, got \"70000\""));
  EXPECT_THAT(problems_of(kEgress, "port: 1"),
              ElementsAre("m.yaml:3:3: spec.topics: expected a list of at least one topic, got nothing"));
  EXPECT_THAT(
      problems_of(kEgress, "topics: []"),
      ElementsAre("m.yaml:3:11: spec.topics: expected a list of at least one topic, got an empty list"));
  EXPECT_THAT(problems_of(kEgress, "topics: greetings"),
              ElementsAre("m.yaml:3:11: spec.topics: expected a list, got \"greetings\""));
  EXPECT_THAT(problems_of(kEgress, "topics: [a/b, {}, ok, ~]"),
              ElementsAre("m.yaml:3:12: spec.topics[0]: expected a topic: 1 to 249 bytes without /, white "
                          "space and control characters, got \"a/b\"",
                          "m.yaml:3:17: spec.topics[1]: expected a topic: 1 to 249 bytes without /, white "
                          "space and control characters, got a map",
                          "m.yaml:3:25: spec.topics[3]: expected a topic: 1 to 249 bytes without /, white "
                          "space and control characters, got nothing"));
}

TEST(StreamErrors, NameIdsTopicsAndRetention) {
  EXPECT_THAT(
      problems_of(kStream, "id: orders\ntopics: [a]\ndefaultTopic: b\nretention: {time: x, size: 99999999g}"),
      ElementsAre("m.yaml:3:7: spec.id: expected an egress id as namespace/name, got \"orders\" (there must "
                  "be one /)",
                  "m.yaml:5:17: spec.defaultTopic: expected one of topics, got \"b\"",
                  "m.yaml:6:21: spec.retention.time: expected a duration from 0ms to 36500d, as 500ms, 10s "
                  "or 2 min, got \"x\"",
                  "m.yaml:6:30: spec.retention.size: expected a size from 0b to 16384gb, as 1000, 64kb or "
                  "16mb, got \"99999999g\""));
  EXPECT_THAT(problems_of(kStream, "id: io.statefun.playground/egress"),
              ElementsAre("m.yaml:3:7: spec.id: expected an id of your own, got "
                          "\"io.statefun.playground/egress\" (it is the id of the playground's egress)"));
}

TEST(SettingsErrors, NameBoundsAndContradictions) {
  EXPECT_THAT(
      problems_of(kSettings,
                  "shards: 3\npartitions: 2\nlimits: {messageBytes: 1, replyTimeout: 1h}\nidempotency: "
                  "24h\nlog: {segmentBytes: 1.5mb}"),
      ElementsAre("m.yaml:3:11: spec.shards: expected at most as many shards as partitions, 2, got \"3\"",
                  "m.yaml:5:26: spec.limits.messageBytes: expected a size from 1kb to 1gb, as 1000, 64kb or "
                  "16mb, got \"1\"",
                  "m.yaml:5:43: spec.limits.replyTimeout: expected a duration not above replyTimeoutMax, "
                  "10min, got \"1h\"",
                  "m.yaml:6:16: spec.idempotency: expected a map, got \"24h\"",
                  "m.yaml:7:23: spec.log.segmentBytes: expected a size from 1mb to 4gb, as 1000, 64kb or "
                  "16mb, got \"1.5mb\""));
  EXPECT_THAT(problems_of(kSettings, "partitions: 4097"),
              ElementsAre("m.yaml:3:15: spec.partitions: expected an integer from 1 to 4096, got \"4097\""));
  EXPECT_THAT(problems_of(kSettings, "limits: {replyTimeoutMax: 1s}"),
              ElementsAre("m.yaml:3:29: spec.limits.replyTimeoutMax: expected a duration not below "
                          "replyTimeout, 30s, got \"1s\""));
}

TEST(ListenerErrors, KeepSecretsOutAndWarnAboutOpenDoors) {
  EXPECT_THAT(
      problems_of(kSettings, "listen: {gateway: example.com:80, admin: {address: 127.0.0.1, token: abc}}"),
      ElementsAre("m.yaml:3:21: spec.listen.gateway: expected an address to listen on, as 127.0.0.1:9999 or "
                  "[::1]:9999, got \"example.com:80\" "
                  "(the host is an IP address (IPv6 in brackets) or localhost)",
                  "m.yaml:3:54: spec.listen.admin.address: expected an address to listen on, as "
                  "127.0.0.1:9999 or [::1]:9999, got \"127.0.0.1\" (the port is missing)",
                  "m.yaml:3:65: spec.listen.admin.token: expected a known key, got \"token\" (known here: "
                  "address, tls, tokenFile, tokenEnv)"));
  EXPECT_THAT(problems_of(kSettings, "listen:\n  gateway: 0.0.0.0:9999\n  admin: {address: '[::]:7780'}"),
              ElementsAre("m.yaml:4:14: warning: spec.listen.gateway: expected tokenFile, tokenEnv or "
                          "tls.clientCa for an address that others reach, "
                          "got \"0.0.0.0:9999\" (it is not listened on without --insecure)",
                          "m.yaml:5:12: warning: spec.listen.admin: expected tokenFile, tokenEnv or "
                          "tls.clientCa for an address that others reach, "
                          "got \"[::]:7780\" (it is not listened on without --insecure)"));
  EXPECT_THAT(
      problems_of(kSettings, "listen: {admin: {tokenEnv: NOT_SET, tls: {certificate: x}}}"),
      ElementsAre("m.yaml:3:30: spec.listen.admin.tokenEnv: expected an environment variable that is set, "
                  "got \"NOT_SET\"",
                  "m.yaml:3:44: spec.listen.admin.tls.key: expected a file that can be read, got nothing",
                  "m.yaml:3:58: spec.listen.admin.tls.certificate: expected a file that can be read, got "
                  "\"x\" (there is no x)"));
  EXPECT_THAT(problems_of(kSettings, "listen: {admin: {tokenEnv: A b}}"),
              ElementsAre("m.yaml:3:30: spec.listen.admin.tokenEnv: expected the name of an environment "
                          "variable, got \"A b\""));
}

TEST(EnvironmentErrors, NameTheVariableAndNeverShowAValue) {
  EXPECT_THAT(
      problems_of(kIngress, "port: ${PORT}"),
      ElementsAre("m.yaml:3:9: spec.port: expected the environment variable PORT to be set, got \"${PORT}\" "
                  "(${PORT:-default} does without, $${ stands for a literal ${)"));
  EXPECT_THAT(problems_of(kIngress, "port: ${PORT}", {{"PORT", "hunter2"}}),
              ElementsAre("m.yaml:3:9: spec.port: expected an integer from 0 to 65535, got \"${PORT}\" (the "
                          "value of the variable is not shown)"));
  EXPECT_THAT(problems_of(kIngress, "port: ${PORT:-x}"),
              ElementsAre("m.yaml:3:9: spec.port: expected an integer from 0 to 65535, got \"x\""));
  EXPECT_THAT(problems_of(kIngress, "port: ${PO RT}"),
              ElementsAre("m.yaml:3:9: spec.port: expected ${NAME} or ${NAME:-default}, got \"${PO RT}\" "
                          "($${ stands for a literal ${)"));
}

using FileErrors = testing::Folder;

TEST_F(FileErrors, NameFilesThatCannotBeRead) {
  const std::string good = write("good.yaml", "kind: io.statefun.playground.v1/ingress\nspec: {port: 1}\n");
  const std::string none = (folder_ / "none.yaml").string();
  const LoadResult result = load_files({good, none, folder_.string(), good});
  EXPECT_THAT(lines(result), ElementsAre(good + ": expected each file once, got this one again",
                                         none + ": expected a file, got nothing of this name",
                                         folder_.string() + ": expected a file, got a folder"));
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.configuration.playground_ingresses.size(), 1u);
}

TEST_F(FileErrors, NameFilesThatAreTooBig) {
  const std::string big = write("big.yaml", std::string(kFileBytesMax + 1, '#'));
  EXPECT_THAT(lines(load_files({big})),
              ElementsAre(big + ": expected a file of at most 1048576 bytes, got more"));
}

TEST_F(FileErrors, CertificatesAreLookedUpBesideTheFile) {
  write("ca.pem", "x");
  write("cert.pem", "x");
  write("key.pem", "x");
  const std::string file =
      write("m.yaml",
            "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  urlPathTemplate: https://h\n  "
            "transport:\n"
            "    trust_cacerts: classpath:ca.pem\n    client_cert: cert.pem\n    client_key: " +
                (folder_ / "key.pem").string() + "\n    client_key_password: file://" +
                (folder_ / "key.pem").string() + "\n");
  const LoadResult result = load_files({file});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.endpoints.size(), 1u);
  const model::TlsSpec& tls = result.configuration.endpoints[0].tls;
  EXPECT_EQ(tls.trust_cacerts, (folder_ / "ca.pem").string());
  EXPECT_EQ(tls.client_cert, (folder_ / "cert.pem").string());
  EXPECT_EQ(tls.client_key, (folder_ / "key.pem").string());
  EXPECT_EQ(tls.client_key_password_file, (folder_ / "key.pem").string());
}

TEST_F(FileErrors, CertificatesComeInPairsAndMustBeThere) {
  const std::string ca = write("ca.pem", "x");
  const auto with = [&](std::string transport) {
    const std::string file = write("m.yaml",
                                   "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  "
                                   "urlPathTemplate: https://h\n  transport: " +
                                       transport + "\n");
    auto out = lines(load_files({file}));
    for (std::string& line : out) line = line.substr(line.find(file) + file.size());
    return out;
  };
  EXPECT_THAT(with("{trust_cacerts: none.pem}"),
              ElementsAre(":5:30: spec.transport.trust_cacerts: expected a file that can be read, got "
                          "\"none.pem\" (there is no " +
                          (folder_ / "none.pem").string() + ")"));
  EXPECT_THAT(
      with("{trust_cacerts: .}"),
      ElementsAre(":5:30: spec.transport.trust_cacerts: expected a file that can be read, got \".\" (" +
                  (folder_ / ".").string() + " is a folder)"));
  EXPECT_THAT(with("{client_cert: ca.pem}"),
              ElementsAre(":5:14: spec.transport.client_key: expected the key of client_cert, got nothing"));
  EXPECT_THAT(
      with("{client_key: ca.pem}"),
      ElementsAre(":5:14: spec.transport.client_cert: expected the certificate of client_key, got nothing"));
  EXPECT_THAT(
      with("{client_key_password: ca.pem}"),
      ElementsAre(
          ":5:14: spec.transport.client_key: expected the key that client_key_password opens, got nothing"));
}

TEST_F(FileErrors, CertificatesOfAUrlWithoutTlsAreWarnedAbout) {
  write("ca.pem", "x");
  const std::string file = write("m.yaml",
                                 "kind: io.statefun.endpoints.v2/http\nspec:\n  functions: a/*\n  "
                                 "urlPathTemplate: http://h\n  transport: {trust_cacerts: ca.pem}\n");
  const LoadResult result = load_files({file});
  EXPECT_TRUE(result.ok());
  EXPECT_THAT(lines(result), ElementsAre(file + ":5:14: warning: spec.transport: expected https in "
                                                "urlPathTemplate for a transport with certificates, "
                                                "got \"http://h\" (the certificates have no effect)"));
}

TEST(YamlErrors, KeepWhatStandsBeforeTheMistake) {
  const LoadResult result =
      load_text("kind: io.statefun.playground.v1/ingress\nspec: {port: x}\n---\nkind: [a\n");
  EXPECT_THAT(lines(result),
              ElementsAre("m.yaml:2:14: spec.port: expected an integer from 0 to 65535, got \"x\"",
                          "m.yaml:5:1: expected YAML, got a syntax error (end of sequence flow not found)"));
}

TEST(YamlErrors, HintAtVariablesThatNeedQuotes) {
  EXPECT_THAT(lines(load_text("kind: io.statefun.playground.v1/ingress\nspec: {port: ${PORT}, x: 1}\n")),
              ElementsAre("m.yaml:2:15: expected YAML, got a syntax error (end of map flow not found; inside "
                          "{ } and [ ], \"${NAME}\" needs its quotes)"));
}

TEST(YamlErrors, NameRepeatedAndUnusableKeys) {
  EXPECT_THAT(problems_of(kIngress, "port: 1\nport: 2"),
              ElementsAre("m.yaml:4:3: expected each key once, got \"port\" again (first at m.yaml:3:3)"));
  EXPECT_THAT(problems_of(kIngress, "port: 1\n[a]: 2\n~: 3"),
              ElementsAre("m.yaml:4:3: expected a name as key, got a list",
                          "m.yaml:5:3: expected a name as key, got nothing"));
}

TEST(YamlErrors, RefuseTextThatIsNoText) {
  EXPECT_THAT(lines(load_text("kind: a\nx: \xff\n")),
              ElementsAre("m.yaml:2:4: expected UTF-8 text, got byte 0xff"));
  EXPECT_THAT(lines(load_text(std::string("a\0b", 3))),
              ElementsAre("m.yaml:1:2: expected UTF-8 text, got byte 0x00"));
  for (const std::string bad :
       {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80", "\xe0\x80\x80"})
    EXPECT_THAT(lines(load_text(bad)),
                ElementsAre(HasSubstr("m.yaml:1:1: expected UTF-8 text, got byte 0x")));
  EXPECT_THAT(lines(load_text("\xef\xbb\xbfkind: io.statefun.playground.v1/ingress\nspec: {port: 1} # "
                              "\xe2\x82\xac\xf0\x9f\x8c\x8a\n")),
              IsEmpty());
}

TEST(YamlBounds, NestingIsBounded) {
  const std::string deep = std::string(kNestingMax, '[') + std::string(kNestingMax, ']');
  EXPECT_THAT(lines(load_text(deep)),
              ElementsAre("m.yaml:1:1: expected a document with kind and spec, got a list"));
  EXPECT_THAT(lines(load_text("[" + deep + "]")),
              ElementsAre("m.yaml:1:33: expected lists and maps nested at most 32 deep, got more"));
  EXPECT_THAT(lines(load_text(std::string(1'000'000, '['))),
              ElementsAre(HasSubstr("expected lists and maps nested at most 32 deep, got more")));
}

TEST(YamlBounds, AliasesExpandToABoundedNumberOfValues) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    bomb += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) bomb += std::string(i ? ", *" : "*") + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(lines(load_text(bomb)),
              ElementsAre("m.yaml:4:36: expected aliases that stand for at most 10000 values, got more"));
  EXPECT_THAT(lines(load_text("a: &a [*a]\n")),
              ElementsAre("m.yaml:1:8: expected an alias of a value that is complete, got one that is inside "
                          "the value it names"));
  std::string nested = "a: &a1 [x]\n";
  for (int i = 2; i < 60; ++i)
    nested += "k" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(lines(load_text(nested)),
              ElementsAre("m.yaml:32:12: expected lists and maps nested at most 32 deep, got more"));
}

TEST(YamlBounds, DocumentsAndValuesAreBounded) {
  std::string documents;
  for (std::size_t i = 0; i <= kDocumentsMax; ++i) documents += "--- ~\n";
  EXPECT_THAT(lines(load_text(documents)),
              ElementsAre(HasSubstr("expected at most 10000 documents in a file, got more")));
  std::string values = "a: [x";
  for (std::size_t i = 0; i < kNodesMax; ++i) values += ",x";
  EXPECT_THAT(lines(load_text(values + "]")),
              ElementsAre(HasSubstr("expected at most 200000 values in a file, got more")));
}

TEST(Bounds, EndpointsAreCountedOverAllFiles) {
  std::string text;
  for (std::size_t i = 0; i <= kEndpointsMax / 2; ++i)
    text += "kind: io.statefun.endpoints.v1/http\nspec: {functions: ${N}/f" + std::to_string(i) +
            ", urlPathTemplate: http://h, onFailure: {then: dead-letter, deadLetter: {egress: s/l}}}\n---\n";
  const auto named = [&](std::string name) {
    std::string out = text;
    for (std::size_t at = 0; (at = out.find("${N}", at)) != std::string::npos;) out.replace(at, 4, name);
    return Source{name, std::move(out), {}};
  };
  // What is not kept has no dead letters either.
  const Source sources[] = {
      named("a"), named("b"), {"c", "kind: holdfast.streams.v1/egress\nspec: {id: s/l}\n", {}}};
  const auto said = lines(load(sources, testing::environment({})));
  ASSERT_THAT(said, ::testing::SizeIs(1));
  EXPECT_THAT(said[0], HasSubstr("spec: expected at most 10000 endpoints, got more"));
}

TEST(Bounds, ProblemsAreCountedBeyondTheirBoundAndErrorsAreKept) {
  std::string text;
  for (int i = 0; i < 300; ++i)
    text += "kind: io.statefun.playground.v1/ingress\nspec: {port: 0, x: 1}\n---\n";
  text += "kind: io.statefun.playground.v1/ingress\nspec: {port: x}\n";
  const LoadResult result = load_text(text);
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.problems.size(), kProblemsMax);
  EXPECT_EQ(result.more_problems, 101u);
  EXPECT_EQ(result.problems[0].text(),
            "m.yaml:902:14: spec.port: expected an integer from 0 to 65535, got \"x\"");
}

TEST(Problems, ShowLongAndOddValuesShortAndClean) {
  EXPECT_THAT(problems_of(kIngress, "port: \"a\\nb\\\"" + std::string(200, 'x') + "\""),
              ElementsAre("m.yaml:3:9: spec.port: expected an integer from 0 to 65535, got \"a\\x0ab\\\"" +
                          std::string(76, 'x') + "…\""));
}

}  // namespace
}  // namespace holdfast::config
