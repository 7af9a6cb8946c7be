"""One function, the interpreter, in every language and way of running at once: C++ behind the SDK's server (over a unix socket with
pipelined calls, and over TCP by plain HTTP), C++ in the process of Holdfast, JavaScript and Python. Clients send random trees of
commands, the functions send to each other across languages, now and later, answer, fail, and choke on poison; everything is killed
with kill -9 at random moments, and started again. What came of it is judged by interpreter_judge.py: nothing lost, nothing twice, in
order, every state and record as the commands say.

HOLDFAST_INTERPRETER_SECONDS (default 25) makes the load with kills longer, HOLDFAST_SEED chooses trees and moments again. (The moments are
in time, so a seed repeats the plan, not every interleaving.)
"""
import base64
import collections
import json
import os
import pathlib
import random
import signal
import threading
import time
import unittest
import urllib.parse

from chaos_test import Reader
from harness import (FUNCTIONS, GONE, VENV_PYTHON, Case, Connection, FunctionServer, document, endpoint, fails_fast, function_path, settings,
                     stream, type_headers)
from interpreter_judge import Judge, Seen
from interpreter_plan import MESSAGE, Fate, Plan
from running import binary

SECONDS = float(os.environ.get("HOLDFAST_INTERPRETER_SECONDS", "25"))
SETTLE_SECONDS = 120 + SECONDS
CLIENTS = 5
IDS = ("a", "b", "c", "d", "e", "ü/☃ 1")
FORMS = ("quick", "pool", "later")
TYPES = ("js/interpreter", "py/interpreter", *(f"{language}/{form}" for language in ("cpp", "plain", "native") for form in FORMS))
ORDERLY = ("holdfast", "cpp", "plain")
TELLING = ("cpp", "plain", "native")  # Languages whose SDK says what an exception said.
ATTEMPTS = 8   # More than the times a node fails by itself and by a kill together.
PAGE = 10_000  # The most that the admin API lists at once.
# Of the build that the program under test is from.
CPP_SERVER, CPP_MODULE = (pathlib.Path(binary()).parent / "tests" / "e2e" / name for name in ("interpreter_server", "interpreter_module.so"))


