"""What a function declares of its states counts as it says it last: a redeployed one is heard, over a restart, after it was away, and when
Holdfast is told to ask; what it no longer declares is kept, not sent, and can be dropped."""
import unittest

import wire
from harness import Case, endpoint, fails_fast
from stub import free_port


class Function:
    """Counts messages in `seen`; declares `specs`, as an SDK does, and can be redeployed with others."""

    def __init__(self, *specs):
        self.deploy(*specs)

    def deploy(self, *specs):
        self.specs, self.asked, self.lacking = specs, 0, 0

    def __call__(self, request):
        missing = [spec for spec in self.specs if spec[0] not in request.states]
        if missing:
            self.asked += not request.states
            self.lacking += 1
            return wire.missing(*missing)
        counts = any(spec[0] == "seen" for spec in self.specs)
        seen = request.integer("seen") + len(request.invocations) if counts else 0
        parts = [wire.send(invocation.caller, wire.string(str(seen))) for invocation in request.invocations if invocation.caller]
        if counts:
            parts.append(wire.mutation("seen", wire.integer(seen)))
        return wire.answer(*parts)


SEEN = ("seen", wire.INT)
BRIEF = ("seen", wire.INT, wire.AFTER_WRITE, 200)
LONG = ("seen", wire.INT, wire.AFTER_WRITE, 3600_000)
MORE = ("more", wire.INT)


class DeclarationCase(Case):
    options = ()

    def begin(self, *specs, port=0):
        self.function = Function(*specs)
        self.server = self.stub(self.function, port=port)
        self.module = self.write("module.yaml", endpoint("test/*", self.server.url, **fails_fast()))
        self.up(self.module, options=self.options)

    def restart(self):
        self.holdfast.kill()
        self.up(self.module, options=self.options)

    def entry(self, name, function="test/f", id="a"):
        """One state as `holdfast state get --json` shows it; None: it is not there."""
        states = self.holdfast.cli_json("state", "get", f"{function}/{id}")["states"]
        return next((state for state in states if state["name"] == name), None)

    def orphans(self):
        return {orphan["state"]: orphan["values"] for orphan in self.holdfast.cli_json("state", "orphans", "ls")["orphans"]}

    def drop(self, state):
        self.holdfast.cli("state", "orphans", "drop", "test/f", state, "--yes")
        self.eventually(lambda: state not in self.orphans(), f"{state} is dropped")


class Redeployed(DeclarationCase):
    def test_another_expiry_counts_after_a_restart_and_one_call_learns_it(self):
        self.begin(BRIEF)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(SEEN)
        self.restart()
        for id in "abcdefgh":
            self.call("test/f", id, "x")
        self.assertEqual((self.function.asked, self.function.lacking), (1, 1))
        self.assertNotIn("expires_at", self.entry("seen"))
        self.function.deploy(LONG)
        self.restart()
        self.call("test/f", "a", "x")
        self.assertIn("expires_at", self.entry("seen"))

    def test_a_value_written_before_keeps_its_time_and_the_next_one_lives_by_the_new_rule(self):
        self.begin(BRIEF)
        self.assertAnswer("1", "test/f", "old", "x")
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(SEEN)
        self.restart()
        self.call("test/f", "a", "x")
        self.eventually(lambda: self.state("test/f", "old") == {}, "the old value is gone in its time")
        self.assertIn("seen", self.state("test/f", "a"))

    def test_a_state_that_is_gone_is_kept_and_back_when_it_is_declared_again(self):
        self.begin(SEEN, MORE)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(MORE)
        self.restart()
        self.assertAnswer("0", "test/f", "a", "x")
        self.assertAnswer("0", "test/f", "a", "x")
        self.assertNotIn("seen", self.server.requests()[-1].states)
        self.assertTrue(self.entry("seen")["orphaned"])
        self.assertIn("seen (orphaned)", self.holdfast.cli("state", "get", "test/f/a").stdout)
        self.assertEqual(self.orphans(), {"seen": 1})
        self.function.deploy(MORE, SEEN)
        self.restart()
        self.assertAnswer("2", "test/f", "a", "x")
        self.assertNotIn("orphaned", self.entry("seen"))
        self.assertEqual(self.orphans(), {})

    def test_a_function_that_declares_none_is_called_without_any_at_no_cost(self):
        self.begin(SEEN)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy()
        self.restart()
        before = len(self.server.seen)
        for _ in range(5):
            self.assertAnswer("0", "test/f", "a", "x")
        self.assertEqual([request.states for request in self.server.seen[before:]], [{}] * 5)
        self.assertEqual(self.orphans(), {"seen": 1})

    def test_an_orphan_keeps_its_time(self):
        self.begin(BRIEF)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(MORE)
        self.restart()
        self.call("test/f", "a", "x")
        self.eventually(lambda: self.orphans() == {"seen": 0}, "its value has expired")

    def test_an_endpoint_that_was_away_is_asked_again(self):
        port = free_port()
        self.begin(LONG, port=port)
        self.assertAnswer("1", "test/f", "a", "x")
        self.server.close()
        self.assertSent("test/f", "a", "x")
        self.eventually(lambda: self.holdfast.cli_json("endpoints")["endpoints"][0]["down"], "it is down")
        self.function.deploy(SEEN)
        self.server = self.stub(self.function, port=port)
        self.assertAnswer("3", "test/f", "a", "x")
        self.assertEqual(self.function.asked, 1)
        self.assertNotIn("expires_at", self.entry("seen"))

    def test_a_reload_asks_again(self):
        self.begin(LONG)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(SEEN)
        self.assertAnswer("2", "test/f", "a", "x")
        self.assertIn("expires_at", self.entry("seen"))  # Nobody knows yet.
        self.holdfast.cli("reload")
        self.assertAnswer("3", "test/f", "a", "x")
        self.assertAnswer("4", "test/f", "a", "x")
        self.assertEqual(self.function.asked, 1)
        self.assertNotIn("expires_at", self.entry("seen"))

    def test_the_python_sdk_is_heard(self):
        server = self.functions("python", {"VISITS": '{"seen": 3600000}'})
        self.module = self.write("module.yaml", endpoint("py/*", server.url))
        self.up(self.module)
        self.assertAnswer("1", "py/visits", "a", "x")
        self.assertIn("expires_at", self.entry("seen", "py/visits"))
        for specs, answer in (('{"seen": 0}', "2"), ("{}", "0"), ('{"more": 0, "seen": 0}', "3")):
            self.holdfast.kill()
            server = self.functions("python", {"VISITS": specs})
            self.module = self.write("module.yaml", endpoint("py/*", server.url))
            self.up(self.module)
            self.assertAnswer(answer, "py/visits", "a", "x")
        self.assertNotIn("expires_at", self.entry("seen", "py/visits"))


