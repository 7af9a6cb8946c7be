"""Functions of the C++ SDK behind a real Flink StateFun 3.3.0, from Kafka to Kafka: functions.cc, served over TCP, TLS and a unix socket,
by both of StateFun's transports; and examples, as they are.

One broker and one JVM serve all tests, each of which has keys of its own; outputs are read read_committed. A test that makes Flink
start its job again, or takes the functions away, disturbs nobody: that is what it proves.
"""
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from flink import FlinkStateFun  # noqa: E402
from kafka import KafkaBroker, confluent  # noqa: E402
from running import Failure, FunctionServer, binary  # noqa: E402

BUILD = pathlib.Path(binary()).parent
PROGRAM = BUILD / "tests" / "flink" / "flink_functions"
EXAMPLES = {folder: BUILD / "examples" / folder / f"{folder}_server" for folder in ("bank", "connected_components", "shopping_cart")}
FUNCTIONS = ("ledger", "expiring", "parent", "alarm", "publisher", "flaky", "poison", "later")
COUNTERS = ("test", "okhttp", "unix", "tls")
EVENTUALLY_SECONDS = 90
# Output is to be seen soon, and a restart of the job is not to be waited for.
SETTINGS = {"execution.checkpointing.interval": "200ms", "restart-strategy.fixed-delay.delay": "100ms",
            "taskmanager.memory.managed.size": "128m"}
HEAP = ("-Xms256m", "-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

MODULE = """kind: io.statefun.endpoints.v2/http
spec:
  functions: test/*
  urlPathTemplate: {tcp}/statefun/{{function.name}}
---
kind: io.statefun.endpoints.v1/http
spec:
  functions: okhttp/*
  urlPathTemplate: {tcp}
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: unix/*
  urlPathTemplate: {unix}
  transport:
    type: io.statefun.transports.v1/okhttp
    # Its client waits so long before it uses a unix socket again, whatever the server (a read that should end after a millisecond).
    timeouts: {{read: 500ms}}
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: tls/*
  urlPathTemplate: {tls}/
  transport:
    type: io.statefun.transports.v1/async
    trust_cacerts: {ca}
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: test/in
  address: {bootstrap}
  consumerGroupId: flink-test
  startupPosition:
    type: earliest
  topics:
"""
TOPIC = """    - topic: {topic}
      valueType: {type}
      targets: [{function}]
"""
ENDPOINT = """---
kind: io.statefun.endpoints.v2/http
spec:
  functions: {functions}
  urlPathTemplate: {url}
"""
EGRESS = """---
kind: io.statefun.kafka.v1/egress
spec:
  id: {id}
  address: {bootstrap}
  deliverySemantic:
    type: exactly-once
    transactionTimeout: 60sec
"""
# topic: (type of its values, the function they are for)
INPUTS = {**{f"{name}-in": ("test/text", f"test/{name}") for name in FUNCTIONS},
          **{f"{name}-counter-in": ("test/text", f"{name}/counter") for name in COUNTERS},
          "open-in": ("bank/Open", "bank/account"), "transfer-in": ("bank/Transfer", "bank/transfer"),
          "edges-in": ("graph/Edges", "graph/vertex"),
          "restock-in": ("shop/Restock", "shop/stock"), "add-in": ("shop/Add", "shop/basket"), "checkout-in": ("shop/Checkout", "shop/basket")}
OUTPUTS = (*FUNCTIONS, *(f"{name}-counter" for name in COUNTERS), "entries", "components", "receipts")


def run(command):
    subprocess.run([str(part) for part in command], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def make_certificate(folder):
    """A certificate for 127.0.0.1, signed by itself, with a key as StateFun likes them."""
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=flink test", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"])
    return folder / "cert.pem", folder / "key.pem"


def halved(number):
    """As a float of 32 bits."""
    return struct.unpack("f", struct.pack("f", number))[0] / 2


