"""kill -9 at random moments under saves, deletes and transactions, over HTTP and gRPC: every write that was acknowledged is there, no
transaction is half there, and etags never go back.

HOLDFAST_CHAOS_ROUNDS (default 5) and HOLDFAST_SEED make it longer, and choose the moments again. The data directory lives through all
rounds. (The moments are in time, so a seed repeats the plan, not every interleaving.)
"""
import json
import os
import random
import threading
import time
import unittest

from app import generated
from running import GONE, Connection
from sidecar import DaprSidecar, Folder, component

ROUNDS = int(os.environ.get("HOLDFAST_CHAOS_ROUNDS", "5"))
WORKERS = 6
OWN_KEYS = 8
GROUPS, GROUP_KEYS = 4, 4
CALL_SECONDS = 10
UNKNOWN, REFUSED, DONE = "unknown", "refused", "done"


def version(etag):
    """An etag of state.holdfast, "10-3", as what can be compared."""
    return tuple(int(part) for part in etag.split("-"))


class HttpClient:
    def __init__(self, sidecar):
        self._connection = Connection(sidecar.http, CALL_SECONDS)

    def _ask(self, method, path, body=None):
        try:
            answer = self._connection.ask(method, path, None if body is None else json.dumps(body).encode(), {"content-type": "application/json"})
        except GONE:
            return None
        return answer

    def _outcome(self, answer):
        return UNKNOWN if answer is None else DONE if answer.status == 204 else REFUSED

    def save(self, key, value):
        return self._outcome(self._ask("POST", "/v1.0/state/store", [{"key": key, "value": value}]))

    def delete(self, key):
        return self._outcome(self._ask("DELETE", f"/v1.0/state/store/{key}"))

    def transaction(self, writes):
        """{key: value, or None: deleted}"""
        operations = [{"operation": "delete", "request": {"key": key}} if value is None else {"operation": "upsert", "request": {"key": key, "value": value}}
                      for key, value in writes.items()]
        return self._outcome(self._ask("POST", "/v1.0/state/store/transaction", {"operations": operations}))

    def get(self, key):
        """(value or None, etag or None), or None: no answer."""
        answer = self._ask("GET", f"/v1.0/state/store/{key}")
        if answer is None:
            return None
        if answer.status == 204:
            return None, None
        if answer.status != 200:
            raise AssertionError(f"get {key}: {answer}")
        return answer.json(), version(answer.headers["etag"].strip('"'))

    def close(self):
        self._connection.close()


class GrpcClient:
    def __init__(self, sidecar):
        self._grpc, self._api, service, self._common, *_ = generated()
        self._channel = self._grpc.insecure_channel(sidecar.grpc)
        self._stub = service.DaprStub(self._channel)

    def _outcome(self, method, request):
        try:
            getattr(self._stub, method)(request, timeout=CALL_SECONDS)
            return DONE
        except self._grpc.RpcError as error:
            code = self._grpc.StatusCode
            return UNKNOWN if error.code() in (code.UNAVAILABLE, code.DEADLINE_EXCEEDED, code.CANCELLED, code.UNKNOWN) else REFUSED

    def _item(self, key, value):
        return self._common.StateItem(key=key, value=json.dumps(value).encode())

    def save(self, key, value):
        return self._outcome("SaveState", self._api.SaveStateRequest(store_name="store", states=[self._item(key, value)]))

    def delete(self, key):
        return self._outcome("DeleteState", self._api.DeleteStateRequest(store_name="store", key=key))

    def transaction(self, writes):
        operations = [self._api.TransactionalStateOperation(operationType="delete", request=self._common.StateItem(key=key)) if value is None else
                      self._api.TransactionalStateOperation(operationType="upsert", request=self._item(key, value)) for key, value in writes.items()]
        return self._outcome("ExecuteStateTransaction", self._api.ExecuteStateTransactionRequest(storeName="store", operations=operations))

    def get(self, key):
        try:
            answer = self._stub.GetState(self._api.GetStateRequest(store_name="store", key=key), timeout=CALL_SECONDS)
        except self._grpc.RpcError as error:
            if error.code() in (self._grpc.StatusCode.UNAVAILABLE, self._grpc.StatusCode.DEADLINE_EXCEEDED):
                return None
            raise AssertionError(f"get {key}: {error.code()} {error.details()}") from None
        return (json.loads(answer.data), version(answer.etag)) if answer.etag else (None, None)

    def close(self):
        self._channel.close()


