// NATS in and out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/testing.h"

namespace holdfast::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kNatsEgress;
using testing::kNatsIngress;
using testing::lines;
using testing::load_text;
using testing::problems_of;

constexpr std::string_view kServed =
    "---\nkind: io.statefun.endpoints.v2/http\nspec: {functions: a/*, urlPathTemplate: http://h}\n";

TEST(Nats, TakesEveryKey) {
  const LoadResult result = load_text(R"(kind: holdfast.nats.v1/ingress
spec:
  id: a/core
  servers: [nats://n1:4222, nats://n2]
  user: me
  passwordEnv: PASSWORD
  subjects:
    - subject: orders.*.new
      valueType: a/Order
      targets: [a/order, a/audit]
      key: {subjectToken: 1}
    - subject: visits.>
      valueType: a/Visit
      targets: [a/visit]
      key: {header: Visitor}
    - subject: clock
      valueType: a/Tick
      targets: [a/clock]
  queueGroup: workers
  onBadRecord: {then: dead-letter, deadLetter: {egress: a/out}}
---
kind: holdfast.nats.v1/ingress
spec:
  id: a/stream
  servers: [nats://n1:4222]
  tokenEnv: PASSWORD
  subjects: [{subject: orders.>, valueType: a/Order, targets: [a/order]}]
  jetstream: {stream: ORDERS, durable: holdfast, startFrom: earliest}
---
kind: holdfast.nats.v1/egress
spec: {id: a/out, servers: ['nats://n1:4222'], defaultSubject: rest.bin, outboxBytes: 2mb}
---
kind: holdfast.nats.v1/egress
spec: {id: a/fast, servers: ['tls://n1:4222'], jetstream: false}
)" + std::string(kServed),
                                      {{"PASSWORD", "xyz"}});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.nats_ingresses.size(), 2u);
  const auto& core = result.configuration.nats_ingresses[0];
  EXPECT_EQ(core.id, "a/core");
  EXPECT_THAT(core.connection.servers, ElementsAre("nats://n1:4222", "nats://n2"));
  EXPECT_EQ(core.connection.user, "me");
  EXPECT_EQ(core.connection.password_env, "PASSWORD");
  ASSERT_EQ(core.subjects.size(), 3u);
  EXPECT_EQ(core.subjects[0].source.topic, "orders.*.new");
  EXPECT_EQ(core.subjects[0].source.value_type, "a/Order");
  EXPECT_THAT(core.subjects[0].source.targets, ElementsAre("a/order", "a/audit"));
  EXPECT_EQ(core.subjects[0].key.subject_token, 1u);
  EXPECT_EQ(core.subjects[1].key.subject_token, std::nullopt);
  EXPECT_EQ(core.subjects[1].key.header, "Visitor");
  EXPECT_EQ(core.subjects[2].key.subject_token, std::nullopt);
  EXPECT_EQ(core.subjects[2].key.header, "");
  EXPECT_EQ(core.queue_group, "workers");
  EXPECT_EQ(core.stream, "");
  EXPECT_EQ(core.on_bad_record.dead_letter_egress, "a/out");
  EXPECT_EQ(core.on_bad_record.dead_letter_topic, "rest.bin") << "the egress's default";
  const auto& stream = result.configuration.nats_ingresses[1];
  EXPECT_EQ(stream.connection.token_env, "PASSWORD");
  EXPECT_EQ(stream.stream, "ORDERS");
  EXPECT_EQ(stream.durable, "holdfast");
  EXPECT_TRUE(stream.start_at_earliest);
  ASSERT_EQ(result.configuration.nats_egresses.size(), 2u);
  const auto& out = result.configuration.nats_egresses[0];
  EXPECT_TRUE(out.jetstream);
  EXPECT_EQ(out.default_subject, "rest.bin");
  EXPECT_EQ(out.outbox_bytes, 2u << 20);
  const auto& fast = result.configuration.nats_egresses[1];
  EXPECT_FALSE(fast.jetstream);
  EXPECT_EQ(fast.outbox_bytes, 1u << 30);
}

