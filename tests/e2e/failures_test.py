"""What goes wrong stays where it is: garbage, refusals and failing functions stop their own address, an endpoint that is
down stops its own functions, and all of it can be seen and resumed."""
import json
import threading
import unittest

import wire
from harness import Case, document, endpoint, fails_fast, stream
from stub import Reply, Stub, count_and_answer, free_port


def answer_of(request):
    """What the function `request.id` answers: each id is one way of making no sense."""
    return {
        "garbage": b"\xff\xff\xff\xff\xff",
        "text": b"hello, world",
        "html": Reply(b"<html></html>", content_type="text/html"),
        "charset": Reply(wire.answer(), content_type="application/octet-stream; charset=utf-8"),
        "unknown egress": wire.answer(wire.egress("no/such", wire.string("x"))),
        "unregistered state": wire.answer(wire.mutation("nowhere", wire.integer(1))),
        "wrong state type": wire.answer(wire.mutation("count", wire.string("x"))),
        "re-used token": wire.answer(wire.send_after(60000, ("test/f", "x"), wire.string("x"), "t"),
                                     wire.send_after(60000, ("test/f", "x"), wire.string("x"), "t")),
        "negative delay": wire.answer(wire.send_after(-5, ("test/f", "x"), wire.string("x"))),
        "unknown function": wire.answer(wire.send(("no/such", "x"), wire.string("x"))),
        "not a kafka record": wire.answer(wire.egress("test/out", wire.typed(
            "type.googleapis.com/io.statefun.sdk.egress.KafkaProducerRecord", b"\xff\xff\xff"))),
        "unknown encoding": Reply(b"hello", encoding="zstd"),
        "redirect": Reply(b"", 302),
    }.get(request.id)


NONSENSE = ["garbage", "text", "html", "charset", "unknown egress", "unregistered state", "wrong state type", "re-used token",
            "negative delay", "unknown function", "not a kafka record", "unknown encoding", "redirect"]


class Said(Case):
    """What the log says before anybody looks."""

    def test_a_call_that_fails_is_in_the_log_long_before_its_message_is_parked(self):
        stub = self.stub(lambda request: Reply(b"no such table", 500))
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, onFailure={"retry": {"initial": "20ms", "max": "1d"}})))
        self.assertSent("test/f", "a", "x")
        self.eventually(lambda: "a call failed, and is made again" in self.holdfast.tail(), "it is said")
        text = self.holdfast.tail()
        self.assertIn("test/f/a", text)
        self.assertIn("no such table", text)
        self.eventually(lambda: len(stub.seen) >= 4, "it is called again")
        self.assertEqual(self.parked(), [])
        self.assertLess(self.holdfast.tail().count("a call failed"), len(stub.seen))

    def test_a_start_says_what_waits_for_a_function_or_an_egress_that_is_named_no_more(self):
        def emits(request):
            return wire.answer(*(wire.egress("test/out", wire.kafka_record("t", b"x")) for _ in request.invocations))

        stub = self.stub(emits)
        away = endpoint("gone/*", f"http://127.0.0.1:{free_port()}/f")
        self.up(self.write("all.yaml", endpoint("test/*", stub.url), away, document("io.statefun.kafka.v1/egress", {
            "id": "test/out", "address": f"127.0.0.1:{free_port()}"})))
        for i in range(3):
            self.assertSent("gone/f", str(i), "x")
        for i in range(2):
            self.assertSent("test/f", str(i), "x")
        self.eventually(lambda: any(egress["id"] == "test/out" and egress["waiting"] == 2 for egress in self.egresses()), self.egresses)
        self.holdfast.stop()
        self.up(self.write("fewer.yaml", endpoint("test/*", stub.url)))
        self.eventually(lambda: "records wait for an egress that no file names" in self.holdfast.tail(), "the egress is named")
        lines = self.holdfast.tail().splitlines()
        self.assertTrue(any("records wait" in line and "test/out" in line and "2" in line for line in lines), lines)
        self.assertTrue(any("messages wait for a function that no endpoint serves" in line and "gone/f" in line and "3" in line for line in lines), lines)
        self.holdfast.stop()
        self.up(self.folder / "all.yaml")
        self.eventually(lambda: self.egresses(), "it is up")
        self.assertNotIn("wait for", self.holdfast.tail())

    def egresses(self):
        return self.holdfast.cli_json("egress", "ls")["egresses"]


