"""Functions of StateFun 2, unmodified, over HTTP: PyPI apache-flink-statefun 2.2.2 (protocol v2), and Go servers of the interim protocol."""
import base64
import subprocess
import textwrap
import unittest

import wire
from harness import ROOT, Case, FunctionServer

LEGACY = ROOT / "examples" / "legacy"
VENV_PYTHON = ROOT / "build" / "venv-statefun22" / "bin" / "python"
GO_SERVER = ROOT / "build" / "legacy-go"

# messages.proto of both
TYPES = "type.googleapis.com/example.legacy."
REQUESTED, NO_DRIVER, STARTED, ENDED = range(4)


def record_bytes(record):
    """The value of a stream's record, which is shown as text if it happens to be some."""
    return base64.b64decode(record["value_base64"]) if "value_base64" in record else record["value"].encode()


class Legacy(Case):
    def python(self):
        server = FunctionServer([VENV_PYTHON, LEGACY / "python" / "server.py"], name="functions of StateFun 2.2 in Python")
        self.started.append(server)
        return server

    def answer_of(self, function, id, type_name, value):
        """A call; the reply's type, without where it comes from, and its bytes."""
        answer = self.call(function, id, value, type_name)
        self.assertEqual(answer.status, 200, answer)
        return answer.headers["X-Value-Type"].rsplit(".", 1)[1], answer.body


class Python(Legacy):
    def setUp(self):
        super().setUp()
        self.env = {"FUNCTIONS_URL": self.python().url}
        self.modules = [LEGACY / "python" / "module.yaml", LEGACY / "python" / "streams.yaml"]
        self.up(*self.modules, env=self.env)

    def greet(self, name):
        kind, value = self.answer_of("example/greeter", name, TYPES + "GreetRequest", wire.field(1, name))
        self.assertEqual((kind, wire.only(value, 1)), ("GreetResponse", name.encode()))
        return wire.only(value, 2).decode()

    def test_the_greeter_answers_and_its_state_survives_kill(self):
        self.assertEqual(self.greet("Bob"), "Welcome Bob")
        self.assertEqual(self.greet("Bob"), "Nice to see you again Bob")
        self.assertEqual(self.greet("Eve"), "Welcome Eve")
        self.holdfast.kill()
        self.up(*self.modules, env=self.env)
        self.assertEqual(self.greet("Bob"), "Third time is a charm Bob")
        self.assertEqual(self.greet("Bob"), "Nice to see you at the 4-th time Bob!")
        records = self.stream("greetings", "example/greets")
        self.assertEqual([record["key"] for record in records], ["Bob", "Bob", "Eve", "Bob", "Bob"])

    def test_a_message_sent_without_a_caller_has_nobody_to_reply_to(self):
        self.assertSent("example/greeter", "Al", wire.field(1, "Al"), TYPES + "GreetRequest")
        self.eventually(lambda: self.stream("greetings", "example/greets"), "a greeting")
        self.assertEqual(self.parked(), [])

    def test_a_state_of_the_module_expires_as_it_says_there(self):
        self.holdfast.kill()
        module = self.write("module.yaml", textwrap.dedent(f"""\
            version: "2.0"
            module:
              meta: {{type: remote}}
              spec:
                functions:
                  - function:
                      meta: {{kind: http, type: example/greeter}}
                      spec:
                        endpoint: {self.env["FUNCTIONS_URL"]}
                        states: [{{name: seen_count, expireAfter: 300millisecond, expireMode: after-write}}]
            """))
        self.up(module, self.modules[1])
        self.assertEqual(self.greet("Bob"), "Welcome Bob")
        self.eventually(lambda: "seen_count" not in self.state("example/greeter", "Bob"), "the state is gone")
        self.assertEqual(self.greet("Bob"), "Welcome Bob")

    # --- rideshare

    def request_ride(self, rider, from_cell, to_cell):
        self.assertSent("rideshare/rider", rider, wire.field(1, from_cell) + wire.field(2, to_cell), TYPES + "RequestRide")

    def driver_at(self, driver, cell):
        self.assertSent("rideshare/driver", driver, wire.field(1, cell), TYPES + "DriverAt")

    def statuses(self):
        """(status, rider, driver, rides) of each record, in order."""
        values = [record_bytes(record) for record in self.stream("rides", "rideshare/to-riders")]
        return [(wire.only(value, 1, 0), wire.only(value, 2, b"").decode(), wire.only(value, 3, b"").decode(), wire.only(value, 4, 0))
                for value in values]

    def wait_for(self, expected):
        self.eventually(lambda: expected in self.statuses(), lambda: f"{expected}, only {self.statuses()}")
        return self.statuses()

    def test_a_ride_from_request_to_end(self):
        self.driver_at("dora", 1)
        self.driver_at("dave", 2)
        self.request_ride("rita", 1, 7)
        self.wait_for((STARTED, "rita", "dora", 0))
        self.request_ride("rolf", 2, 7)
        self.wait_for((STARTED, "rolf", "dave", 0))
        self.driver_at("dora", 4)  # On the way.
        self.driver_at("dora", 7)
        found = self.wait_for((ENDED, "rita", "dora", 1))
        self.assertNotIn((ENDED, "rolf", "dave", 1), found)
        # Dora waits in cell 7 now.
        self.request_ride("rita", 7, 1)
        self.wait_for((STARTED, "rita", "dora", 0))
        self.assertEqual(self.parked(), [])

    def test_a_rider_who_finds_nobody_asks_again_until_somebody_comes_and_all_of_it_survives_kill(self):
        self.request_ride("rita", 3, 4)
        self.wait_for((REQUESTED, "rita", "", 0))
        self.holdfast.kill()
        self.up(*self.modules, env=self.env)
        self.driver_at("dora", 9)
        self.driver_at("dora", 3)  # She leaves 9, where nobody must find her any more.
        self.wait_for((STARTED, "rita", "dora", 0))
        self.holdfast.kill()
        self.up(*self.modules, env=self.env)
        self.driver_at("dora", 4)
        found = self.wait_for((ENDED, "rita", "dora", 1))
        self.assertEqual(found, [(REQUESTED, "rita", "", 0), (STARTED, "rita", "dora", 0), (ENDED, "rita", "dora", 1)])