using NatsFiles = testing::Folder;

TEST_F(NatsFiles, CredentialsAndCertificatesAreLookedUpBesideTheFile) {
  write("nats.creds", "x");
  write("ca.pem", "x");
  write("cert.pem", "x");
  write("key.pem", "x");
  const std::string file = write("m.yaml",
                                 "kind: holdfast.nats.v1/egress\nspec:\n  id: a/o\n  servers: ['tls://h']\n"
                                 "  credentialsFile: nats.creds\n"
                                 "  tls: {ca: ca.pem, certificate: cert.pem, key: key.pem}\n");
  const LoadResult result = load_files({file});
  EXPECT_THAT(lines(result), IsEmpty());
  ASSERT_EQ(result.configuration.nats_egresses.size(), 1u);
  const auto& connection = result.configuration.nats_egresses[0].connection;
  EXPECT_EQ(connection.credentials_file, (folder_ / "nats.creds").string());
  EXPECT_EQ(connection.tls.trust_cacerts, (folder_ / "ca.pem").string());
  EXPECT_EQ(connection.tls.client_cert, (folder_ / "cert.pem").string());
  EXPECT_EQ(connection.tls.client_key, (folder_ / "key.pem").string());
}

TEST(Nats, NamesWhatIsWrongWithTheConnection) {
  EXPECT_THAT(problems_of(kNatsEgress, "id: a/o"),
              ElementsAre("m.yaml:3:3: spec.servers: expected a list of at least one server, got nothing"));
  const std::string url = "expected the URL of a server, as nats://host:4222 or tls://host:4222";
  EXPECT_THAT(
      problems_of(kNatsEgress,
                  "id: a/o\nservers: [h:4222, 'nats://', 'nats://u:p@h', 'nats://h/x', 'tls://h:0']"),
      ElementsAre(
          "m.yaml:4:13: spec.servers[0]: " + url + ", got \"h:4222\" (the scheme is neither nats nor tls)",
          "m.yaml:4:21: spec.servers[1]: " + url + ", got \"nats://\" (the host is missing)",
          "m.yaml:4:32: spec.servers[2]: " + url +
              ", got \"nats://u:p@h\" (user names and passwords are not taken from a URL)",
          "m.yaml:4:48: spec.servers[3]: " + url + ", got \"nats://h/x\" (nothing stands behind the port)",
          "m.yaml:4:62: spec.servers[4]: " + url +
              ", got \"tls://h:0\" (the port is not a number from 1 to 65535)"));
  EXPECT_THAT(
      problems_of(kNatsEgress,
                  "id: a/o\nservers: ['nats://h', 'tls://h']\nuser: me\ntokenEnv: NONE\ntls: {key: x}"),
      ElementsAre("m.yaml:3:3: spec.passwordEnv: expected user and passwordEnv, or neither, got nothing",
                  "m.yaml:3:3: spec: expected one way to log in, got several of user, tokenEnv and "
                  "credentialsFile",
                  "m.yaml:4:12: spec.servers: expected tls:// for all servers or for none, got both",
                  "m.yaml:6:13: spec.tokenEnv: expected an environment variable that is set, got \"NONE\"",
                  "m.yaml:7:8: spec.tls.certificate: expected certificate and key, or neither, got nothing",
                  "m.yaml:7:14: spec.tls.key: expected a file that can be read, got \"x\" (there is no x)"));
  EXPECT_THAT(
      problems_of(kNatsEgress,
                  "id: a/o\nservers: ['nats://h']\ntls: {}\njetstream: yes\ndefaultSubject: a.*"),
      ElementsAre(
          "m.yaml:5:8: spec.tls: expected servers with tls://, got nats:// (nothing would be encrypted)",
          "m.yaml:6:14: spec.jetstream: expected true or false, got \"yes\"",
          "m.yaml:7:19: spec.defaultSubject: expected a subject as orders.new, got \"a.*\" (it has "
          "wildcards in it)"));
}

