"""Functions in Holdfast's own process: their states and effects survive kill -9, their failures park, and their code can be replaced while
messages flow. The functions are those of tests/modules/functions.h."""
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import unittest

from harness import Case, document, fails_fast
from running import binary


def modules():
    """The folder with the test modules: beside the program under test."""
    return pathlib.Path(binary()).parent / "test_modules"


def native(functions, module, **spec):
    return document("holdfast.endpoints.v1/native", {"functions": functions, "module": module, **spec})


def count_of(text):
    """(version, count) of an answer like "v1: 7"."""
    version, count = text.split(": ")
    return version, int(count)


class NativeCase(Case):
    def setUp(self):
        super().setUp()
        self.put("functions_v1")

    def put(self, name):
        """Makes the module file what another one is, in one step."""
        shutil.copy(modules() / f"{name}.so", self.folder / "next.so")
        os.replace(self.folder / "next.so", self.folder / "functions.so")

    def start(self, *documents, **options):
        self.module = self.write("module.yaml", *(documents or [native("test/*", "functions.so", **fails_fast())]))
        return self.up(self.module, **options)


class Calls(NativeCase):
    def test_functions_of_each_kind_count_and_answer_with_their_states(self):
        self.start()
        for function in ("test/counter", "test/blocking", "test/async"):
            for count in range(1, 6):
                self.assertAnswer(f"v1: {count}", function, "a", "x")
            self.assertAnswer("v1: 1", function, "b", "x")
            self.assertEqual(self.state(function, "a"), {"count": "5"})

    def test_states_and_messages_survive_kill(self):
        self.start()
        for round in range(5):
            for function in ("test/counter", "test/blocking", "test/async"):
                for id in range(20):
                    self.assertSent(function, f"a{id}", "x")
            self.holdfast.kill()
            self.up(self.module)
        for function in ("test/counter", "test/blocking", "test/async"):
            for id in range(20):
                self.assertAnswer("v1: 6", function, f"a{id}", "x")

    def test_execution_on_shard_and_pool_is_the_configurations_to_say(self):
        self.start(native("test/counter", "functions.so", execution="pool", threads=2),
                   native("test/*", "functions.so", execution="shard"))
        self.assertAnswer("v1: 1", "test/counter", "a", "x")
        self.assertAnswer("v1: 1", "test/blocking", "a", "x")
        # A call that waits does not keep its shard from calling others.
        self.assertSent("test/counter", "waits", f"wait {self.folder / 'go'}")
        self.assertAnswer("v1: 2", "test/counter", "a", "x")
        (self.folder / "go").write_text("x")
        self.assertAnswer("v1: 2", "test/counter", "waits", "x")


class Failures(NativeCase):
    def test_what_fails_throws_or_makes_no_sense_is_parked_with_its_reason_and_others_go_on(self):
        self.start()
        for function in ("test/counter", "test/blocking", "test/async"):
            self.assertSent(function, "fails", "fail no more in stock")
            self.assertSent(function, "throws", "throw out of range")
            self.assertSent(function, "garbage", "garbage")
            self.assertAnswer("v1: 1", function, "good", "x")
        parked = self.eventually(lambda: len(self.parked()) == 9 and self.parked(), self.parked)
        reasons = {f"{entry['type']}/{entry['id']}": entry["reason"] for entry in parked}
        for function in ("test/counter", "test/blocking", "test/async"):
            self.assertEqual(reasons[f"{function}/fails"], f"functions.so: {function} failed: no more in stock")
            self.assertIn("out of range", reasons[f"{function}/throws"])
            self.assertIn(f"{function} answered 3 bytes that make no sense", reasons[f"{function}/garbage"])
        shown = self.holdfast.cli("parked", "ls").stdout
        self.assertIn("no more in stock", shown)

    def test_a_call_without_an_answer_is_given_up_after_its_timeout(self):
        self.start(native("test/*", "functions.so", timeouts={"call": "50ms"}, **fails_fast()))
        self.assertSent("test/async", "a", "silence")
        parked = self.eventually(self.parked, "the address is parked")
        self.assertEqual(parked[0]["reason"], "functions.so: test/async gave no answer within 50 ms")
        self.assertAnswer("v1: 1", "test/async", "b", "x")


    def test_calls_that_are_never_answered_do_not_keep_it_from_stopping_and_are_made_again(self):
        self.start(options=("--grace", "100ms"))
        for function in ("test/async", "test/blocking"):
            self.assertSent(function, "a", f"wait {self.folder / 'go'}")
        self.eventually(lambda: all(e["in_flight"] for e in self.holdfast.cli_json("addresses")["addresses"]), "the calls are under way")
        self.assertEqual(self.holdfast.stop(), 0)
        (self.folder / "go").write_text("x")
        self.up(self.module)
        for function in ("test/async", "test/blocking"):
            self.assertAnswer("v1: 2", function, "a", "x")


