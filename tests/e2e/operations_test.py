"""Running it: configuration errors, the CLI, health and metrics, stopping, checking the data."""
import contextlib
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading
import time
import unittest
import unittest.mock

import wire
from harness import Case, Failure, endpoint, fails_fast, settings, stream
from running import binary
from stub import count_and_answer

BAD_MODULE = """\
kind: io.statefun.endpoints.v2/http
spec:
  functions: test/*
  urlPathTemplat: http://127.0.0.1:1/statefun
---
kind: holdfast.streams.v1/egress
spec:
  id: nonsense
"""


def holdfast(*arguments, **options):
    return subprocess.run([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, **options)


class Configuration(Case):
    def test_all_errors_are_reported_with_their_place_and_exit_code_2(self):
        module = self.folder / "module.yaml"
        module.write_text(BAD_MODULE)
        for command in (["check", module], ["up", module, "--data", self.data, "--gateway", "127.0.0.1:0", "--admin", "127.0.0.1:0"]):
            result = holdfast(*command)
            said = result.stdout + result.stderr
            self.assertEqual(result.returncode, 2, said)
            self.assertIn("module.yaml:4:3", said)
            self.assertIn("urlPathTemplate", said)  # the nearest known key
            self.assertIn("module.yaml:8:", said)
            self.assertIn("nonsense", said)
        self.assertFalse(self.data.exists(), "nothing was made")

    def test_a_file_that_is_not_there_is_exit_code_2(self):
        result = holdfast("check", self.folder / "none.yaml")
        self.assertEqual(result.returncode, 2)
        self.assertIn("none.yaml", result.stdout + result.stderr)

    def test_check_says_what_a_good_file_holds_and_starts_nothing(self):
        module = self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun"), stream("test/out"))
        result = holdfast("check", module)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("test/*", result.stdout)
        self.assertIn("test/out", result.stdout)

    def test_an_unset_environment_variable_is_named(self):
        module = self.write("module.yaml", endpoint("test/*", "${NO_SUCH_URL_ANYWHERE}"))
        result = holdfast("check", module)
        self.assertEqual(result.returncode, 2)
        self.assertIn("NO_SUCH_URL_ANYWHERE", result.stdout + result.stderr)

    def test_unknown_options_and_commands_are_refused_with_a_hint(self):
        for arguments in (["upp"], ["up", "--dta", "x"], ["state", "get"]):
            result = holdfast(*arguments)
            self.assertNotEqual(result.returncode, 0, arguments)
            self.assertNotEqual(result.stderr + result.stdout, "", arguments)

    def test_a_port_that_is_taken_is_a_clear_error(self):
        module = self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            result = holdfast("up", module, "--data", self.data, "--gateway", f"127.0.0.1:{port}", "--admin", "127.0.0.1:0")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(port), result.stdout + result.stderr)

    def test_off_loopback_without_a_token_is_refused(self):
        module = self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun"))
        result = holdfast("up", module, "--data", self.data, "--gateway", "0.0.0.0:0", "--admin", "127.0.0.1:0")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("--insecure", result.stdout + result.stderr)

    def test_a_data_directory_in_use_is_refused(self):
        module = self.write("module.yaml", endpoint("test/*", "http://127.0.0.1:1/statefun"))
        self.up(module)
        with self.assertRaises(Failure) as second:
            self.up(module)
        self.assertIn(str(self.data), str(second.exception))


