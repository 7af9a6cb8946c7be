"""Kafka with ACLs and rotated certificates: what is forbidden is set aside if it is a topic and trouble if it is the client; certificates
that are replaced are taken while Holdfast runs, and broken ones are not."""
import json
import pathlib
import shutil
import unittest

from harness import endpoint
from kafka import PASSWORD, USER, confluent
from kafka_case import KafkaCase, as_told, earliest, egress, ingress, shared_broker


def entry(topic, value):
    return {"topic": topic, "value": value}


class Forbidden(KafkaCase):
    # Helpers come in by the listener without security, as ANONYMOUS.
    BROKER = {"sasl": True, "authorizer_class_name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super_users": "User:ANONYMOUS"}

    def allow(self, kind, name, *operations):
        admin = confluent().admin
        acls = [admin.AclBinding(getattr(admin.ResourceType, kind), name, admin.ResourcePatternType.LITERAL, f"User:{USER}", "*",
                                 getattr(admin.AclOperation, operation), admin.AclPermissionType.ALLOW) for operation in operations]
        for future in self.broker.admin.create_acls(acls).values():
            future.result(20)

    def properties(self):
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{USER}" password="{PASSWORD}";'
        return [{"security.protocol": "SASL_PLAINTEXT"}, {"sasl.mechanism": "PLAIN"}, {"sasl.jaas.config": jaas}]

    def start(self, delivery, **spec):
        self.data = self.folder / f"data-{delivery}"
        server = self.stub(as_told)
        self.up(self.write("module.yaml", endpoint("test/*", server.url), egress(self.broker, delivery, properties=self.properties(), **spec)))

    def test_a_forbidden_topic_sets_its_records_aside_and_the_others_go_on(self):
        for delivery in ("at-least-once", "exactly-once"):
            with self.subTest(delivery):
                good, seen, unseen = self.topic("good"), self.topic("seen"), self.topic("unseen")
                positions = self.topic("positions", cleanup_policy="compact")
                self.allow("TOPIC", good, "WRITE", "DESCRIBE")
                self.allow("TOPIC", seen, "DESCRIBE")
                self.allow("TOPIC", positions, "READ", "WRITE", "DESCRIBE")
                self.allow("TRANSACTIONAL_ID", "*", "WRITE", "DESCRIBE")
                self.allow("GROUP", "*", "READ")
                self.start(delivery, **({"positionsTopic": positions} if delivery == "exactly-once" else {}))
                told = [entry(topic, f"{number}") for number in range(200) for topic in (seen, good, unseen)]
                self.assertSent("test/f", "a", json.dumps(told))
                self.eventually(lambda: self.egress()["unsendable"] == 400, lambda: self.egress(), 30)
                self.eventually_values(good, [str(number) for number in range(200)])
                self.eventually_sent()
                reasons = {record["error"].split(":")[0] for record in self.stream("unsendable")}
                self.assertEqual(reasons, {f"topic {seen}", f"topic {unseen}"})
                for topic in (seen, unseen):
                    self.allow("TOPIC", topic, "WRITE", "DESCRIBE")

                def sent():
                    self.holdfast.cli("egress", "retry", "test/out")
                    self.eventually_sent()
                    return self.egress()["unsendable"] == 400
                self.eventually(sent, lambda: self.egress())
                for topic in (seen, unseen):
                    self.assertEqual(len(self.values(topic)), 200)
                self.assertEqual(self.holdfast.stop(), 0)

    def test_a_client_that_is_forbidden_is_trouble_and_loses_nothing(self):
        good, positions = self.topic("good"), self.topic("positions", cleanup_policy="compact")
        self.allow("TOPIC", good, "WRITE", "DESCRIBE")
        self.allow("TOPIC", positions, "READ", "WRITE", "DESCRIBE")
        self.allow("GROUP", "*", "READ")
        self.start("exactly-once", positionsTopic=positions)
        self.assertSent("test/f", "a", json.dumps([entry(good, "x")]))
        self.eventually(lambda: "ransactional" in self.egress().get("trouble", ""), lambda: self.egress())
        self.assertEqual(self.egress()["unsendable"], 0)
        self.allow("TRANSACTIONAL_ID", "*", "WRITE", "DESCRIBE")
        self.eventually_values(good, ["x"])


class Rotated(KafkaCase):
    BROKER = {"tls": True, "ssl_client_auth": "required"}

    def test_certificates_are_taken_while_it_runs_and_broken_ones_are_not(self):
        other = shared_broker(tls=True)  # Whose authority is another one.
        source, out = self.topic("in"), self.topic("out")
        trust, client = self.folder / "trust.pem", self.folder / "client.pem"
        good = {trust: self.broker.ca_file.read_bytes(),
                client: self.broker.client_cert_file.read_bytes() + self.broker.client_key_file.read_bytes()}

        def put(path, content):
            fresh = pathlib.Path(f"{path}.new")
            fresh.write_bytes(content)
            shutil.move(fresh, path)

        for path, content in good.items():
            put(path, content)
        properties = [{"security.protocol": "SSL"}, {"ssl.truststore.type": "PEM"}, {"ssl.truststore.location": str(trust)},
                      {"ssl.keystore.type": "PEM"}, {"ssl.keystore.location": str(client)}]
        server = self.stub(as_told)
        self.up(self.write("module.yaml", endpoint("test/*", server.url), egress(self.broker, properties=properties),
                           ingress(self.broker, [(source, "test/f")], properties=properties, **earliest())))

        def goes_through(value):
            self.broker.produce(source, [("k", json.dumps([entry(out, value)]))])
            self.eventually(lambda: value in self.values(out), lambda: f"{value}: {self.ingress()} {self.egress()}")

        goes_through("first")
        put(client, b"-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n")
        self.eventually(lambda: self.holdfast.output().count("the old ones stay") >= 1, "the broken file is refused")
        goes_through("with a broken file")
        put(client, good[client])
        put(trust, other.ca_file.read_bytes())
        self.eventually(lambda: self.ingress().get("trouble"), lambda: self.ingress())
        put(trust, good[trust] + other.ca_file.read_bytes())
        goes_through("with both authorities")
        self.eventually(lambda: not self.ingress().get("trouble") and not self.egress().get("trouble"), lambda: f"{self.ingress()} {self.egress()}")


if __name__ == "__main__":
    unittest.main()