class Refusals(NativeCase):
    def refused(self, *documents):
        """What `check` and `up` say, which is the same, and nothing is started."""
        module = self.write("module.yaml", *documents)
        check = subprocess.run([binary(), "check", module], capture_output=True, text=True, check=False)
        up = subprocess.run([binary(), "up", module, "--data", self.data], capture_output=True, text=True, check=False)
        self.assertEqual((check.returncode, up.returncode), (2, 2), up.stderr)
        self.assertEqual(check.stderr, up.stderr)
        self.assertFalse(self.data.exists())
        return check.stderr.replace(f"{self.folder}/", "")

    def test_another_abi_is_refused_at_start_with_both_versions(self):
        self.put("other_abi")
        self.assertEqual(self.refused(native("test/*", "functions.so")),
                         "module.yaml:4:11: spec.module: functions.so is made for version 2.0 of the module ABI, this program has 1.0: "
                         "build it with an SDK whose major version is 1\n")

    def test_everything_that_is_wrong_is_said_at_its_place(self):
        shutil.copy(modules() / "no_symbol.so", self.folder / "other.so")
        said = self.refused(native("shop/*", "functions.so"), native("test/*", "other.so"), native("linked/*", "linked"))
        self.assertEqual(said.splitlines(), [
            "module.yaml:4:11: spec.module: functions.so has no function shop/*; it has test/async, test/blocking, test/counter",
            "module.yaml:9:11: spec.module: other.so is not a module: it does not export the symbol holdfast_module",
            "module.yaml:14:11: spec.module: no functions are linked into this program: name a file, as module: functions.so"])
        self.assertIn('module.yaml:4:11: spec.module: expected a shared library', self.refused(native("test/*", "nowhere.so")))

    def test_a_module_that_cannot_start_says_why(self):
        self.put("cannot_start")
        module = self.write("module.yaml", native("test/*", "functions.so"))
        up = subprocess.run([binary(), "up", module, "--data", "memory"], capture_output=True, text=True, check=False)
        self.assertEqual(up.returncode, 2)
        self.assertIn("functions.so cannot start: there is no stock to sell", up.stderr)


