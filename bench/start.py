#!/usr/bin/env python3
"""make bench B=start: how long a start takes, and how much memory, when much is stored: a million addresses with messages that wait for a
function that is down, parked, with timers, with state.

Each row fills a data directory through the gateway, ends Holdfast by kill -9, and starts it again some times, kill -9 each time: seconds to
ready (the first one that follows the load, which has the longest log to read, and the median of the others), memory when ready, and at most until
everything that waits was found again. Nothing may be missing. Prints a table; writes bench/results/start.json (QUICK=1 and --only:
build/bench-data/start-last.json instead). Exit code 1 if anything went wrong. Standard library only.
"""
import shutil
import statistics
import sys
import time

from run import PROGRAMS, metrics, run_json

import lane
import outcome
import probes
from lane import QUICK, SCRATCH
from running import Connection, Failure, FunctionServer, Holdfast, binary

COUNT = 1_000_000
CONNECTIONS = 512
SECONDS_MAX = 900
# What each row sends its messages to, and how many of what there are when all of it is done.
ROWS = {
    "mail": ("bench/away", "holdfast_runtime_mailbox_messages"),
    "parked": ("bench/failing", "holdfast_runtime_parked_total"),
    "timers": ("bench/sleeper", None),
    "state": ("bench/counter", None),
}
UNITS = {"ms": "ms", "mb": "MB", "rate": "messages/s", "count": "addresses"}
MODULE = """kind: io.statefun.endpoints.v2/http
spec: {{functions: bench/*, urlPathTemplate: '{url}', onFailure: {{retry: {{maxAttempts: 1}}, then: park}}}}
---
kind: io.statefun.endpoints.v2/http
spec: {{functions: bench/away, urlPathTemplate: 'http://127.0.0.1:1'}}
"""


def wait_for(what, done):
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > SECONDS_MAX:
            raise Failure(f"not after {SECONDS_MAX} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def start(module, data):
    return Holdfast([module], data, options=["--log-level", "warn"])


def fill(holdfast, name, count):
    function, counted = ROWS[name]
    load = run_json(PROGRAMS / "bench_load", "--mode", "send", "--url", holdfast.gateway_url, "--count", count, "--keys", count, "--in-turn", "yes", "--connections",
                    CONNECTIONS, "--function", function)
    if load["errors"]:
        raise Failure(f"{name}: {load['errors']} {load['first_error']}")
    with Connection(holdfast.admin) as admin:
        if counted:
            wait_for(f"{count} of {counted}", lambda: metrics(admin)[counted] >= count)
        else:
            wait_for("all are handled", lambda: metrics(admin)["holdfast_runtime_mailbox_messages"] == 0)
    return load["rate"]


def measure(name, count, starts):
    folder = SCRATCH / "start"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server = FunctionServer([PROGRAMS / "bench_stub_endpoint"], name="stub endpoint")
    holdfast = None
    try:
        module = folder / "module.yaml"
        module.write_text(MODULE.format(url=server.url))
        holdfast = start(module, folder / "data")
        rate = fill(holdfast, name, count)
        loaded = probes.memory_bytes(holdfast.pid, "VmHWM")
        holdfast.kill()
        ready, found, resident, peak = [], [], [], []
        for _ in range(starts):
            holdfast = start(module, folder / "data")
            ready.append(holdfast.seconds_to_ready)
            resident.append(probes.memory_bytes(holdfast.pid, "VmRSS"))
            with Connection(holdfast.admin) as admin:
                waiting = count if ROWS[name][1] else 0
                found.append(wait_for("all that waits is found", lambda: metrics(admin)["holdfast_runtime_mailbox_messages"] >= waiting))
                if name == "timers" and len(admin.ask("GET", "/v1/timers?limit=1000").json()["timers"]) != min(count, 1000):
                    raise Failure("timers are missing")
            peak.append(probes.memory_bytes(holdfast.pid, "VmHWM"))
            holdfast.kill()
    finally:
        if holdfast:
            holdfast.kill()
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
    return {"count": count, "fill_rate": rate, "fill_peak_mb": loaded / 1e6, "first_ready_ms": ready[0] * 1e3,
            "ready_ms": statistics.median(ready[1:] or ready) * 1e3, "found_ms": statistics.median(found) * 1e3, "ready_mb": max(resident) / 1e6,
            "peak_mb": max(peak) / 1e6}


def main():
    parser = lane.parser("starts with much that is stored")
    parser.add_argument("--only", default="", help=f"some of {', '.join(ROWS)}, with commas between")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(ROWS)
    for name in names:
        if name not in ROWS:
            parser.error(f"no row {name}; there are {', '.join(ROWS)}")
    with lane.started(parser, arguments):
        return run(arguments, names)


def run(arguments, names):
    count = COUNT // 10 if QUICK else COUNT
    machine = probes.machine(SCRATCH)
    versions = {"holdfast": probes.first_line([binary(), "version"])}
    out = lane.file_of("start", not (QUICK or arguments.only), arguments)
    lane.say_machine(machine, versions, arguments)
    rows, failures = [], []
    print(f"{'':12}{'first ready':>12}{'ready':>9}{'all found':>11}{'RSS MB':>8}{'peak MB':>9}   (while it was filled: {'rate/s':>8}{'peak MB':>9})")
    for name in names:
        try:
            row = measure(name, count, 2 if QUICK else 4)
        except Failure as failure:
            failures.append(f"start/{name}: {failure}")
            print(f"{name:12}FAILED: {failure}", flush=True)
            continue
        rows += [{"name": f"start/{name}/{metric}", "unit": UNITS[metric.rpartition("_")[2]], "value": round(value, 1)} for metric, value in row.items()]
        print(f"{name:12}{row['first_ready_ms']:9.0f} ms{row['ready_ms']:6.0f} ms{row['found_ms']:8.0f} ms{row['ready_mb']:8.0f}{row['peak_mb']:9.0f}"
              f"{'':25}{row['fill_rate']:8.0f}{row['fill_peak_mb']:9.0f}", flush=True)
    outcome.write(out, machine, versions, cpus=arguments.cpus, rows=rows)
    return outcome.exit_code(failures)


if __name__ == "__main__":
    sys.exit(main())
