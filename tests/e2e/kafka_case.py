"""What the Kafka tests stand on: real brokers shared by the tests of a module, topics of each test's own, documents, and looks at
where ingresses and egresses are.

A broker is started when a first test asks for one with its settings, and ended with the module. A test that takes it away finds it
running again at the end.
"""
import base64
import json
import pathlib
import re
import tempfile
import unittest

import wire
from harness import Case, Failure, document
from kafka import KafkaBroker
from stub import Reply

_brokers = {}
_topics = 0


def shared_broker(**options):
    """The module's broker with these options."""
    key = repr(sorted(options.items()))
    if key not in _brokers:
        folder = tempfile.TemporaryDirectory(prefix="holdfast-kafka-")
        broker = KafkaBroker(pathlib.Path(folder.name) / "broker", **options)

        def end():
            del _brokers[key]
            broker.__exit__()
            folder.cleanup()

        _brokers[key] = broker
        unittest.addModuleCleanup(end)
        broker.start()
    return _brokers[key]


def ingress(broker, topics, id="test/in", group=None, **spec):
    """An ingress document; `topics` are (topic, targets[, value type])."""
    topics = [{"topic": name, "valueType": (rest or ["io.statefun.types/string"])[0], "targets": [targets] if isinstance(targets, str) else targets}
              for name, targets, *rest in topics]
    return document("io.statefun.kafka.v1/ingress", {"id": id, "address": broker.bootstrap, "consumerGroupId": group or id.replace("/", "-"),
                                                     "topics": topics, **spec})


def earliest():
    return {"startupPosition": {"type": "earliest"}}


def egress(broker, delivery="exactly-once", id="test/out", **spec):
    return document("io.statefun.kafka.v1/egress", {"id": id, "address": broker.bootstrap, "deliverySemantic": {"type": delivery}, **spec})


def record(topic, value, key=None, headers=(), egress_id="test/out"):
    """What a function answers to emit a record. Key and value are bytes or text."""
    fields = wire.field(1, key) + wire.field(2, value) + wire.field(3, topic)
    for name, content in headers:
        fields += wire.field(4, wire.field(1, name) + wire.field(2, content))
    return wire.egress(egress_id, wire.typed("type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", fields))


def counted(topic, egress_id="test/out"):
    """A function: counts its messages, and emits a record "<id> <count> <what the message said>" for each."""
    def function(request):
        if "count" not in request.states:
            return wire.missing(("count", wire.INT))
        count = request.integer("count")
        parts = []
        for invocation in request.invocations:
            count += 1
            parts.append(record(topic, f"{request.id} {count} {text_of(invocation)}", request.id, egress_id=egress_id))
            if invocation.caller:
                parts.append(wire.send(invocation.caller, wire.string(str(count))))
        return wire.answer(wire.mutation("count", wire.integer(count)), *parts)
    return function


def as_told(request):
    """A function: emits what its message says, JSON [{"topic", "value", "key", "key_base64", "headers": [[name, text]]}], and answers its
    caller, if there is one, with how many."""
    parts = []
    for invocation in request.invocations:
        told = json.loads(text_of(invocation))
        for entry in told:
            key = base64.b64decode(entry["key_base64"]) if "key_base64" in entry else entry.get("key")
            parts.append(record(entry["topic"], entry["value"], key, entry.get("headers", ())))
        if invocation.caller:
            parts.append(wire.send(invocation.caller, wire.string(str(len(told)))))
    return wire.answer(*parts)


def text_of(invocation):
    """The text of a call from HTTP, or of a record's bytes as they are."""
    if invocation.type_name == wire.STRING and invocation.value[:1] == b"\x0a":
        return invocation.text
    return invocation.value.decode("utf-8", "replace")


class KafkaCase(Case):
    BROKER = {}  # Options of the broker that self.broker is.

    @property
    def broker(self):
        return shared_broker(**self.BROKER)

    def setUp(self):
        super().setUp()
        if not self.broker.running():
            self.broker.start()

    def topic(self, name="in", partitions=1, **config):
        """A topic that no other test has."""
        global _topics
        _topics += 1
        name = f"{name}-{_topics}"
        self.broker.create_topic(name, partitions, **config)
        return name

    # --- looks

    def admin_json(self, path):
        answer = self.ask(self.holdfast.admin, "GET", path)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def ingress(self, id="test/in"):
        return self.admin_json(f"/v1/ingresses/{id}")

    def egress(self, id="test/out"):
        return next(entry for entry in self.admin_json("/v1/egresses")["egresses"] if entry["id"] == id)

    def sources(self, id="test/in"):
        """{"topic/partition": what is shown of it}"""
        return {source["source"].removeprefix(id + "/"): source for source in self.ingress(id)["sources"]}

    def positions(self, id="test/in"):
        return {name: source.get("position") for name, source in self.sources(id).items()}

    def parked_records(self, id="test/in"):
        """As `holdfast ingress parked --json` lists them."""
        return self.holdfast.cli_json("ingress", "parked", id)["parked"]

    def rss_mb(self, peak=False):
        """Of Holdfast, now or at its highest since it was started."""
        status = pathlib.Path(f"/proc/{self.holdfast.pid}/status").read_text()
        return int(re.search(rf"{'VmHWM' if peak else 'VmRSS'}:\s+(\d+) kB", status)[1]) / 1024

    def values(self, topic, isolation="read_committed"):
        """The values of a topic's records as text, in order of partition and offset."""
        return [value.decode() for _, _, _, value, _ in self.broker.consume_all(topic, isolation)]

    # --- waiting

    def eventually_values(self, topic, expected, seconds=30):
        """Until a read_committed consumer sees exactly these values, in whatever order of partitions; it sees no others then or before."""
        expected = sorted(expected)
        self.eventually_count(topic, len(expected), seconds)
        self.assertEqual(sorted(self.values(topic)), expected)

    def eventually_count(self, topic, count, seconds=30):
        """Until there are so many committed records. Looks at the whole topic, since offsets count transactions' markers, too."""
        seen = []

        def enough():
            seen[:] = self.broker.consume_all(topic)
            return len(seen) >= count
        self.eventually(enough, lambda: f"{count} records in {topic}, have {len(seen)}", seconds)
        self.assertEqual(len(seen), count)

    def eventually_sent(self, id="test/out", seconds=30):
        """Until the outbox is empty."""
        self.eventually(lambda: self.egress(id)["waiting"] == 0 and "trouble" not in self.egress(id), lambda: self.egress(id), seconds)

    def eventually_at(self, expected, id="test/in", seconds=30):
        """Until the ingress has these positions: {"topic/partition": offset}."""
        self.eventually(lambda: self.positions(id) == expected, lambda: f"{expected}, but {self.ingress(id)}", seconds)

    def eventually_taken(self, topic, id="test/in", seconds=30):
        """Until the ingress has taken in all that the topic has."""
        ends = {f"{topic}/{partition}": end for partition, end in self.broker.end_offsets(topic).items()}

        def reached():
            at = self.positions(id)
            return all(end == 0 or (at.get(source) or 0) >= end for source, end in ends.items())
        self.eventually(reached, lambda: f"{ends}, but {self.ingress(id)}", seconds)


__all__ = ["Failure", "KafkaCase", "Reply", "as_told", "counted", "earliest", "egress", "ingress", "record", "shared_broker", "text_of"]