class Reload(NativeCase):
    def test_the_command_turns_to_the_new_file_and_a_refused_one_leaves_the_old_running(self):
        self.start()
        self.assertAnswer("v1: 1", "test/counter", "a", "x")
        self.put("functions_v2")
        self.assertAnswer("v1: 2", "test/counter", "a", "x")
        self.assertIn("reloaded", self.holdfast.cli("reload").stdout)
        for function in ("test/blocking", "test/async"):
            self.assertAnswer("v2: 1", function, "a", "x")
        self.assertAnswer("v2: 3", "test/counter", "a", "x")
        listed = self.holdfast.cli_json("modules")["modules"]
        self.assertEqual([(m["build"], m["functions"]) for m in listed], [("version 2", ["test/async", "test/blocking", "test/counter"])])

        self.put("other_abi")
        refused = self.holdfast.cli("reload", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is made for version 2.0 of the module ABI", refused.stderr)
        self.assertAnswer("v2: 4", "test/counter", "a", "x")

        # Nothing that only looks may reload.
        self.assertEqual(self.ask(self.holdfast.admin, "GET", "/v1/modules/reload").status, 405)
        metrics = self.ask(self.holdfast.admin, "GET", "/metrics").text
        self.assertIn("holdfast_native_reloads_total 1\n", metrics)
        self.assertIn("holdfast_native_refused_reloads_total 1\n", metrics)

    def test_sighup_turns_to_the_new_file(self):
        self.start()
        self.assertAnswer("v1: 1", "test/counter", "a", "x")
        self.put("functions_v2")
        os.kill(self.holdfast.pid, signal.SIGHUP)
        self.eventually(lambda: self.call("test/counter", "b", "x").text.startswith("v2"), "the new code answers")
        self.assertAnswer("v2: 2", "test/counter", "a", "x")

    def test_calls_under_way_end_in_the_old_code(self):
        self.start()
        go = self.folder / "go"
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(self.holdfast.cli("call", "test/blocking/a", f"wait {go}").stdout.strip()))
        waiting.start()
        self.eventually(lambda: any(e["in_flight"] for e in self.holdfast.cli_json("addresses", "test/blocking")["addresses"]), "the call is under way")
        self.put("functions_v2")
        self.holdfast.cli("reload")
        self.assertAnswer("v2: 1", "test/blocking", "b", "x")
        go.write_text("x")
        waiting.join()
        self.assertEqual(answers, ["v1: 1"])
        self.assertAnswer("v2: 2", "test/blocking", "a", "x")

    def test_under_load_no_message_is_lost_and_none_counts_twice(self):
        self.start()
        stop = threading.Event()
        sent = [0, 0, 0]
        troubles = []
        functions = ("test/counter", "test/blocking", "test/async")

        def load(index):
            case = Case()  # Connections of its own.
            case.holdfast, case.connections = self.holdfast, {}
            while not stop.is_set():
                answer = case.send(functions[index], f"a{sent[index] % 10}", "x")
                if answer.status != 202:
                    troubles.append(answer)
                    break
                sent[index] += 1
            for connection in case.connections.values():
                connection.close()

        threads = [threading.Thread(target=load, args=(index,)) for index in range(3)]
        for thread in threads:
            thread.start()
        for round in range(10):
            self.put(f"functions_v{2 - round % 2}")
            self.holdfast.cli("reload")
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(troubles, [])
        for index, function in enumerate(functions):
            total = sum(count_of(self.call(function, f"a{id}", "x").text)[1] - 1 for id in range(10))
            self.assertEqual(total, sent[index])
            self.assertGreater(sent[index], 10)
        self.assertEqual(self.parked(), [])


class Linked(NativeCase):
    def test_functions_that_are_linked_in_run_like_those_of_a_module(self):
        program = modules() / "linked_holdfast"
        module = self.write("module.yaml", native("test/*", "linked", **fails_fast()))
        check = subprocess.run([program, "check", module], capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertIn("native://linked", check.stdout)
        before = os.environ.get("HOLDFAST_BINARY")
        os.environ["HOLDFAST_BINARY"] = str(program)
        try:
            self.up(module)
        finally:
            if before is None:
                del os.environ["HOLDFAST_BINARY"]
            else:
                os.environ["HOLDFAST_BINARY"] = before
        for function in ("test/counter", "test/blocking", "test/async"):
            self.assertAnswer("v7: 1", function, "a", "x")
        self.assertEqual(
            self.holdfast.cli("reload").stdout,
            "there are no modules to reload\ncertificates and token files are looked at; what is taken or refused is in the log\n",
        )


if __name__ == "__main__":
    unittest.main()
