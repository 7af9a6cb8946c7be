"""NATS in and out: a real nats-server, the real program, functions in JavaScript on the unmodified SDK.

Exactly once over kill -9 of Holdfast and of the server; core NATS, queue groups; keys by subject token and by header; poison is parked;
log-in and TLS; operations. HOLDFAST_NATS_KILLS (default 12) and HOLDFAST_SEED make the first one longer, and choose its moments again.
"""
import collections
import json
import os
import random
import subprocess
import sys
import unittest

import wire
from harness import ROOT, Case, endpoint, settings, stream
from kafka import make_certificates
from kafka_case import record, text_of

from nats_server import USER, NatsServer  # noqa: E402

KILLS = int(os.environ.get("HOLDFAST_NATS_KILLS", "12"))
JSON = "test/Json"


def document(kind, spec):
    """JSON is YAML."""
    return f"kind: {kind}\nspec: {json.dumps(spec)}\n"


def add(ref, n=1):
    """What test/counter takes."""
    return json.dumps({"n": n, "ref": ref}).encode()


class NatsCase(Case):
    def setUp(self):
        super().setUp()
        self.urls = self.functions()

    def server(self, **options):
        server = NatsServer(self.folder / "nats", **options)
        self.addCleanup(server.kill)
        server.start()
        self.started.append(server)  # For its last output, should the test fail.
        self.server_ = server
        return server

    def client(self):
        client = self.server_.client()
        self.addCleanup(client.close)
        return client

    def ingress(self, subject="in.*", key={"subjectToken": 1}, target="test/counter", id="test/in", **spec):
        subject = {"subject": subject, "valueType": JSON, "targets": [target]}
        if key:
            subject["key"] = key
        return document("holdfast.nats.v1/ingress", {"id": id, "servers": [self.server_.url], "subjects": [subject], **spec})

    def egress(self, id="test/out", **spec):
        return document("holdfast.nats.v1/egress", {"id": id, "servers": [self.server_.url], **spec})

    def up_with(self, *documents, env=None, data=None, name="module.yaml"):
        return self.up(self.write(name, endpoint("test/*", self.urls.url), *documents), env=env, data=data)

    def info(self, id="test/in"):
        answer = self.ask(self.holdfast.admin, "GET", f"/v1/ingresses/{id}")
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def eventually_listening(self, client, subject="in.probe"):
        """Core NATS: until messages arrive. Publishes what only counts at test/counter/probe."""
        def heard():
            client.send(subject, add("probe"))
            return self.state("test/counter", "probe")
        self.eventually(heard, lambda: f"nothing arrives: {self.info()}")


