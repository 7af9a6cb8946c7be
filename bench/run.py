#!/usr/bin/env python3
"""make bench: Holdfast under load, beside what the machine could do at best, measured in the same run.

{send, call} x {JavaScript function, C++ stub} x {1, 1k, 100k keys}, each on a Holdfast of its own with an empty data directory, and

  limits   the same function server driven by the same driver with the requests that Holdfast would send, and the
           rate at which the disk makes appends durable
  start    start to ready and to the first answer, memory and CPU when idle

After each row the states of all keys are added up: they must be what was acknowledged. docs/performance.md explains the
columns. Prints a table; writes bench/results/core.json (QUICK=1 and --only: build/bench-data/core-last.json instead).
Exit code 1 if anything went wrong. Standard library only.
"""
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lane  # noqa: E402
import outcome  # noqa: E402
import probes  # noqa: E402
from lane import QUICK, SCRATCH  # noqa: E402
from running import Connection, Failure, FunctionServer, Holdfast, Process, binary, function_path  # noqa: E402

PROGRAMS = pathlib.Path(os.environ.get("HOLDFAST_BENCH_PROGRAMS") or pathlib.Path(binary()).parent / "bench")
FUNCTION = "bench/counter"
KEYS = {"1": 1, "1k": 1000, "100k": 100_000}
CONNECTIONS = 64
BATCH = 64  # Messages of one request in the limit for a single key, where Holdfast batches.
STATES_PAGE = 1000


class Times:
    def __init__(self, quick, seconds, cpus=None):
        self.measure = seconds or (0.8 if quick else 4)
        self.warm_up = (0.4 if quick else 1.2) / min(1.0, cpus or 1.0)  # It is work, which takes a confined process longer.
        self.limit = 0.6 if quick else 2
        self.disk = 0.3 if quick else 1
        self.starts = 2 if quick else 5
        self.idle = 0.5 if quick else 3
        self.drain_max = 20 if quick else 60


# --- programs