class Nonsense(Case):
    def test_an_answer_that_makes_no_sense_parks_its_address_and_no_other(self):
        def function(request):
            if "count" not in request.states:
                return wire.missing(("count", wire.INT))
            answer = answer_of(request)
            return count_and_answer(request) if answer is None else answer

        stub = self.stub(function)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast()), stream()))
        for kind in NONSENSE:
            self.assertSent("test/f", kind, "x")
        parked = self.eventually(lambda: self.all_parked(len(NONSENSE)), lambda: self.parked(), 30)
        text = json.dumps(parked)
        for kind in NONSENSE:
            self.assertIn(f'"{kind}"', text)
        # Others go on, and nothing half of it was done.
        self.assertAnswer("1", "test/f", "good", "x")
        self.assertEqual(self.stream("x"), [])
        for kind in ("re-used token", "negative delay"):
            self.assertEqual(self.state("test/f", kind), {}, kind)
        self.assertNotIn("test/f", json.dumps(self.holdfast.cli_json("timers")))

    def all_parked(self, count):
        parked = self.parked()
        return parked if len(parked) == count else None

    def test_a_changed_state_type_refuses_that_function_with_a_clear_reason(self):
        changed = threading.Event()

        def function(request):
            if changed.is_set() and "count" in request.states and request.type_name == "test/changed":
                return wire.answer(wire.mutation("count", wire.string("two")))
            return count_and_answer(request)

        stub = self.stub(function)
        self.module = self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast()))
        self.up(self.module)
        self.assertAnswer("1", "test/changed", "a", "x")
        changed.set()
        self.holdfast.kill()
        self.up(self.module)
        self.assertSent("test/changed", "a", "x")
        parked = self.eventually(self.parked, "the address is parked")
        for part in (wire.INT, wire.STRING, "count"):
            self.assertIn(part, parked[0]["reason"])
        self.assertEqual(self.state("test/changed", "a"), {"count": 1})
        self.assertAnswer("1", "test/other", "a", "x")


class Parked(Case):
    def setUp(self):
        super().setUp()
        self.mood = self.folder / "mood"
        functions = self.functions(env={"MOOD_FILE": str(self.mood)})
        self.module = self.write("module.yaml", endpoint("test/*", functions.url, **fails_fast()))
        self.up(self.module)

    def park(self):
        self.mood.write_text("bad")
        self.assertAnswer("1", "test/moody", "m", "good")
        self.assertSent("test/moody", "m", "bad")
        self.eventually(self.parked, "the address is parked")
        self.assertSent("test/moody", "m", "behind it")
        self.assertAnswer("1", "test/moody", "other", "good")

    def test_parked_work_is_shown_survives_kill_and_goes_on_after_retry(self):
        self.park()
        self.holdfast.kill()
        self.up(self.module)
        text = json.dumps(self.parked())
        self.assertIn("test/moody", text)
        self.assertIn("500", text)
        self.mood.unlink()
        self.holdfast.cli("parked", "retry", "test/moody/m")
        self.assertAnswer("4", "test/moody", "m", "now")
        self.assertEqual(self.parked(), [])

    def test_skip_leaves_the_failed_message_out_and_goes_on_with_the_rest(self):
        self.park()
        self.holdfast.cli("parked", "skip", "test/moody/m")
        self.assertAnswer("3", "test/moody", "m", "now")
        self.assertEqual(self.parked(), [])

    def test_retry_of_what_still_fails_parks_it_again(self):
        self.park()
        self.holdfast.cli("parked", "retry", "test/moody/m")
        self.eventually(self.parked, "parked again")
        self.assertEqual(self.holdfast.cli("parked", "retry", "test/moody/nobody", check=False).returncode != 0, True)

    def test_one_function_or_all_is_said_and_not_both(self):
        self.park()
        for which in ("", "?all&type=test/moody", "?type=test/moody&all"):
            self.assertEqual(self.ask(self.holdfast.admin, "POST", f"/v1/parked/skip{which}").status, 400, which)
        self.assertEqual(len(self.parked()), 1)
        self.assertEqual(self.ask(self.holdfast.admin, "POST", "/v1/parked/skip?all").json()["skipped"], 1)


