"""The C++ SDK's server behind Holdfast: functions of every kind, over TCP and a unix socket, killed with kill -9 on both sides; what an
exception said is seen where its address is parked; signals and errors end it with the right exit code."""
import collections
import pathlib
import random
import signal
import threading
import unittest

from harness import GONE, Case, Connection, FunctionServer, endpoint, fails_fast, function_path, stream
from running import Process, binary

SERVER = pathlib.Path(binary()).parent / "tests" / "e2e" / "sdk_server"
KINDS = ("cpp/counter", "cpp/blocks", "cpp/later")
SENDERS = 4
ROUNDS = 8
TEXT = {"Content-Type": "text/plain"}


class SdkServer(Case):
    def serve(self, *options, port=0, env=None):
        server = FunctionServer([SERVER, *options], env, "functions in C++", port)
        self.started.append(server)
        return server

    def module_for(self, server):
        return self.write("module.yaml", endpoint("cpp/*", server.url, **fails_fast()), stream())


class Calls(SdkServer):
    def test_functions_of_every_kind_are_called_over_tcp_and_a_unix_socket(self):
        for options in ([], [self.folder / "f.sock"]):
            server = self.serve(*options)
            self.up(self.module_for(server), data=self.folder / f"data{len(options)}")
            for kind in KINDS:
                for count in range(1, 6):
                    self.assertAnswer(f"{count} {10 * count}", kind, "a", "10")
                self.assertEqual(self.state(kind, "a"), {"count": 5, "sum": 50})
            self.holdfast.kill()


    def test_connections_are_replaced_under_load_and_no_call_fails_for_it(self):
        server = self.serve()
        self.up(self.write("module.yaml", endpoint("cpp/*", server.url, transport={"pool_ttl": "100ms"}), stream()))
        ids, rounds, answers = 8, 60, []

        def calls(kind, id):
            with Connection(self.holdfast.gateway) as connection:
                for count in range(1, rounds + 1):
                    answers.append((f"{count} {count}", connection.ask("POST", function_path(kind, id, "call"), b"1", TEXT).text))

        # cpp/blocks takes its time: connections that are to go have calls under way.
        threads = [threading.Thread(target=calls, args=(kind, str(i))) for kind in ("cpp/blocks", "cpp/counter") for i in range(ids)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 2 * ids * rounds)
        self.assertEqual([(expected, got) for expected, got in answers if expected != got], [])
        self.assertEqual(self.metric("holdfast_invoker_failed_calls_total", endpoint="cpp/*"), 0)


class Failures(SdkServer):
    def test_what_an_exception_said_is_shown_where_its_address_is_parked(self):
        mood = self.folder / "mood"
        mood.write_text("bad")
        server = self.serve(env={"MOOD_FILE": str(mood)})
        self.up(self.module_for(server))
        reason = "the shelf is empty: " + "not one left, " * 40 + "sorry"
        self.assertSent("cpp/throws", "m", reason)
        parked = self.eventually(self.parked, "the address is parked")
        self.assertIn(f"cpp/throws/m: {reason}", parked[0]["reason"])
        # All of it, to whoever asks, waits for a reply, or looks at the server.
        self.assertIn(f"cpp/throws/m: {reason}", self.holdfast.cli("parked", "ls").stdout)
        self.assertIn(f"cpp/throws/m: {reason}", self.holdfast.cli("call", "cpp/throws/m", "x", "--timeout", "1ms", check=False).stderr)
        self.assertIn(f"cpp/throws/m: {reason}", server.output())
        # The server lives, and others are served.
        self.assertAnswer("1 7", "cpp/counter", "a", "7")
        mood.unlink()
        self.holdfast.cli("parked", "retry", "cpp/throws/m")
        self.assertAnswer("fine", "cpp/throws", "m", "now")
        self.assertEqual(self.parked(), [])


