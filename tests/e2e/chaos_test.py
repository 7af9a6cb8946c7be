"""kill -9 at random moments under load, real processes, functions in JavaScript and Python: what was acknowledged is in the
state once, no record is lost or doubled, and nothing was seen that a crash took back.

HOLDFAST_CHAOS_ROUNDS (default 20) and HOLDFAST_SEED make it longer, and choose the moments again. (The moments are in time, so
a seed repeats the plan, not every interleaving.)
"""
import collections
import json
import os
import random
import threading
import time
import unittest

from harness import Case, Connection, GONE, endpoint, function_path, settings, stream, type_headers

ROUNDS = int(os.environ.get("HOLDFAST_CHAOS_ROUNDS", "20"))
SENDERS = 6
IDS = 30


class Load:
    """One sender: adds to counters, directly or through the relay, by send or call; keeps on until each is acknowledged."""

    def __init__(self, number, seed, gateway):
        self.number = number
        self.acknowledged = []  # (function, id, n, ref)
        self.replies = {}       # ref: {"count", "sum"} of a call
        self.repeated = 0
        self.error = None
        self._random = random.Random(f"{seed}/{number}")
        self._gateway = gateway
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()

    def join(self):
        self._thread.join(60)
        if self._thread.is_alive():
            raise AssertionError(f"sender {self.number} did not end")
        if self.error:
            raise self.error

    def _run(self):
        connection = None
        index = 0
        try:
            while not self._stop.is_set():
                index += 1
                ref = f"{self.number}-{index}"
                function = self._random.choice(("test/counter", "py/counter"))
                id, n = f"id{self._random.randrange(IDS)}", self._random.randrange(1, 100)
                add = {"n": n, "ref": ref}
                how = self._random.choice(("send", "send", "relay", "call"))
                if how == "relay":
                    path, body = function_path("test/relay", f"relay{n % 7}", "send"), {"to": function, "id": id, **add}
                else:
                    path, body = function_path(function, id, how) + ("?timeout=5s" if how == "call" else ""), add
                headers = type_headers("test/Json", **{"Idempotency-Key": ref})
                while True:
                    try:
                        connection = connection or Connection(self._gateway(), 10)
                        answer = connection.ask("POST", path, json.dumps(body).encode(), headers)
                    except GONE:
                        if connection:
                            connection.close()
                        connection = None
                        time.sleep(0.005)
                    else:
                        if answer.status == (200 if how == "call" else 202):
                            break
                        if answer.status not in (429, 503, 504):
                            raise AssertionError(f"{path}: {answer}")
                        time.sleep(0.005)
                    self.repeated += 1
                self.acknowledged.append((function, id, n, ref))
                if how == "call":
                    self.replies[ref] = answer.json()
        except Exception as error:
            self.error = error
        finally:
            if connection:
                connection.close()


class Reader:
    """Follows a stream through the crashes, and remembers what it saw where."""

    def __init__(self, path, gateway):
        self.seen = {}
        self.error = None
        self._path, self._gateway = path, gateway
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join(30)
        if self.error:
            raise self.error

    def _run(self):
        position = 0
        connection = None
        try:
            while not self._stop.is_set():
                try:
                    connection = connection or Connection(self._gateway(), 10)
                    answer = connection.ask("GET", f"{self._path}?from={position}&limit=500&wait=200ms")
                except GONE:
                    connection = None
                    time.sleep(0.005)
                    continue
                if answer.status != 200:
                    raise AssertionError(f"{self._path}: {answer}")
                page = answer.json()
                for record in page["records"]:
                    self.seen[record["position"]] = record
                position = page["next"]
        except Exception as error:
            self.error = error
        finally:
            if connection:
                connection.close()


class Chaos(Case):
    def test_kill_9_at_random_moments_loses_nothing_and_doubles_nothing(self):
        self.chaos(shards=1)

    def test_nor_does_it_with_four_shards(self):
        self.chaos(shards=4)

    def chaos(self, shards):
        seed = os.environ.get("HOLDFAST_SEED") or str(random.SystemRandom().randrange(1 << 32))
        print(f"       {ROUNDS} rounds, HOLDFAST_SEED={seed}", flush=True)
        chance = random.Random(seed)
        functions = {"js": self.functions("js"), "py": self.functions("py")}
        module = self.write("module.yaml", endpoint("test/*", functions["js"].url), endpoint("py/*", functions["py"].url), stream(),
                            settings(shards=shards))
        self.up(module)

        loads = [Load(number, seed, lambda: self.holdfast.gateway) for number in range(SENDERS)]
        reader = Reader("/v1/streams/test/out/added", lambda: self.holdfast.gateway)
        killed = collections.Counter()
        try:
            for round in range(ROUNDS):
                time.sleep(chance.uniform(0.02, 0.4))
                if language := {1: "js", 3: "py"}.get(round % 5):
                    functions[language].kill()
                    killed[language] += 1
                    if chance.random() < 0.5:  # Holdfast goes while the function is away, or goes on without it for a while.
                        self.holdfast.kill()
                        self.up(module)
                        killed["holdfast"] += 1
                    time.sleep(chance.uniform(0, 0.1))
                    functions[language] = self.functions(language, port=functions[language].port)
                self.holdfast.kill()
                killed["holdfast"] += 1
                self.up(module)
        finally:
            for load in loads:
                load.stop()
        for load in loads:
            load.join()

        acknowledged = [entry for load in loads for entry in load.acknowledged]
        expected = collections.defaultdict(lambda: [0, 0])
        for function, id, n, _ in acknowledged:
            expected[function, id][0] += 1
            expected[function, id][1] += n
        refs = sorted(ref for _, _, _, ref in acknowledged)
        self.eventually(lambda: len(self.stream("added")) >= len(refs), lambda: f"{len(refs)} records, have {len(self.stream('added'))}", 60)
        reader.stop()
        print(f"       {dict(killed)} killed, {len(refs)} acknowledged, {sum(load.repeated for load in loads)} asked again, "
              f"slowest start {max(p.seconds_to_ready for p in self.started if hasattr(p, 'seconds_to_ready')) * 1000:.0f} ms", flush=True)

        # State: exactly what was acknowledged.
        for (function, id), (count, total) in sorted(expected.items()):
            answer = self.call(function, id, "?")
            self.assertEqual(answer.json(), {"count": count, "sum": total}, f"{function}/{id}")

        # Egress: each message one record, in the order in which its address handled them.
        whole = self.stream("added")
        records = [value if isinstance(value, dict) else json.loads(value) for value in (record["value"] for record in whole)]
        self.assertEqual(sorted(record["ref"] for record in records), refs)
        counts = collections.defaultdict(list)
        for record, stored in zip(records, whole):
            counts[stored["source"]].append(record["count"])
        for source, numbers in counts.items():
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)), source)

        # Replies: what was answered before a crash is what came to be.
        by_ref = {record["ref"]: record for record in records}
        for load in loads:
            for ref, reply in load.replies.items():
                self.assertEqual(reply, {"count": by_ref[ref]["count"], "sum": by_ref[ref]["sum"]}, ref)

        # What was ever seen in the stream is still there, at its position.
        positions = {record["position"]: record for record in whole}
        for position, record in reader.seen.items():
            self.assertEqual(positions.get(position), record)
        self.assertGreaterEqual(killed["holdfast"], ROUNDS)
        self.assertGreater(len(refs), 10 * ROUNDS, "there was hardly any load")

        # And the data is in order, seen from outside.
        self.assertEqual(self.holdfast.stop(), 0)


if __name__ == "__main__":
    unittest.main()
