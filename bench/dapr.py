#!/usr/bin/env python3
"""make bench B=dapr: a sidecar's state over HTTP, beside the real daprd 1.14 with its state in memory and in SQLite.

wrk with 64 connections, values of 256 bytes, 10,000 keys, the sides in turn. Holdfast's state.holdfast is on the disk when it answers; daprd's
in-memory store is not, and its SQLite is. Of each row the median of the rounds; CPU is that of the sidecar by operation. Prints a table; writes
bench/results/dapr.json (QUICK=1, --only: build/bench-data/dapr-last.json instead). Exit code 1 if anything went wrong. Standard library only.
"""
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import beside
import lane
import outcome
import probes
from lane import QUICK, ROOT, SCRATCH

from kafka import free_ports  # noqa: E402
from running import Connection, Failure, Process, binary  # noqa: E402

DAPRD = ROOT / "build" / "peers" / "daprd" / "daprd"
SCRIPT = pathlib.Path(__file__).resolve().parent / "dapr.lua"
CONNECTIONS, KEYS, VALUE_BYTES = 64, 10_000, 256
ROUNDS = 1 if QUICK else 3
SECONDS = 2 if QUICK else 6
READY_SECONDS = 30
STORES = {"holdfast": ("state.holdfast", {}), "in-memory": ("state.in-memory", {}), "sqlite": ("state.sqlite", {"connectionString": "state.db"})}
# Row, what is done, daprd's store.
ROWS = (("save", "save", "in-memory"), ("get", "get", "in-memory"), ("transaction", "transaction", "in-memory"), ("save/sqlite", "save", "sqlite"))
METRICS = {"rate": ("operations/s", 1, 0), "p50_ms": ("ms", -1, 2), "p99_ms": ("ms", -1, 2), "cpu_us": ("us/operation", -1, 1), "rss_mb": ("MB", -1, 0),
           "start_rss_mb": ("MB", -1, 0), "ready_ms": ("ms", -1, 0)}


class Sidecar:
    """One of either; its folder is gone at the end."""

    def __init__(self, command, store):
        self.folder = SCRATCH / "dapr"
        shutil.rmtree(self.folder, ignore_errors=True)
        resources = self.folder / "resources"
        resources.mkdir(parents=True)
        type_, metadata = STORES[store]
        spec = {"type": type_, "version": "v1", "metadata": [{"name": name, "value": value} for name, value in metadata.items()]}
        document = {"apiVersion": "dapr.io/v1alpha1", "kind": "Component", "metadata": {"name": "statestore"}, "spec": spec}
        (resources / "store.yaml").write_text(json.dumps(document))
        self.port, grpc, internal, metrics = free_ports(4)
        more = ["--data", "data"] if command[-1] == "daprd" and len(command) > 1 else []
        began = time.monotonic()
        self.process = Process([*command, "--app-id", "bench", "--dapr-http-port", self.port, "--dapr-grpc-port", grpc, "--dapr-internal-grpc-port", internal,
                                "--metrics-port", metrics, "--resources-path", "resources", "--log-level", "error", *more], cwd=self.folder)
        self._wait(began)

    def _wait(self, began):
        while True:
            try:
                with Connection(("127.0.0.1", self.port)) as connection:
                    if connection.ask("GET", "/v1.0/healthz/outbound").status == 204:
                        break
            except OSError:
                pass
            if time.monotonic() - began > READY_SECONDS:
                raise Failure(f"not ready after {READY_SECONDS} s\n{self.process.tail()}")
            time.sleep(0.002)
        self.ready_ms = (time.monotonic() - began) * 1e3
        self.start_rss_mb = probes.memory_bytes(self.process.pid, "VmRSS") / 1e6

    def load(self, what, seconds):
        cpu = probes.cpu_seconds(self.process.pid)
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", SCRIPT, f"http://127.0.0.1:{self.port}", "--", what, str(KEYS), str(VALUE_BYTES)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"wrk: {done.stdout}{done.stderr}")
        found = json.loads(done.stdout.splitlines()[-1])
        if found["errors"] or not found["requests"]:
            raise Failure(f"{found['errors']} of {found['requests']} requests failed\n{self.process.tail()}")
        used = probes.cpu_seconds(self.process.pid) - cpu
        return {"rate": found["requests"] / found["microseconds"] * 1e6, "p50_ms": found["p50_us"] / 1e3, "p99_ms": found["p99_us"] / 1e3,
                "cpu_us": used / found["requests"] * 1e6}

    def end(self):
        self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def measure(command, store, what):
    sidecar = Sidecar(command, store)
    try:
        sidecar.load("save", 1 if QUICK else 2)  # All keys, and whatever has to become warm.
        row = sidecar.load(what, SECONDS)
        return {**row, "rss_mb": probes.memory_bytes(sidecar.process.pid, "VmHWM") / 1e6, "start_rss_mb": sidecar.start_rss_mb, "ready_ms": sidecar.ready_ms}
    finally:
        sidecar.end()


def median(rows):
    return {metric: statistics.median(row[metric] for row in rows) for metric in METRICS} if rows else None


def main():
    parser = lane.parser("a Dapr sidecar's state beside daprd's")
    parser.add_argument("--only", default="", help="rows whose name contains this, e.g. save")
    options = parser.parse_args()
    rows = [row for row in ROWS if options.only in row[0]]
    if not rows:
        parser.error(f"no row has {options.only!r} in its name")
    if not DAPRD.exists() or shutil.which("wrk") is None:
        parser.error(f"not there: {DAPRD} or wrk; use make bench B=dapr")
    with lane.started(parser, options):
        return run(options, rows)


def run(options, rows):
    machine = probes.machine(SCRATCH)
    versions = {"holdfast": probes.first_line([binary(), "version"]), "daprd": probes.first_line([str(DAPRD), "--version"])}
    lane.say_machine(machine, versions, options)
    table, failures = beside.Table("daprd", METRICS), []
    for name, what, store in rows:
        sides = ([], [])
        for _ in range(ROUNDS):
            for command, its, found in (([binary(), "daprd"], "holdfast", sides[0]), ([str(DAPRD)], store, sides[1])):
                try:
                    found.append(measure(command, its, what))
                except Failure as failure:
                    failures.append(f"{name} {its}: {failure}")
        table.add(f"http/{name}", median(sides[0]), median(sides[1]), rounds=sides)
    outcome.write(lane.file_of("dapr", not QUICK and not options.only, options), machine, versions, cpus=options.cpus, rows=table.rows)
    return outcome.exit_code(failures)


if __name__ == "__main__":
    sys.exit(main())