class Policies(Case):
    def test_drop_goes_on_with_the_next_message(self):
        stub = self.stub(self.fails_on_bad)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, maxNumBatchRequests=1, **fails_fast(action="drop"))))
        self.assertSent("test/f", "a", "bad")
        self.assertAnswer("1", "test/f", "a", "good")
        self.assertEqual(self.parked(), [])

    def test_dead_letters_go_to_their_stream_with_the_reason(self):
        stub = self.stub(self.fails_on_bad)
        policy = fails_fast(action="dead-letter")
        policy["onFailure"]["deadLetter"] = {"egress": "test/out", "topic": "dead"}
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, maxNumBatchRequests=1, **policy), stream()))
        self.assertSent("test/f", "a", "bad")
        self.assertAnswer("1", "test/f", "a", "good")
        records = self.stream("dead")
        self.assertEqual([record["value"] for record in records], ["bad"])
        self.assertIn("500", json.dumps(records))
        self.assertIn("test/f", json.dumps(records))

    def test_a_failure_that_passes_is_retried_until_it_does(self):
        failures = iter([500, 503, 502])

        def function(request):
            status = next(failures, None)
            return Reply(b"", status) if status else count_and_answer(request)

        stub = self.stub(function)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast(attempts=10))))
        self.assertAnswer("1", "test/f", "a", "x")

    @staticmethod
    def fails_on_bad(request):
        if any(invocation.text == "bad" for invocation in request.invocations):
            return Reply(b"no", 500, "text/plain")
        return count_and_answer(request)


