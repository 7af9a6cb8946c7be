"""Kafka out: what a read_committed consumer sees of each delivery, across kill -9, brokers that are away, records that nobody can send,
weeks of standing still, and data directories that are not what they should be."""
import json
import shutil
import threading
import time
import unittest

import wire
from harness import Connection, endpoint
from kafka_case import KafkaCase, as_told, counted, earliest, egress, ingress, record, text_of


class Sender:
    """Sends messages from a thread until it is told to stop; each until it is acknowledged, so all of them count."""

    def __init__(self, case, ids, function="test/f"):
        self.sent = []
        self.error = None
        self._case, self._ids, self._function = case, ids, function
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(60)
        if self.error:
            raise self.error

    def _run(self):
        number = 0
        try:
            while not self._stop.is_set():
                number += 1
                id = f"id{number % self._ids}"
                while True:
                    try:
                        answer = self._case.send(self._function, id, str(number), key=f"k{number}")
                        if answer.status == 202:
                            break
                    except OSError:
                        pass
                    except Exception as error:  # http.client has its own family.
                        if type(error).__module__ != "http.client":
                            raise
                    self._stop.wait(0.005)
                self.sent.append((id, number))
        except Exception as error:
            self.error = error


class EgressCase(KafkaCase):
    def start(self, function, *documents, **spec):
        self.stub_server = self.stub(function)
        self.module = self.write("module.yaml", endpoint("test/*", self.stub_server.url), egress(self.broker, **spec), *documents)
        return self.up(self.module)

    def assertNumbered(self, topic, count):
        """`counted` has emitted so many records: each id's are there in order, without a gap or a duplicate."""
        self.eventually_count(topic, count)
        numbers = {}
        for value in self.values(topic):
            id, number, _ = value.split(" ", 2)
            numbers.setdefault(id, []).append(int(number))
        for id, found in numbers.items():
            self.assertEqual(found, list(range(1, len(found) + 1)), id)


