#!/usr/bin/env python3
"""make bench B=sdk: functions in C++, inside the process and behind sockets, beside the other SDKs and beside Flink StateFun.

One job for all: eight sources send additions to 100,000 cells, each message to another cell than the ones around it, 2,000
under way at a time; a cell keeps 64 bytes (sdk/functions.h). Everything goes through the whole durable runtime: mailboxes, state, epochs, log. What differs is where the cells are:

  native           a module in the runtime's process
  remote           the same source as a server on a unix socket, over calls of which many are under way on one connection
  remote_tcp       the same over TCP
  remote_http      on a unix socket, one HTTP request for one batch: what every SDK speaks
  remote_http_tcp  the same over TCP
  javascript, python, java   the cell on the other SDKs, over HTTP; the sources stay C++
  flink            Flink StateFun 3.3.0 with the C++ server

Sources and cells of a row begin warm: each cell has been written once. After each row every cell tells its counter, which must be exactly
what it was sent. docs/performance.md explains the figures. Prints a table; writes bench/results/sdk.json (build/bench-data/sdk-last.json
for parts of it). Exit code 1 if anything went wrong.
"""
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lane  # noqa: E402
import outcome  # noqa: E402
import probes  # noqa: E402
from lane import QUICK, SCRATCH  # noqa: E402
from run import PROGRAMS, metrics, start_profile  # noqa: E402
from running import Connection, Failure, FunctionServer, Holdfast, binary  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent / "sdk"
PYTHON = ROOT / "build" / "venv" / "bin" / "python"
JAVA_JAR = ROOT / "build" / "bench-java" / "functions.jar"
KEYS = 100_000
SOURCES = 8
PORTION = 250
STALL_SECONDS_MAX = 60
FLINK_START_SECONDS_MAX = 120
ALONE_CALLS = 2000

CPP = [PROGRAMS / "bench_sdk_server"]
OTHERS = {"javascript": ["node", HERE / "functions.js"], "python": [PYTHON, HERE / "functions.py"], "java": ["java", "-jar", JAVA_JAR]}
# Row: messages for each cell in the measured part.
ROWS = {"native": 30, "remote": 20, "remote_tcp": 20, "remote_http": 5, "remote_http_tcp": 5, "javascript": 2, "python": 1, "java": 2,
        "flink": 1}

NATIVE = """kind: holdfast.endpoints.v1/native
spec: {{functions: {functions}, module: {module}}}
---
"""
HTTP = """kind: io.statefun.endpoints.v2/http
spec: {{functions: {functions}, urlPathTemplate: '{url}', pipelining: {pipelining}}}
---
"""
STREAM = """kind: holdfast.streams.v1/egress
spec: {id: bench/out, topics: [audit]}
---
kind: holdfast.runtime.v1/settings
spec: {shards: 2}
"""


def order(what, source, count):
    return f"{what} {source} {count} {SOURCES} {KEYS} {PORTION}"


