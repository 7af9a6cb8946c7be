"""What happens to messages: sent once, in order, later, taken back, fanned out, answered, and read from streams."""
import json
import queue
import socket
import threading
import unittest

import wire
from harness import Case, Connection, endpoint, settings, stream
from stub import count_and_answer


class WithFunctions(Case):
    def setUp(self):
        super().setUp()
        functions = self.functions()
        self.module = self.write("module.yaml", endpoint("test/*", functions.url), stream())
        self.up(self.module)

    def add(self, id, n, ref, **options):
        return self.call("test/counter", id, json.dumps({"n": n, "ref": ref}), "test/Json", **options)


class Messages(WithFunctions):
    def test_a_retry_with_its_idempotency_key_counts_once_and_gets_the_first_answer(self):
        first = self.add("a", 5, "r1", key="k1")
        self.assertEqual((first.status, first.json()), (200, {"count": 1, "sum": 5}))
        self.assertEqual(self.add("a", 5, "r2").json(), {"count": 2, "sum": 10})
        again = self.add("a", 5, "r1", key="k1")
        self.assertEqual((again.status, again.json()), (200, {"count": 1, "sum": 5}))

        self.holdfast.kill()
        self.up(self.module)
        self.assertEqual(self.add("a", 5, "r1", key="k1").json(), {"count": 1, "sum": 5})
        self.assertAnswer('{"count":2,"sum":10}', "test/counter", "a", "?")

    def test_a_send_with_its_idempotency_key_is_taken_once_across_restarts(self):
        body = json.dumps({"n": 1, "ref": "r"})
        for _ in range(3):
            self.assertSent("test/counter", "b", body, "test/Json", key="k")
        self.holdfast.kill()
        self.up(self.module)
        self.assertSent("test/counter", "b", body, "test/Json", key="k")
        self.assertAnswer('{"count":1,"sum":1}', "test/counter", "b", "?")

    def test_an_idempotency_key_with_another_body_is_refused(self):
        self.assertEqual(self.add("c", 1, "r", key="k").status, 200)
        refused = self.add("c", 2, "r", key="k")
        self.assertIn(refused.status, (409, 422), refused)
        self.assertAnswer('{"count":1,"sum":1}', "test/counter", "c", "?")

    def test_messages_to_one_address_are_handled_in_order(self):
        for n in range(200):
            self.assertSent("test/counter", "d", json.dumps({"n": n, "ref": f"r{n}"}), "test/Json")
        self.assertAnswer('{"count":200,"sum":19900}', "test/counter", "d", "?")
        records = [json.loads(value_of(record)) for record in self.stream("added")]
        self.assertEqual([record["n"] for record in records], list(range(200)))
        self.assertEqual([record["count"] for record in records], list(range(1, 201)))

    def test_a_function_sends_to_another(self):
        for n in (3, 4):
            self.assertSent("test/relay", "r", json.dumps({"to": "test/counter", "id": "e", "n": n, "ref": f"r{n}"}), "test/Json")
        self.eventually(lambda: len(self.stream("added")) == 2, "both records")
        self.assertAnswer('{"count":2,"sum":7}', "test/counter", "e", "?")

    def test_a_call_that_nobody_answers_times_out_with_504(self):
        relayed = json.dumps({"to": "test/counter", "id": "f", "n": 1, "ref": "r"})
        answer = self.call("test/relay", "r", relayed, "test/Json", timeout="200ms")
        self.assertEqual(answer.status, 504, answer)
        self.eventually(lambda: len(self.stream("added")) == 1, "the message was handled all the same")

    def test_an_unknown_function_is_refused_with_404(self):
        answer = self.send("nobody/here", "x", "hello")
        self.assertEqual(answer.status, 404, answer)
        self.assertIn("nobody/here", answer.text)


class EmptyId(Case):
    def test_it_is_an_address_like_any_other(self):
        def function(request):
            if request.id == "sender":
                return wire.answer(*(wire.send(("test/f", ""), wire.string("x")) for invocation in request.invocations if not invocation.caller))
            return count_and_answer(request)

        module = self.write("module.yaml", endpoint("test/*", self.stub(function).url))
        self.up(module)
        self.assertAnswer("1", "test/f", "", "over HTTP")
        self.assertSent("test/f", "sender", "x")
        self.eventually(lambda: self.state("test/f", "").get("count") == 2, lambda: self.state("test/f", ""))
        self.assertEqual(self.holdfast.cli("call", "test/f/", "on the command line").stdout.strip(), "3")
        self.assertAnswer("4", "test/f", "", "x", key="k")
        self.holdfast.kill()
        self.up(module)
        self.assertAnswer("4", "test/f", "", "x", key="k")
        self.assertAnswer("5", "test/f", "", "x")
        self.assertIn("test/f/ ", self.holdfast.cli("state", "ls").stdout)
        self.assertAnswer("1", "test/f", "another", "x")