TEST(Nats, NamesWhatIsWrongWithSubjects) {
  const auto said = [](const std::string& subject) {
    return problems_of(kNatsIngress, "id: a/i\nservers: ['nats://h']\nsubjects:\n  - " + subject);
  };
  const std::string pattern =
      "m.yaml:6:17: spec.subjects[0].subject: expected a subject as orders.new, orders.* or orders.>, got ";
  const auto first = [&](const std::string& subject) {
    const auto all = said("{subject: '" + subject + "', valueType: a/T, targets: [a/f]}");
    return all.size() == 2 ? all[0] : std::string("no problem");
  };
  EXPECT_EQ(first(""), pattern + "\"\" (it is empty)");
  EXPECT_EQ(first("a..b"), pattern + "\"a..b\" (a token of it is empty)");
  EXPECT_EQ(first("a b"), pattern + "\"a b\" (it has white space or control characters in it)");
  EXPECT_EQ(first("a*.b"), pattern + "\"a*.b\" (* and > stand for whole tokens)");
  EXPECT_EQ(first("a.>.b"), pattern + "\"a.>.b\" (> can only be the last token)");
  EXPECT_EQ(first(">"), "no problem");
  EXPECT_EQ(first("*.*"), "no problem");
  EXPECT_THAT(
      said("{subject: a.b, valueType: a/T, targets: [a/f], key: {subjectToken: 2}}"),
      ElementsAre(HasSubstr("warning: spec.subjects[0].targets"),
                  "m.yaml:6:74: spec.subjects[0].key.subjectToken: expected a token of the subject, counted "
                  "from 0: at most 1, got \"2\""));
  EXPECT_THAT(said("{subject: a.>, valueType: a/T, targets: [a/f], key: {subjectToken: 7}}"),
              ElementsAre(HasSubstr("warning: spec.subjects[0].targets")));
  EXPECT_THAT(
      said("{subject: a, valueType: a/T, targets: [a/f], key: {}}"),
      ElementsAre(HasSubstr("warning: spec.subjects[0].targets"),
                  "m.yaml:6:57: spec.subjects[0].key: expected either subjectToken or header, got neither"));
  EXPECT_THAT(
      said("{subject: a, valueType: a/T, targets: [a/f], key: {subjectToken: 0, header: 'a:b'}}"),
      ElementsAre(HasSubstr("warning: spec.subjects[0].targets"),
                  "m.yaml:6:57: spec.subjects[0].key: expected either subjectToken or header, got both",
                  "m.yaml:6:83: spec.subjects[0].key.header: expected the name of a header, got \"a:b\""));
}

TEST(Nats, RefusesWhatDoesNotGoTogether) {
  EXPECT_THAT(
      problems_of(kNatsIngress,
                  "id: a/i\nservers: ['nats://h']\nsubjects: [{subject: s, valueType: a/T, targets: [a/f]}]\n"
                  "queueGroup: q\njetstream: {stream: a.b, startFrom: group-offsets}\nkey: x"),
      ElementsAre(
          HasSubstr("warning: spec.subjects[0].targets"),
          "m.yaml:6:15: spec.queueGroup: expected this key only without jetstream, got \"q\" (the ingress "
          "reads all of its stream)",
          "m.yaml:7:23: spec.jetstream.stream: expected the name of a stream, got \"a.b\" (at most 255 bytes "
          "without white space, ., *, >, / and \\)",
          "m.yaml:7:39: spec.jetstream.startFrom: expected earliest or latest, got \"group-offsets\"",
          HasSubstr("m.yaml:8:3: spec.key: expected a known key, got \"key\"")));
}

}  // namespace
}  // namespace holdfast::config