class CommandLine(Case):
    def setUp(self):
        super().setUp()
        self.mood = self.folder / "mood"
        functions = self.functions(env={"MOOD_FILE": str(self.mood)})
        self.module = self.write("module.yaml", endpoint("test/*", functions.url, **fails_fast()), stream())
        self.up(self.module)

    def test_send_and_call_reach_a_function(self):
        self.assertEqual(self.holdfast.cli("call", "test/moody/m", "good").stdout.strip(), "1")
        self.holdfast.cli("send", "test/moody/m", "good")
        self.assertEqual(self.holdfast.cli("call", "test/moody/m", "good").stdout.strip(), "3")
        answer = self.holdfast.cli_json("call", "test/moody/m", "good")
        self.assertIn("4", json.dumps(answer))

    def test_state_is_shown_decoded(self):
        self.call("test/counter", "a b/ü", json.dumps({"n": 7, "ref": "r"}), "test/Json")
        self.assertEqual({name: str(value) for name, value in self.state("test/counter", "a b/ü").items()}, {"count": "1", "sum": "7"})
        shown = self.holdfast.cli("state", "get", "test/counter/a b/ü").stdout
        self.assertIn("sum", shown)
        self.assertIn("7", shown)
        self.assertIn("test/counter", json.dumps(self.holdfast.cli_json("state", "ls")))

    def test_functions_and_addresses_are_listed(self):
        self.mood.write_text("bad")
        self.assertAnswer("1", "test/moody", "m", "good")
        self.assertSent("test/moody", "m", "bad")
        self.eventually(self.parked, "the address is parked")
        functions = json.dumps(self.holdfast.cli_json("functions"))
        self.assertIn("test/moody", functions)
        self.assertIn("heard", functions)
        addresses = json.dumps(self.holdfast.cli_json("addresses"))
        self.assertIn("test/moody", addresses)
        self.assertIn("parked", addresses)
        self.assertIn("test/moody", self.holdfast.cli("parked", "ls").stdout)

    def test_delayed_sends_are_listed(self):
        self.call("test/later", "l", json.dumps({"op": "send", "delay": 60000, "text": "x", "token": "tick"}), "test/Json")
        timers = json.dumps(self.holdfast.cli_json("timers"))
        self.assertIn("test/later", timers)
        self.assertIn("tick", timers)

    def test_version_and_help(self):
        self.assertRegex(holdfast("version").stdout, r"\d+\.\d+\.\d+")
        json.loads(holdfast("version", "--json").stdout)
        for command in ([], ["up"], ["state", "get"], ["parked"]):
            result = holdfast(*command, "--help")
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_what_is_not_there_is_said_and_is_no_success(self):
        for command in (["parked", "skip", "test/moody/nobody"], ["call", "nobody/here/x", "hello"], ["send", "not-an-address", "x"]):
            result = self.holdfast.cli(*command, check=False)
            self.assertNotEqual(result.returncode, 0, command)
            self.assertNotEqual(result.stderr, "", command)

    def test_a_runtime_that_is_not_there_is_said_with_its_address(self):
        result = holdfast("functions", "--admin", "http://127.0.0.1:1")
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("127.0.0.1:1", result.stderr)


class Watching(Case):
    def test_health_readiness_and_metrics(self):
        stub = self.stub()
        self.up(self.write("module.yaml", endpoint("test/*", stub.url)))
        self.assertAnswer("1", "test/f", "a", "x")
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.ask(self.holdfast.admin, "GET", path).status, 200, path)
        metrics = self.ask(self.holdfast.admin, "GET", "/metrics")
        self.assertEqual(metrics.status, 200)
        names = [line.split(" ")[2] for line in metrics.text.splitlines() if line.startswith("# TYPE ")]
        self.assertTrue(names)
        for name in names:
            self.assertTrue(name.startswith(("holdfast_", "process_")), name)
        self.assertEqual(len(names), len(set(names)))

    def test_bad_requests_are_answered_and_leave_no_trace(self):
        self.up(self.write("module.yaml", endpoint("test/*", self.stub().url), settings(limits={"requestBytes": "1mb", "messageBytes": "1mb"})))
        gateway = self.holdfast.gateway
        self.assertEqual(self.ask(gateway, "GET", "/nothing/here").status, 404)
        self.assertEqual(self.ask(gateway, "GET", "/v1/functions/test/f/a/send").status, 405)
        self.assertEqual(self.send("test/f", "a", b"\xff\xfe").status, 400)  # text/plain that is no UTF-8
        self.assertEqual(self.send("test/f", "a", "x", Host="rebound.example").status, 403)
        for raw in (b"GARBAGE\r\n\r\n", b"POST /v1/functions/test/f/a/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: nonsense\r\n\r\n"):
            with socket.create_connection(gateway, 10) as connection:
                connection.sendall(raw)
                self.assertIn(b" 400 ", connection.recv(4096).split(b"\r\n")[0] + b" ")
        with socket.create_connection(gateway, 10) as connection:
            connection.sendall(b"POST /v1/functions/test/f/a/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n")
            self.assertIn(b" 413 ", connection.recv(4096))
        self.assertAnswer("1", "test/f", "a", "x")


class Descriptors(Case):
    CONNECTIONS = 1000

    def setUp(self):
        super().setUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def test_a_thousand_idle_connections_take_nothing_from_calls_log_and_view(self):
        limited = self.folder / "holdfast"
        limited.write_text(f'#!/bin/sh\nulimit -n 256\nexec "{binary()}" "$@"\n')
        limited.chmod(0o755)
        module = self.write("module.yaml", endpoint("test/*", self.stub().url))
        with unittest.mock.patch.dict(os.environ, HOLDFAST_BINARY=str(limited)):
            self.up(module)
        self.assertAnswer("1", "test/f", "a", "x")
        with contextlib.ExitStack() as idle:
            for _ in range(self.CONNECTIONS):
                idle.enter_context(socket.create_connection(self.holdfast.gateway))
            for count in range(2, 50):
                self.connections.clear()  # A new connection for each.
                self.assertAnswer(str(count), "test/f", "a", "x")
            self.assertTrue(self.holdfast.running(), self.holdfast.tail())
        self.holdfast.kill()
        self.up(module)
        self.assertAnswer("50", "test/f", "a", "x")


