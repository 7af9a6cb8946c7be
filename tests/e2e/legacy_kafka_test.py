"""Functions of StateFun 2 as their users have them: from Kafka to Kafka, with a module.yaml of their time, exactly once over kill -9."""
import pathlib
import subprocess
import tempfile
import textwrap
import unittest

import wire
from harness import Case, FunctionServer
from kafka import KafkaBroker
from legacy_test import ENDED, GO_SERVER, LEGACY, REQUESTED, STARTED, TYPES, VENV_PYTHON


def greet_request(name):
    return wire.field(1, name)


class LegacyOverKafka(Case):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-kafka-")
        cls.addClassCleanup(folder.cleanup)
        cls.broker = KafkaBroker(pathlib.Path(folder.name) / "broker")
        cls.addClassCleanup(cls.broker.__exit__)
        cls.broker.start()

    def setUp(self):
        super().setUp()
        for topic in ("names", "ride-requests", "driver-locations", "greetings", "rides"):
            self.broker.create_topic(topic, 2)
            self.addCleanup(self.broker.delete_topic, topic)

    def start(self, command, folder, *modules):
        server = FunctionServer(command, name="functions of StateFun 2")
        self.started.append(server)
        self.env = {"FUNCTIONS_URL": server.url, "KAFKA": self.broker.bootstrap}
        self.modules = [LEGACY / folder / "module.yaml", *(modules or [LEGACY / folder / "kafka.yaml"])]
        self.up(*self.modules, env=self.env)

    def start_python(self, *modules):
        self.start([VENV_PYTHON, LEGACY / "python" / "server.py"], "python", *modules)

    def kill_and_restart(self):
        self.holdfast.kill()
        self.up(*self.modules, env=self.env)

    def by_key(self, topic):
        """{key: [value]} of all that a read_committed consumer sees."""
        found = {}
        for _, _, key, value, _ in self.broker.consume_all(topic):
            found.setdefault((key or b"").decode(), []).append(value)
        return found

    def eventually_count(self, topic, count, seconds=60):
        """Until a read_committed consumer sees so many records."""
        seen = []

        def enough():
            seen[:] = self.broker.consume_all(topic)
            return len(seen) >= count
        self.eventually(enough, lambda: f"{count} records in {topic}, have {len(seen)}", seconds)
        self.assertEqual(len(seen), count)

    def send_names_while_killing(self, rounds, people):
        names = [f"p{n}" for n in range(people)]
        for _ in range(rounds):
            self.broker.produce("names", [(name, greet_request(name)) for name in names])
            self.kill_and_restart()
        self.eventually_count("greetings", rounds * people)
        return names

    def test_the_python_greeter_greets_everybody_once_and_in_order_over_kill(self):
        self.start_python()
        names = self.send_names_while_killing(rounds=4, people=50)
        self.assertEqual(self.by_key("greetings"), {name: [
            wire.field(1, name) + wire.field(2, greeting) for greeting in (
                f"Welcome {name}", f"Nice to see you again {name}", f"Third time is a charm {name}",
                f"Nice to see you at the 4-th time {name}!")] for name in names})

    def test_the_go_greeter_counts_everybody_over_kill(self):
        self.start([GO_SERVER], "go")
        names = self.send_names_while_killing(rounds=3, people=50)
        found = self.by_key("greetings")
        self.assertEqual(set(found), set(names))
        for name, values in found.items():
            # Serialized Anys. How soon somebody is back depends on the clock; the count does not.
            self.assertEqual({wire.only(value, 1).decode() for value in values}, {TYPES + "GreetResponse"})
            greetings = [wire.only(wire.only(value, 2), 2).decode() for value in values]
            self.assertEqual(greetings[0], f"Welcome {name}")
            self.assertTrue(greetings[1].endswith("isit number 2"), greetings)
            self.assertTrue(greetings[2].endswith("isit number 3"), greetings)

    def test_rides_from_kafka_to_kafka_over_kill(self):
        self.start_python()
        riders = [f"r{n}" for n in range(20)]
        self.broker.produce("ride-requests", [(rider, wire.field(1, n + 1) + wire.field(2, 100 + n)) for n, rider in enumerate(riders)])
        self.kill_and_restart()
        self.broker.produce("driver-locations", [(f"d-{rider}", wire.field(1, n + 1)) for n, rider in enumerate(riders)])
        self.eventually_count("rides", 2 * len(riders))
        self.kill_and_restart()
        self.broker.produce("driver-locations", [(f"d-{rider}", wire.field(1, 100 + n)) for n, rider in enumerate(riders)])
        self.eventually_count("rides", 3 * len(riders))
        found = {rider: [(wire.only(value, 1, 0), wire.only(value, 3, b"").decode(), wire.only(value, 4, 0)) for value in values]
                 for rider, values in self.by_key("rides").items()}
        self.assertEqual(found, {rider: [(REQUESTED, "", 0), (STARTED, f"d-{rider}", 0), (ENDED, f"d-{rider}", 1)] for rider in riders})

    def test_a_router_of_2_0_finds_the_target_in_the_message(self):
        descriptors = self.folder / "messages.desc"
        subprocess.run(["protoc", "--include_imports", f"--descriptor_set_out={descriptors}", "messages.proto"], cwd=LEGACY / "python", check=True)
        router = self.write("router.yaml", textwrap.dedent(f"""\
            version: "1.0"
            module:
              meta: {{type: remote}}
              spec:
                ingresses:
                  - ingress:
                      meta: {{type: statefun.kafka.io/protobuf-ingress, id: example/names}}
                      spec:
                        address: {self.broker.bootstrap}
                        topics: [names]
                        consumerGroupId: router
                        startupPosition: {{type: earliest}}
                        messageType: example.legacy.GreetRequest
                        descriptorSet: {descriptors}
                routers:
                  - router:
                      meta: {{type: org.apache.flink.statefun.sdk/protobuf-router}}
                      spec:
                        ingress: example/names
                        target: "example/greeter/{{{{$.name}}}}"
                        messageType: example.legacy.GreetRequest
                        descriptorSet: {descriptors}
                egresses:
                  - egress:
                      meta: {{type: statefun.kafka.io/generic-egress, id: example/greets}}
                      spec: {{address: {self.broker.bootstrap}, deliverySemantic: {{type: exactly-once, transactionTimeoutMillis: 60000}}}}
                  - egress:
                      meta: {{type: statefun.kafka.io/generic-egress, id: rideshare/to-riders}}
                      spec: {{address: {self.broker.bootstrap}}}
            """))
        self.start_python(router)
        # The record's key plays no part, and may be missing; a message that says nobody's name is one to the empty id; one that is none is parked.
        self.broker.produce("names", [(None, greet_request("Bob")), ("x", greet_request("Eve")), ("x", b""), ("x", b"\x0a\x05x")])
        self.eventually_count("greetings", 3)
        self.assertEqual(set(self.by_key("greetings")), {"Bob", "Eve", ""})
        def parked():
            return self.holdfast.cli_json("ingress", "parked", "example/names")["parked"]
        self.eventually(lambda: len(parked()) == 1, "one parked record")
        text = str(parked())
        self.assertIn("no example.legacy.GreetRequest", text)


if __name__ == "__main__":
    unittest.main()