class Worker:
    """A thread that does something until it is told to stop, through all crashes."""

    def __init__(self):
        self.error = None
        self._stop = threading.Event()
        self._connections = {}
        self._thread = threading.Thread(target=self._guarded, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()

    def ended(self):
        """Whether it has; raises what ended it."""
        if self.error:
            raise self.error
        return not self._thread.is_alive()

    def _guarded(self):
        try:
            self._run()
        except Exception as error:
            self.error = error
        finally:
            for connection in self._connections.values():
                connection.close()

    def _ask(self, address, *request):
        """None: nobody was there, or the connection was lost."""
        try:
            return self._connections.setdefault(address, Connection(address, 15)).ask(*request)
        except GONE:
            self._connections.pop(address).close()
            self._stop.wait(0.005)
            return None


class Client(Worker):
    """Sends tree after tree, each until it is acknowledged."""

    def __init__(self, number, seed, gateway):
        super().__init__()
        self.plan = Plan(f"client-{number}", random.Random(f"{seed}/{number}"), TYPES, IDS, first=number + 1, step=CLIENTS)
        self.replies = {}  # root node: answer
        self.repeated = 0
        self._gateway = gateway

    def _run(self):
        while not self._stop.is_set():
            root = self.plan.root()
            verb = "call" if root.reply else "send"
            path = function_path(root.type, root.id, verb) + ("?timeout=5s" if root.reply else "")
            body, headers = json.dumps(root.command).encode(), type_headers(MESSAGE, **{"Idempotency-Key": f"root-{root.node}"})
            while True:
                answer = self._ask(self._gateway(), "POST", path, body, headers)
                if answer and answer.status == (200 if root.reply else 202):
                    break
                if answer and answer.status not in (409, 429, 503, 504):  # 409: parked.
                    raise AssertionError(f"{path}: {answer}")
                if answer and answer.status != 504:
                    time.sleep(0.02)
                self.repeated += 1
            if root.reply:
                self.replies[root.node] = answer.json()


class Operator(Worker):
    """Looks after what is parked: poison is skipped, now and then after one more try; whatever else is there is tried again. And has the
    module reloaded from time to time."""

    def __init__(self, seed, admin):
        super().__init__()
        self.skipped, self.innocent, self.told, self.reloads = set(), [], 0, 0
        self._chance = random.Random(f"{seed}/operator")
        self._admin = admin

    def _run(self):
        while not self._stop.wait(0.1):
            if self._chance.random() < 0.1 and self._order("/v1/modules/reload"):
                self.reloads += 1
            listed = self._ask(self._admin(), "GET", f"/v1/parked?limit={PAGE}")
            if not listed or listed.status != 200:
                continue
            for entry in listed.json()["parked"]:
                command = value_of(entry["messages"][0])
                if entry["batch"] != 1:
                    raise AssertionError(f"parked with {entry['batch']} messages: {entry}")
                is_poison = any(op["op"] == "poison" for op in command["ops"])
                if is_poison and entry["type"].split("/")[0] in TELLING:
                    if f"node {command['node']} is poison" in entry["reason"]:
                        self.told += 1
                    elif "gave no answer" not in entry["reason"]:  # Its last attempt met a server that was just killed.
                        raise AssertionError(f"poison that does not say so: {entry}")
                if not is_poison:
                    self.innocent.append(entry)
                verb = "skip" if is_poison and self._chance.random() < 0.8 else "retry"
                self._order(f"/v1/parked/{entry['type']}/{urllib.parse.quote(entry['id'], safe='')}/{verb}")
                if verb == "skip":
                    self.skipped.add(command["node"])

    def _order(self, path):
        """Whether it is known to have been done."""
        answer = self._ask(self._admin(), "POST", path)
        if answer and answer.status not in (200, 404, 503):  # 404: parked no more.
            raise AssertionError(f"{path}: {answer}")
        return answer is not None and answer.status == 200


def url_of(server):
    return f"{server.url.removesuffix('/statefun')}/statefun"


def value_of(entry):
    """A value as the APIs show it, as JSON."""
    value = base64.b64decode(entry["value_base64"]).decode() if "value_base64" in entry else entry["value"]
    return json.loads(value) if isinstance(value, str) else value


class Interpreters(Case):
    def test_languages_and_forms_exchange_messages_exactly_once_under_kill_9_of_everything(self):
        seed = os.environ.get("HOLDFAST_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"       {SECONDS:g} s, HOLDFAST_SEED={seed}", flush=True)
        self.programs = {
            "js": (["node", FUNCTIONS / "interpreter.js"], 0),
            "py": ([VENV_PYTHON, FUNCTIONS / "interpreter.py"], 0),
            "cpp": ([CPP_SERVER, "cpp", self.folder / "cpp.sock"], 0),
            "plain": ([CPP_SERVER, "plain"], 0),
        }
        self.servers, self.killed, self.stopped, self.pipelined = {}, collections.Counter(), collections.Counter(), set()
        for name in self.programs:
            self.start_functions(name)
        self.chance = random.Random(seed)
        self.start_holdfast()

        reader = Reader("/v1/streams/test/out/handled", lambda: self.holdfast.gateway)
        operator = Operator(seed, lambda: self.holdfast.admin).start()
        self.addCleanup(operator.stop)
        clients = [Client(number, seed, lambda: self.holdfast.gateway).start() for number in range(CLIENTS)]
        try:
            self.kill_and_start_until(time.monotonic() + SECONDS)
        finally:
            for client in clients:
                client.stop()
        self.eventually(lambda: operator.ended() or all(client.ended() for client in clients), lambda: f"all clients end; {self.busy()}", 60)
        plans = [client.plan for client in clients]
        pending = {node.token for plan in plans for node in plan.nodes.values() if node.fate is Fate.PENDING}
        self.settle(pending)
        operator.stop()
        self.eventually(operator.ended, "the operator ends")
        reader.stop()

        replies = {node: answer for client in clients for node, answer in client.replies.items()}
        self.note_pipelined()
        whole, seen = self.see(replies)
        self.report(plans, seen, operator, sum(client.repeated for client in clients))
        if findings := Judge(plans).verdict(seen):
            self.fail("\n".join(["the commands say otherwise:", *findings]))
        positions = {record["position"]: record for record in whole}
        for position, record in reader.seen.items():
            self.assertEqual(positions.get(position), record, "what was ever seen is still there")
        self.assert_that_it_was_a_test(plans, seen, operator)
        self.assertGreater(operator.reloads, 0)

        # And after a last kill all of it is still the same.
        self.holdfast.kill()
        self.start_holdfast()
        self.settle(pending)
        _, again = self.see(replies)
        self.assertEqual(vars(again), vars(seen))
        self.assertEqual(self.holdfast.stop(), 0)

    # --- Processes

    def start_holdfast(self):
        policy = fails_fast(ATTEMPTS)
        url = {name: url_of(server) for name, server in self.servers.items()}
        self.up(self.write(
            "module.yaml",
            endpoint("js/*", url["js"], **policy),
            endpoint("py/*", url["py"], **policy),
            endpoint("cpp/*", url["cpp"], **policy),
            endpoint("plain/*", url["plain"], pipelining="never", **policy),
            document("holdfast.endpoints.v1/native", {"functions": "native/*", "module": CPP_MODULE, **policy}),
            stream(topics=["records", "handled", "saw"]),
            settings(shards=self.chance.randrange(1, 4)),
        ))

    def start_functions(self, name):
        command, port = self.programs[name]
        server = FunctionServer(command, None, f"functions of {name}", port)
        if server.port:
            self.programs[name] = (command, server.port)
        self.servers[name] = server
        self.started.append(server)

    def end(self, name):
        """By kill -9; now and then, what has an orderly end by that."""
        process = self.holdfast if name == "holdfast" else self.servers[name]
        self.assertTrue(process.running(), f"{name} has ended by itself\n{process.tail()}")
        if name in ORDERLY and self.killed[name] and self.chance.random() < 0.15:
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(), 0, name)
            self.stopped[name] += 1
        else:
            process.kill()
            self.killed[name] += 1
        if name == "holdfast":
            self.note_pipelined()
        self.started.remove(process)

    def note_pipelined(self):
        """Which functions Holdfast said it calls over a pipelined connection."""
        said = [line for line in self.holdfast.lines if "calls are pipelined" in line]
        self.pipelined |= {name for name, server in self.servers.items() for line in said if url_of(server) in line}

    def kill_and_start_until(self, end):
        chance = self.chance
        everything = ["holdfast", *self.programs]
        while time.monotonic() < end or not self.killed:
            time.sleep(chance.uniform(0.05, 1.2))
            kind = chance.random()
            if kind < 0.2 or not self.killed:
                victims = list(everything)
            elif kind < 0.6:
                victims = ["holdfast"]
            else:
                victims = chance.sample(everything, chance.randrange(1, 3))
            chance.shuffle(victims)
            for name in victims:
                self.end(name)
            chance.shuffle(victims)
            for name in victims:
                time.sleep(chance.uniform(0, 0.1))
                if name == "holdfast":
                    self.start_holdfast()
                else:
                    self.start_functions(name)

    # --- What is inside

    def admin(self, path):
        answer = self.ask(self.holdfast.admin, "GET", path)
        self.assertEqual(answer.status, 200, answer)
        return answer.json()

    def listed(self, path, name):
        """All pages of a list."""
        page = self.admin(path)
        entries = page[name]
        while "next" in page:
            page = self.admin(f"{path}&page={page['next']}")
            entries += page[name]
        return entries

    def waiting(self):
        """Tokens of the delayed messages."""
        tokens = []
        for type in TYPES:
            timers = self.listed(f"/v1/timers?type={urllib.parse.quote(type, safe='')}&limit={PAGE}", "timers")
            tokens += [timer.get("token", "") for timer in timers]
        return tokens

    def busy(self):
        return self.admin("/v1/addresses?limit=3")["addresses"]

    def settle(self, pending):
        """Until nobody has anything to do any more, but for what is due far away."""
        def busy():
            return self.busy() or [token for token in self.waiting() if token not in pending][:3]

        # What is on its way from one shard to another belongs to no address for a moment.
        self.eventually(lambda: not any(busy() for _ in range(5)), lambda: f"at rest; has {busy()}", SETTLE_SECONDS)

    def see(self, replies):
        """The stream of what was handled, and all there is to see."""
        topics = {topic: self.stream(topic) for topic in ("handled", "records", "saw")}
        entries = {topic: [(record["source"], value_of(record)) for record in records] for topic, records in topics.items()}
        states = {}
        for address in self.listed(f"/v1/states?limit={PAGE}", "addresses"):
            if address["type"] in TYPES:
                states[f"{address['type']}/{address['id']}"] = {
                    state["name"]: state["value"] if state["name"] == "flag" else value_of(state) for state in address["states"]}
        return topics["handled"], Seen(states=states, pending=sorted(self.waiting()), replies=replies, **entries)

    def report(self, plans, seen, operator, repeated):
        slowest = max(process.seconds_to_ready for process in self.started if hasattr(process, "seconds_to_ready"))
        print(f"       {sum(len(plan.roots) for plan in plans)} trees, {len(seen.handled)} messages handled, {len(seen.records)} records, "
              f"{len(seen.replies)} calls answered, {repeated} requests repeated, {len(seen.pending)} delayed messages still wait, "
              f"{len(operator.skipped)} poisonous ones skipped, {len(operator.innocent)} innocent ones parked, "
              f"{operator.reloads} reloads; pipelined to {sorted(self.pipelined)}; killed {dict(self.killed)}, stopped {dict(self.stopped)}; "
              f"last start {slowest * 1000:.0f} ms", flush=True)

    def assert_that_it_was_a_test(self, plans, seen, operator):
        handled = {entry["node"] for _, entry in seen.handled}
        nodes = [node for plan in plans for node in plan.nodes.values()]
        exchanged = collections.Counter((node.sender.split("/")[0], node.target.split("/")[0])
                                        for node in nodes if node.parent and node.id in handled)
        languages = {type.split("/")[0] for type in TYPES}
        self.assertGreater(min(exchanged[pair] for pair in ((a, b) for a in languages for b in languages)), 0, exchanged)
        maybe = [node.id in handled for node in nodes if node.fate is Fate.MAYBE and node.parent in handled]
        self.assertIn(False, maybe, "no cancellation was in time")
        self.assertTrue(any(op["op"] == "fail" for node in nodes if node.id in handled for op in node.ops))
        self.assertGreater(operator.told, 0, "no poison said what it is")
        self.assertEqual(set(self.killed), {"holdfast", *self.programs}, "everybody was killed")
        self.assertEqual(self.pipelined, {"cpp"}, "with and without pipelining")
        self.assertGreater(len(handled), 20 * SECONDS, "there was hardly any load")


if __name__ == "__main__":
    unittest.main()