def run_json(*command, may_fail=False):
    done = subprocess.run(Process.wrap([str(part) for part in command]), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0 and not (may_fail and done.stdout):
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def load(mode, url, seconds, keys=1000, connections=CONNECTIONS, **more):
    return driven(mode, url, seconds, keys, connections, function=FUNCTION, **more)


def driven(mode, url, seconds, keys, connections, **more):
    """What bench_load says, if it met no error."""
    options = [word for name, value in more.items() for word in (f"--{name}", value)]
    result = run_json(PROGRAMS / "bench_load", "--mode", mode, "--url", url, "--seconds", seconds, "--keys", keys,
                      "--connections", connections, *options, may_fail=True)
    if result["errors"]:
        raise Failure(f"{mode}: {result['errors']} {result['first_error']}")
    return result


def start_functions(name, node="node"):
    if name == "stub":
        return FunctionServer([PROGRAMS / "bench_stub_endpoint"], name="stub endpoint")
    return FunctionServer([node, ROOT / "bench" / "functions.js"], name="functions in JavaScript")


def counts_of(server):
    """How many requests and messages a function server had."""
    with Connection(("127.0.0.1", server.port)) as connection:
        return connection.ask("GET", "/").json()


class Fresh:
    """A Holdfast with an empty data directory; stopped, and its data gone, when the block ends."""

    def __init__(self, url, name="holdfast"):
        self.folder = SCRATCH / name
        self.url = url

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        module = self.folder / "module.yaml"
        module.write_text("kind: io.statefun.endpoints.v2/http\n"
                          f"spec: {{functions: bench/*, urlPathTemplate: '{self.url}'}}\n")
        self.holdfast = Holdfast([module], self.folder / "data", options=["--log-level", "warn"])
        return self.holdfast

    def __exit__(self, kind, *_):
        try:
            if kind is None and (code := self.holdfast.stop(60)) != 0:
                raise Failure(f"holdfast ended with {code} after SIGTERM\n{self.holdfast.tail()}")
        finally:
            self.holdfast.kill()
            shutil.rmtree(self.folder, ignore_errors=True)


def metrics(admin, having=""):
    """Sums over labels, of the lines that have a text."""
    found = {}
    for line in admin.ask("GET", "/metrics").text.splitlines():
        if line and not line.startswith("#") and having in line:
            name, value = line.rsplit(" ", 1)
            name = name.partition("{")[0]
            found[name] = found.get(name, 0) + float(value)
    return found


def wait_until_handled(admin, seconds_max):
    """Seconds until no message waits anymore."""
    began = time.monotonic()
    while True:
        waiting = metrics(admin)["holdfast_runtime_mailbox_messages"]
        took = time.monotonic() - began
        if waiting == 0:
            return took
        if took > seconds_max:
            raise Failure(f"{waiting:.0f} messages still wait {seconds_max} s after the last send")
        time.sleep(0.02)


def sum_of_states(admin, keys):
    """What the functions counted, over all keys; a page is what a prefix selects."""
    prefixes = ["k"] if keys <= STATES_PAGE else [f"k{page:04}" for page in range(keys // STATES_PAGE)]
    total = 0
    for prefix in prefixes:
        page = admin.ask("GET", f"/v1/states?type={FUNCTION}&prefix={prefix}&limit=10000").json()
        total += sum(state["value"] for address in page["addresses"] for state in address["states"])
    return total


# --- measurements


def measure_disk(times):
    return run_json(PROGRAMS / "bench_fsync", SCRATCH, "--seconds", times.disk)


def measure_starts(times):
    """Medians of some starts on an empty data directory, and what it takes to do nothing."""
    ready, answered = [], []
    with_functions = start_functions("stub")
    try:
        for _ in range(times.starts):
            began = time.monotonic()
            with Fresh(with_functions.url) as holdfast, Connection(holdfast.gateway) as gateway:
                ready.append(holdfast.seconds_to_ready)
                answer = gateway.ask("POST", function_path(FUNCTION, "first", "call"), b"x", {"Content-Type": "text/plain"})
                answered.append(time.monotonic() - began)
                if answer.status != 200:
                    raise Failure(f"the first call: {answer}")
        with Fresh(with_functions.url) as holdfast:
            time.sleep(0.3)
            before = probes.cpu_seconds(holdfast.pid)
            time.sleep(times.idle)
            cpu = (probes.cpu_seconds(holdfast.pid) - before) / times.idle
            rss = probes.memory_bytes(holdfast.pid, "VmRSS")
    finally:
        with_functions.kill()
    return {"ready_ms": statistics.median(ready) * 1e3, "first_call_ms": statistics.median(answered) * 1e3,
            "idle_rss_mb": rss / 1e6, "idle_cpu_percent": cpu * 100}


def measure_limits(server, times):
    """The function server alone: as Holdfast calls it for many keys, and for one key, where messages gather into batches."""
    load("endpoint", server.url, times.warm_up)
    limits = {}
    for caller, mode in (("yes", "call"), ("no", "send")):
        limits[mode] = load("endpoint", server.url, times.limit, caller=caller)
        limits[mode + "/batch"] = load("endpoint", server.url, times.limit, keys=1, connections=1, batch=BATCH, caller=caller)
    return limits


class OnHoldfast(Fresh):
    """A Holdfast of its own before a function server, under the load of one mode."""

    def __init__(self, mode, server):
        super().__init__(server.url)
        self.mode, self.server = mode, server

    def __enter__(self):
        self.runtime = super().__enter__()
        self.admin = Connection(self.runtime.admin)
        return self

    def load(self, seconds, keys, connections, **more):
        return load(self.mode, self.runtime.gateway_url, seconds, keys, connections, **more)

    def wait_until_handled(self, seconds_max):
        return wait_until_handled(self.admin, seconds_max)

    def counters(self):
        found = metrics(self.admin)
        return {"log_bytes": found["holdfast_log_written_bytes_total"], "syncs": found["holdfast_log_epochs_total"],
                "requests": counts_of(self.server)["requests"]}

    def counted(self, keys):
        return sum_of_states(self.admin, keys)


class Sample:
    def __init__(self, place):
        self.time = time.monotonic()
        self.runtime_cpu = probes.cpu_seconds(place.runtime.pid)
        self.function_cpu = probes.cpu_seconds(place.server.pid)
        self.disk_bytes = probes.disk_written_bytes(SCRATCH)
        self.busy = probes.machine_busy_seconds()
        self.counters = place.counters()


def measure_row(place, keys, connections, times, profile=None):
    mode = place.mode
    with place:
        warm_up = place.load(times.warm_up, keys, connections, seed=7)
        place.wait_until_handled(times.drain_max)
        recorder = start_profile(place.runtime, profile)
        before = Sample(place)
        result = place.load(times.measure, keys, connections)
        drain = place.wait_until_handled(times.drain_max)
        after = Sample(place)
        if recorder:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(30)
        counted, sent = place.counted(keys), warm_up["messages"] + result["messages"]
        if counted != sent:
            raise Failure(f"{sent} messages were acknowledged, the functions counted {counted}")

        messages = max(1, result["messages"])
        runtime_cpu, function_cpu = after.runtime_cpu - before.runtime_cpu, after.function_cpu - before.function_cpu
        driver_cpu = result["driver_cpu_us"] * messages / 1e6
        others = after.busy - before.busy - runtime_cpu - function_cpu - driver_cpu
        grown = {name: after.counters[name] - before.counters[name] for name in after.counters}
        return {
            "rate": result["rate"], "p50_ms": result["p50_us"] / 1e3, "p99_ms": result["p99_us"] / 1e3,
            "p999_ms": result["p999_us"] / 1e3,
            "handled_rate": messages / (result["seconds"] + drain) if mode == "send" else result["rate"],
            "drain_s": drain if mode == "send" else 0.0,
            "runtime_cpu_us": runtime_cpu / messages * 1e6, "function_cpu_us": function_cpu / messages * 1e6,
            "driver_cpu_us": result["driver_cpu_us"],
            "log_bytes": grown["log_bytes"] / messages if "log_bytes" in grown else None,
            "disk_bytes": None if after.disk_bytes is None else (after.disk_bytes - before.disk_bytes) / messages,
            "syncs": grown["syncs"], "messages_per_sync": messages / max(1, grown["syncs"]),
            "messages_per_request": messages / max(1, grown["requests"]),
            "rss_peak_mb": probes.memory_bytes(place.runtime.pid, "VmHWM") / 1e6,
            "others_cores": max(0.0, others / (after.time - before.time)),
        }


def start_profile(holdfast, path):
    if not path:
        return None
    return subprocess.Popen(["perf", "record", "-q", "-F", "997", "-g", "-o", path, "-p", str(holdfast.pid)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


# --- output

COLUMNS = (("rate", "rate/s", 0), ("p50_ms", "p50 ms", 2), ("p99_ms", "p99", 2), ("p999_ms", "p99.9", 2),
           ("handled_rate", "handled/s", 0), ("of_limit", "of limit", None), ("runtime_cpu_us", "runtime us", 1),
           ("function_cpu_us", "function", 1), ("driver_cpu_us", "driver", 1), ("log_bytes", "log B", 0), ("disk_bytes", "disk B", 0),
           ("messages_per_sync", "msgs/sync", 1), ("messages_per_request", "msgs/req", 1), ("rss_peak_mb", "peak MB", 0), ("others_cores", "others", 2))
UNITS = {"rate": "messages/s", "syncs": "syncs", "handled_rate": "messages/s", "of_limit": "share", "messages_per_sync": "messages",
         "messages_per_request": "messages", "others_cores": "cores"}


def unit_of(metric):
    for suffix, unit in (("_ms", "ms"), ("_us", "us"), ("_mb", "MB"), ("_bytes", "bytes"), ("_percent", "percent"), ("_s", "s")):
        if metric.endswith(suffix):
            return unit + ("/message" if suffix in ("_us", "_bytes") else "")
    return UNITS[metric]


def cell(row, metric, digits):
    value = row.get(metric)
    if value is None:
        return ""
    return f"{value * 100:.0f}%" if digits is None else f"{value:,.{digits}f}"


def print_row(name, row):
    widths = [max(len(title), 8) for _, title, _ in COLUMNS]
    if row is None:
        print(f"{'':32}" + " ".join(title.rjust(width) for width, (_, title, _) in zip(widths, COLUMNS)))
    else:
        print(f"{name:32}" + " ".join(cell(row, metric, digits).rjust(width)
                                      for width, (metric, _, digits) in zip(widths, COLUMNS)), flush=True)


def flat(prefix, values):
    units = {"rate": "appends/s"} if "/disk/" in prefix else {}
    return [{"name": f"{prefix}/{metric}", "unit": units.get(metric) or unit_of(metric), "value": round(value, 4)}
            for metric, value in values.items() if value is not None]


def disk_row(disk):
    return {"rate": disk["rate"], "p50_ms": disk["p50_us"] / 1e3, "p99_ms": disk["p99_us"] / 1e3}


def limit_row(limit):
    return {"rate": limit["rate"], "p50_ms": limit["p50_us"] / 1e3, "p99_ms": limit["p99_us"] / 1e3,
            "p999_ms": limit["p999_us"] / 1e3, "driver_cpu_us": limit["driver_cpu_us"]}


# --- the run


def plan(function):
    """(name, mode, keys, connections) of the rows of one function."""
    rows = [(f"{mode}/{function}/{label}", mode, keys, CONNECTIONS) for mode in ("call", "send") for label, keys in KEYS.items()]
    return rows + [(f"call/{function}/1k/alone", "call", KEYS["1k"], 1)]


def main():
    parser = lane.parser("Holdfast under load")
    parser.add_argument("--only", default="", help="rows whose name contains this, e.g. call/stub/1k")
    parser.add_argument("--seconds", type=float, default=0, help="of each measured row")
    parser.add_argument("--profile", action="store_true", help="perf record each row into build/bench-data/ROW.perf")
    arguments = parser.parse_args()
    with lane.started(parser, arguments):
        return run(arguments)


def run(arguments):
    times = Times(QUICK, arguments.seconds, arguments.cpus)
    out = lane.file_of("core", not (QUICK or arguments.only or arguments.profile), arguments)
    failures, flat_rows, shared = [], [], 0.0
    machine = probes.machine(SCRATCH)
    versions = {"holdfast": probes.first_line([binary(), "version"]), "node": probes.first_line(["node", "--version"]),
                "statefun_sdk": json.loads((ROOT / "bench/node_modules/apache-flink-statefun/package.json").read_text())["version"]}
    lane.say_machine(machine, versions, arguments)

    def report(name, row):
        print_row(name, row)
        flat_rows.extend(flat(name, row))

    print_row("", None)
    disk = measure_disk(times)
    for kind in ("preallocated", "growing"):
        report(f"limit/disk/{kind}", disk_row(disk[kind]))

    for function in ("stub", "js"):
        rows = [row for row in plan(function) if arguments.only in row[0]]
        if not rows:
            continue
        server = start_functions(function)
        try:
            limits = measure_limits(server, times)
            for name, limit in limits.items():
                report(f"limit/{function}/{name}", limit_row(limit))
            for name, mode, keys, connections in rows:
                profile = SCRATCH / (name.replace("/", "-") + ".perf") if arguments.profile else None
                try:
                    row = measure_row(OnHoldfast(mode, server), keys, connections, times, profile)
                except Failure as failure:
                    failures.append(f"{name}: {failure}")
                    print(f"{name:32}FAILED: {failure}", flush=True)
                    continue
                if connections > 1:
                    row["of_limit"] = row["handled_rate"] / limits[mode + ("/batch" if keys == 1 else "")]["rate"]
                shared = max(shared, row["others_cores"])
                report(name, row)
        finally:
            server.kill()

    for kind, values in measure_disk(times).items():
        if kind != "bytes":
            report(f"limit/disk/{kind}/after", disk_row(values))
    if not arguments.only:
        start = measure_starts(times)
        flat_rows += flat("start", start)
        print(f"\nempty data directory: ready after {start['ready_ms']:.0f} ms, first call answered after {start['first_call_ms']:.0f} ms; "
              f"idle {start['idle_rss_mb']:.1f} MB, {start['idle_cpu_percent']:.2f}% of a core")
    outcome.say_others(machine, shared)

    outcome.write(out, machine, versions, cpus=arguments.cpus, seconds=times.measure, rows=flat_rows)
    if arguments.profile:
        print(f"profiles: perf report --no-children -g none -i {SCRATCH.relative_to(ROOT)}/ROW.perf")
    return outcome.exit_code(failures)


if __name__ == "__main__":
    sys.exit(main())