class OnHoldfast:
    """The job on a Holdfast of its own; stopped, and its data gone, when the block ends."""

    def __init__(self, row):
        self.row = row
        self.folder = SCRATCH / "sdk" / row
        self.server = self.runtime = self.sockets = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            module = self.folder / "module.yaml"
            module.write_text(self._endpoints() + STREAM)
            self.runtime = Holdfast([module], self.folder / "data", options=["--log-level", "warn"])
            self.admin = Connection(self.runtime.admin)
            self.gateway = Connection(self.runtime.gateway)
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def _endpoints(self):
        native = NATIVE.format(functions="bench/*", module=PROGRAMS / "bench_sdk_module.so")
        if self.row == "native":
            return native
        if self.row in OTHERS:
            self.server = FunctionServer(OTHERS[self.row], name=f"functions, {self.row}")
            return (NATIVE.format(functions="bench/source", module=PROGRAMS / "bench_sdk_module.so") +
                    HTTP.format(functions="bench/cell", url=self.server.url, pipelining="never"))
        where = "0"
        if not self.row.endswith("tcp"):
            self.sockets = tempfile.mkdtemp(prefix="holdfast-bench-")  # Paths of sockets are short.
            where = f"{self.sockets}/functions.sock"
        self.server = FunctionServer(CPP, port=where, name="functions, C++")
        return HTTP.format(functions="bench/*", url=self.server.url, pipelining="never" if "http" in self.row else "auto")

    def __exit__(self, kind, *_):
        try:
            if kind is None and self.runtime is not None and (code := self.runtime.stop(60)) != 0:
                raise Failure(f"holdfast ended with {code} after SIGTERM\n{self.runtime.tail()}")
        finally:
            for process in (self.runtime, self.server):
                if process is not None:
                    process.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
            if self.sockets:
                shutil.rmtree(self.sockets, ignore_errors=True)

    def run(self, what, count):
        """Seconds until each of `count` messages has been handled."""
        before = metrics(self.admin)["holdfast_runtime_messages_delivered_total"]
        began = progressed = time.monotonic()
        for source in range(SOURCES):
            answer = self.gateway.ask("POST", f"/v1/functions/bench/source/s{source}/send", order(what, source, count),
                                      {"content-type": "text/plain"})
            if answer.status != 202:
                raise Failure(f"a source was not started: {answer}")
        seen = 0
        while True:
            time.sleep(0.02)
            now = metrics(self.admin)
            delivered = now["holdfast_runtime_messages_delivered_total"] - before
            # Those of the sources count, too: their orders, and the answers of every 25th cell.
            if delivered >= count + count // 25 + SOURCES and now["holdfast_runtime_mailbox_messages"] == 0:
                return time.monotonic() - began
            if now["holdfast_runtime_parked_total"] or not self.runtime.running():
                raise Failure(f"{what}: {self.runtime.cli('parked', 'ls', check=False).stdout}\n{self.runtime.tail()}")
            if now["holdfast_runtime_responses_total"] != seen:
                seen, progressed = now["holdfast_runtime_responses_total"], time.monotonic()
            elif time.monotonic() - progressed > STALL_SECONDS_MAX:
                raise Failure(f"{delivered:.0f} of {count} messages delivered, and no more\n{self.runtime.tail()}")

    def audit(self):
        """The counters of all cells, as they tell them."""
        self.run("audit", KEYS)
        records, position = [], 0
        while True:
            answer = self.gateway.ask("GET", f"/v1/streams/bench/out/audit?from={position}&limit=1000")
            if answer.status != 200:
                raise Failure(f"the audit could not be read: {answer}")
            page = answer.json()
            records += [(record["key"], int(record["value"])) for record in page["records"]]
            if not page["records"]:
                return records
            position = page["next"]

    def call_alone(self):
        """Microseconds from a call of the function to its answer, with nothing else going on: the median, from a histogram whose
        buckets double."""
        def buckets():
            found = {}
            for line in self.admin.ask("GET", "/metrics").text.splitlines():
                if line.startswith("holdfast_invoker_call_seconds_bucket"):
                    end = float(re.search(r'le="([^"]+)"', line)[1].replace("+Inf", "inf"))
                    found[end] = found.get(end, 0) + float(line.rsplit(" ", 1)[1])
            return found

        before = buckets()
        for number in range(ALONE_CALLS):
            self.gateway.ask("POST", f"/v1/functions/bench/cell/k{number}/send", "1",
                             {"content-type": "text/plain", "x-value-type": "io.statefun.types/int"})
        self._wait_quiet()
        below, start = 0, 0.0
        calls = {end: count - before.get(end, 0) for end, count in sorted(buckets().items())}
        half = max(calls.values()) / 2
        for end, up_to_here in calls.items():
            if up_to_here >= half:
                return (start + (end - start) * (half - below) / (up_to_here - below)) * 1e6
            below, start = up_to_here, end
        raise Failure("no call was made")

    def epochs(self):
        return metrics(self.admin)["holdfast_log_epochs_total"]

    def _wait_quiet(self):
        while metrics(self.admin)["holdfast_runtime_mailbox_messages"]:
            time.sleep(0.01)

    @property
    def processes(self):
        return {"runtime": self.runtime.pid, **({"function": self.server.pid} if self.server else {})}


