"""Functions of the C++ SDK behind a real Flink StateFun 3.3.0, from Kafka to Kafka: functions.cc, served over TCP, TLS and a unix socket,
by both of StateFun's transports.

One broker and one JVM serve all tests, each of which has keys of its own; outputs are read read_committed. A test that makes Flink
start its job again, or takes the functions away, disturbs nobody: that is what it proves.
"""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from flink import FlinkStateFun  # noqa: E402
from kafka import KafkaBroker  # noqa: E402
from running import FunctionServer  # noqa: E402

PROGRAM = os.environ.get("FLINK_FUNCTIONS") or ROOT / "build" / "release" / "tests" / "flink" / "flink_functions"
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
---
kind: io.statefun.endpoints.v2/http
spec:
  functions: tls/*
  urlPathTemplate: {tls}/
  transport:
    type: io.statefun.transports.v1/async
    trust_cacerts: {ca}
---
kind: io.statefun.kafka.v1/egress
spec:
  id: test/out
  address: {bootstrap}
  deliverySemantic:
    type: exactly-once
    transactionTimeout: 60sec
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
      valueType: test/text
      targets: [{function}]
"""


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
        topics = [(f"{name}-in", f"test/{name}") for name in FUNCTIONS] + [(f"{name}-counter-in", f"{name}/counter") for name in COUNTERS]
        for topic, _function in topics:
            cls.broker.create_topic(topic, 1)
        for topic in FUNCTIONS + tuple(f"{name}-counter" for name in COUNTERS):
            cls.broker.create_topic(topic, 1)
        module = cls.folder / "module.yaml"
        module.write_text(MODULE.format(tcp=cls.server.url, unix=by_unix.url, tls=by_tls.url, ca=certificate,
                                        bootstrap=cls.broker.bootstrap) +
                          "".join(TOPIC.format(topic=topic, function=function) for topic, function in topics))
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
        """Records of (id, text) for a function."""
        self.broker.produce(f"{function}-in", [(id, text) for id, text in records])

    def outputs(self, topic, *ids):
        """What functions with these ids have committed so far, in order."""
        wanted = {id.encode() for id in ids}
        return [value.decode() for _, _, key, value, _ in self.broker.consume_all(topic) if key in wanted]

    def eventually_outputs(self, topic, ids, count):
        """`count` outputs of these ids; no more of them either."""
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while len(found := self.outputs(topic, *ids)) < count:
            self.assertTrue(self.flink.running(), "the JVM has ended")
            if time.monotonic() > deadline:
                self.fail(f"{len(found)} outputs of {count} after {EVENTUALLY_SECONDS} s: {found}")
            time.sleep(0.1)
        self.assertEqual(len(found), count, found)
        return found

    def counts(self, topic, id, texts):
        """Every text once, in order, each with its number."""
        self.assertEqual(self.eventually_outputs(topic, [id], len(texts)), [f"{n} {text}" for n, text in enumerate(texts, 1)])

    # --- facts

    def test_states_of_all_types_are_kept_and_removed(self):
        self.send("ledger", ("states", "7"), ("states", "-3"), ("other", "5"), ("states", "4000000000000"))
        self.assertEqual(self.eventually_outputs("ledger", ["states"], 3),
                         ["1 7 3.5 7.000 positive 0..7 7",
                          "2 4 2.0 2.000 negative -3..7 7,-3",
                          f"3 4000000000004 {halved(4000000000004)} 1333333333334.667 negative -3..4000000000000 7,-3,4000000000000"])
        self.send("ledger", ("states", "forget"), ("states", "1"))
        self.assertEqual(self.eventually_outputs("ledger", ["states"], 5)[3:],
                         ["forgotten", f"1 4000000000005 {halved(4000000000005)} 4000000000005.000 negative -3..4000000000000 1"])
        self.assertEqual(self.eventually_outputs("ledger", ["other"], 1), ["1 5 2.5 5.000 positive 0..5 5"])

    def test_a_state_expires_after_it_was_written_and_not_while_it_is_called(self):
        self.send("expiring", ("once", "begin"))
        self.assertEqual(self.eventually_outputs("expiring", ["once"], 1), ["written gone, called here"])

    def test_messages_reach_functions_and_their_answers_the_caller(self):
        self.send("parent", ("family", "20"))
        self.assertEqual(self.eventually_outputs("parent", ["family"], 1), [str(sum(n * n for n in range(1, 21)))])

    def test_delayed_messages_come_unless_they_are_cancelled(self):
        self.send("alarm", ("clock", "set"))
        self.assertEqual(self.eventually_outputs("alarm", ["clock"], 1), ["without token;with token;"])

    def test_records_have_their_key_and_bytes_and_no_headers(self):
        self.send("publisher", ("any", "grüße"))
        found = []
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while len(found) < 3 and time.monotonic() < deadline:
            found = [(key, value, headers) for _, _, key, value, headers in self.broker.consume_all("publisher")]
        self.assertEqual(found, [(b"keyed", "grüße".encode(), []), (None, b"\0\xff\x80", []),
                                 (b"generic", bytes([1, *[0] * 7, 2, *[0] * 7]), [])])

    def test_a_call_that_throws_is_tried_again_and_leaves_no_trace(self):
        self.send("flaky", ("thrown", "fine"), ("thrown", "fail"), ("thrown", "after"))
        self.assertEqual(self.eventually_outputs("flaky", ["thrown"], 3), ["fine 1", "fail 2", "after 3"])

    def test_functions_that_complete_later_keep_order_and_are_tried_again(self):
        ids = [f"later-{n}" for n in range(20)]
        self.send("later", *[(id, text) for text in ("one", "fail", "three") for id in ids])
        self.eventually_outputs("later", ids, 3 * len(ids))
        for id in ids:
            self.assertEqual(self.outputs("later", id), ["one 1", "fail 2", "three 3"])

    def test_a_busy_address_gets_batches_and_keeps_their_order(self):
        texts = [f"m{n}" for n in range(3000)]
        self.send("test-counter", *[("busy", text) for text in texts])
        self.counts("test-counter", "busy", texts)

    def test_okhttp_a_unix_socket_and_tls_reach_the_same_functions(self):
        texts = ["a", "b", "c"]
        for name in ("okhttp", "unix", "tls"):
            self.send(f"{name}-counter", *[(name, text) for text in texts])
        for name in ("okhttp", "unix", "tls"):
            with self.subTest(name):
                self.counts(f"{name}-counter", name, texts)

    def test_a_restarted_job_has_its_states_and_sends_nothing_twice(self):
        self.send("poison", ("restart", "one"), ("restart", "two"))
        self.assertEqual(self.eventually_outputs("poison", ["restart"], 2), ["one 1", "two 2"])
        self.send("poison", ("restart", "break"), ("restart", "four"))
        self.assertEqual(self.eventually_outputs("poison", ["restart"], 4), ["one 1", "two 2", "break 3", "four 4"])
        self.assertIn("RESTARTING", self.flink.output())

    def test_a_killed_server_of_functions_comes_back_and_nothing_is_lost(self):
        ids = [f"killed-{n}" for n in range(10)]
        first, second = [f"m{n}" for n in range(100)], [f"m{n}" for n in range(100, 200)]
        self.send("test-counter", *[(id, text) for text in first for id in ids])
        self.eventually_any("test-counter", ids)
        port = self.server.port
        self.server.kill()
        self.send("test-counter", *[(id, text) for text in second for id in ids])
        type(self).server = self.start(FunctionServer([PROGRAM], name="functions", port=port))
        for id in ids:
            self.counts("test-counter", id, first + second)

    def eventually_any(self, topic, ids):
        deadline = time.monotonic() + EVENTUALLY_SECONDS
        while not self.outputs(topic, *ids):
            self.assertLess(time.monotonic(), deadline, f"no output in {topic}")


if __name__ == "__main__":
    unittest.main()
