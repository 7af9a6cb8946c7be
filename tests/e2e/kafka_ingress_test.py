"""Kafka in: where reading begins and goes on, what becomes of records that are no messages, partitions and positions that come and go,
functions and brokers that do not keep up, and what operators see and say."""
import datetime
import json
import threading
import time
import unittest

import wire
from harness import endpoint, settings, stream
from kafka import PASSWORD, USER, confluent
from kafka_case import KafkaCase, counted, earliest, egress, ingress, shared_broker, text_of
from stub import free_port

KB = 1024


def noted(request):
    """A function that only lets the stub see what it was called with."""
    return wire.answer()


def only_counts(request):
    """Counts, and says so to whoever asks; fast."""
    if "count" not in request.states:
        return wire.missing(("count", wire.INT))
    count = request.integer("count") + sum(i.caller is None for i in request.invocations)
    return wire.answer(wire.mutation("count", wire.integer(count)),
                       *[wire.send(i.caller, wire.string(str(count))) for i in request.invocations if i.caller])


def numbers(count, first=0, keys=5):
    return [(f"id{number % keys}", str(number)) for number in range(first, first + count)]


class IngressCase(KafkaCase):
    def start(self, *documents, function=None, name="module.yaml"):
        """A stub that counts into the stream `out`, and what else is in `documents`."""
        self.server = self.stub(function or counted("out"))
        self.others = [endpoint("test/*", self.server.url), stream()]
        self.module = self.write(name, *self.others, *documents)
        return self.up(self.module)

    def again(self, *documents):
        """The same with other documents, after kill -9."""
        self.holdfast.kill()
        self.module = self.write("again.yaml", *self.others, *documents)
        return self.up(self.module)

    def handled(self):
        """What the messages said, in the order they were handled."""
        return [record["value"].split(" ", 2)[2] for record in self.stream("out")]

    def eventually_handled(self, expected, seconds=30):
        """Until exactly these have been handled; order aside."""
        expected = sorted(map(str, expected))
        self.eventually(lambda: len(self.handled()) >= len(expected), lambda: f"{len(expected)} messages, have {len(self.handled())}, {self.ingress()}",
                        seconds)
        self.assertEqual(sorted(self.handled()), expected)

    def eventually_reading(self, count, id="test/in"):
        """Until so many partitions have a position."""
        self.eventually(lambda: sum(at is not None for at in self.positions(id).values()) == count, lambda: self.ingress(id))