class UnreadAnswers(Case):
    RECORDS, RECORD_BYTES = 2000, 10_000
    READERS = 400
    GROWTH_MAX = 96 << 20

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.holdfast.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) << 10

    def test_answers_that_nobody_reads_are_bounded_together(self):
        def emit_or_count(request):
            if not request.type_name.endswith("/emit"):
                return count_and_answer(request)
            record = wire.egress("test/out", wire.kafka_record("t", "x" * self.RECORD_BYTES))
            return wire.answer(*[record] * 100)

        self.up(self.write("module.yaml", endpoint("test/*", self.stub(emit_or_count).url), stream(), settings(shards=1)))
        for number in range(self.RECORDS // 100):
            self.assertSent("test/emit", str(number), "x")
        self.eventually(lambda: self.stream("t", position=self.RECORDS - 1), "all records are there")
        before = self.resident_bytes()
        with contextlib.ExitStack() as unread:
            for _ in range(self.READERS):
                reader = unread.enter_context(socket.socket())
                reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                reader.connect(self.holdfast.gateway)
                reader.sendall(b"GET /v1/streams/test/out/t?limit=1000 HTTP/1.1\r\nhost: localhost\r\n\r\n")
            for count in range(1, 200):
                self.assertAnswer(str(count), "test/count", "a", "x")
            self.assertLess(self.resident_bytes() - before, self.GROWTH_MAX)
        # Those who read get all of it, in as many pages as it takes.
        self.assertEqual(len(self.stream("t")), self.RECORDS)


class Hangup(Case):
    def test_sighup_never_ends_the_process(self):
        self.up(self.write("module.yaml", endpoint("test/*", self.stub().url)))
        self.holdfast.signal(signal.SIGHUP)
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertEqual(self.holdfast.stop(), 0)


class Stopping(Case):
    def setUp(self):
        super().setUp()
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.addCleanup(self.gate.set)

        def held(request):
            if request.id == "held" and "count" in request.states:
                self.arrived.set()
                self.gate.wait(30)
            return count_and_answer(request)

        self.function = self.stub(held)
        self.module = self.write("module.yaml", endpoint("test/*", self.function.url))
        self.up(self.module)

    def test_sigterm_finishes_what_is_under_way_and_ends_with_0(self):
        self.assertSent("test/f", "held", "x")
        self.assertTrue(self.arrived.wait(20))
        self.holdfast.signal(signal.SIGTERM)
        self.gate.set()
        self.assertEqual(self.holdfast.wait(30), 0)
        self.up(self.module)
        self.assertAnswer("2", "test/f", "held", "x")

    def test_a_second_sigterm_stops_at_once_and_loses_nothing(self):
        self.assertSent("test/f", "held", "x")
        self.assertTrue(self.arrived.wait(20))
        began = time.monotonic()
        self.holdfast.signal(signal.SIGTERM)
        self.eventually(lambda: self.draining(), "it drains", 5)
        self.holdfast.signal(signal.SIGTERM)
        self.holdfast.wait(10)
        self.assertLess(time.monotonic() - began, 10)
        self.gate.set()
        self.up(self.module)
        self.assertAnswer("2", "test/f", "held", "x")

    def draining(self):
        """Not ready any more: it says so, or does not listen any more."""
        try:
            return self.ask(self.holdfast.admin, "GET", "/readyz").status != 200
        except (OSError, ConnectionError):
            return True

    def test_sigint_with_nothing_to_do_ends_at_once_with_0(self):
        self.assertAnswer("1", "test/f", "a", "x")
        self.holdfast.signal(signal.SIGINT)
        self.assertEqual(self.holdfast.wait(10), 0)
        self.up(self.module)
        self.assertAnswer("2", "test/f", "a", "x")


class Data(Case):
    def setUp(self):
        super().setUp()
        self.module = self.write("module.yaml", endpoint("test/*", self.stub().url), stream())
        self.up(self.module)
        for n in range(100):
            self.assertSent("test/f", f"id{n}", "x" * 100)
        for n in range(100):
            self.assertAnswer("2", "test/f", f"id{n}", "x")

    def test_check_data_finds_nothing_wrong_after_kill(self):
        self.holdfast.kill()
        result = holdfast("check-data", self.data)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        json.loads(holdfast("check-data", self.data, "--json").stdout)

    def test_a_damaged_log_is_found_and_refused_loudly(self):
        self.holdfast.kill()
        # The segment with the most in it; segments have their size from birth, what is not written yet is zero.
        segments = {path: len(path.read_bytes().rstrip(b"\0")) for path in self.data.rglob("epochs-*.log")}
        segment = max(segments, key=segments.get)
        content = bytearray(segment.read_bytes())
        content[segments[segment] // 3] ^= 0x40
        segment.write_bytes(content)
        result = holdfast("check-data", self.data)
        self.assertNotEqual(result.returncode, 0, result.stdout)
        self.assertIn(segment.name, result.stdout + result.stderr)
        with self.assertRaises(Failure) as refused:
            self.up(self.module)
        self.assertIn(segment.name, str(refused.exception))


if __name__ == "__main__":
    unittest.main()
