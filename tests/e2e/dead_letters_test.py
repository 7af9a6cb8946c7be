"""Dead letters of functions, in each kind of egress: what failed leaves once, says where, why and who sent it, and waits where it cannot leave."""
import collections
import datetime
import json

import wire
from harness import Case, document, endpoint, fails_fast, settings, stream
from kafka_case import KafkaCase, egress
from nats_server import NatsServer
from stub import Reply

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def letters(topic, attempts=2, **more):
    policy = fails_fast(attempts, action="dead-letter")
    policy["onFailure"]["deadLetter"] = {"egress": "test/out", "topic": topic}
    return {**policy, **more}


def relays_or_fails(request):
    """test/relay sends what it gets to test/bad of the same id; test/bad fails."""
    if request.type_name == "test/relay":
        return wire.answer(*[wire.send(("test/bad", request.id), wire.string(invocation.text)) for invocation in request.invocations])
    return Reply(b"no", 500, "text/plain")


class Letters:
    """What is the same for Kafka and NATS; `read()` gives [(key, value, {header: text})]."""

    def check_what_they_say(self, *egress_documents, topic):
        stub = self.stub(relays_or_fails)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **letters(topic)), *egress_documents))
        self.assertSent("test/bad", "a", "hello", traceparent=TRACE)
        self.assertSent("test/relay", "b", "relayed")
        self.eventually(lambda: len(self.read()) >= 2, lambda: f"{self.read()} {self.ask(self.holdfast.admin, 'GET', '/v1/egresses').text}")
        found = {key: (value, headers) for key, value, headers in self.read()}
        self.assertEqual(set(found), {"a", "b"})
        value, headers = found["a"]
        self.assertEqual(value, wire.string("hello")[-len(value):])
        self.assertEqual(headers["holdfast-source"], "test/bad/a")
        self.assertIn("500", headers["holdfast-error"])
        self.assertEqual(headers["holdfast-attempts"], "2")
        self.assertEqual(headers["holdfast-type"], wire.STRING)
        self.assertEqual(headers["traceparent"][:35], TRACE[:35])
        self.assertNotIn("holdfast-caller", headers)
        datetime.datetime.fromisoformat(headers["holdfast-time"].replace("Z", "+00:00"))
        self.assertEqual(found["b"][1]["holdfast-caller"], "test/relay/b")

    def check_each_leaves_once_over_kills(self, *egress_documents, topic):
        stub = self.stub(relays_or_fails)
        module = self.write("module.yaml", endpoint("test/*", stub.url, **letters(topic, 1)), *egress_documents)
        expected = set()
        for round in range(3):
            self.up(module)
            for number in range(100):
                self.assertSent("test/bad", f"{round}-{number}", "x")
                expected.add(f"{round}-{number}")
            self.holdfast.kill()
        self.up(module)
        self.eventually(lambda: len(self.read()) >= len(expected), lambda: f"{len(self.read())} of {len(expected)}")
        counts = collections.Counter(key for key, _, _ in self.read())
        self.assertEqual([key for key, count in counts.items() if count > 1], [])
        self.assertEqual(set(counts), expected)
        self.assertEqual(self.parked(), [])


class KafkaLetters(KafkaCase, Letters):
    def setUp(self):
        super().setUp()
        self.letters = self.topic("letters")

    def read(self):
        return [(key.decode(), value, {name: text.decode() for name, text in headers})
                for _, _, key, value, headers in self.broker.consume_all(self.letters, "read_committed")]

    def test_what_they_say(self):
        self.check_what_they_say(egress(self.broker), topic=self.letters)

    def test_each_leaves_once_over_kills(self):
        self.check_each_leaves_once_over_kills(egress(self.broker), topic=self.letters)


class NatsLetters(Case, Letters):
    def setUp(self):
        super().setUp()
        self.server = NatsServer(self.folder / "nats")
        self.addCleanup(self.server.kill)
        self.server.start()
        self.client = self.server.client()
        self.addCleanup(self.client.close)
        self.client.add_stream("OUT", ["out.>"])

    def egress(self, **spec):
        return document("holdfast.nats.v1/egress", {"id": "test/out", "servers": [self.server.url], **spec})

    def read(self):
        return [(message.headers.get("Holdfast-Key"), message.data, message.headers) for message in self.client.messages("OUT")]

    def test_what_they_say(self):
        self.check_what_they_say(self.egress(), topic="out.letters")

    def test_each_leaves_once_over_kills(self):
        self.check_each_leaves_once_over_kills(self.egress(), topic="out.letters")

    def test_functions_wait_while_the_egress_of_their_letters_is_full(self):
        stub = self.stub(relays_or_fails)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, maxNumBatchRequests=1, **letters("out.letters", 1)),
                           self.egress(outboxBytes="1mb"), settings(shards=1)))
        self.server.kill()
        for number in range(60):
            self.assertSent("test/bad", f"a{number}", "x" * 100_000)

        def outbox():
            return self.ask(self.holdfast.admin, "GET", "/v1/egresses").json()["egresses"][0]
        self.eventually(lambda: outbox()["bytes"] >= 1 << 20, outbox)
        self.eventually(lambda: self.metric("holdfast_runtime_mailbox_messages") + outbox()["waiting"] == 60, outbox)
        self.assertLess(outbox()["waiting"], 50)
        self.server.start()
        self.eventually(lambda: len(self.read()) == 60, lambda: f"{len(self.read())} {json.dumps(outbox())}", 60)


    def test_an_ingress_waits_while_the_egress_of_its_letters_is_full(self):
        source = NatsServer(self.folder / "source")
        self.addCleanup(source.kill)
        source.start()
        client = source.client()
        self.addCleanup(client.close)
        client.add_stream("IN", ["in.>"])
        subject = json.dumps({"subject": "in.*", "valueType": "test/x", "targets": ["test/bad"], "key": {"header": "Key"}})
        bad = {"then": "dead-letter", "deadLetter": {"egress": "test/out", "topic": "out.letters"}}
        ingress = document("holdfast.nats.v1/ingress", {"id": "test/in", "servers": [source.url], "subjects": f"[{subject}]", "onBadRecord": bad,
                                                        "jetstream": {"stream": "IN", "startFrom": "earliest"}})
        self.server.kill()
        self.up(self.write("module.yaml", endpoint("test/*", self.stub(relays_or_fails).url), self.egress(outboxBytes="1mb"), ingress))
        client.publish_all(("in.a", b"x" * 100_000) for _ in range(100))

        def outbox():
            return self.ask(self.holdfast.admin, "GET", "/v1/egresses").json()["egresses"][0]
        self.eventually(lambda: outbox()["bytes"] >= 1 << 20, outbox)
        self.assertLess(max(outbox()["bytes"] for _ in range(200)), 4 << 20)
        self.server.start()
        self.eventually(lambda: len(self.read()) == 100, lambda: f"{len(self.read())} {json.dumps(outbox())}", 60)
        self.assertTrue(all("holdfast-error" in headers and headers["holdfast-source"].startswith("test/in/") for _, _, headers in self.read()))


class StreamLetters(Case):
    def test_what_they_say(self):
        stub = self.stub(relays_or_fails)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **letters("dead")), stream()))
        self.assertSent("test/bad", "a", "hello", traceparent=TRACE)
        record = self.eventually(lambda: self.stream("dead"), "a letter")[0]
        self.assertEqual(record["value"], "hello")
        self.assertEqual(record["key"], "a")
        self.assertEqual(record["source"], "test/bad/a")
        self.assertIn("500", record["error"])
