#!/usr/bin/env python3
"""Makes the bank busy, and checks its books.

    python3 bank.py load [--accounts 20] [--balance 1000] [--transfers 1000] [--seed 1]
    python3 bank.py audit

Both take --gateway and --admin. Kill what you like while the load runs: a transfer is asked for again, under its id, until it is answered, and
happens once. The audit reads the ledger, every change of every balance in its order, and says what does not add up.
"""
import argparse
import collections
import dataclasses
import json
import pathlib
import random
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
from running import GONE, Connection, function_path, type_headers  # noqa: E402

LANES = 8


class Load:
    """Opens accounts, then makes transfers over LANES connections. `gateway` is asked for (host, port) before each connect."""

    def __init__(self, accounts, balance, transfers, seed, gateway):
        chance = random.Random(seed)
        self.accounts = [f"account{number}" for number in range(accounts)]
        self.outcomes = {}  # transfer: {"done", "reason"}
        self.error = None
        self._balance = balance
        self._gateway = gateway
        self._lock = threading.Lock()
        lanes = [[] for _ in range(LANES)]
        for number in range(transfers):
            source, target = chance.sample(self.accounts, 2)
            if chance.random() < 0.05:
                target = "nobody"  # The money comes back.
            order = {"from": source, "to": target, "amount": chance.randrange(1, max(2, balance // 2))}
            lanes[number % LANES].append((f"{seed}-{number}", order))
        self._threads = [threading.Thread(target=self._run, args=(lane,), daemon=True) for lane in lanes]

    @property
    def answered(self):
        return len(self.outcomes)

    def start(self):
        asker = Asker(self._gateway)
        for account in self.accounts:
            asker.ask("bank/account", account, "bank/Open", {"balance": self._balance})
        asker.close()
        for thread in self._threads:
            thread.start()

    def join(self):
        for thread in self._threads:
            thread.join()
        if self.error:
            raise self.error

    def _run(self, lane):
        asker = Asker(self._gateway)
        try:
            for transfer, order in lane:
                outcome = asker.ask("bank/transfer", transfer, "bank/Transfer", order)
                with self._lock:
                    self.outcomes[transfer] = outcome
        except Exception as error:
            self.error = error
        finally:
            asker.close()


class Asker:
    """Asks until there is an answer. Opening an account and a transfer under its id can be said again: they happen once."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._connection = None

    def ask(self, function, id, value_type, value):
        path = function_path(function, id, "call") + "?timeout=2s"
        while True:
            try:
                self._connection = self._connection or Connection(self._gateway(), 10)
                answer = self._connection.ask("POST", path, json.dumps(value).encode(), type_headers(value_type))
            except GONE:
                self.close()
            else:
                if answer.status == 200:
                    return answer.json()
                if answer.status not in (429, 503, 504):
                    raise RuntimeError(f"{function}/{id}: {answer}")
            time.sleep(0.02)

    def close(self):
        if self._connection:
            self._connection.close()
        self._connection = None


@dataclasses.dataclass
class Report:
    problems: list
    sum: int = 0          # Of all balances, and what is under way between them.
    under_way: int = 0
    done: set = dataclasses.field(default_factory=set)  # Transfers that arrived.
    entries: int = 0


def judge(ledger, balances):
    """Goes through the ledger entry by entry. After each of them the money in accounts and under way is what was put in, or it is a problem."""
    problems = []
    kept = {}
    moves = collections.defaultdict(list)  # transfer: [(account, change)]
    put_in = 0
    for number, entry in enumerate(ledger):
        account, change, transfer = entry["account"], entry["change"], entry["transfer"]
        if not transfer:
            if account in kept:
                problems.append(f"entry {number}: {account} is opened again")
            put_in += change
        elif account not in kept:
            problems.append(f"entry {number}: {account} was never opened")
        kept[account] = kept.get(account, 0) + change
        if kept[account] != entry["balance"]:
            problems.append(f"entry {number}: {account} has {entry['balance']}, its entries make {kept[account]}")
        if kept[account] < 0:
            problems.append(f"entry {number}: {account} is overdrawn: {kept[account]}")
        if transfer:
            problems += [f"entry {number}: {text}" for text in wrong_move(moves[transfer], account, change, transfer)]
            moves[transfer].append((account, change))
        under_way = -sum(change for moved in moves.values() for _, change in moved)
        if sum(kept.values()) + under_way != put_in:
            problems.append(f"entry {number}: {sum(kept.values())} in accounts and {under_way} under way, but {put_in} were put in")
    lost = {transfer: moved for transfer, moved in moves.items() if len(moved) == 1}
    under_way = -sum(moved[0][1] for moved in lost.values())
    problems += [f"{transfer} took {-moved[0][1]} from {moved[0][0]} and gave them to nobody" for transfer, moved in sorted(lost.items())]
    if kept != balances:
        for account in sorted(kept.keys() | balances.keys()):
            if kept.get(account) != balances.get(account):
                problems.append(f"{account} has {balances.get(account)}, the ledger says {kept.get(account)}")
    done = {transfer for transfer, moved in moves.items() if len(moved) == 2 and moved[0][0] != moved[1][0]}
    return Report(problems, sum(kept.values()) + under_way, under_way, done, len(ledger))


def wrong_move(before, account, change, transfer):
    """A transfer takes once, then gives once: to the other account, or back."""
    if not before and change >= 0:
        return [f"{transfer} gives {change} to {account} that it has not taken"]
    if len(before) == 1 and change != -before[0][1]:
        return [f"{transfer} took {-before[0][1]} and gives {change}"]
    if len(before) > 1:
        return [f"{transfer} moves {change} once more"]
    return []


def audit(gateway, admin):
    """Of a bank at rest: its ledger, and the balances in its states."""
    with Connection(gateway) as connection:
        ledger, position = [], 0
        while True:
            page = connection.ask("GET", f"/v1/streams/bank/ledger/entries?from={position}&limit=1000").json()
            ledger += [record["value"] for record in page["records"]]
            if not page["records"]:
                break
            position = page["next"]
    with Connection(admin) as connection:
        listed = connection.ask("GET", "/v1/states?type=bank%2Faccount&limit=10000").json()["addresses"]
    balances = {each["id"]: state["value"] for each in listed for state in each["states"] if state["name"] == "balance"}
    return judge(ledger, balances)


def address_of(url):
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description="makes the bank busy, and checks its books")
    parser.add_argument("what", choices=("load", "audit"))
    parser.add_argument("--gateway", default="http://127.0.0.1:9999")
    parser.add_argument("--admin", default="http://127.0.0.1:7780")
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--balance", type=int, default=1000)
    parser.add_argument("--transfers", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same transfers, which then happen no second time")
    options = parser.parse_args()
    if options.what == "load":
        load = Load(options.accounts, options.balance, options.transfers, options.seed, lambda: address_of(options.gateway))
        load.start()
        load.join()
        done = sum(outcome["done"] for outcome in load.outcomes.values())
        print(f"{load.answered} transfers: {done} done, {load.answered - done} refused")
        return 0
    report = audit(address_of(options.gateway), address_of(options.admin))
    for problem in report.problems:
        print(problem)
    print(f"{report.entries} entries, {len(report.done)} transfers arrived, {report.sum} in all: " +
          (f"{len(report.problems)} problems" if report.problems else "the books balance"))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