class Outputs:
    """What the functions have committed so far: `records` of each topic, (key, value, headers) in order, as far as it was read."""

    def __init__(self, broker, topics):
        kafka = confluent()
        self.records = {topic: [] for topic in topics}
        self._consumer = kafka.Consumer({**broker.client_config(), "group.id": "flink-test", "enable.auto.commit": "false",
                                         "isolation.level": "read_committed", "fetch.wait.max.ms": "100"})
        self._consumer.assign([kafka.TopicPartition(topic, 0, 0) for topic in topics])

    def read(self):
        """Whatever there is, and waits a moment for it."""
        for message in self._consumer.consume(10000, 0.1):
            if message.error() is None:
                self.records[message.topic()].append((message.key(), message.value(), message.headers() or []))
            elif not message.error().retriable():
                raise Failure(f"reading outputs: {message.error()}")

    def close(self):
        self._consumer.close()


class FlinkTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-flink-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        certificate, key = make_certificate(cls.folder)
        cls.server = cls.start(FunctionServer([PROGRAM], name="functions"))
        by_unix = cls.start(FunctionServer([PROGRAM, "--unix", cls.folder / "functions.sock"], name="functions, unix"))
        by_tls = cls.start(FunctionServer([PROGRAM, "--tls", certificate, key], name="functions, tls"))
        cls.broker = KafkaBroker(cls.folder / "kafka")
        cls.addClassCleanup(cls.broker.__exit__)
        cls.broker.start()
        for topic in (*INPUTS, *OUTPUTS):
            cls.broker.create_topic(topic, 1)
        cls.outputs = Outputs(cls.broker, OUTPUTS)
        cls.addClassCleanup(cls.outputs.close)
        cls.examples = {folder: cls.start(FunctionServer([program], name=folder)) for folder, program in EXAMPLES.items()}
        text = MODULE.format(tcp=cls.server.url, unix=by_unix.url, tls=by_tls.url, ca=certificate, bootstrap=cls.broker.bootstrap)
        text += "".join(TOPIC.format(topic=topic, type=type_name, function=function) for topic, (type_name, function) in INPUTS.items())
        text += "".join(ENDPOINT.format(functions=functions, url=cls.examples[folder].url) for functions, folder in
                        (("bank/*", "bank"), ("graph/*", "connected_components"), ("shop/*", "shopping_cart")))
        text += "".join(EGRESS.format(id=id, bootstrap=cls.broker.bootstrap) for id in
                        ("test/out", "bank/ledger", "graph/changes", "shop/receipts"))
        module = cls.folder / "module.yaml"
        module.write_text(text)
        cls.flink = cls.start(FlinkStateFun(module, cls.folder, SETTINGS, HEAP))

    @classmethod
    def start(cls, process):
        cls.addClassCleanup(process.kill)
        return process

    def tearDown(self):
        if not self._outcome.success:
            for process in (self.flink, self.server):
                print(process.tail(), flush=True)

    # --- words

    def send(self, function, *records):
        """Records of (id, text, or what becomes JSON) for a function."""
        self.broker.produce(f"{function}-in", [(id, value if isinstance(value, str) else json.dumps(value)) for id, value in records])

    def eventually(self, topic, count, ids=None):
        """The values of these ids, or (key, value, headers) of all, once there are `count`; and there are no more of them."""
        keys = ids and {id.encode() for id in ids}
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while True:
            self.outputs.read()
            found = [record for record in self.outputs.records[topic] if keys is None or record[0] in keys]
            if len(found) >= count:
                break
            self.assertTrue(self.flink.running(), "the JVM has ended")
            self.assertLess(time.monotonic(), deadline, f"{len(found)} outputs of {count} after {EVENTUALLY_SECONDS} s: {found}")
        self.assertEqual(len(found), count, found)
        return found if keys is None else [value.decode() for _, value, _ in found]

    def eventually_some(self, topic, id):
        """Until there is an output of this id."""
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while not any(key == id.encode() for key, _, _ in self.outputs.records[topic]):
            self.assertLess(time.monotonic(), deadline, f"no output of {id} in {topic}")
            self.outputs.read()

    def counts(self, topic, id, texts):
        """Every text once, in order, each with its number."""
        self.assertEqual(self.eventually(topic, len(texts), [id]), [f"{n} {text}" for n, text in enumerate(texts, 1)])

    def counted(self, function):
        """How many calls and messages the server had for a function."""
        with urllib.request.urlopen(f"{self.server.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()

        def value(name):
            found = re.search(rf'^holdfast_sdk_{name}_total{{[^}}]*"{function}"[^}}]*}} (\d+)', text, re.M)
            return int(found[1]) if found else 0
        return value("calls"), value("messages")

    # --- facts

    def test_states_of_all_types_are_kept_and_removed(self):
        self.send("ledger", ("states", "7"), ("states", "-3"), ("other", "5"), ("states", "4000000000000"))
        self.assertEqual(self.eventually("ledger", 3, ["states"]),
                         ["1 7 3.5 7.000 positive 0..7 7",
                          "2 4 2.0 2.000 negative -3..7 7,-3",
                          f"3 4000000000004 {halved(4000000000004)} 1333333333334.667 negative -3..4000000000000 7,-3,4000000000000"])
        self.send("ledger", ("states", "forget"), ("states", "1"))
        self.assertEqual(self.eventually("ledger", 5, ["states"])[3:],
                         ["forgotten", f"1 4000000000005 {halved(4000000000005)} 4000000000005.000 negative -3..4000000000000 1"])
        self.assertEqual(self.eventually("ledger", 1, ["other"]), ["1 5 2.5 5.000 positive 0..5 5"])

    def test_a_state_expires_after_it_was_written_and_not_while_it_is_called(self):
        self.send("expiring", ("once", "begin"))
        self.assertEqual(self.eventually("expiring", 1, ["once"]), ["written gone, called here"])

    def test_messages_reach_functions_and_their_answers_the_caller(self):
        self.send("parent", ("family", "20"))
        self.assertEqual(self.eventually("parent", 1, ["family"]), [str(sum(n * n for n in range(1, 21)))])

    def test_delayed_messages_come_unless_they_are_cancelled(self):
        self.send("alarm", ("clock", "set"))
        self.assertEqual(self.eventually("alarm", 1, ["clock"]), ["without token;with token;"])

    def test_records_have_their_key_and_bytes_and_no_headers(self):
        self.send("publisher", ("any", "grüße"))
        self.assertEqual(self.eventually("publisher", 3),
                         [(b"keyed", "grüße".encode(), []), (None, b"\0\xff\x80", []),
                          (b"generic", bytes([1, *[0] * 7, 2, *[0] * 7]), [])])

    def test_a_call_that_throws_is_tried_again_and_leaves_no_trace(self):
        self.send("flaky", ("thrown", "fine"), ("thrown", "fail"), ("thrown", "after"))
        self.assertEqual(self.eventually("flaky", 3, ["thrown"]), ["fine 1", "fail 2", "after 3"])

    def test_functions_that_complete_later_keep_order_and_are_tried_again(self):
        ids = [f"later-{n}" for n in range(20)]
        self.send("later", *[(id, text) for text in ("one", "fail", "three") for id in ids])
        for id in ids:
            self.assertEqual(self.eventually("later", 3, [id]), ["one 1", "fail 2", "three 3"])

    def test_a_busy_address_gets_batches_and_keeps_their_order(self):
        texts = [f"m{n}" for n in range(3000)]
        before = self.counted("test/counter")
        self.send("test-counter", *[("busy", text) for text in texts])
        self.counts("test-counter", "busy", texts)
        calls, messages = (now - then for now, then in zip(self.counted("test/counter"), before))
        self.assertGreaterEqual(messages, len(texts))
        self.assertLess(calls, messages / 2)

    def test_okhttp_a_unix_socket_and_tls_reach_the_same_functions(self):
        texts = ["a", "b", "c"]
        for name in ("okhttp", "unix", "tls"):
            self.send(f"{name}-counter", *[(name, text) for text in texts])
        for name in ("okhttp", "unix", "tls"):
            with self.subTest(name):
                self.counts(f"{name}-counter", name, texts)

    def test_a_restarted_job_has_its_states_and_sends_nothing_twice(self):
        self.send("poison", ("restart", "one"), ("restart", "two"))
        self.assertEqual(self.eventually("poison", 2, ["restart"]), ["one 1", "two 2"])
        self.send("poison", ("restart", "break"), ("restart", "four"))
        self.assertEqual(self.eventually("poison", 4, ["restart"]), ["one 1", "two 2", "break 3", "four 4"])
        self.assertIn("RESTARTING", self.flink.output())

    def test_a_killed_server_of_functions_comes_back_and_nothing_is_lost(self):
        ids = [f"killed-{n}" for n in range(10)]
        first, second = [f"m{n}" for n in range(100)], [f"m{n}" for n in range(100, 200)]
        self.send("test-counter", *[(id, text) for text in first for id in ids])
        self.eventually_some("test-counter", ids[0])
        port = self.server.port
        self.server.kill()
        self.send("test-counter", *[(id, text) for text in second for id in ids])
        type(self).server = self.start(FunctionServer([PROGRAM], name="functions", port=port))
        for id in ids:
            self.counts("test-counter", id, first + second)

    # --- examples

    def restart_job(self, id):
        """Makes Flink start its job again, from its last checkpoint."""
        self.send("poison", (id, "break"))
        self.eventually("poison", 1, [id])

    def restart_example(self, folder):
        """kill -9 of its server, and another one in its place."""
        port = self.examples[folder].port
        self.examples[folder].kill()
        self.examples[folder] = self.start(FunctionServer([EXAMPLES[folder]], name=folder, port=port))

    def test_example_bank_moves_every_amount_once(self):
        random.seed(7)
        accounts = [f"a{n}" for n in range(10)]
        balances = dict.fromkeys(accounts, 10_000)
        self.send("open", *[(account, {"balance": 10_000}) for account in accounts])
        self.eventually("entries", len(accounts), accounts)
        moved = []
        for number in range(200):
            source, target = random.sample(accounts, 2)
            moved.append((f"t{number}", {"from": source, "to": target, "amount": random.randint(1, 40)}))
            balances[source] -= moved[-1][1]["amount"]
            balances[target] += moved[-1][1]["amount"]
        too_much = [(f"u{number}", {"from": accounts[number], "to": accounts[0], "amount": 1_000_000}) for number in range(1, 10)]
        self.send("transfer", *moved[:100])
        self.restart_example("bank")
        self.send("transfer", *moved[50:], *too_much, *moved)  # Some twice, which is once.
        self.restart_job("bank")
        entries = [json.loads(value) for value in self.eventually("entries", len(accounts) + 2 * len(moved), accounts)]
        self.assertEqual({entry["account"]: entry["balance"] for entry in entries}, balances)
        self.assertEqual(sum(entry["change"] for entry in entries), 100_000)

    def test_example_connected_components_are_those_of_a_union_find(self):
        random.seed(7)
        edges = [random.sample(range(300), 2) for _ in range(250)]
        root = list(range(300))

        def find(vertex):
            while root[vertex] != vertex:
                vertex = root[vertex]
            return vertex
        for one, other in edges:
            low, high = sorted((find(one), find(other)))
            root[high] = low
        vertices = {vertex for edge in edges for vertex in edge}
        self.send("edges", *[(str(one), {"to": [other]}) for one, other in edges[:125]])
        self.restart_job("graph")
        self.send("edges", *[(str(one), {"to": [other]}) for one, other in edges[125:]])
        expected = {vertex: find(vertex) for vertex in vertices}
        components = {}

        def complete():
            for _, value, _ in self.outputs.records["components"]:
                change = json.loads(value)
                components[change["vertex"]] = change["component"]
            return components == expected
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while not complete():
            self.assertLess(time.monotonic(), deadline, sorted(expected.items() - components.items()))
            self.outputs.read()

    def test_example_shopping_cart_sells_what_it_has(self):
        self.send("restock", ("tea", {"quantity": 100, "price": 250}))
        # An order that comes before the stock finds none, and nobody is told: the next one tries its luck.
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        number = 0
        while not self.outputs.records["receipts"]:
            self.assertLess(time.monotonic(), deadline, "no receipt")
            number += 1
            self.send("add", (f"user{number}", {"item": "tea", "quantity": 2}))
            for _ in range(5):
                self.send("checkout", *[(f"user{n}", {}) for n in range(1, number + 1)])
                self.outputs.read()
        user, receipt, _ = self.outputs.records["receipts"][0]
        self.assertEqual(json.loads(receipt), {"user": user.decode(), "lines": [{"item": "tea", "quantity": 2, "price": 500}], "gone": [],
                                               "total": 500})


if __name__ == "__main__":
    unittest.main()