class Records(IngressCase):
    def test_topics_go_to_their_targets_with_their_types_and_bytes(self):
        first, second = self.topic("first", 2), self.topic("second")
        self.start(ingress(self.broker, [(first, ["test/one", "test/two"], "x/First"), (second, ["test/one"], "x/Second")], **earliest()),
                   function=noted)
        self.broker.produce(first, [("a", b"\xff\x00value"), ("b", b""), (b"\xc3\xff", "odd key"), ("", "no id")])
        self.broker.produce(second, [("a", "second")])
        expected = sorted([("test/one", "a", "x/First", b"\xff\x00value"), ("test/two", "a", "x/First", b"\xff\x00value"),
                           ("test/one", "b", "x/First", b""), ("test/two", "b", "x/First", b""),
                           ("test/one", "\ufffd\ufffd", "x/First", b"odd key"), ("test/two", "\ufffd\ufffd", "x/First", b"odd key"),
                           ("test/one", "", "x/First", b"no id"), ("test/two", "", "x/First", b"no id"),
                           ("test/one", "a", "x/Second", b"second")])

        def seen():
            return sorted((r.type_name, r.id, i.type_name, i.value) for r in self.server.requests() for i in r.invocations)
        self.eventually(lambda: len(seen()) >= len(expected), seen)
        self.assertEqual(seen(), expected)
        self.assertEqual(self.parked_records(), [])

    def test_records_of_a_key_keep_their_order_across_kill_9(self):
        source = self.topic("in", 3)
        self.start(ingress(self.broker, [(source, "test/f")], **earliest()))
        given = 0
        for _ in range(4):
            self.broker.produce(source, numbers(700, given, 20))
            given += 700
            self.eventually(lambda: len(self.handled()) > given - 600, "records are handled")
            self.again(ingress(self.broker, [(source, "test/f")], **earliest()))
        self.eventually_handled(range(given))
        handled = {}
        for record in self.stream("out"):
            id, count, number = record["value"].split(" ", 2)
            handled.setdefault(id, []).append(int(number))
            self.assertEqual(int(count), len(handled[id]))
        for id, found in handled.items():
            self.assertEqual(found, sorted(found), id)

    def test_a_trace_that_comes_with_a_record_goes_on(self):
        source, out = self.topic(), self.topic("out")
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.start(ingress(self.broker, [(source, "test/f")], **earliest()), egress(self.broker, id="test/kafka"),
                   function=counted(out, "test/kafka"))
        self.broker.produce(source, [("a", "traced", [("traceparent", trace.encode()), ("other", b"x")]), ("b", "odd", [("traceparent", b"\xff\xff")])])
        self.eventually_count(out, 2)
        headers = {key: dict(headers) for _, _, key, _, headers in self.broker.consume_all(out)}
        self.assertEqual(headers[b"a"]["traceparent"].decode().split("-")[1], trace.split("-")[1])
        self.assertNotIn("traceparent", headers[b"b"])

    def test_records_of_all_sizes_and_compressions(self):
        source = self.topic("in", 2, max_message_bytes=12 << 20)
        self.start(ingress(self.broker, [(source, "test/f")], **earliest()), function=noted)
        sizes = []
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.broker.produce(source, [(f"id{n % 7}", bytes([n % 251]) * (n * 97)) for n in range(100)], compression_type=codec)
            sizes += [n * 97 for n in range(100)]
        # Each much larger than what is fetched at once.
        large = [3 << 20, 8 << 20, 1 << 20]
        self.broker.produce(source, [("large", b"x" * size) for size in large], message_max_bytes=12 << 20)

        def seen():
            return sorted(len(i.value) for r in self.server.requests() for i in r.invocations)
        self.eventually(lambda: len(seen()) >= 503, lambda: f"{len(seen())} {self.ingress()}", 60)
        self.assertEqual(seen(), sorted(sizes + large))
        self.assertEqual([len(i.value) for r in self.server.requests(id="large") for i in r.invocations], large)

    def test_transactions_that_were_aborted_are_no_messages(self):
        source = self.topic()
        producer = confluent().Producer({**self.broker.client_config(), "transactional.id": f"other-{source}"})
        producer.init_transactions(20)
        for number, commit in enumerate((True, False, True, False)):
            producer.begin_transaction()
            producer.produce(source, f"value {number}", "a")
            producer.flush(20)
            producer.commit_transaction(20) if commit else producer.abort_transaction(20)
        # As with StateFun, which reads what is not committed, too, unless it is told otherwise.
        self.start(ingress(self.broker, [(source, "test/f")], properties=[{"isolation.level": "read_committed"}], **earliest()))
        self.eventually_handled(["value 0", "value 2"])
        self.eventually(lambda: self.ingress().get("lag") == 0, lambda: self.ingress())
        self.broker.produce(source, [("a", "after")])
        self.again(ingress(self.broker, [(source, "test/f")], properties=[{"isolation.level": "read_committed"}], **earliest()))
        self.eventually_handled(["value 0", "value 2", "after"])