class Worker:
    """Writes keys of its own, of which it knows what has to be there, and groups that all workers write whole."""

    def __init__(self, number, seed, history):
        self.number = number
        self.known = {f"own-{number}-{index}": [None] for index in range(OWN_KEYS)}  # What may be there; one value but after a crash.
        self.etags = {}  # key: (value, etag) as last seen.
        self.acknowledged = 0
        self.refused = 0
        self._random = random.Random(f"{seed}/{number}")
        self._history = history
        self._sequence = 0
        self.error = None

    def start(self, client):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, args=(client,), daemon=True)
        self._thread.start()

    def join(self):
        self._stop.set()
        self._thread.join(60)
        if self._thread.is_alive():
            raise AssertionError(f"worker {self.number} did not end")
        if self.error:
            raise self.error

    def _guarded(self, client):
        try:
            while not self._stop.is_set() and self._step(client):
                pass
        except BaseException as error:  # noqa: BLE001 (raised again by join)
            self.error = error
        finally:
            client.close()

    def _step(self, client):
        """False when the sidecar is gone."""
        self._sequence += 1
        value = {"worker": self.number, "n": self._sequence, "pad": "x" * self._random.randrange(200)}
        what = self._random.choice(("save", "save", "get", "delete", "transaction", "group", "group"))
        key = self._random.choice(sorted(self.known))
        if what == "get":
            seen = client.get(key)
            if seen is None:
                return False
            if seen[0] not in self.known[key]:
                raise AssertionError(f"{key} is {seen[0]}, expected one of {self.known[key]}")
            self.see(key, *seen)
            return True
        if what == "group":
            return self._write_group(client, value)
        if what == "save":
            writes, outcome = {key: value}, client.save(key, value)
        elif what == "delete":
            writes, outcome = {key: None}, client.delete(key)
        else:
            keys = self._random.sample(sorted(self.known), self._random.randrange(1, OWN_KEYS))
            writes = {one: None if self._random.random() < 0.2 else value for one in keys}
            outcome = client.transaction(writes)
        self._count(outcome)
        for one, written in writes.items():
            if outcome == DONE:
                self.known[one] = [written]
            elif outcome == UNKNOWN:
                self.known[one] = [*self.known[one], written]
        if outcome == UNKNOWN and what == "transaction":
            self.half = writes
        return outcome != UNKNOWN

    half = None

    def _write_group(self, client, value):
        group = self._random.randrange(GROUPS)
        begin = time.monotonic()
        outcome = client.transaction({f"group-{group}-{index}": value for index in range(GROUP_KEYS)})
        self._count(outcome)
        if outcome != REFUSED:
            self._history.note(group, value, begin, time.monotonic() if outcome == DONE else None)
        return outcome != UNKNOWN

    def _count(self, outcome):
        self.acknowledged += outcome == DONE
        self.refused += outcome == REFUSED

    def see(self, key, value, etag):
        """Another value has a larger etag, the same value the same."""
        before = self.etags.get(key)
        if etag is None:
            return
        if before and (etag < before[1] or (etag == before[1]) != (value == before[0])):
            raise AssertionError(f"{key} was {before[0]} with etag {before[1]}, and is {value} with etag {etag}")
        self.etags[key] = (value, etag)

    def check(self, client):
        """After a crash: what is there now is what is known."""
        found = {}
        for key, allowed in self.known.items():
            value, etag = client.get(key)
            if value not in allowed:
                raise AssertionError(f"{key} is {value} after the crash, expected {' or '.join(map(str, allowed))}")
            self.see(key, value, etag)
            found[key] = value
        if self.half:
            there = {found[key] == value for key, value in self.half.items() if value != self.known[key][0]}
            if len(there) > 1:
                raise AssertionError(f"a transaction is half there: {self.half}, found {found}")
        self.half = None
        self.known = {key: [value] for key, value in found.items()}


class History:
    """Transactions over the groups: (value, begin, end or None where nobody knows whether it was)."""

    def __init__(self):
        self._lock = threading.Lock()
        self.groups = [[] for _ in range(GROUPS)]
        self.etags = {}

    def note(self, group, value, begin, end):
        with self._lock:
            self.groups[group].append((value, begin, end))

    def check(self, client):
        for group, writes in enumerate(self.groups):
            seen = [client.get(f"group-{group}-{index}") for index in range(GROUP_KEYS)]
            values = [value for value, _ in seen]
            if any(value != values[0] for value in values):
                raise AssertionError(f"group {group} is half one transaction and half another: {values}")
            for index, (value, etag) in enumerate(seen):
                before = self.etags.get((group, index))
                if before and (etag is None or etag < before):
                    raise AssertionError(f"the etag of group-{group}-{index} went from {before} to {etag}")
                self.etags[group, index] = etag
            if values[0] is None:
                lost = [value for value, _, end in writes if end]
                if lost:
                    raise AssertionError(f"group {group} is empty, and {lost[0]} was acknowledged")
                continue
            last = [(begin, end) for value, begin, end in writes if value == values[0]]
            if not last:
                raise AssertionError(f"group {group} is {values[0]}, which nobody wrote")
            # What was acknowledged before another one began cannot stand after that one was acknowledged, too.
            over = [value for value, begin, end in writes if end and last[0][1] and begin > last[0][1]]
            if over:
                raise AssertionError(f"group {group} is {values[0]}, and {over[-1]} was acknowledged after it")


class Chaos(unittest.TestCase):
    def test_what_was_acknowledged_survives_kill_9(self):
        seed = os.environ.get("HOLDFAST_SEED") or str(random.randrange(1 << 32))
        chance = random.Random(seed)
        history = History()
        workers = [Worker(number, seed, history) for number in range(WORKERS)]
        with Folder() as folder:
            folder.resource(component("store", "state.holdfast"))
            for round_number in range(ROUNDS + 1):
                sidecar = DaprSidecar("holdfast", "orders", folder, data=folder.path / "data")
                try:
                    client = (HttpClient, GrpcClient)[round_number % 2](sidecar)
                    for worker in workers:
                        worker.check(client)
                    history.check(client)
                    client.close()
                    if round_number == ROUNDS:
                        break
                    for worker in workers:
                        worker.start((HttpClient, GrpcClient)[worker.number % 2](sidecar))
                    # The moment, not a proof: nothing is concluded from how long it was.
                    time.sleep(0.1 + chance.random() * 0.9)
                    sidecar.kill()
                    for worker in workers:
                        worker.join()
                except AssertionError as error:
                    print(sidecar.tail(), flush=True)
                    raise AssertionError(f"HOLDFAST_SEED={seed}, round {round_number}: {error}") from error
                finally:
                    sidecar.kill()
        acknowledged, refused = sum(worker.acknowledged for worker in workers), sum(worker.refused for worker in workers)
        print(f"       {ROUNDS} kills, {acknowledged} writes acknowledged, {refused} refused, seed {seed}", flush=True)
        self.assertGreater(acknowledged, 20 * ROUNDS)


if __name__ == "__main__":
    unittest.main()