class ExactlyOnceTest(NatsCase):
    def test_each_message_has_one_effect_and_one_output_over_kills_of_holdfast_and_of_the_server(self):
        seed = os.environ.get("HOLDFAST_SEED", "1")
        chance = random.Random(seed)
        ids, chunk = 100, 1500
        server = self.server()
        client = self.client()
        client.add_stream("IN", ["in.>"])
        client.add_stream("OUT", ["added"])
        documents = (self.ingress(jetstream={"stream": "IN", "startFrom": "earliest"}), self.egress())
        self.up_with(*documents)
        sent = []
        for number in range(KILLS):
            batch = [(f"id{chance.randrange(ids)}", f"{number}-{i}") for i in range(chunk)]
            client.publish_all((f"in.{id}", add(ref), {"Nats-Msg-Id": ref}) for id, ref in batch)
            sent += batch
            # In the middle of it: when some more outputs are there than were before.
            seen = client.stream("OUT").messages
            target = min(len(sent), seen + chance.randrange(1, chunk))
            self.eventually(lambda: client.stream("OUT").messages >= target,
                            lambda: f"{target} outputs, have {client.stream('OUT').messages}\n{self.holdfast.tail()}", 60)
            if number % 4 == 2:
                server.kill()
                server.start()
            else:
                self.holdfast.kill()
                self.up_with(*documents)
        self.eventually(lambda: client.stream("OUT").messages >= len(sent),
                        lambda: f"{len(sent)} outputs, have {client.stream('OUT').messages}\n{self.holdfast.tail()}", 120)
        outputs = [json.loads(message.data) for message in client.messages("OUT")]
        self.assertEqual(len(outputs), len(sent), f"HOLDFAST_SEED={seed}")
        self.assertEqual(collections.Counter((out["id"], out["ref"]) for out in outputs), collections.Counter(sent))
        expected, got = collections.defaultdict(list), collections.defaultdict(list)
        for id, ref in sent:
            expected[id].append(ref)
        for out in outputs:
            got[out["id"]].append(out["ref"])
            self.assertEqual(out["count"], len(got[out["id"]]), f"the outputs of {out['id']} are in order, HOLDFAST_SEED={seed}")
        self.assertEqual(got, expected)
        self.assertEqual(self.holdfast.stop(), 0)

    def test_what_holdfast_was_killed_with_is_sent_once_though_the_server_has_forgotten_its_ids(self):
        self.server()
        client = self.client()
        client.add_stream("IN", ["in.>"])
        client.add_stream("OUT", ["added"], duplicate_window=0.1)
        documents = (self.ingress(jetstream={"stream": "IN", "startFrom": "earliest"}), self.egress())
        for number in range(5):
            client.publish_all((f"in.id{i % 10}", add(f"{number}-{i}")) for i in range(300))
            self.up_with(*documents)
            wanted = number * 300 + 150
            self.eventually(lambda: client.stream("OUT").messages >= wanted, lambda: self.holdfast.tail(), 60)
            self.holdfast.kill()
            # A message of the same id is stored again: the window is over for all before it.
            before = client.stream("OUT").last_seq
            last = client.messages("OUT", first=before)[-1]
            self.assertIn("/test/out/", last.headers["Nats-Msg-Id"])
            client.publish("in.probe", add(f"probe-{number}"))
        self.up_with(*documents)
        self.eventually(lambda: client.stream("OUT").messages >= 1505, lambda: self.holdfast.tail(), 60)
        outputs = [json.loads(message.data) for message in client.messages("OUT")]
        self.assertEqual([count for count in collections.Counter(out["ref"] for out in outputs).items() if count[1] != 1], [])
        self.assertEqual(len(outputs), 1505)

    def test_a_work_queue_is_worked_off(self):
        self.server()
        client = self.client()
        client.add_stream("IN", ["in.>"], retention="workqueue")
        client.add_stream("OUT", ["added"])
        documents = (self.ingress(jetstream={"stream": "IN", "durable": "workers"}), self.egress())
        client.publish_all((f"in.id{i % 10}", add(str(i))) for i in range(500))
        self.up_with(*documents)
        self.eventually(lambda: client.stream("OUT").messages >= 500, lambda: self.holdfast.tail(), 60)
        self.eventually(lambda: client.stream("IN").messages == 0, lambda: f"{client.stream('IN')}", 60)
        self.assertEqual(client.consumers("IN")[0].name, "workers")
        self.holdfast.kill()
        client.publish_all((f"in.id{i % 10}", add(str(i))) for i in range(500, 600))
        self.up_with(*documents)
        self.eventually(lambda: client.stream("IN").messages == 0, lambda: f"{client.stream('IN')}", 60)
        self.eventually(lambda: client.stream("OUT").messages >= 600, lambda: self.holdfast.tail(), 60)
        refs = [int(json.loads(message.data)["ref"]) for message in client.messages("OUT")]
        self.assertEqual(sorted(refs), list(range(600)))


class FullStreamTest(NatsCase):
    def test_a_stream_that_is_full_now_and_then_gets_every_record_once_and_in_order(self):
        self.server()
        client = self.client()
        client.add_stream("OUT", ["out.>"], retention="workqueue", max_msgs=100, discard="new", duplicate_window=0.1)
        each = 500
        stub = self.stub(lambda request: wire.answer(*[record("out.a", f"{text_of(told)}.{number}")
                                                       for told in request.invocations for number in range(each)]))
        documents = endpoint("test/*", stub.url), self.egress()
        self.up(self.write("module.yaml", *documents))
        for number in range(3):
            self.assertSent("test/f", "a", f"m{number}")
        expected = [f"m{number}.{i}".encode() for number in range(3) for i in range(each)]
        taken, seed = [], random.Random(1)
        self.eventually(lambda: client.stream("OUT").messages == 100, lambda: f"{client.stream('OUT')}\n{self.holdfast.tail()}")
        self.eventually(lambda: "full" in self.trouble() or "maximum messages" in self.trouble(), lambda: self.trouble())
        for round in range(1000):
            taken += client.take("OUT", "worker", seed.randrange(1, 60))
            if len(taken) >= len(expected):
                break
            if round == 10:
                # The newest message is ours then, which tells how far it has got: the window has passed long ago.
                self.eventually(lambda: client.stream("OUT").messages == 100, lambda: f"{client.stream('OUT')}\n{self.holdfast.tail()}")
                self.holdfast.kill()
                self.up(self.write("module.yaml", *documents))
        self.assertEqual([value for value, count in collections.Counter(taken).items() if count > 1], [])
        self.assertEqual(taken, expected)
        self.assertEqual(client.stream("OUT").messages, 0)
        self.eventually(lambda: self.trouble() == "", lambda: self.trouble())

    def trouble(self):
        return self.ask(self.holdfast.admin, "GET", "/v1/egresses").json()["egresses"][0].get("trouble") or ""


