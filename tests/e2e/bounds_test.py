"""What is under way has bounds, whatever the disk, the clock and the functions do; and whoever asks is told what happened."""
import pathlib
import re
import subprocess
import threading
import unittest

import wire
from harness import Case, endpoint, fails_fast, settings
from stub import Reply, count_and_answer

PRELOAD = pathlib.Path(__file__).resolve().parent / "preload"
MIB = 1 << 20


class Preloaded(Case):
    """Holdfast with a system call that is not what it should be."""

    def preload(self, name):
        library = self.folder / f"{name}.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", str(PRELOAD / f"{name}.c"), "-o", str(library), "-ldl"], check=True)
        return {"LD_PRELOAD": str(library)}


class LargeAnswers(Preloaded):
    COUNT, SIZE = 40, 30 * MIB

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.holdfast.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024

    def answer_bytes(self):
        metrics = self.ask(self.holdfast.admin, "GET", "/metrics").text
        return float(re.search(r"^holdfast_invoker_answer_bytes (\S+)", metrics, re.MULTILINE).group(1))

    def test_more_answers_than_fit_wait_for_a_disk_that_does_not_keep_up(self):
        go, asked = threading.Event(), set()
        large = wire.answer(wire.mutation("blob", wire.typed("test/blob", b"x" * self.SIZE)))

        def function(request):
            if request.id == "small":
                return wire.answer()
            if "blob" not in request.states:
                return wire.missing(("blob", "test/blob"))
            asked.add(request.id)
            go.wait(60)
            return large

        stub = self.stub(function)
        held = self.folder / "held"
        self.up(self.write("module.yaml", endpoint("test/*", stub.url), settings(shards=1, limits={"callBytes": "64mb", "epochBytes": "32mb"}, view={"dirtyBytes": "1mb"})),
                env={**self.preload("held_sync"), "HELD_SYNC": str(held)})
        for number in range(self.COUNT):
            self.assertSent("test/f", f"k{number}", "go")
        self.eventually(lambda: len(asked) == self.COUNT, lambda: f"{len(asked)} are called")
        held.touch()
        go.set()
        self.eventually(lambda: self.answer_bytes() >= 64 * MIB, "answers fill what there is for them")
        held.unlink()
        self.eventually(lambda: not self.holdfast.cli_json("addresses")["addresses"], "all are handled", 120)
        self.assertEqual(self.holdfast.state(), "running")
        self.assertLess(self.peak_mib(), 1000)  # All of the answers, once, are 1200; as they came they were held three times.
        for number in (0, self.COUNT - 1):
            state = self.ask(self.holdfast.admin, "GET", f"/v1/state/test/f/k{number}")
            self.assertEqual(state.status, 200)
            self.assertGreater(len(state.text), self.SIZE)


class ClockIsSet(Preloaded):
    DAY = 24 * 3600

    def test_a_clock_that_was_a_day_behind_is_put_right(self):
        heard = []

        def function(request):
            sends = []
            for call in request.invocations:
                if call.text.startswith("after "):
                    sends.append(wire.send_after(int(call.text.split()[1]), ("test/f", request.id), wire.string("now")))
                else:
                    heard.append(request.id)
            return wire.answer(*sends)

        stub = self.stub(function)
        clock = self.folder / "clock"
        clock.write_text("0")
        env = {**self.preload("set_clock"), "SET_CLOCK": str(clock)}
        module = self.write("module.yaml", endpoint("test/*", stub.url), settings(shards=1))
        self.up(module, env=env)
        self.assertSent("test/f", "old", "after 1500")
        self.eventually(lambda: self.holdfast.cli_json("timers")["timers"], "the timer is set")
        self.holdfast.kill()
        heard.clear()
        clock.write_text(str(-self.DAY))
        self.up(module, env=env)
        self.assertSent("test/f", "small", "after 1")  # It runs, and has looked at its timers.
        self.eventually(lambda: heard == ["small"], lambda: heard)
        clock.write_text("0")
        self.eventually(lambda: heard == ["small", "old"], lambda: heard)
        self.assertSent("test/f", "new", "after 1000")
        self.eventually(lambda: heard == ["small", "old", "new"], lambda: heard)


class GivenUp(Case):
    """Calls that nobody will answer."""

    def error(self, answer):
        return answer.status, answer.json()["error"]["code"]

    def begin(self, action=None):
        self.broken = True

        def function(request):
            return Reply(b"no", 500, "text/plain") if self.broken else count_and_answer(request)

        self.up(self.write("module.yaml", endpoint("test/*", self.stub(function).url, **fails_fast(2, action)), settings(shards=2)))

    def test_whoever_called_is_told_that_the_message_was_dropped_and_so_is_whoever_asks_again(self):
        self.begin("drop")
        for key in (None, "k"):
            answer = self.call("test/f", "a", "x", key=key)
            self.assertEqual(self.error(answer), (502, "failed"))
            self.assertIn("dropped", answer.text)
        self.broken = False
        self.assertEqual(self.error(self.call("test/f", "a", "x", key="k")), (502, "failed"))
        self.assertAnswer("1", "test/f", "a", "x", key="another")

    def test_a_call_to_a_parked_address_says_so_and_one_that_waits_is_told_of_a_skip(self):
        self.begin()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.call("test/f", "a", "x", key="k")))
        waiting.start()
        self.eventually(self.parked, "it is parked")
        for key in (None, "k", "another"):
            self.assertEqual(self.error(Case.call(self.apart(), "test/f", "a", "x", key=key)), (409, "parked"))
        self.holdfast.cli("parked", "skip", "test/f/a")
        waiting.join()
        self.assertEqual(self.error(answers[0]), (502, "failed"))
        self.assertIn("skipped", answers[0].text)
        self.broken = False
        self.assertAnswer("1", "test/f", "a", "x", key="another")

    def apart(self):
        """Another client: the one of this test waits for its answer."""
        other = Case()
        other.holdfast, other.connections = self.holdfast, {}
        self.addCleanup(lambda: [connection.close() for connection in other.connections.values()])
        return other

    def test_the_longest_id_and_the_longest_key_there_may_be(self):
        self.begin()
        self.broken = False
        self.assertAnswer("1", "test/f", "i" * 4096, "x", key="k" * 255)


if __name__ == "__main__":
    unittest.main()