class Begin(IngressCase):
    """Where a first start begins; and that a later one goes on, whatever the document says by then."""

    def setUp(self):
        super().setUp()
        self.source = self.topic("in", 2)
        self.broker.produce(self.source, [(f"id{number % 5}", str(number), None, number % 2) for number in range(10)])

    def begin(self, expected_first, start, offsets=None, **spec):
        """Starts with that position: of the ten records that are there, `expected_first` are handled, and all that come later."""
        if offsets:
            kafka = confluent()
            consumer = kafka.Consumer({**self.broker.client_config(), "group.id": f"group-{self.source}", "enable.auto.commit": "false"})
            consumer.commit(offsets=[kafka.TopicPartition(self.source, partition, offset) for partition, offset in offsets.items()], asynchronous=False)
            consumer.close()
        topics = [(self.source, "test/f")]
        options = {"group": f"group-{self.source}", **spec}
        self.start(ingress(self.broker, topics, startupPosition=start, **options))
        self.eventually_reading(2)
        self.broker.produce(self.source, numbers(6, 10))
        self.eventually_handled([*expected_first, *range(10, 16)])
        # From here on the position is Holdfast's own.
        for given, later in ((16, {"type": "earliest"}), (19, {"type": "latest"}), (22, start)):
            self.holdfast.kill()
            self.broker.produce(self.source, numbers(3, given))
            self.module = self.write("later.yaml", *self.others, ingress(self.broker, topics, startupPosition=later, **options))
            self.up(self.module)
            self.eventually_handled([*expected_first, *range(10, given + 3)])

    def test_latest_is_what_comes_from_now_on(self):
        self.begin([], {"type": "latest"})

    def test_earliest_is_all_there_is(self):
        self.begin(range(10), {"type": "earliest"})

    def test_group_offsets_are_where_the_group_stands(self):
        self.begin([8, 7, 9], {"type": "group-offsets"}, {0: 4, 1: 3})

    def test_group_offsets_without_any_are_the_reset_position_latest(self):
        self.begin([], {"type": "group-offsets"})

    def test_group_offsets_without_any_are_the_reset_position_earliest(self):
        self.begin(range(10), {"type": "group-offsets"}, autoOffsetResetPosition="earliest")

    def test_specific_offsets_are_those_and_the_groups_for_the_rest(self):
        self.begin([6, 8, 9], {"type": "specific-offsets", "offsets": [{f"{self.source}/0": 3}]}, {1: 4})

    def test_a_date_is_the_first_record_not_older(self):
        self.broker.produce(self.source, [("id0", "mark", None, 0)])
        cut = time.time_ns() // 1_000_000 + 2
        self.eventually(lambda: time.time_ns() // 1_000_000 > cut, "the clock goes on")
        self.broker.produce(self.source, [("id0", "after", None, 0), ("id1", "after", None, 1)])
        date = datetime.datetime.fromtimestamp(cut / 1000, datetime.timezone.utc)
        self.begin(["after", "after"], {"type": "date", "date": f'"{date:%Y-%m-%d %H:%M:%S}.{cut % 1000:03} +0000"'})


class BadRecords(IngressCase):
    """Records that cannot be made into messages, among others that can."""
    BAD = 5

    def give(self):
        # Nobody serves gone/f; the limit is 1 KB.
        self.source, self.orphan = self.topic("in"), self.topic("orphan")
        self.broker.produce(self.source, [("a", "1"), (None, "no key"), ("a", "2"), ("", None), ("a", None), ("a", "x" * 2 * KB), ("a", "3")])
        self.broker.produce(self.orphan, [("a", "nobody")])

    def begin(self, policy=None, *documents):
        self.give()
        self.policy = {"onBadRecord": policy} if policy else {}
        self.start(self.document(), settings(limits={"messageBytes": "1kb"}), *documents)
        self.eventually_handled([1, 2, 3])
        self.eventually(lambda: self.ingress()["bad"] == self.BAD, lambda: self.ingress())
        self.assertEqual(self.ingress()["taken"], 8)

    def document(self):
        return ingress(self.broker, [(self.source, "test/f"), (self.orphan, "gone/f")], **self.policy, **earliest())

    def test_they_are_parked_shown_and_tried_again_when_the_configuration_is_mended(self):
        self.begin()
        reasons = {"no key": 1, "tombstone": 2, "limits.messageBytes is 1024": 1, "no endpoint serves": 1}

        def assertShown():
            parked = self.parked_records()
            for reason, count in reasons.items():
                self.assertEqual(sum(reason in record["error"] for record in parked), count, (reason, parked))
            self.assertEqual(sorted(record["place"] for record in parked),
                             sorted([*(f"test/in/{self.source}/0@{offset}" for offset in (1, 3, 4, 5)), f"test/in/{self.orphan}/0@0"]))
        assertShown()
        self.assertEqual(self.metric("holdfast_ingress_parked_total", ingress="test/in"), self.BAD)
        self.eventually(lambda: self.metric("holdfast_ingress_parked_records", ingress="test/in") == self.BAD, "the metric")
        text = self.holdfast.cli("ingress", "parked", "test/in").stdout
        self.assertIn("tombstone", text)
        self.assertIn(f"{self.source}/0@4", text)
        self.again(self.document(), settings(limits={"messageBytes": "1kb"}))
        assertShown()
        # Mended: larger messages, somebody serves gone/f. Those without a key or value stay what they are.
        self.again(self.document(), endpoint("gone/*", self.server.url))
        self.assertEqual(self.holdfast.cli_json("ingress", "retry", "test/in")["retried"], 2)
        self.eventually_handled(["1", "2", "3", "x" * 2 * KB, "nobody"])
        self.assertEqual(len(self.parked_records()), 3)
        self.assertEqual(self.ingress()["parked"], 3)
        self.assertEqual(self.holdfast.cli_json("ingress", "skip", "test/in")["skipped"], 3)
        self.assertEqual(self.parked_records(), [])
        self.assertEqual(self.ingress()["parked"], 0)
        self.broker.produce(self.source, [("a", "4")])
        self.eventually_handled(["1", "2", "3", "4", "x" * 2 * KB, "nobody"])

    def test_a_crash_while_they_are_tried_again_loses_and_doubles_none(self):
        source, count = self.topic("in"), 5000
        self.broker.produce(source, numbers(count))
        document = ingress(self.broker, [(source, "gone/f")], **earliest())
        self.start(document)
        self.eventually(lambda: self.ingress()["parked"] == count, lambda: self.ingress(), 60)
        self.again(document, endpoint("gone/*", self.server.url))
        retry = threading.Thread(target=lambda: self.holdfast.cli("ingress", "retry", "test/in", check=False), daemon=True)
        retry.start()
        self.eventually(lambda: self.ingress()["parked"] < count, lambda: self.ingress())
        self.again(document, endpoint("gone/*", self.server.url))
        retry.join(60)
        left = self.ingress()["parked"]
        print(f"       killed with {left} of {count} still parked", flush=True)
        self.assertEqual(self.holdfast.cli_json("ingress", "retry", "test/in")["retried"], left)
        self.eventually_handled(range(count), 60)
        self.assertEqual(self.parked_records(), [])

    def test_they_go_to_a_topic_of_a_kafka_egress(self):
        letters = self.topic("letters")
        self.begin({"then": "dead-letter", "deadLetter": {"egress": "test/kafka", "topic": letters}}, egress(self.broker, id="test/kafka"))
        self.eventually_count(letters, self.BAD)
        seen = {dict(headers)["holdfast-source"].decode(): (key, value, dict(headers)["holdfast-error"].decode())
                for _, _, key, value, headers in self.broker.consume_all(letters)}
        self.assertEqual(set(seen), {*(f"test/in/{self.source}/0@{offset}" for offset in (1, 3, 4, 5)), f"test/in/{self.orphan}/0@0"})
        self.assertEqual(seen[f"test/in/{self.source}/0@1"][:2], (None, b"no key"))
        self.assertEqual(seen[f"test/in/{self.source}/0@5"][:2], (b"a", b"x" * 2 * KB))
        self.assertIn("messageBytes", seen[f"test/in/{self.source}/0@5"][2])
        self.assertEqual(seen[f"test/in/{self.orphan}/0@0"][:2], (b"a", b"nobody"))
        self.assertEqual(self.parked_records(), [])
        self.assertEqual(self.metric("holdfast_ingress_dead_letters_total", ingress="test/in"), self.BAD)

    def test_they_go_to_a_stream(self):
        self.begin({"then": "dead-letter", "deadLetter": {"egress": "test/out", "topic": "letters"}})
        # They are counted when they are routed, and there to be read when that is durable.
        self.eventually(lambda: len(self.stream("letters")) == self.BAD, lambda: self.stream("letters"))
        letters = self.stream("letters")
        for part in ("tombstone", "no key", "limits.messageBytes", "gone/f", f"{self.source}/0@5"):
            self.assertIn(part, json.dumps(letters))
        self.assertEqual(self.parked_records(), [])

    def test_they_are_skipped_and_counted(self):
        self.begin({"then": "skip"})
        self.assertEqual(self.parked_records(), [])
        self.assertEqual(self.metric("holdfast_ingress_skipped_total", ingress="test/in"), self.BAD)


class ComeAndGo(IngressCase):
    def test_new_partitions_are_taken_in_from_their_first_record(self):
        source = self.topic("in")
        document = ingress(self.broker, [(source, "test/f")], properties=[{"flink.partition-discovery.interval-millis": 300}])
        self.start(document)
        self.eventually_reading(1)
        self.broker.produce(source, [("a", "0")])
        self.broker.add_partitions(source, 3)
        # Before anybody has looked, and though the document says latest.
        self.broker.produce(source, [("b", "1", None, 1), ("c", "2", None, 2)])
        self.eventually_handled(range(3))
        self.holdfast.stop()
        self.broker.add_partitions(source, 4)
        self.broker.produce(source, [("d", "3", None, 3), ("a", "4", None, 0)])
        self.up(self.module)
        self.eventually_handled(range(5))

    def test_a_topic_that_is_not_there_is_waited_for(self):
        there, late = self.topic("in"), f"late-{self.topic()}"
        self.start(ingress(self.broker, [(there, "test/f"), (late, "test/f")], **earliest()))
        self.broker.produce(there, [("a", "0")])
        self.eventually_handled([0])
        self.eventually(lambda: late in self.ingress().get("trouble", ""), lambda: self.ingress())
        self.broker.create_topic(late, 2)
        self.broker.produce(late, [("b", "1")])
        self.eventually_handled([0, 1])
        self.eventually(lambda: "trouble" not in self.ingress(), lambda: self.ingress())

    def lose(self, reset):
        """Ten are handled, ten more come while Holdfast is away, and the broker forgets the first five of those."""
        source = self.topic("in")
        self.start(ingress(self.broker, [(source, "test/f")], autoOffsetResetPosition=reset, **earliest()))
        self.broker.produce(source, numbers(10))
        self.eventually_handled(range(10))
        self.holdfast.kill()
        self.broker.produce(source, numbers(10, 10))
        self.broker.delete_records(source, {0: 15})
        self.up(self.module)
        return source

    def test_a_position_that_is_gone_goes_on_at_the_earliest_and_says_what_is_lost(self):
        source = self.lose("earliest")
        self.eventually_handled([*range(10), *range(15, 20)])
        self.assertEqual(self.ingress()["lost"], 5)
        self.assertEqual(self.metric("holdfast_ingress_lost_total", ingress="test/in"), 5)
        self.broker.produce(source, numbers(1, 20))
        self.eventually_handled([*range(10), *range(15, 21)])

    def test_a_position_that_is_gone_goes_on_at_the_latest_and_says_what_is_lost(self):
        source = self.lose("latest")
        self.eventually_at({f"{source}/0": 20})
        self.assertEqual(self.ingress()["lost"], 10)
        self.broker.produce(source, numbers(1, 20))
        self.eventually_handled([*range(10), 20])

    def test_a_position_that_goes_while_it_is_paused(self):
        source = self.topic("in")
        self.start(ingress(self.broker, [(source, "test/f")], autoOffsetResetPosition="earliest", **earliest()))
        self.broker.produce(source, numbers(3))
        self.eventually_handled(range(3))
        self.holdfast.cli("ingress", "pause", "test/in")
        self.again(ingress(self.broker, [(source, "test/f")], autoOffsetResetPosition="earliest", **earliest()))
        self.broker.produce(source, numbers(20, 3))
        self.broker.delete_records(source, {0: 13})
        self.holdfast.cli("ingress", "resume", "test/in")
        # Nothing was fetched while it was paused, so all that is gone is gone.
        self.eventually_handled([*range(3), *range(13, 23)])
        self.assertEqual(self.ingress()["lost"], 10)

    def test_a_topic_made_anew_is_read_from_its_beginning(self):
        for running in (False, True):
            with self.subTest(running=running):
                self.data = self.folder / f"data-{running}"
                source = self.topic("in")
                self.start(ingress(self.broker, [(source, "test/f")], autoOffsetResetPosition="earliest", **earliest()))
                self.broker.produce(source, numbers(10))
                self.eventually_handled(range(10))
                if not running:
                    self.holdfast.stop()
                self.broker.delete_topic(source)
                self.broker.create_topic(source, 1)
                self.broker.produce(source, numbers(3, 10))
                if not running:
                    self.up(self.module)
                self.eventually_handled(range(13), 60)
                self.assertEqual(self.holdfast.stop(), 0)


class Slow(IngressCase):
    RECORDS = 200_000

    def test_a_slow_function_holds_up_its_own_partitions_and_memory_stays_flat(self):
        source, other = self.topic("in", 4), self.topic("other", 2)
        gate = threading.Event()
        self.addCleanup(gate.set)

        def hangs(request):
            gate.wait(120)
            return only_counts(request)

        slow, quick = self.stub(hangs), self.stub(counted("out"))
        self.module = self.write("module.yaml", endpoint("slow/*", slow.url, transport={"type": "io.statefun.transports.v1/async", "call": "10min"}),
                                 endpoint("test/*", quick.url), stream(),
                                 ingress(self.broker, [(source, "slow/f")], **earliest()),
                                 ingress(self.broker, [(other, "test/f")], id="test/other", **earliest()))
        self.up(self.module)
        self.broker.produce(other, [("a", "0")])
        self.eventually_handled([0])
        before = self.rss_mb()
        value = "x" * 200
        self.broker.produce(source, ((f"id{number % 1000}", value) for number in range(self.RECORDS)))
        self.eventually(lambda: any(source["waiting"] for source in self.sources().values()), lambda: self.ingress(), 60)
        waiting = self.eventually_still(lambda: self.ingress()["taken"])
        full = self.rss_mb()
        self.assertLess(waiting, self.RECORDS / 2, "most of it waits outside")
        self.eventually(lambda: self.ingress().get("lag") == self.RECORDS - waiting, lambda: self.ingress())
        self.assertIn("waiting", self.holdfast.cli("ingress", "ls").stdout)
        # Meanwhile all others go on as if nothing were.
        for number in range(1, 200):
            self.broker.produce(other, [("a", str(number))]) if number % 20 == 0 else self.assertSent("test/f", "a", str(number))
        self.eventually_handled(range(200))
        self.assertEqual(self.ingress("test/other")["lag"], 0)
        print(f"       RSS {before:.0f} MB before, {full:.0f} MB with {waiting} messages that wait", flush=True)
        self.assertLess(full - before, 64, f"MB for {waiting} messages that wait, from {before:.0f}")
        self.assertLess(self.rss_mb() - full, 16, "MB more while it waits")
        # The crash makes it no different.
        self.holdfast.kill()
        self.up(self.module)
        self.eventually(lambda: any(source["waiting"] for source in self.sources().values()), lambda: self.ingress(), 60)
        self.assertLess(self.rss_mb() - before, 80)
        gate.set()
        self.eventually(lambda: self.ingress().get("lag") == 0, lambda: self.ingress(), 120)
        self.eventually(lambda: self.call("slow/f", "id0", "?").text == str(self.RECORDS // 1000), lambda: self.call("slow/f", "id0", "?"), 60)
        for id in range(1, 1000, 37):
            self.assertAnswer(str(self.RECORDS // 1000), "slow/f", f"id{id}", "?", timeout="60s")
        print(f"       at most {self.rss_mb(peak=True):.0f} MB, {self.rss_mb():.0f} MB after all of it", flush=True)
        self.assertLess(self.rss_mb(peak=True), 200, "MB, whatever comes")

    def test_an_endpoint_that_is_down_holds_up_its_own_partitions_only_however_large_its_mail_is(self):
        source, other = self.topic("in", 4), self.topic("other", 2)
        quick = self.stub(counted("out"))
        self.broker.produce(source, ((f"id{number}", "x" * 1000) for number in range(40_000)))
        for shards in (1, 2):
            self.module = self.write(f"module{shards}.yaml", endpoint("down/*", f"http://127.0.0.1:{free_port()}/statefun"),
                                     endpoint("test/*", quick.url), stream(), settings(shards=shards),
                                     ingress(self.broker, [(source, "down/f")], **earliest()),
                                     ingress(self.broker, [(other, "test/f")], id="test/other", **earliest()))
            self.up(self.module)
            self.eventually(lambda: any(source["waiting"] for source in self.sources().values()), lambda: self.ingress(), 60)
            first = 0 if shards == 1 else 500
            self.broker.produce(other, numbers(500, first, keys=50))
            self.eventually_handled(range(first + 500))
            self.holdfast.kill()

    def eventually_still(self, look, times=30):
        """What `look` answers once it has answered the same so often."""
        answers = []

        def still():
            answers.append(look())
            return len(answers) > times and len(set(answers[-times:])) == 1
        self.eventually(still, lambda: answers[-times:], 60)
        return answers[-1]


class Away(IngressCase):
    def test_a_broker_that_is_away_is_waited_for_at_the_start_and_later(self):
        source = self.topic("in", 2)
        self.broker.produce(source, numbers(5))
        self.broker.stop()
        self.start(ingress(self.broker, [(source, "test/f")], **earliest()))
        self.assertLess(self.holdfast.seconds_to_ready, 5)
        self.assertAnswer("1", "test/f", "other", "by http")
        self.eventually(lambda: self.ingress().get("trouble"), lambda: self.ingress())
        self.assertIn("trouble", self.holdfast.cli("ingress", "ls").stdout)
        self.eventually(lambda: self.metric("holdfast_ingress_in_trouble", ingress="test/in") == 1, "the metric")
        self.broker.start()
        self.eventually_handled([*range(5), "by http"])
        for how in ("kill", "stop"):
            first = len(self.handled()) - 1
            getattr(self.broker, how)()
            self.eventually(lambda: self.ingress().get("trouble"), lambda: self.ingress())
            self.broker.start()
            self.broker.produce(source, numbers(5, first))
            self.eventually_handled([*range(first + 5), "by http"], 60)
            self.eventually(lambda: "trouble" not in self.ingress(), lambda: self.ingress())


class Operators(IngressCase):
    def begin(self, partitions=1, records=10):
        self.source = self.topic("in", partitions)
        self.start(ingress(self.broker, [(self.source, "test/f")], group=f"group-{self.source}", **earliest()))
        self.broker.produce(self.source, numbers(records))
        self.eventually_handled(range(records))

    def test_a_pause_holds_over_a_restart_until_it_is_resumed(self):
        self.begin()
        self.holdfast.cli("ingress", "pause", "test/in")
        self.broker.produce(self.source, numbers(7, 10))
        self.eventually(lambda: self.ingress().get("lag") == 7, lambda: self.ingress())
        self.eventually(lambda: self.metric("holdfast_ingress_lag_records", source=f"test/in/{self.source}/0") == 7, "the metric")
        self.assertEqual(self.metric("holdfast_ingress_paused", ingress="test/in"), 1)
        self.holdfast.kill()
        self.up(self.module)
        self.eventually(lambda: self.ingress().get("lag") == 7, lambda: self.ingress())
        listed = self.holdfast.cli("ingress", "ls").stdout
        self.assertIn("paused", listed)
        self.assertTrue(self.ingress()["paused"])
        self.assertEqual(len(self.handled()), 10)
        self.holdfast.cli("ingress", "resume", "test/in")
        self.eventually_handled(range(17))
        self.eventually(lambda: self.ingress().get("lag") == 0, lambda: self.ingress())
        self.eventually(lambda: self.metric("holdfast_ingress_lag_records", source=f"test/in/{self.source}/0") == 0, "the metric")

    def test_a_seek_goes_where_it_is_told_and_only_if_it_is_meant(self):
        self.begin()
        refused = self.holdfast.cli("ingress", "seek", "test/in", "--to", "earliest", check=False)
        self.assertEqual(refused.returncode, 2, refused)
        self.assertIn("exactly-once", refused.stdout + refused.stderr)
        self.holdfast.cli("ingress", "seek", "test/in", "--source", f"{self.source}/0", "--to-position", "7", "--yes")
        self.eventually_handled([*range(10), 7, 8, 9])
        self.holdfast.cli("ingress", "seek", "test/in", "--to", "earliest", "--yes")
        self.eventually_handled([*range(10), 7, 8, 9, *range(10)])
        beyond = self.holdfast.cli("ingress", "seek", "test/in", "--source", f"{self.source}/0", "--to-position", "999", "--yes", check=False)
        self.assertNotEqual(beyond.returncode, 0)
        self.assertIn("0 to 10", beyond.stderr)
        # While paused, and it is what a restart goes on from.
        self.holdfast.cli("ingress", "pause", "test/in")
        self.broker.produce(self.source, numbers(5, 10))
        self.holdfast.cli("ingress", "seek", "test/in", "--to", "latest", "--yes")
        self.holdfast.kill()
        self.up(self.module)
        self.holdfast.cli("ingress", "resume", "test/in")
        self.eventually_at({f"{self.source}/0": 15})
        cut = time.time_ns() // 1_000_000 + 2
        self.eventually(lambda: time.time_ns() // 1_000_000 > cut, "the clock goes on")
        self.broker.produce(self.source, numbers(2, 15))
        handled = [*range(10), 7, 8, 9, *range(10), 15, 16]
        self.eventually_handled(handled)
        date = datetime.datetime.fromtimestamp(cut / 1000, datetime.timezone.utc)
        self.holdfast.cli("ingress", "seek", "test/in", "--to", f"{date:%Y-%m-%dT%H:%M:%S}.{cut % 1000:03}Z", "--yes")
        self.eventually_handled([*handled, 15, 16])

    def test_the_groups_offsets_are_there_for_others_to_look_at(self):
        self.begin(2)
        kafka = confluent()

        def committed():
            asked = kafka.ConsumerGroupTopicPartitions(f"group-{self.source}", [kafka.TopicPartition(self.source, partition) for partition in (0, 1)])
            answer = self.broker.admin.list_consumer_group_offsets([asked])[f"group-{self.source}"].result(10)
            return {at.partition: at.offset for at in answer.topic_partitions}
        self.eventually(lambda: committed() == self.broker.end_offsets(self.source), committed)
        self.assertEqual(self.holdfast.stop(), 0)
        self.assertEqual(committed(), self.broker.end_offsets(self.source))

    def test_what_is_not_there_is_said(self):
        self.begin()
        for arguments in (("show", "no/such"), ("pause", "no/such"), ("parked", "no/such"), ("retry", "no/such"),
                          ("seek", "test/in", "--source", "no/7", "--to", "earliest", "--yes"), ("show", "nonsense")):
            result = self.holdfast.cli("ingress", *arguments, check=False)
            self.assertNotEqual(result.returncode, 0, arguments)
            self.assertTrue(result.stderr.strip(), arguments)
        shown = self.holdfast.cli("ingress", "show", "test/in").stdout
        self.assertIn(f"{self.source}/0", shown)


class Secured(IngressCase):
    """Brokers behind SASL and TLS, by properties as Java's client spells them."""

    def there_and_back(self, broker, properties):
        source, out = f"in-{time.time_ns()}", f"out-{time.time_ns()}"
        for name in (source, out):
            broker.create_topic(name, 1)
        self.start(ingress(broker, [(source, "test/f")], properties=properties, **earliest()),
                   egress(broker, id="test/kafka", properties=properties), function=counted(out, "test/kafka"))
        broker.produce(source, numbers(5))

        def sent():
            return [value.decode() for _, _, _, value, _ in broker.consume_all(out)]
        self.eventually(lambda: len(sent()) == 5, lambda: f"{self.ingress()} {self.egress('test/kafka')}")
        return source

    def sasl(self, protocol, password=PASSWORD):
        jaas = f'org.apache.kafka.common.security.plain.PlainLoginModule required username="{USER}" password="{password}";'
        return [{"security.protocol": protocol}, {"sasl.mechanism": "PLAIN"}, {"sasl.jaas.config": jaas}]

    def test_sasl_plain(self):
        broker = shared_broker(sasl=True)
        source = self.there_and_back(broker, self.sasl("SASL_PLAINTEXT"))
        # A wrong password is trouble that says so, and not what it was.
        wrong = self.sasl("SASL_PLAINTEXT", "guessed-secret")
        self.again(ingress(broker, [(source, "test/f")], properties=wrong, **earliest()), egress(broker, id="test/kafka", properties=wrong))
        self.eventually(lambda: "uthentication" in self.ingress().get("trouble", ""), lambda: self.ingress())
        said = self.holdfast.output() + json.dumps(self.ingress()) + json.dumps(self.egress("test/kafka"))
        for secret in (PASSWORD, "guessed-secret"):
            self.assertNotIn(secret, said)

    def test_sasl_over_tls_with_client_certificates(self):
        broker = shared_broker(sasl=True, tls=True, ssl_client_auth="required")
        keystore = self.folder / "keystore.pem"
        keystore.write_text(broker.client_key_file.read_text() + broker.client_cert_file.read_text())
        self.there_and_back(broker, [*self.sasl("SASL_SSL"), {"ssl.truststore.type": "PEM"}, {"ssl.truststore.location": str(broker.ca_file)},
                                     {"ssl.keystore.type": "PEM"}, {"ssl.keystore.location": str(keystore)}])


if __name__ == "__main__":
    unittest.main()