class ForbiddenTest(NatsCase):
    def test_records_for_subjects_that_are_not_permitted_are_set_aside_together_and_the_others_go(self):
        users = '{users: [{user: u, password: p, permissions: {publish: {deny: ["out.secret", "out.secret.>"]}}}]}'
        self.server(authorization=users, no_auth_user="u")
        client = self.client()
        client.add_stream("OUT", ["out.>"])
        subjects = ["out.secret", "out.a", "out.secret.b"]
        stub = self.stub(lambda request: wire.answer(*[record(subjects[number % 3], str(number)) for number in range(300)]))
        self.up(self.write("module.yaml", endpoint("test/*", stub.url), self.egress()))
        self.assertSent("test/f", "a", "go")
        self.eventually(lambda: client.stream("OUT").messages == 100, lambda: f"{client.stream('OUT')}\n{self.holdfast.tail()}")
        self.assertEqual([int(message.data) for message in client.messages("OUT")], list(range(1, 300, 3)))
        self.eventually(lambda: self.metric("holdfast_egress_set_aside_total", egress="test/out") == 200, self.holdfast.tail)
        self.assertIn("does not permit", self.ask(self.holdfast.gateway, "GET", "/v1/streams/test/out/unsendable?limit=1").text)


class MadeAnewTest(NatsCase):
    def test_a_stream_made_anew_is_read_from_its_first_message(self):
        self.server()
        client = self.client()
        seen, sent = [], []

        def function(request):
            seen.extend(invocation.value.decode() for invocation in request.invocations)
            return wire.answer()

        def publish(count):
            new = [str(number) for number in range(len(sent), len(sent) + count)]
            sent.extend(new)
            client.publish_all(("in.a", text.encode()) for text in new)

        def assertAllSeen():
            self.eventually(lambda: len(seen) >= len(sent), lambda: f"{len(sent)} messages, seen {len(seen)}: {self.info()}\n{self.holdfast.tail()}")
            self.assertEqual(seen, sent)

        module = self.write("module.yaml", endpoint("test/*", self.stub(function).url), settings(shards=1),
                            self.ingress(target="test/f", jetstream={"stream": "IN", "startFrom": "earliest"}))
        client.add_stream("IN", ["in.>"])
        self.up(module)
        publish(50)
        assertAllSeen()
        for is_up, count in ((True, 100), (False, 200), (True, 5), (False, 3)):
            with self.subTest(is_up=is_up, count=count):
                if not is_up:
                    self.assertEqual(self.holdfast.stop(), 0)
                client.delete_stream("IN")
                client.add_stream("IN", ["in.>"])
                publish(count)
                if not is_up:
                    self.up(module)
                assertAllSeen()
                self.assertEqual(self.metric("holdfast_ingress_made_anew_total", ingress="test/in") >= 1, True)
                self.assertFalse(self.info().get("trouble"))