class Down(Case):
    def test_an_endpoint_that_is_down_does_not_slow_others_and_its_messages_wait(self):
        port = free_port()
        good = self.stub()
        self.module = self.write("module.yaml", endpoint("down/*", f"http://127.0.0.1:{port}/statefun", **fails_fast()),
                                 endpoint("up/*", good.url))
        self.up(self.module)
        for n in range(50):
            self.assertSent("down/f", f"id{n}", "x")
        for n in range(50):
            self.assertAnswer("1", "up/f", f"id{n}", "x")
        self.assertEqual(self.parked(), [], "waiting for an endpoint is no failure of the message")
        self.holdfast.kill()
        self.up(self.module)
        late = Stub(port=port)
        self.addCleanup(late.close)
        for n in range(50):
            self.assertAnswer("2", "down/f", f"id{n}", "x")

    def test_a_function_with_a_host_of_its_own_that_is_not_there_stops_nobody_else_and_its_mail_can_be_dropped(self):
        self.stub(path=str(self.folder / "good.sock"))
        self.module = self.write("module.yaml", endpoint("test/*", f"http+unix://{self.folder}/{{function.name}}.sock/statefun"))
        self.up(self.module)
        self.assertSent("test/misspelt", "a", "x")
        self.eventually(lambda: self.hosts_down() == [f"http+unix://{self.folder}/misspelt.sock"], self.hosts_down)
        self.assertAnswer("1", "test/good", "a", "x")
        self.holdfast.kill()
        self.up(self.module)
        for n in range(20):
            self.assertAnswer("2" if n == 0 else "1", "test/good", "a" if n == 0 else f"id{n}", "x")
        self.eventually(self.hosts_down, "the host is down")
        self.assertIn("misspelt.sock", self.holdfast.cli("endpoints").stdout)
        self.assertNotEqual(self.holdfast.cli("mail", "drop", "nobody/f", check=False).returncode, 0)
        self.assertIn("dropped 1 message of 1 address", self.holdfast.cli("mail", "drop", "test/misspelt").stdout)
        self.assertEqual(self.hosts_down(), [])
        self.assertEqual(self.holdfast.cli_json("addresses")["addresses"], [])
        self.assertEqual(self.holdfast.cli_json("mail", "drop", "test/misspelt/a"), {"dropped": 0, "addresses": 0, "tried": 0})

    def hosts_down(self):
        return [host["host"] for host in self.holdfast.cli_json("endpoints")["endpoints"][0].get("hosts_down", [])]

    def test_a_load_balancer_that_says_503_is_waited_for_and_no_attempt_is_used_up(self):
        is_away = threading.Event()
        is_away.set()

        def function(request):
            return Reply(b"no healthy upstream", 503, "text/plain") if is_away.is_set() else count_and_answer(request)

        stub = self.stub(function)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast(attempts=2, action="drop"))))
        for n in range(50):
            self.assertSent("test/f", f"id{n}", "x")
        self.eventually(lambda: len(stub.requests()) >= 5, "it is tried now and then")
        self.assertTrue(self.holdfast.cli_json("endpoints")["endpoints"][0]["down"])
        is_away.clear()
        for n in range(50):
            self.assertAnswer("2", "test/f", f"id{n}", "x")

    def test_a_message_that_a_proxy_never_lets_through_is_given_up_while_others_are_answered(self):
        def function(request):
            poison = any(invocation.text == "poison" for invocation in request.invocations)
            return Reply(b"upstream request timeout", 504, "text/plain") if poison else count_and_answer(request)

        stub = self.stub(function)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast(attempts=3))))
        self.assertAnswer("1", "test/f", "bad", "x")
        self.assertSent("test/f", "bad", "poison")
        answered = 0
        while not self.parked():
            answered += 1
            self.assertAnswer(str(answered), "test/f", "good", "x")
        self.assertIn("504", self.parked()[0]["reason"])

    def test_what_a_proxy_made_of_an_answer_is_tried_again_and_never_dropped(self):
        answers = iter([Reply(b"<html>sign in</html>", content_type="text/html"), Reply(b"<html>sign in</html>"),
                        Reply(b"", content_type=None), Reply(wire.answer(wire.send(("test/f", "x"), wire.string("x")))[:-1])] * 2)
        stub = self.stub(lambda request: next(answers, None) or count_and_answer(request))
        policy = fails_fast(attempts=0, action="drop")
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **policy)))
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertEqual(len(stub.requests("test/f", "a")), 10)  # The ninth asks for its state.

    def test_an_endpoint_that_hangs_does_not_slow_others(self):
        gate = threading.Event()
        self.addCleanup(gate.set)

        def hangs(request):
            gate.wait(60)
            return count_and_answer(request)

        bad, good = self.stub(hangs), self.stub()
        self.up(self.write("module.yaml", endpoint("slow/*", bad.url), endpoint("up/*", good.url)))
        for n in range(50):
            self.assertSent("slow/f", f"id{n}", "x")
        for n in range(50):
            self.assertAnswer("1", "up/f", f"id{n}", "x")
        gate.set()
        for n in range(50):
            self.assertAnswer("2", "slow/f", f"id{n}", "x")

    def test_a_call_timeout_is_retried_and_counts_once(self):
        first = threading.Event()
        gate = threading.Event()
        self.addCleanup(gate.set)

        def once_slow(request):
            if "count" in request.states and not first.is_set():
                first.set()
                gate.wait(30)
            return count_and_answer(request)

        stub = self.stub(once_slow)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, transport={"type": "io.statefun.transports.v1/async",
                                                                                 "call": "500ms"}, **fails_fast(5))))
        self.assertAnswer("1", "test/f", "a", "x")
        gate.set()
        self.assertAnswer("2", "test/f", "a", "x")


if __name__ == "__main__":
    unittest.main()