class OnFlink:
    """The job on Flink StateFun: orders come, and audits go, by Kafka; the server's own metrics say how far it is."""

    def __init__(self, row):
        import statefun
        from kafka import KafkaBroker
        self.statefun, self.broker_type = statefun, KafkaBroker
        self.folder = SCRATCH / "sdk" / row
        self.broker = self.runtime = self.server = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self.broker = self.broker_type(self.folder / "kafka")
            self.broker.__enter__()
            for topic in ("orders", "audit"):
                self.broker.create_topic(topic, 1)
            self.server = FunctionServer(CPP, name="functions, C++")
            module = self.folder / "module.yaml"
            module.write_text(self.statefun.MODULE.format(url=self.server.url, bootstrap=self.broker.bootstrap, group="bench", source="orders",
                                                          value_type="io.statefun.types/string", function="bench/source"))
            self.runtime = self.statefun.StateFunRuntime(module, self.folder, {})
        except BaseException:
            self.__exit__(None)
            raise
        return self

    def __exit__(self, *_):
        for process in (self.runtime and self.runtime.process, self.server):
            if process is not None:
                process.kill()
        if self.broker is not None:
            self.broker.__exit__(None, None, None)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _handled(self):
        text = Connection(("127.0.0.1", self.server.port)).ask("GET", "/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith("holdfast_sdk_messages_total") and "bench/cell" in line)

    def run(self, what, count):
        """Seconds from the first cell's message to the last. Messages of a source that Flink repeats would count; the audit tells."""
        before = self._handled()
        orders = [(f"s{source}", self._text(order(what, source, count))) for source in range(SOURCES)]
        self.broker.produce("orders", orders)
        asked = progressed = time.monotonic()
        began, last = None, before
        while True:
            time.sleep(0.02)
            now = self._handled()
            if began is None and now > before:
                began = time.monotonic()
            if now - before >= count:
                return time.monotonic() - began
            if now != last:
                last, progressed = now, time.monotonic()
            limit = FLINK_START_SECONDS_MAX if began is None else STALL_SECONDS_MAX
            if time.monotonic() - progressed > limit or not self.runtime.process.running():
                raise Failure(f"{now - before:.0f} of {count} after {time.monotonic() - asked:.0f} s\n{self.runtime.process.tail()}")

    def epochs(self):
        """It has none."""

    @staticmethod
    def _text(text):
        return b"\x0a" + bytes([len(text)]) + text.encode()

    def audit(self):
        self.run("audit", KEYS)
        deadline = time.monotonic() + STALL_SECONDS_MAX
        while time.monotonic() < deadline:
            records = self.broker.consume_all("audit")
            if len(records) >= KEYS:
                break
            time.sleep(0.2)
        return [(key.decode(), int(value)) for _partition, _offset, key, value, _headers in records]

    @property
    def processes(self):
        return {"runtime": self.runtime.process.pid, "function": self.server.pid}


def check(records, expected):
    """Each cell once, with exactly what it was sent."""
    wrong = [record for record in records if record[1] != expected]
    if len(records) != KEYS or len(dict(records)) != KEYS or wrong:
        raise Failure(f"expected {KEYS} cells with {expected} each, got {len(records)} records of {len(dict(records))} cells, "
                      f"{len(wrong)} of them wrong, as {wrong[:3]}")


def measure(row, share, profile):
    place = OnFlink(row) if row == "flink" else OnHoldfast(row)
    count = max(1, round(ROWS[row] * share)) * KEYS
    with place as work:
        work.run("add", KEYS)
        recorder = start_profile(work.runtime if row != "flink" else work.runtime.process, SCRATCH / f"sdk-{row}.perf") if profile else None
        cpu = {name: probes.cpu_seconds(pid) for name, pid in work.processes.items()}
        epochs = work.epochs()
        busy, began, own = probes.machine_busy_seconds(), time.monotonic(), time.process_time()
        seconds = work.run("add", count)
        out = {"distinct_keys_per_s": count / seconds}
        spent = sum(probes.cpu_seconds(pid) - cpu[name] for name, pid in work.processes.items())
        for name, pid in work.processes.items():
            out[f"{name}_cpu_us"] = (probes.cpu_seconds(pid) - cpu[name]) / count * 1e6
        if epochs is not None:
            out["messages_per_epoch"] = count / max(1, work.epochs() - epochs)
        others = probes.machine_busy_seconds() - busy - spent - (time.process_time() - own)
        if row != "flink":  # There the broker works, too.
            out["others_cores"] = max(0.0, others / (time.monotonic() - began))
        if recorder:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(30)
        for name, pid in work.processes.items():
            out[f"{name}_rss_mb"] = probes.memory_bytes(pid, "VmHWM") / 1e6
        check(work.audit(), 1 + count // KEYS)
        if row != "flink":
            out["call_alone_p50_us"] = work.call_alone()
        return out


UNITS = {"distinct_keys_per_s": ("messages/s", 0), "runtime_cpu_us": ("us/message", 2), "function_cpu_us": ("us/message", 2),
         "runtime_rss_mb": ("MB", 0), "function_rss_mb": ("MB", 1), "call_alone_p50_us": ("us", 0),
         "messages_per_epoch": ("messages", 0)}


def micro():
    """Nanoseconds of CPU, by what the SDK's own micro bench calls them."""
    try:
        done = subprocess.run([str(PROGRAMS / "bench_sdk_handler")], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"bench_sdk_handler: {error}") from None
    found = re.findall(r"^(\S.*?) +([\d.]+) ns", done.stdout, re.M)
    if done.returncode != 0 or not found:
        raise Failure(f"bench_sdk_handler ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return {f"handler: {name}": float(ns) for name, ns in found}


def main():
    parser = lane.parser("functions on the C++ SDK, beside others")
    parser.add_argument("--rows", default="", help=f"with commas between: {','.join(ROWS)}")
    parser.add_argument("--rounds", type=int, default=3, help="of the rows of the C++ SDK; the median counts")
    parser.add_argument("--profile", action="store_true", help="perf record the runtime of each row into build/bench-data/")
    options = parser.parse_args()
    chosen = [row for row in options.rows.split(",") if row] or list(ROWS)
    if unknown := [row for row in chosen if row not in ROWS]:
        parser.error(f"no row {unknown[0]}; there are {', '.join(ROWS)}")
    with lane.started(parser, options):
        return run(options, chosen)


def run(options, chosen):
    whole = chosen == list(ROWS) and not QUICK and not options.profile
    out = lane.file_of("sdk", whole, options)

    began = time.monotonic()
    machine = probes.machine(SCRATCH)
    versions = {"holdfast": probes.first_line([binary(), "version"]), "node": probes.first_line(["node", "--version"]),
                "java": probes.first_line(["java", "--version"]), "python": sys.version.split()[0], "statefun_sdks": "3.3.0"}
    lane.say_machine(machine, versions, options)
    print(f"{'':18}" + "".join(f"{name:>22}" for name in UNITS))
    rows, failures, others = [], [], 0.0
    for row in chosen:
        rounds = options.rounds if row in ("native", "remote", "remote_tcp", "remote_http", "remote_http_tcp") and whole else 1
        try:
            measured = [measure(row, 0.2 if QUICK else 1, options.profile) for _ in range(rounds)]
        except Failure as failure:
            failures.append(f"{row}: {failure}")
            print(f"{row}: FAILED: {str(failure).splitlines()[0]}", flush=True)
            continue
        result = {name: statistics.median(one[name] for one in measured) for name in measured[0]}
        others = max(others, *(one.get("others_cores", 0.0) for one in measured))
        print(f"{row:18}" + "".join(f"{result[name]:>22,.{digits}f}" if name in result else f"{'-':>22}"
                                    for name, (_unit, digits) in UNITS.items()), flush=True)
        rows += [{"name": f"{row}_{name}", "unit": UNITS[name][0], "value": round(value, 4),
                  "rounds": [round(one[name], 4) for one in measured]}
                 for name, value in result.items() if name in UNITS]
    if whole or QUICK:
        try:
            for name, value in micro().items():
                print(f"{name}: {value:,.0f} ns")
                rows.append({"name": name, "unit": "ns", "value": value})
        except Failure as failure:
            failures.append(str(failure))

    print(f"\n{time.monotonic() - began:.0f} s; every cell told what it was sent" + ("" if not failures else ", but for those that failed"))
    outcome.say_others(machine, others)
    outcome.write(out, machine, versions, cpus=options.cpus, keys=KEYS, rows=rows)
    return outcome.exit_code(failures)


if __name__ == "__main__":
    sys.exit(main())