class Deliveries(EgressCase):
    def test_exactly_once_shows_each_record_once_and_in_order_across_kill_9(self):
        out = self.topic("out", 3)
        self.start(counted(out))
        sender = Sender(self, 7)
        for killed in range(5):
            self.eventually(lambda: len(sender.sent) > (killed + 1) * 150, "messages are taken")
            self.holdfast.kill()
            self.up(self.module)
        sender.stop()
        self.assertNumbered(out, len(sender.sent))
        self.assertEqual(sorted(int(value.split()[2]) for value in self.values(out)), [number for _, number in sender.sent])
        self.eventually_sent()

    def test_at_least_once_loses_nothing_across_kill_9_and_keeps_the_order(self):
        out = self.topic("out", 3)
        self.start(counted(out), delivery="at-least-once")
        sender = Sender(self, 7)
        for killed in range(5):
            self.eventually(lambda: len(sender.sent) > (killed + 1) * 150, "messages are taken")
            self.holdfast.kill()
            self.up(self.module)
        sender.stop()
        self.eventually_sent()
        first_seen, last = {}, {}
        for value in self.values(out):
            id, number, _ = value.split(" ", 2)
            number = int(number)
            # What is sent again is a run that begins anew; a number is never seen before the one below it.
            self.assertLessEqual(number, last.get(id, 0) + 1, value)
            last[id] = max(last.get(id, 0), number)
            first_seen[id, number] = True
        self.assertEqual(len(first_seen), len(sender.sent))

    def test_none_sends_what_nobody_disturbs(self):
        out = self.topic("out")
        self.start(counted(out), delivery="none")
        for number in range(100):
            self.assertAnswer(str(number + 1), "test/f", "a", "x")
        self.eventually_sent()
        self.assertNumbered(out, 100)
        self.assertEqual(self.holdfast.stop(), 0)

    def test_keys_are_bytes_or_null_and_headers_and_trace_go_along(self):
        out = self.topic("out")
        self.start(as_told)
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        records = [{"topic": out, "value": "bytes", "key_base64": "/wD+"}, {"topic": out, "value": "null key"},
                   {"topic": out, "value": "text", "key": "ключ"}, {"topic": out, "value": ""},
                   {"topic": out, "value": "headers", "headers": [["a", "1"], ["b", ""], ["a", "2"]]}]
        self.assertSent("test/f", "x", json.dumps(records))
        self.assertSent("test/f", "x", json.dumps([{"topic": out, "value": "traced"}]), traceparent=trace)
        self.eventually_count(out, 6)
        seen = [(key, value, headers) for _, _, key, value, headers in self.broker.consume_all(out)]
        self.assertEqual([entry[:2] for entry in seen], [(b"\xff\x00\xfe", b"bytes"), (None, b"null key"), ("ключ".encode(), b"text"),
                                                        (None, b""), (None, b"headers"), (None, b"traced")])
        self.assertEqual(seen[4][2], [("a", b"1"), ("b", b""), ("a", b"2")])
        self.assertEqual(seen[0][2], [])
        self.assertEqual([name for name, _ in seen[5][2]], ["traceparent"])
        self.assertEqual(seen[5][2][0][1].decode().split("-")[1], trace.split("-")[1])

    def test_an_ingress_that_reads_transactions_before_they_are_committed_is_warned_of(self):
        def function(request):
            if request.type_name != "test/f":
                return wire.answer()
            return wire.answer(*(record(topic, "x", "k") for topic in (careless, careful)))

        careless, careful = self.topic("careless"), self.topic("careful")
        ingresses = [ingress(self.broker, [(careless, "test/read")], id="test/careless", **earliest()),
                     ingress(self.broker, [(careful, "test/read")], id="test/careful", properties=[{"isolation.level": "read_committed"}], **earliest())]
        self.start(function, *ingresses)
        self.assertSent("test/f", "a", "x")
        self.eventually_count(careful, 1)
        warned = [line for line in self.holdfast.tail().splitlines() if "isolation.level" in line]
        self.assertEqual(len(warned), 1, warned)
        self.assertIn(careless, warned[0])

    def test_two_egresses_of_one_holdfast_do_not_disturb_each_other(self):
        out, other = self.topic("out"), self.topic("other")

        def both(request):
            return wire.answer(*[part for i in request.invocations for part in (record(out, text_of(i)), record(other, text_of(i), egress_id="test/other"))])

        self.start(both, egress(self.broker, id="test/other"))
        for number in range(50):
            self.assertSent("test/f", "a", str(number))
        for topic in (out, other):
            self.eventually_count(topic, 50)
            self.assertEqual(self.values(topic), [str(number) for number in range(50)])
        self.assertEqual(sorted(entry["id"] for entry in self.holdfast.cli_json("egress", "ls")["egresses"]), ["test/other", "test/out"])


class Away(EgressCase):
    def test_while_the_broker_is_away_work_goes_on_and_then_all_is_sent(self):
        out = self.topic("out", 2)
        self.broker.stop()
        self.start(counted(out))
        self.assertLess(self.holdfast.seconds_to_ready, 5, "it does not wait for a broker to be ready")
        self.calls = 0
        self.goes_on()
        self.comes_back(out)
        self.broker.stop()
        self.goes_on()
        # A stop does not wait for it, a crash takes nothing of it.
        began = time.monotonic()
        self.assertEqual(self.holdfast.stop(), 0)
        self.assertLess(time.monotonic() - began, 15)
        self.up(self.module)
        self.assertEqual(self.egress()["waiting"], 100)
        self.comes_back(out)
        self.broker.kill()
        self.goes_on()
        self.holdfast.kill()
        self.up(self.module)
        self.assertEqual(self.egress()["waiting"], 100)
        self.comes_back(out)

    def goes_on(self):
        for _ in range(100):
            self.calls += 1
            self.assertAnswer(str(self.calls), "test/f", "a", "x")
        waiting = self.egress()
        self.assertEqual(waiting["waiting"], 100, waiting)
        self.assertGreater(waiting["bytes"], 0)
        self.assertFalse(waiting["stopped"])
        self.eventually(lambda: self.egress().get("trouble"), "the trouble is shown")
        self.assertEqual(self.metric("holdfast_egress_in_trouble", egress="test/out"), 1)
        self.assertIn("trouble", self.holdfast.cli("egress", "ls").stdout)

    def comes_back(self, out):
        self.broker.start()
        self.eventually_sent(seconds=60)
        self.assertNumbered(out, self.calls)
        self.assertEqual(self.metric("holdfast_egress_in_trouble", egress="test/out"), 0)

    def test_a_full_outbox_makes_functions_that_emit_to_it_wait_and_no_others(self):
        out = self.topic("out")
        big = "x" * 100_000

        def function(request):
            if request.type_name == "quiet/f":
                return wire.answer(*[wire.send(i.caller, wire.string("here")) for i in request.invocations if i.caller])
            return counted(out)(request)

        self.start(function, endpoint("quiet/*", self.stub(function).url), outboxBytes="1mb")
        self.assertAnswer("1", "test/f", "first", "x")
        self.eventually_sent()
        self.broker.stop()
        for number in range(40):
            self.assertSent("test/f", f"id{number}", big)
        self.eventually(lambda: self.egress()["bytes"] >= self.egress()["bytes_max"], "the outbox is full")
        # What was under way when it became full still goes in, nothing else does.
        self.eventually(lambda: self.call("test/f", "id0", big, timeout="300ms").status == 504, "functions that emit wait")
        full = self.egress()["waiting"]
        self.assertLess(full, 41)
        for number in range(50):
            self.assertAnswer("here", "quiet/f", f"id{number}", "x")
        self.assertEqual(self.egress()["waiting"], full)
        self.broker.start()
        self.eventually_sent(seconds=60)
        self.eventually(lambda: len(self.values(out)) >= 42, "the rest comes")
        self.eventually_sent()
        numbers = {}
        for value in self.values(out):
            id, number, _ = value.split(" ", 2)
            numbers.setdefault(id, []).append(int(number))
        self.assertEqual(numbers.pop("first"), [1])
        self.assertEqual(sorted(numbers), sorted(f"id{number}" for number in range(40)))
        for id, found in numbers.items():
            self.assertEqual(found, list(range(1, len(found) + 1)), id)
        self.assertEqual(len(numbers["id1"]), 1)


