"""The judge of the interpreter test: it finds nothing wrong with an obvious runtime, and something with each wrong one."""
import collections
import copy
import heapq
import random
import unittest

from interpreter_judge import DIGEST_BELOW, Judge, Seen, mixed
from interpreter_plan import FAR_AWAY_MS, Fate, Plan, split

TYPES = ("js/interpreter", "cpp/quick", "native/pool")
IDS = ("a", "b", "ü/1")
REQUEST = "holdfast/request"


class Runtime:
    """One queue, one clock that jumps, no failures. `faults` go wrong once, at the `when`th chance: see the tests."""

    def __init__(self, fault="", when=0):
        self.queue = collections.deque()
        self.timers = []
        self.state = collections.defaultdict(dict)
        self.handled, self.records, self.saw, self.replies = [], [], [], {}
        self.did = False
        self._fault, self._chances, self._time, self._serial = fault, when, 0, 0
        self._request = 0

    def _goes_wrong(self, fault):
        if fault != self._fault or self.did:
            return False
        self._chances -= 1
        self.did = self._chances < 0
        return self.did

    def request(self, root):
        self.queue.append((REQUEST, f"{root.type}/{root.id}", root.command, root.node))

    def run(self):
        while self.queue or self.timers and self.timers[0][0] < FAR_AWAY_MS:
            if self.queue:
                self._handle(*self.queue.popleft())
            else:
                self._time, _, _, message = heapq.heappop(self.timers)
                self.queue.append(message)
        return Seen(self.handled, self.records, self.saw, dict(self.state), [token for _, _, token, _ in self.timers], self.replies)

    def _handle(self, caller, address, command, request=0):
        if any(op["op"] == "poison" for op in command["ops"]):
            return
        before = copy.deepcopy(self.state[address]) if self._fault == "state forgotten" else None
        self._apply(caller, address, command, request)
        if self._goes_wrong("handled twice"):
            self._apply(caller, address, command, request)
        if self._goes_wrong("state forgotten"):
            self.state[address] = before

    def _apply(self, caller, address, command, request):
        state = self.state[address]
        state["count"] = state.get("count", 0) + 1
        state["digest"] = (state.get("digest", 0) * 31 + command["node"] * 7 + command["seq"]) % DIGEST_BELOW
        state.setdefault("total", 0)
        entry = {"node": command["node"], "seq": command["seq"], "from": command["from"] if caller == REQUEST else caller}
        if "got" in command:
            entry["got"] = command["got"]
            state["total"] = mixed(state["total"], command["got"])
        self.handled.append((address, entry))
        for op in command["ops"]:
            self._op(op, caller, address, command, state, request)

    def _op(self, op, caller, address, command, state, request):
        kind = op["op"]
        if kind == "add":
            state["total"] = mixed(state["total"], op["n"])
        elif kind == "flag":
            state["flag"] = op["text"]
        elif kind == "unflag":
            state.pop("flag", None)
        elif kind == "send":
            self._send(address, f"{op['to']}/{op['id']}", op["command"])
        elif kind == "after":
            self._serial += 1
            message = (address, f"{op['to']}/{op['id']}", {**op["command"], "seq": 0})
            heapq.heappush(self.timers, (self._time + op["delay"], self._serial, op["token"], message))
        elif kind == "cancel":
            if not (any(token == op["token"] for _, _, token, _ in self.timers) and self._goes_wrong("cancellation ignored")):
                self.timers = [timer for timer in self.timers if timer[2] != op["token"]]
                heapq.heapify(self.timers)
        elif kind == "record":
            if not self._goes_wrong("record lost"):
                self.records.append((address, op["n"]))
            if self._goes_wrong("record twice"):
                self.records.append((address, op["n"]))
        elif kind == "saw":
            total = state["total"] + self._goes_wrong("stale read")
            self.saw.append((address, {"node": command["node"], "count": state["count"], "total": total, "flag": state.get("flag")}))
        elif kind == "reply":
            got = state["total"] + self._goes_wrong("wrong answer")
            answer = {"node": op["node"], "seq": 0, "got": got, "ops": []}
            if caller == REQUEST:
                self.replies[request] = answer
            else:
                self._send(address, caller, answer)

    def _send(self, sender, receiver, command):
        sent = self.state[sender].setdefault("sent", {})
        sent[receiver] = sent.get(receiver, 0) + 1
        message = (sender, receiver, {**command, "seq": sent[receiver]})
        if self._goes_wrong("message lost"):
            return
        self.queue.append(message)
        if self._goes_wrong("message twice"):
            self.queue.append(message)
        if len(self.queue) > 1 and self.queue[-2][:2] == message[:2] and self._goes_wrong("overtaken"):
            self.queue[-1], self.queue[-2] = self.queue[-2], self.queue[-1]


def trees(seed, count=150):
    chance = random.Random(seed)
    plans = [Plan(f"client-{i}", chance, TYPES, IDS, first=i + 1, step=2) for i in range(2)]
    for _ in range(count):
        chance.choice(plans).root()
    return plans


def verdict(plans, runtime):
    for plan in plans:
        for root in plan.roots:
            runtime.request(root)
    seen = runtime.run()
    return Judge(plans).verdict(seen)


class JudgeOfInterpreters(unittest.TestCase):
    def test_finds_nothing_wrong_with_a_runtime_that_does_everything_right(self):
        for seed in range(10):
            self.assertEqual(verdict(trees(seed), Runtime()), [], f"seed {seed}")

    def test_finds_each_single_fault(self):
        faults = ("message lost", "message twice", "overtaken", "handled twice", "state forgotten", "cancellation ignored", "record lost",
                  "record twice", "stale read", "wrong answer")
        for fault in faults:
            for seed in range(3):
                with self.subTest(fault=fault, seed=seed):
                    runtime = Runtime(fault, when=seed * 3)
                    findings = verdict(trees(seed), runtime)
                    self.assertTrue(runtime.did, "there was no chance to go wrong")
                    self.assertNotEqual(findings, [])

    def test_all_kinds_of_fates_are_in_the_trees(self):
        nodes = [node for plan in trees(1) for node in plan.nodes.values()]
        for fate in Fate:
            self.assertGreater(sum(node.fate is fate for node in nodes), 5, fate)
        self.assertGreater(sum(node.poison for node in nodes), 1)
        self.assertGreater(sum(root.reply != 0 for plan in trees(1) for root in plan.roots), 20)

    def test_an_id_may_hold_slashes(self):
        self.assertEqual(split("js/interpreter/ü/1"), ("js/interpreter", "ü/1"))


if __name__ == "__main__":
    unittest.main()