class OnFourShards(Redeployed):
    options = ("--shards", "4")

    def test_another_expiry_counts_after_a_restart_and_one_call_learns_it(self):
        self.begin(LONG)
        for id in range(40):
            self.assertAnswer("1", "test/f", str(id), "x")
        for _ in range(2):
            self.function.deploy(SEEN)
            self.restart()
            for id in range(40):
                self.call("test/f", str(id), "x")
            self.assertLessEqual(self.function.lacking, 4)  # One for each shard.
            self.assertNotIn("expires_at", self.entry("seen", id="39"))


class Dropped(DeclarationCase):
    def test_dropping_deletes_the_values_of_all_addresses_and_of_no_other_state(self):
        self.begin(SEEN, MORE)
        for id in range(50):
            self.assertAnswer("1", "test/f", str(id), "x")
        self.assertAnswer("1", "test/other", "0", "x")
        refused = self.holdfast.cli("state", "orphans", "drop", "test/f", "seen", "--yes", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("is declared", refused.stderr)
        self.function.deploy(MORE)
        self.restart()
        self.call("test/f", "0", "x")
        self.assertEqual(self.orphans(), {"seen": 50})
        self.assertEqual(self.holdfast.cli("state", "orphans", "drop", "test/f", "seen", check=False).returncode, 2)
        self.drop("seen")
        self.restart()
        for id in range(50):
            self.assertEqual(self.state("test/f", str(id)), {})
        self.assertEqual(self.state("test/other", "0"), {"seen": 1})
        self.function.deploy(SEEN)
        self.restart()
        self.assertAnswer("1", "test/f", "0", "x")

    def test_a_state_of_another_type_is_refused_with_the_way_on_and_the_way_leads_on(self):
        self.begin(SEEN)
        self.assertAnswer("1", "test/f", "a", "x")
        self.function.deploy(("seen", wire.STRING))
        self.restart()
        self.assertSent("test/f", "a", "x")
        reason = self.eventually(self.parked, "the address is parked")[0]["reason"]
        for part in (wire.INT, wire.STRING, "holdfast state orphans drop test/f seen"):
            self.assertIn(part, reason)
        self.assertEqual(self.state("test/f", "a"), {"seen": 1})
        self.drop("seen")
        self.function.deploy(SEEN)
        self.holdfast.cli("parked", "retry", "test/f/a")
        self.assertAnswer("2", "test/f", "a", "x")

    def test_a_thousand_mistaken_declarations_can_be_cleared(self):
        self.begin(*((f"s{i}", wire.INT) for i in range(1000)))
        self.call("test/f", "a", "x")
        self.function.deploy(SEEN)
        self.restart()
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertEqual(len(self.orphans()), 1000)
        self.drop("s7")
        self.assertEqual(len(self.orphans()), 999)


    def test_a_drop_that_is_accepted_is_finished_after_kill(self):
        self.begin(SEEN, MORE)
        for id in range(200):
            self.assertSent("test/f", str(id), "x")
        self.assertAnswer("1", "test/f", "last", "x")
        self.function.deploy(MORE)
        self.restart()
        self.call("test/f", "0", "x")
        self.holdfast.cli("state", "orphans", "drop", "test/f", "seen", "--yes")
        self.function.deploy(SEEN)
        self.restart()
        self.assertAnswer("1", "test/f", "last", "x")  # Declared anew once it is gone.
        self.assertEqual(self.orphans(), {"more": 0})


class DroppedOnFourShards(Dropped):
    options = ("--shards", "4")


class FromConfiguration(DeclarationCase):
    def test_the_states_of_a_module_for_functions_of_2_count_as_they_are_at_a_start(self):
        self.function = Function()
        self.server = self.stub(self.function)

        def start(names):
            module = self.write("module.yaml", endpoint("test/*", self.server.url, protocol="v2", states=names))
            self.up(module)

        start([{"name": "seen", "expireAfter": "1h"}, "more"])
        self.assertSent("test/f", "a", "x")
        self.eventually(lambda: self.server.seen, "it is called")
        self.assertEqual(set(self.server.seen[-1].states), {"seen", "more"})
        self.assertSent("test/g", "a", "x")  # What came before is durable then.
        self.holdfast.kill()
        before = len(self.server.seen)
        start(["more"])
        self.assertSent("test/f", "a", "x")
        self.eventually(lambda: self.server.seen[before:], "it is called")
        self.assertEqual(set(self.server.seen[-1].states), {"more"})
        self.assertEqual(self.orphans(), {"seen": 0})
        functions = {f["type"]: f["states"] for f in self.holdfast.cli_json("functions")["functions"]}
        self.assertEqual([state["name"] for state in functions["test/f"]], ["more"])


if __name__ == "__main__":
    unittest.main()