class Later(WithFunctions):
    def order(self, **order):
        return self.call("test/later", "l", json.dumps(order), "test/Json")

    def fired(self):
        return self.call("test/later", "l", "?").json()

    def test_a_delayed_send_arrives_and_a_cancelled_one_does_not(self):
        self.order(op="send", delay=300, text="kept", token="t1")
        self.order(op="send", delay=150, text="cancelled", token="t2")
        self.order(op="send", delay=150, text="plain")
        self.order(op="cancel", token="t2")
        self.eventually(lambda: self.fired() == ["plain", "kept"], self.fired)
        self.order(op="cancel", token="t1")  # Fired already: changes nothing.
        self.assertEqual(self.fired(), ["plain", "kept"])
        self.assertEqual([value_of(record) for record in self.stream("fired")], ["plain", "kept"])

    def test_lists_are_asked_for_with_ls_or_without(self):
        self.order(op="send", delay=60_000, text="later", token="t1")
        shown = self.holdfast.cli("timers").stdout
        self.assertIn("t1", shown)
        self.assertEqual(self.holdfast.cli("timers", "ls").stdout, shown)
        self.assertEqual(self.holdfast.cli("timers", "ls", "test/later", "--limit", "1").stdout, shown)
        self.assertEqual(self.holdfast.cli("timers", "test/later").stdout, shown)
        self.assertNotIn("t1", self.holdfast.cli("timers", "ls", "test/other").stdout)
        for name in ("functions", "endpoints", "addresses", "streams", "modules"):
            self.assertEqual(self.holdfast.cli(name, "ls", "--json").stdout, self.holdfast.cli(name, "--json").stdout, name)
        wrong = self.holdfast.cli("addresses", "later", check=False)
        self.assertEqual(wrong.returncode, 2, wrong.stderr)
        self.assertIn("namespace/name", wrong.stderr)

    def test_delayed_sends_survive_kill_and_can_be_cancelled_after_it(self):
        self.order(op="send", delay=2500, text="due later", token="t1")
        self.order(op="send", delay=100, text="overdue after the kill", token="t2")
        self.order(op="send", delay=2000, text="never", token="t3")
        self.holdfast.kill()
        self.up(self.module)
        self.order(op="cancel", token="t3")
        timers = json.dumps(self.holdfast.cli_json("timers"))
        self.assertIn("test/later", timers)
        self.eventually(lambda: self.fired() == ["overdue after the kill", "due later"], self.fired)


class Streams(WithFunctions):
    def test_a_long_poll_is_answered_when_the_record_comes(self):
        self.add("a", 1, "first")
        position = self.page("?from=0")["next"]
        answers = queue.Queue()

        def wait():
            with Connection(self.holdfast.gateway) as connection:
                answers.put(connection.ask("GET", f"/v1/streams/test/out/added?from={position}&wait=20s").json())
        reader = threading.Thread(target=wait)
        reader.start()
        self.add("a", 2, "second")
        page = answers.get(timeout=15)
        reader.join()
        self.assertEqual([json.loads(value_of(record))["ref"] for record in page["records"]], ["second"])
        self.assertEqual(page["records"][0]["source"], "test/counter/a")
        self.assertEqual(page["records"][0]["key"], "a")

    def page(self, query):
        answer = self.ask(self.holdfast.gateway, "GET", "/v1/streams/test/out/added" + query)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def test_positions_are_stable_and_pages_do_not_overlap(self):
        for n in range(25):
            self.add("a", n, f"r{n}")
        whole = self.stream("added")
        self.assertEqual([record["position"] for record in whole], sorted({record["position"] for record in whole}))
        self.assertEqual(self.stream("added", limit=7), whole)
        self.assertEqual(len(self.page(f"?from={whole[10]['position']}&limit=5")["records"]), 5)
        self.holdfast.kill()
        self.up(self.module)
        self.assertEqual(self.stream("added"), whole)

    def test_server_sent_events_follow_the_stream(self):
        self.add("a", 1, "before")
        with socket.create_connection(self.holdfast.gateway, 15) as reader:
            reader.sendall(b"GET /v1/streams/test/out/added?from=0 HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
            read_until(reader, b"before")
            self.add("a", 2, "while reading")
            text = read_until(reader, b"while reading")
        self.assertIn(b"data:", text)


class Trace(Case):
    def test_traceparent_reaches_the_function_and_what_it_sends_to(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        def relay(request):
            if request.id == "first":
                return wire.answer(wire.send(("test/f", "second"), wire.string("on")))
            return b""

        stub = self.stub(relay)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url)))
        self.assertSent("test/f", "first", "go", traceparent=trace)
        self.eventually(lambda: stub.requests(id="second"), "the second function")
        for headers in stub.headers:
            self.assertIn("0af7651916cd43dd8448eb211c80319c", headers.get("traceparent", ""), headers)


class Backpressure(Case):
    def test_a_full_backlog_is_429_with_retry_after_and_nothing_accepted_is_lost(self):
        gate = threading.Event()

        def held(request):
            gate.wait(30)
            return count_and_answer(request)

        stub = self.stub(held)
        self.addCleanup(gate.set)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url), settings(limits={"backlogMessages": 100})))
        accepted = 0
        for n in range(2000):
            answer = self.send("test/f", f"id{n % 10}", "x")
            if answer.status == 202:
                accepted += 1
                continue
            self.assertEqual(answer.status, 429, answer)
            self.assertGreaterEqual(float(answer.headers["Retry-After"]), 0)
            break
        else:
            self.fail("2000 messages were accepted into a backlog of 100")
        gate.set()
        self.eventually(lambda: sum(len(r.invocations) for r in stub.requests() if "count" in r.states) == accepted,
                        f"{accepted} accepted messages are handled")


def value_of(record):
    """The text of a record's value, however it is shown."""
    value = record["value"]
    return value if isinstance(value, str) else json.dumps(value)


def read_until(connection, wanted):
    text = b""
    while wanted not in text:
        more = connection.recv(65536)
        if not more:
            raise AssertionError(f"closed before {wanted!r}: {text!r}")
        text += more
    return text


if __name__ == "__main__":
    unittest.main()