class CoreTest(NatsCase):
    def test_core_messages_go_in_and_out(self):
        self.server()
        client = self.client()
        self.up_with(self.ingress(), self.egress(jetstream="false"))
        heard = client.listen("added")
        self.eventually_listening(client)
        for i in range(200):
            client.send(f"in.id{i % 4}", add(str(i)))

        def outputs():
            return [out for out in (json.loads(message.data) for message in heard) if out["ref"] != "probe"]
        self.eventually(lambda: len(outputs()) >= 200, lambda: f"200 outputs, have {len(outputs())}: {self.info()}")
        self.assertEqual(sorted(int(out["ref"]) for out in outputs()), list(range(200)))
        self.assertEqual({message.headers["Holdfast-Key"] for message in heard}, {"probe", "id0", "id1", "id2", "id3"})
        self.assertEqual(self.info()["lost"], 0)

    def test_two_of_a_queue_group_share_the_messages(self):
        self.server()
        client = self.client()
        documents = (self.ingress(queueGroup="workers"), self.egress(jetstream="false"))
        heard = client.listen("added")
        for name in ("one", "two"):
            self.up_with(*documents, data=self.folder / name, name=f"{name}.yaml")
            self.eventually_listening(client, "in.probe")
        for i in range(400):
            client.send(f"in.id{i}", add(str(i)))

        def refs():
            return sorted(int(ref) for ref in (json.loads(message.data)["ref"] for message in heard) if ref != "probe")
        self.eventually(lambda: len(refs()) >= 400, lambda: f"400 outputs, have {len(refs())}")
        self.assertEqual(refs(), list(range(400)))
        taken = [holdfast for holdfast in self.started if hasattr(holdfast, "admin")]
        counts = [self.ask(one.admin, "GET", "/v1/ingresses/test/in").json()["taken"] for one in taken]
        self.assertTrue(all(count > 50 for count in counts), counts)


class IngressTest(NatsCase):
    def test_the_key_may_be_a_header_and_what_has_none_is_parked_and_the_rest_goes_on(self):
        self.server()
        client = self.client()
        client.add_stream("IN", ["in.>"])
        self.up_with(self.ingress("in.>", {"header": "Order-Id"}, jetstream={"stream": "IN", "startFrom": "earliest"}), stream())
        client.publish_all([("in.a", add("1"), {"Order-Id": "o1"}), ("in.b", add("2")), ("in.c", add("3"), {"Order-Id": "o1"})])
        self.eventually(lambda: self.state("test/counter", "o1").get("count") == 2, lambda: self.info())
        self.eventually(lambda: self.info()["parked"] == 1, lambda: self.info())
        parked = self.holdfast.cli("ingress", "parked", "test/in").stdout
        self.assertIn("no key", parked)
        self.assertIn("IN/in.b@2", parked)
        self.holdfast.cli("ingress", "retry", "test/in")
        self.eventually(lambda: self.info()["parked"] == 1, lambda: self.info())
        self.holdfast.cli("ingress", "skip", "test/in")
        self.eventually(lambda: self.info()["parked"] == 0, lambda: self.info())
        self.assertEqual(self.state("test/counter", "o1")["count"], 2)

    def test_operations_see_it_stop_it_and_send_it_elsewhere(self):
        self.server()
        client = self.client()
        client.add_stream("IN", ["in.>"])
        documents = (self.ingress(jetstream={"stream": "IN", "startFrom": "earliest", "durable": "shown"}), stream())
        self.up_with(*documents)
        client.publish_all((f"in.id{i % 2}", add(str(i))) for i in range(10))
        self.eventually(lambda: self.info()["taken"] == 10, lambda: self.info())
        self.eventually(lambda: client.consumers("IN")[0].ack_floor.stream_seq == 10, lambda: client.consumers("IN"))
        listed = self.holdfast.cli("ingress", "ls").stdout
        self.assertIn("test/in", listed)
        self.assertIn("IN/in.*", listed)
        self.holdfast.cli("ingress", "pause", "test/in")
        client.publish_all((f"in.id{i % 2}", add(str(i))) for i in range(10, 20))
        self.holdfast.kill()
        self.up_with(*documents)
        self.eventually(lambda: self.info()["paused"], lambda: self.info())
        self.assertEqual(self.state("test/counter", "id0")["count"], 5)
        self.holdfast.cli("ingress", "resume", "test/in")
        self.eventually(lambda: self.state("test/counter", "id0")["count"] == 10, lambda: self.info())
        self.holdfast.cli("ingress", "seek", "test/in", "--source", "IN/in.*", "--to-position", "17", "--yes")
        self.eventually(lambda: self.state("test/counter", "id0")["count"] == 12, lambda: self.info())
        metrics = self.ask(self.holdfast.admin, "GET", "/metrics").text
        self.assertIn('holdfast_ingress_position{ingress="test/in",source="test/in/IN/in.*"} 21', metrics)

    def test_it_waits_for_a_server_and_a_stream_that_are_not_there_yet(self):
        server = self.server()
        server.stop()
        self.up_with(self.ingress(jetstream={"stream": "IN", "startFrom": "earliest"}), stream())
        self.eventually(lambda: "not connected" in self.info().get("trouble", ""), lambda: self.info())
        server.start()
        self.eventually(lambda: "no stream IN" in self.info().get("trouble", ""), lambda: self.info())
        client = self.client()
        client.add_stream("IN", ["in.>"])
        client.publish("in.a", add("1"))
        self.eventually(lambda: self.state("test/counter", "a").get("count") == 1, lambda: self.info())
        self.assertFalse(self.info().get("trouble"))


