"""The broker that other tests stand on: what it stored survives kill -9, and isolation is what it says."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "tools"))
from kafka import KafkaBroker, confluent  # noqa: E402
from running import ROOT  # noqa: E402


class KafkaBrokerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-kafka-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def broker(self, **options):
        broker = KafkaBroker(self.folder / "broker", **options)
        self.addCleanup(broker.__exit__)
        return broker.start()

    def test_a_killed_broker_comes_back_with_its_records_on_the_same_port(self):
        broker = self.broker()
        broker.create_topic("t", 1)
        broker.produce("t", [("a", "1"), ("b", "2", [("h", b"x")])])
        bootstrap = broker.bootstrap
        broker.kill()
        broker.start()
        self.assertEqual(broker.bootstrap, bootstrap)
        self.assertEqual(broker.consume_all("t"), [(0, 0, b"a", b"1", []), (0, 1, b"b", b"2", [("h", b"x")])])
        self.assertEqual(broker.end_offsets("t"), {0: 2})

    def test_read_committed_ends_before_a_transaction_that_is_open(self):
        broker = self.broker()
        broker.create_topic("t", 1)
        producer = confluent().Producer({**broker.client_config(), "transactional.id": "test"})
        producer.init_transactions(20)
        producer.begin_transaction()
        producer.produce("t", b"open")
        producer.flush(20)
        self.assertEqual([record[3] for record in broker.consume_all("t", "read_uncommitted")], [b"open"])
        self.assertEqual(broker.consume_all("t", "read_committed"), [])
        self.assertEqual(broker.end_offsets("t", "read_committed"), {0: 0})
        producer.commit_transaction(20)
        self.assertEqual([record[3] for record in broker.consume_all("t", "read_committed")], [b"open"])

    def test_clients_without_the_password_and_the_certificate_stay_outside(self):
        broker = self.broker(sasl=True, tls=True, ssl_client_auth="required")
        broker.create_topic("t", 1)
        producer = confluent().Producer(broker.client_config())
        producer.produce("t", b"let in")
        self.assertEqual(producer.flush(20), 0)
        self.assertEqual([record[3] for record in broker.consume_all("t")], [b"let in"])
        known = broker.client_config()
        strangers = {"no certificate": {name: value for name, value in known.items() if name not in ("ssl.certificate.location", "ssl.key.location")},
                     "wrong password": {**known, "sasl.password": "guessed"}}
        for what, config in strangers.items():
            refused = []
            stranger = confluent().Producer({**config, "log_level": "0", "error_cb": lambda _error: None, "message.timeout.ms": "1000"})
            stranger.produce("t", b"kept out", on_delivery=lambda error, _message: refused.append(error))
            stranger.flush(20)
            self.assertEqual(len(refused), 1, what)
            self.assertIsNotNone(refused[0], what)
            self.assertEqual([record[3] for record in broker.consume_all("t")], [b"let in"], what)


class BesideTheCode(unittest.TestCase):
    """The tests of src/kafka that need a broker."""

    def test_they_pass(self):
        program = ROOT / "build" / "release" / "kafka_test"
        if not program.exists():
            self.skipTest("kafka_test is not built: make test builds it")
        with tempfile.TemporaryDirectory(prefix="holdfast-kafka-") as folder, KafkaBroker(pathlib.Path(folder) / "broker") as broker:
            done = subprocess.run([program, "--gtest_brief=1"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "HOLDFAST_TEST_KAFKA": broker.bootstrap})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("SKIPPED", done.stdout)


if __name__ == "__main__":
    unittest.main()