class Unsendable(EgressCase):
    def test_what_the_broker_will_never_take_is_set_aside_and_the_rest_goes_on(self):
        for delivery in ("exactly-once", "at-least-once"):
            with self.subTest(delivery):
                self.data = self.folder / f"data-{delivery}"
                small = self.topic("small", 1, max_message_bytes=2000)
                good = self.topic("good", 1)
                self.start(as_told, delivery=delivery)
                told = []
                for number in range(30):
                    told.append({"topic": good, "value": f"good {number}"})
                    told.append({"topic": small, "value": f"small {number}"})
                    if number == 10:
                        told.append({"topic": small, "value": "L" * 5000, "key": "large"})
                    if number == 20:
                        told.append({"topic": "no such topic", "value": "no name"})
                self.assertSent("test/f", "a", json.dumps(told))
                reasons = [f"topic {small}", "not a topic name"]
                self.eventually(lambda: self.egress()["unsendable"] == len(reasons), lambda: self.egress(), 60)
                self.eventually_sent(seconds=60)
                for name, topic in (("good", good), ("small", small)):
                    seen = self.values(topic)
                    if delivery == "at-least-once":  # What went with a bad one is sent again.
                        seen = list(dict.fromkeys(seen))
                    self.assertEqual(seen, [f"{name} {number}" for number in range(30)])
                aside = self.stream("unsendable")
                self.assertEqual(sorted(entry["error"].split(":")[0] for entry in aside), sorted(reasons), aside)
                # It is over: what comes next goes as ever, and a restart does not bring them back.
                self.holdfast.kill()
                self.up(self.module)
                self.assertSent("test/f", "a", json.dumps([{"topic": good, "value": "after"}]))
                self.eventually(lambda: self.values(good)[-1] == "after", "what comes next is sent")
                self.assertEqual(len(self.stream("unsendable")), len(reasons))
                self.assertEqual(self.holdfast.stop(), 0)

    def test_what_was_set_aside_is_sent_once_when_it_is_told_to_or_dropped(self):
        late, count = f"late-{self.topic()}", 1500
        self.start(as_told)
        self.assertSent("test/f", "a", json.dumps([{"topic": late, "value": str(number)} for number in range(count)]))
        # A topic that is not there may just be coming, and is waited for once.
        self.eventually(lambda: self.egress()["unsendable"] == count, lambda: self.egress(), 60)
        self.assertIn(late, self.stream("unsendable")[0]["error"])
        self.broker.create_topic(late, 1)
        # Several at once: what one of them takes the others leave alone.
        told = []

        def retry():
            with Connection(self.holdfast.admin) as connection:
                told.append(connection.ask("POST", "/v1/egresses/test/out/unsendable/retry"))
        threads = [threading.Thread(target=retry, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual(sum(answer.json()["retried"] for answer in told if answer.status == 200), count, told)
        self.assertEqual({answer.status for answer in told} - {200, 409}, set(), told)
        self.eventually_sent()
        self.assertEqual(self.values(late), [str(number) for number in range(count)])
        self.assertEqual(self.stream("unsendable"), [])
        self.assertSent("test/f", "a", json.dumps([{"topic": "no such topic", "value": "x"}]))
        self.eventually(lambda: len(self.stream("unsendable")) == 1, "it is set aside")
        self.assertEqual(self.holdfast.cli_json("egress", "skip", "test/out")["skipped"], 1)
        self.assertEqual(self.stream("unsendable"), [])

    def test_many_records_for_a_missing_topic_are_set_aside_at_once_and_hold_up_no_others(self):
        for delivery in ("exactly-once", "at-least-once"):
            with self.subTest(delivery):
                self.data = self.folder / f"data-{delivery}"
                good, missing, count = self.topic("good"), f"missing-{self.topic()}", 4000

                def function(request):
                    return wire.answer(*[record(topic, f"{text_of(i)} {number}", request.id) for i in request.invocations
                                         for number in range(500) for topic in (missing, good)])

                self.start(function, delivery=delivery)
                began = time.monotonic()
                for number in range(count // 500):
                    self.assertSent("test/f", f"k{number}", str(number))
                # A topic may be coming, and is waited for once; one record a page, as it once was, took a minute.
                self.eventually(lambda: self.egress()["unsendable"] == count, lambda: self.egress(), 30)
                self.eventually_sent()
                self.assertGreater(time.monotonic() - began, 9)
                seen = self.values(good)
                self.assertEqual((len(seen), len(set(seen))), (count, count))
                self.assertEqual(self.holdfast.stop(), 0)

    def test_a_value_that_is_no_kafka_record_is_refused_at_the_function(self):
        def function(request):
            return wire.answer(wire.egress("test/out", wire.string("x")))

        self.start(function)
        self.assertSent("test/f", "a", "x")
        parked = self.eventually(self.parked, "parked", 60)
        self.assertIn("KafkaProducerRecord", json.dumps(parked))


class StandingStill(EgressCase):
    """A broker that forgets within seconds what others keep for a week."""
    BROKER = {"transactional_id_expiration_ms": 2000, "transaction_remove_expired_transaction_cleanup_interval_ms": 300,
              "producer_id_expiration_ms": 1000, "producer_id_expiration_check_interval_ms": 300,
              "offsets_retention_minutes": 1, "offsets_retention_check_interval_ms": 500,
              "log_retention_check_interval_ms": 500, "log_cleaner_backoff_ms": 200, "log_cleaner_min_compaction_lag_ms": 0,
              "log_cleaner_delete_retention_ms": 0}

    def start(self):
        self.source, self.out = self.topic("in", 2), self.topic("out", 2)
        super().start(counted(self.out), ingress(self.broker, [(self.source, "test/f")], **earliest()))
        self.given = 0
        self.more()

    def more(self, count=40):
        self.broker.produce(self.source, [(f"id{number % 5}", str(number)) for number in range(self.given, self.given + count)])
        self.given += count
        self.check()

    def check(self):
        self.assertNumbered(self.out, self.given)
        self.assertEqual(sorted(int(value.split()[2]) for value in self.values(self.out)), list(range(self.given)))

    def eventually_forgotten(self):
        """Until the broker knows neither of our transactional ids any more: their last word in its log is a tombstone. What it knows of
        producers in partitions it forgets earlier than that."""
        def forgotten():
            last = {key: value for _, _, key, value, _ in self.broker.consume_all("__transaction_state", "read_uncommitted") if b"holdfast-" in key}
            return len(last) >= 2 and all(value is None for value in last.values())
        self.eventually(forgotten, "the transactional ids expire", 60)

    def test_idle_for_longer_than_transactional_ids_live_there_is_no_duplicate_and_no_gap(self):
        self.start()
        for _ in range(2):
            self.eventually_forgotten()
            self.more()
        self.assertFalse(self.egress()["stopped"])

    def test_stopped_for_longer_than_transactional_ids_live_there_is_no_duplicate_and_no_gap(self):
        self.start()
        for end in ("stop", "kill"):
            getattr(self.holdfast, end)()
            self.eventually_forgotten()
            self.up(self.module)
            self.more()
        self.assertFalse(self.egress()["stopped"])

    def test_killed_with_records_on_their_way_and_started_after_all_is_forgotten(self):
        self.start()
        self.broker.produce(self.source, [(f"id{number % 5}", str(number)) for number in range(self.given, self.given + 3000)])
        self.given += 3000
        self.eventually(lambda: self.egress()["position"] > 300, "some are sent")
        self.holdfast.kill()
        self.eventually_forgotten()
        self.up(self.module)
        self.check()

    def test_compaction_keeps_the_positions(self):
        self.start()
        positions = "__holdfast_positions"
        self.broker.configure_topic(positions, segment_ms=100, delete_retention_ms=0, min_cleanable_dirty_ratio="0.01", max_compaction_lag_ms=300)

        def cleaned():
            self.more(2)  # A segment is closed when the next record comes.
            return self.broker.end_offsets(positions)[0] - len(self.broker.consume_all(positions)) > 10
        self.eventually(cleaned, "compaction", 60)
        self.holdfast.kill()
        self.up(self.module)
        self.more()
        self.assertFalse(self.egress()["stopped"])

    def test_a_group_whose_offsets_are_forgotten_changes_nothing(self):
        self.start()
        self.eventually_sent()
        self.holdfast.stop()
        self.broker.admin.delete_consumer_groups(["test-in"])["test-in"].result(20)
        self.up(self.module)
        self.more()


class NotWhatItWas(EgressCase):
    """What nobody but an operator can decide."""

    def assertStandsStill(self, *reasons):
        stopped = self.eventually(lambda: self.egress() if self.egress()["stopped"] else None, lambda: self.egress(), 60)
        for reason in reasons:
            self.assertIn(reason, stopped["trouble"])
        text = self.holdfast.cli("egress", "ls").stdout
        self.assertIn("stopped", text)
        return stopped

    def with_own_positions(self, **spec):
        self.positions_topic = self.topic("positions", 1, cleanup_policy="compact")
        self.out = self.topic("out")
        self.start(counted(self.out), positionsTopic=self.positions_topic, **spec)

    def test_without_its_positions_it_stands_still_until_resumed(self):
        for running in (False, True):
            with self.subTest(running=running):
                self.data = self.folder / f"data-{running}"
                self.with_own_positions(deliverySemantic={"type": "exactly-once", "transactionTimeout": "5s"})
                for number in range(20):
                    self.assertSent("test/f", "a", "x")
                self.assertNumbered(self.out, 20)
                self.eventually_sent()
                if not running:
                    self.holdfast.stop()
                self.broker.delete_topic(self.positions_topic)
                if not running:
                    self.up(self.module)
                for number in range(20):
                    self.assertSent("test/f", "a", "x")  # Work goes on meanwhile.
                self.assertStandsStill("nobody knows any more how far records have been sent")
                self.assertEqual(len(self.values(self.out)), 20)
                refused = self.holdfast.cli("egress", "resume", "test/out", check=False)
                self.assertNotEqual(refused.returncode, 0, "nobody said that he means it")
                self.holdfast.cli("egress", "resume", "test/out", "--yes")
                self.assertNumbered(self.out, 40)
                self.assertFalse(self.egress()["stopped"])
                again = self.holdfast.cli("egress", "resume", "test/out", "--yes", check=False)
                self.assertNotEqual(again.returncode, 0)
                # The position is known again.
                self.holdfast.kill()
                self.up(self.module)
                self.assertSent("test/f", "a", "x")
                self.assertNumbered(self.out, 41)
                self.assertEqual(self.holdfast.stop(), 0)

    def test_a_data_directory_that_is_older_than_what_was_sent_stands_still(self):
        self.with_own_positions()
        for number in range(10):
            self.assertSent("test/f", "a", "x")
        self.assertNumbered(self.out, 10)
        self.eventually_sent()
        self.holdfast.stop()
        shutil.copytree(self.data, self.folder / "older")
        self.up(self.module)
        for number in range(10):
            self.assertSent("test/f", "a", "x")
        self.assertNumbered(self.out, 20)
        self.holdfast.stop()
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / "older", self.data)
        self.up(self.module)
        self.assertStandsStill("this data directory is older than what was sent", "leave out 10 records")
        self.assertSent("test/f", "b", "x")
        self.holdfast.cli("egress", "resume", "test/out", "--yes")
        self.eventually_count(self.out, 21)
        self.assertEqual(self.values(self.out)[-1].split(" ", 1)[0], "b")

    def test_a_topic_of_positions_that_forgets_by_age_is_refused(self):
        self.with_own_positions()
        self.assertSent("test/f", "a", "x")
        self.assertNumbered(self.out, 1)
        self.holdfast.stop()
        self.broker.configure_topic(self.positions_topic, cleanup_policy="delete")
        self.up(self.module)
        self.assertSent("test/f", "a", "x")
        self.eventually(lambda: "compact" in self.egress().get("trouble", ""), lambda: self.egress(), 60)
        self.assertEqual(len(self.values(self.out)), 1)
        self.broker.configure_topic(self.positions_topic, cleanup_policy="compact")
        self.assertNumbered(self.out, 2)


class Twice(EgressCase):
    """Two Holdfasts with the same data, as after a copy that should have been a move: whoever sends shuts the other one out."""

    def test_a_copy_that_sends_too_makes_no_duplicate(self):
        source, out = self.topic("in", 4), self.topic("out", 2)
        self.start(counted(out), ingress(self.broker, [(source, "test/f")], **earliest()))
        self.broker.produce(source, [(f"id{number % 20}", str(number)) for number in range(200)])
        self.assertNumbered(out, 200)
        self.eventually_sent()
        self.holdfast.stop()
        shutil.copytree(self.data, self.folder / "copy")
        both = [self.up(self.module), self.up(self.module, data=self.folder / "copy")]
        given = 200

        def states():
            found = []
            for self.holdfast in both:
                at = self.egress()
                found.append("stopped" if at["stopped"] else "idle" if at["waiting"] == 0 else "sends")
            return found

        def one_has_stopped():  # Both take in the same records, each in an order of its own.
            nonlocal given
            self.broker.produce(source, [(f"id{number % 20}", str(number)) for number in range(given, given + 50)])
            given += 50
            return "stopped" in states()
        self.eventually(one_has_stopped, states, 60)
        self.eventually(lambda: states() == ["stopped", "stopped"] or "idle" in states(), states, 60)
        seen = self.values(out)
        self.assertEqual(sorted(set(seen)), sorted(seen))
        self.assertEqual(states().count("stopped"), 1, "the other one goes on")
        self.assertNumbered(out, given)

        # Whoever is told to go on shuts out the other one. What he has that the other one had sent comes twice: that is what he was warned of.
        stopped = states().index("stopped")
        self.holdfast = both[stopped]
        self.assertIn("a copy of it is in use", self.egress()["trouble"])
        self.holdfast.cli("egress", "resume", "test/out", "--yes")
        self.eventually_sent()
        self.holdfast = both[stopped ^ 1]
        self.assertSent("test/f", "id0", "too late")
        self.eventually(lambda: self.egress()["stopped"], lambda: self.egress())

    def test_an_older_copy_stands_still_though_an_ingress_makes_its_outbox_long_again(self):
        source, out = self.topic("in", 4), self.topic("out", 2)
        self.start(counted(out), ingress(self.broker, [(source, "test/f")], **earliest()))
        self.broker.produce(source, [(f"id{number % 20}", str(number)) for number in range(100)])
        self.assertNumbered(out, 100)
        self.eventually_sent()
        self.holdfast.stop()
        shutil.copytree(self.data, self.folder / "older")
        self.up(self.module)
        self.broker.produce(source, [(f"id{number % 20}", str(number)) for number in range(100, 150)])
        self.assertNumbered(out, 150)
        self.eventually_sent()
        self.holdfast.stop()
        self.broker.produce(source, [(f"id{number % 20}", str(number)) for number in range(150, 250)])
        self.up(self.module, data=self.folder / "older")
        self.eventually_taken(source)
        stopped = self.eventually(lambda: self.egress() if self.egress()["stopped"] else None, lambda: self.egress())
        self.assertIn("older than what was sent", stopped["trouble"])
        self.assertEqual(len(self.values(out)), 150)


if __name__ == "__main__":
    unittest.main()