class Sender:
    """Adds numbers to counters, each until it is acknowledged."""

    def __init__(self, number, gateway):
        self.sent = []  # (function, id, n)
        self.error = None
        self._random = random.Random(number)
        self._number, self._gateway = number, gateway
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self):
        self._stop.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise AssertionError(f"sender {self._number} did not end")
        if self.error:
            raise self.error

    def _run(self):
        connection = None
        try:
            while not self._stop.is_set():
                function, id, n = self._random.choice(KINDS), f"id{self._random.randrange(10)}", self._random.randrange(1, 100)
                headers = {**TEXT, "Idempotency-Key": f"{self._number}-{len(self.sent)}"}
                while True:
                    try:
                        connection = connection or Connection(self._gateway(), 10)
                        answer = connection.ask("POST", function_path(function, id, "send"), str(n).encode(), headers)
                    except GONE:
                        connection = None
                        self._stop.wait(0.005)
                        continue
                    if answer.status == 202:
                        break
                    if answer.status not in (429, 503):
                        raise AssertionError(f"{function}/{id}: {answer}")
                    self._stop.wait(0.005)
                self.sent.append((function, id, n))
        except Exception as error:
            self.error = error
        finally:
            if connection:
                connection.close()


class Chaos(SdkServer):
    def test_kill_9_of_the_server_and_of_holdfast_counts_every_message_once(self):
        for options in ([self.folder / "f.sock"], []):
            with self.subTest("unix" if options else "tcp"):
                self.kill_rounds(options, self.folder / f"data{len(options)}")

    def kill_rounds(self, options, data):
        server = self.serve(*options)
        port = server.port or 0
        module = self.write("module.yaml", endpoint("cpp/*", server.url, **fails_fast(attempts=50)), stream())
        self.up(module, data=data)
        senders = [Sender(number, lambda: self.holdfast.gateway) for number in range(SENDERS)]
        try:
            for round in range(ROUNDS):
                # So much must get through between two kills that both sides are in the middle of something.
                target = sum(len(sender.sent) for sender in senders) + 200
                self.eventually(lambda: sum(len(sender.sent) for sender in senders) >= target or any(sender.error for sender in senders),
                                "messages are taken")
                if round % 3 != 1:
                    server.kill()
                if round % 3 != 0:
                    self.holdfast.kill()
                    self.up(module, data=data)
                if round % 3 != 1:
                    server = self.serve(*options, port=port)
        finally:
            for sender in senders:
                sender.end()
        expected = collections.defaultdict(lambda: [0, 0])
        for sender in senders:
            for function, id, n in sender.sent:
                expected[f"{function}/{id}"][0] += 1
                expected[f"{function}/{id}"][1] += n
        total = sum(count for count, _ in expected.values())
        self.eventually(lambda: len(self.stream("added")) >= total, lambda: f"{len(self.stream('added'))} of {total}; {self.parked()}", 60)
        records = collections.defaultdict(list)
        for record in self.stream("added"):
            records[record["key"]].append([int(part) for part in record["value"].split()])
        self.assertEqual({key: seen[-1] for key, seen in records.items()}, dict(expected))
        for key, seen in records.items():
            self.assertEqual([count for count, _ in seen], list(range(1, len(seen) + 1)), key)
        self.assertEqual(self.parked(), [])
        self.holdfast.kill()
        server.kill()


class Ends(SdkServer):
    def test_signals_end_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve(self.folder / "f.sock")
            server.signal(number)
            self.assertEqual(server.wait(), 0, server.tail())
            self.assertFalse((self.folder / "f.sock").exists())

    def test_a_port_that_is_taken_ends_it_with_1_and_says_so(self):
        server = self.serve()
        other = Process([SERVER, str(server.port)])
        self.started.append(other)
        self.assertEqual(other.wait(), 1)
        self.assertEqual(other.output(), f"error: cannot listen on 127.0.0.1:{server.port}: address already in use")

    def test_a_socket_that_cannot_be_made_ends_it_with_1_and_says_so(self):
        other = Process([SERVER, str(self.folder / "no" / "f.sock"), "0"])
        self.started.append(other)
        self.assertEqual(other.wait(), 1)
        self.assertIn("no such file or directory", other.output())


if __name__ == "__main__":
    unittest.main()