class SecurityTest(NatsCase):
    def check(self, **login):
        client = self.client()
        client.add_stream("IN", ["in.>"])
        client.add_stream("OUT", ["added"])
        env = {"NATS_SECRET": login.pop("secret")}
        # The loader reads the variable, too.
        os.environ.update(env)
        self.addCleanup(os.environ.pop, "NATS_SECRET")
        self.up_with(self.ingress(jetstream={"stream": "IN", "startFrom": "earliest"}, **login), self.egress(**login), env=env)
        client.publish("in.a", add("1"))
        self.eventually(lambda: client.stream("OUT").messages == 1, lambda: f"{self.info()}\n{self.holdfast.tail()}")
        self.assertNotIn(env["NATS_SECRET"], self.holdfast.output())

    def test_with_user_and_password_over_tls(self):
        server = self.server(login="user", tls=True)
        self.check(user=USER, passwordEnv="NATS_SECRET", secret="holdfast-secret", tls={"ca": str(server.ca_file)})

    def test_with_a_token(self):
        self.server(login="token")
        self.check(tokenEnv="NATS_SECRET", secret="holdfast-token")

    def test_a_wrong_password_is_told_without_it_and_tried_again(self):
        self.server(login="user")
        self.up_with(self.ingress(jetstream={"stream": "IN"}, user=USER, passwordEnv="NATS_SECRET"), stream(), env={"NATS_SECRET": "not-the-one"})
        self.eventually(lambda: "uthori" in self.info().get("trouble", ""), lambda: self.info())
        self.assertNotIn("not-the-one", self.holdfast.output() + json.dumps(self.info()))

    def test_a_server_that_the_authority_does_not_know_is_not_talked_to(self):
        self.server(tls=True)
        self.up_with(self.ingress(jetstream={"stream": "IN"}), stream())
        self.eventually(lambda: "ssl" in self.info().get("trouble", "").lower() or "cert" in self.info().get("trouble", "").lower(),
                        lambda: self.info())


class RotationTest(NatsCase):
    def test_rotated_authorities_count_for_new_connections_and_broken_files_do_not(self):
        server = self.server(tls=True)
        trusted = self.folder / "trusted.pem"
        trusted.write_bytes(server.ca_file.read_bytes())
        with server.client() as client:
            client.add_stream("IN", ["in.>"])
            client.add_stream("OUT", ["added"])
        tls = {"ca": str(trusted)}
        self.up_with(self.ingress(jetstream={"stream": "IN", "startFrom": "earliest"}, tls=tls), self.egress(tls=tls))

        def assertGoesOn(number):
            with server.client() as client:
                client.publish("in.a", add(str(number)))
                self.eventually(lambda: client.stream("OUT").messages == number, lambda: f"{self.info()}\n{self.holdfast.tail()}", 60)
        assertGoesOn(1)
        trusted.write_text("-----BEGIN CERTIFICATE-----\nhalf of it")
        server.stop()
        server.start()
        assertGoesOn(2)
        self.eventually(lambda: "those of before stay" in self.holdfast.output(), self.holdfast.output, 60)
        server.stop()
        make_certificates(server.folder)
        trusted.write_bytes(server.ca_file.read_bytes())
        server.start()
        assertGoesOn(3)


class UnitTestsWithServer(unittest.TestCase):
    """The tests beside the code that need a server."""

    def test_they_pass(self):
        program = ROOT / "build" / "release" / "nats_test"
        if not program.exists():
            self.skipTest("nats_test is not built: make test builds it")
        done = subprocess.run([sys.executable, ROOT / "tools" / "nats_server.py", program, "--gtest_brief=1"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertNotIn("SKIPPED", done.stdout)


if __name__ == "__main__":
    unittest.main()