class Go(Legacy):
    def setUp(self):
        super().setUp()
        server = FunctionServer([GO_SERVER], name="functions of the interim protocol in Go")
        self.started.append(server)
        self.env = {"FUNCTIONS_URL": server.url}
        self.modules = [LEGACY / "go" / "module.yaml", LEGACY / "go" / "streams.yaml"]
        self.up(*self.modules, env=self.env)

    def greet(self, name):
        kind, value = self.answer_of("demo/greeter", name, TYPES + "GreetRequest", wire.field(1, name))
        self.assertEqual((kind, wire.only(value, 1)), ("GreetResponse", name.encode()))
        return wire.only(value, 2).decode()

    def guests(self):
        """(visits, guests)"""
        kind, value = self.answer_of("demo/guestbook", "all", "test/question", b"?")
        self.assertEqual(kind, "Guests")
        return wire.only(value, 1, 0), wire.only(value, 2, 0)

    def test_states_are_declared_by_the_functions_and_survive_kill(self):
        self.assertEqual(self.guests(), (0, 0))
        self.assertEqual(self.greet("Bob"), "Welcome Bob")
        self.assertEqual(self.greet("Eve"), "Welcome Eve")
        self.assertIn(", visit number 2", self.greet("Bob").replace("? V", ", v"))
        self.eventually(lambda: self.guests() == (3, 2), "three visits of two guests")
        self.holdfast.kill()
        self.up(*self.modules, env=self.env)
        self.assertIn(", visit number 3", self.greet("Bob").replace("? V", ", v"))
        self.eventually(lambda: self.guests() == (4, 2), "four visits of two guests")
        # Its Kafka values are Anys.
        records = self.stream("greetings", "demo/greets")
        self.assertEqual([record["key"] for record in records], ["Bob", "Eve", "Bob", "Bob"])
        self.assertEqual(wire.only(record_bytes(records[0]), 1).decode(), TYPES + "GreetResponse")

    def test_a_state_expires_as_its_tag_says(self):
        self.assertEqual(self.greet("Bob"), "Welcome Bob")
        self.eventually(lambda: set(self.state("demo/greeter", "Bob")) == {"seen"}, "only what does not expire is left")
        self.assertEqual(self.greet("Bob"), "Nice to see you again Bob, visit number 2")

    def test_as_functions_of_2_2_they_are_refused_with_the_key_to_set(self):
        self.holdfast.kill()
        text = self.modules[0].read_text()
        self.up(self.write("module.yaml", text.replace("      protocol: interim\n", "")), self.modules[1], env=self.env)
        self.assertSent("demo/greeter", "Bob", wire.field(1, "Bob"), TYPES + "GreetRequest")
        parked = self.eventually(self.parked, "a parked address")
        self.assertIn("protocol: interim", parked[0]["reason"])

    def test_the_server_passes_its_own_tests(self):
        done = subprocess.run(["go", "test", "./..."], cwd=LEGACY / "go", stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
