#!/usr/bin/env python3
"""make bench B=statefun: Kafka -> function -> Kafka, exactly once, on Holdfast and on Flink StateFun, in one run.

Both get the same module.yaml, the same broker with the same preloaded messages, and the same function on the unmodified SDK
for JavaScript (bench/greeter of functions.js); one after the other. Rows:

  js/K/…       drain of messages over K keys: rates, CPU, memory, start; and what function and broker can do on their own
  stub/K/…     the same with the function as a C++ stub that costs next to nothing: the runtime alone. Holdfast only
  latency/…    a steady trickle of messages, from when each was due to when a reader has its answer

The output topic of each drain is read read_committed and checked: every message once, counters of each key without gaps, in order.
docs/performance.md explains the rows. Prints a table; writes bench/results/statefun.json (build/bench-data/statefun-last.json for
parts of it). Exit code 1 if anything went wrong.
"""
import bisect
import json
import pathlib
import re
import shutil
import signal
import struct
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import lane  # noqa: E402
import outcome  # noqa: E402
import probes  # noqa: E402
from beside import Table  # noqa: E402
from flink import PEER, FlinkStateFun  # noqa: E402
from kafka import KafkaBroker, confluent  # noqa: E402
from lane import QUICK, SCRATCH  # noqa: E402
from run import PROGRAMS, counts_of, metrics, run_json, start_profile  # noqa: E402
from running import Connection, Failure, FunctionServer, Holdfast, binary  # noqa: E402

FUNCTION = "bench/greeter"
VALUE_TYPE = "bench/greeting"
KEYS = {"1": 1, "1k": 1000, "100k": 100_000}
MESSAGES = 300_000
PARTITIONS = 2
SAMPLE_SECONDS = 0.2
STEADY = (0.20, 0.97)  # The part of the messages between which the steady rate is measured.
FIRST_OUTPUT_SECONDS_MAX = 120
STALL_SECONDS_MAX = 60
ISOLATIONS = ("read_uncommitted", "read_committed")
LATENCY_RATE = 200
LATENCY_KEYS = 1000
LATENCY_PRELOAD = 20_000  # Handled before: a JVM must be warm.
LATENCY_WARM_UP_SECONDS = 20
LATENCY_SECONDS = 30
LIMIT_SECONDS = 2
BATCH_MAX = 1000
PREPARE_COMMIT = 2

MODULE = """kind: io.statefun.endpoints.v2/http
spec:
  functions: bench/*
  urlPathTemplate: {url}
---
kind: io.statefun.kafka.v1/ingress
spec:
  id: bench/in
  address: {bootstrap}
  consumerGroupId: {group}
  startupPosition:
    type: earliest
  topics:
    - topic: {source}
      valueType: {value_type}
      targets:
        - {function}
---
kind: io.statefun.kafka.v1/egress
spec:
  id: bench/out
  address: {bootstrap}
  deliverySemantic:
    type: exactly-once
    transactionTimeout: 900sec
"""

# --- the two runtimes


class HoldfastRuntime:
    name = "holdfast"

    def __init__(self, module, folder, _settings):
        self.process = Holdfast([module], folder / "data", options=["--log-level", "warn"])

    def epochs(self):
        with Connection(self.process.admin) as admin:
            return metrics(admin)["holdfast_log_epochs_total"]

    def stop(self):
        try:
            if (code := self.process.stop(60)) != 0:
                raise Failure(f"holdfast ended with {code} after SIGTERM\n{self.process.tail()}")
        finally:
            self.process.kill()


class StateFunRuntime:
    """Parallelism 1; 2 was slower on two cores."""
    name = "peer"

    def __init__(self, module, folder, settings):
        self.process = FlinkStateFun(module, folder, settings)

    def epochs(self):
        """It has none."""

    def stop(self):
        self.process.kill()


RUNTIMES = {runtime.name: runtime for runtime in (HoldfastRuntime, StateFunRuntime)}


def start_functions(kind, topic):
    command = [PROGRAMS / "bench_stub_endpoint"] if kind == "stub" else ["node", ROOT / "bench" / "functions.js"]
    return FunctionServer(command, env={"BENCH_TOPIC": topic}, name=f"functions, {kind}")


# --- one runtime at work


class Work:
    """A runtime between two topics, and its functions: started, watched, read out and checked, ended with the block."""

    def __init__(self, broker, runtime, kind, source, settings=None):
        self.broker, self.source = broker, source
        self.name = f"{runtime.name}-{kind}-{source}" + ("-tuned" if settings else "")
        self.topic = f"out-{self.name}"
        self.folder = SCRATCH / "statefun" / self.name
        self._runtime_type, self._kind, self._settings = runtime, kind, settings or {}
        self.runtime = self.server = None

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.broker.create_topic(self.topic, PARTITIONS)
        try:
            self.server = start_functions(self._kind, self.topic)
            module = self.folder / "module.yaml"
            module.write_text(MODULE.format(url=self.server.url, bootstrap=self.broker.bootstrap, group=self.name, source=self.source,
                                            value_type=VALUE_TYPE, function=FUNCTION))
            self._watch = self._start_watching()
            self.function_cpu, self.broker_cpu = probes.cpu_seconds(self.server.pid), probes.cpu_seconds(self.broker.pid)
            self.began = time.monotonic()
            self.runtime = self._runtime_type(module, self.folder, self._settings)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self._end()

    def stop(self):
        """The runtime only; its functions stay."""
        runtime, self.runtime = self.runtime, None
        if runtime is not None:
            runtime.stop()

    def _end(self):
        if self.runtime is not None:
            self.runtime.process.kill()
        if self.server is not None:
            self.server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def process(self):
        return self.runtime.process

    def _start_watching(self):
        """A reader that already waits at the end of the empty output: it learns of the first record at once, and costs nothing."""
        kafka = confluent()
        consumer = kafka.Consumer({**self.broker.client_config(), "group.id": "bench-watch", "enable.auto.commit": "false",
                                   "enable.partition.eof": "true", "isolation.level": "read_uncommitted", "fetch.wait.max.ms": "500"})
        consumer.assign([kafka.TopicPartition(self.topic, number, 0) for number in range(PARTITIONS)])
        at_end = set()
        while len(at_end) < PARTITIONS:
            message = consumer.poll(10)
            if message is None or message.error() is None or message.error().code() != kafka.KafkaError._PARTITION_EOF:
                raise Failure(f"the empty topic {self.topic} has {message and (message.error() or message.value())}")
            at_end.add(message.partition())
        return consumer

    def wait_for_first(self):
        """Seconds from the start of the runtime's process to its first output record."""
        kafka = confluent()
        try:
            while True:
                message = self._watch.poll(0.5)
                took = time.monotonic() - self.began
                if message is not None and message.error() is None:
                    return took
                if message is not None and message.error().code() != kafka.KafkaError._PARTITION_EOF and not message.error().retriable():
                    raise Failure(f"reading {self.topic}: {message.error()}")
                if took > FIRST_OUTPUT_SECONDS_MAX or not self.process.running():
                    raise Failure(f"no output after {took:.0f} s\n{self.process.tail()}\n{self.server.tail()}")
        finally:
            self._watch.close()

    def drain(self, count):
        """Samples until `count` records are committed; and the records."""
        samples, records, read_to = [Sample(self)], [], {}
        progressed = time.monotonic()
        while True:
            time.sleep(SAMPLE_SECONDS)
            samples.append(Sample(self))
            if samples[-1].appended != samples[-2].appended or samples[-1].committed != samples[-2].committed:
                progressed = time.monotonic()
            elif time.monotonic() - progressed > STALL_SECONDS_MAX or not self.process.running():
                raise Failure(f"{len(records) or sum(samples[-1].appended.values())} records of {count}, and no more\n"
                              f"{self.process.tail()}\n{self.server.tail()}")
            if sum(samples[-1].committed.values()) >= count + sum(1 for end in samples[-1].committed.values() if end):
                # Offsets count the ends of transactions, too: only reading tells how many records there are.
                records += self.broker.consume_all(self.topic, start=read_to)
                read_to = {partition: max(offset for number, offset, *_ in records if number == partition) + 1
                           for partition in {record[0] for record in records}}
                if len(records) >= count:
                    return samples, records

    def read(self):
        return self.broker.consume_all(self.topic)


class Sample:
    def __init__(self, work):
        partitions = range(PARTITIONS)
        self.appended = work.broker.end_offsets(work.topic, partitions=partitions)
        self.committed = work.broker.end_offsets(work.topic, "read_committed", partitions)
        self.time = time.monotonic()
        self.runtime_cpu = probes.cpu_seconds(work.process.pid)
        self.function_cpu = probes.cpu_seconds(work.server.pid)
        self.broker_cpu = probes.cpu_seconds(work.broker.pid)
        self.own_cpu = time.process_time()
        self.busy = probes.machine_busy_seconds()


def check(records, preloaded, count):
    """Every message once, with counters of each key from 1 without a gap, in the order the messages had."""
    seen, last, inputs = {}, {}, set()
    for _partition, _offset, key, value, _headers in sorted(records, key=lambda record: record[:2]):
        answer = json.loads(value)
        expected = seen.get(key, 0) + 1
        if answer["n"] != expected:
            raise Failure(f"output of key {key.decode()}: expected n={expected}, got {answer}")
        if answer["t"] <= last.get(key, -1):
            raise Failure(f"output of key {key.decode()}: message t={answer['t']} came after t={last[key]}")
        seen[key], last[key] = expected, answer["t"]
        inputs.add(answer["t"])
    if len(records) != count or len(inputs) != count:
        raise Failure(f"expected {count} outputs of as many messages, got {len(records)} of {len(inputs)}")
    if any(number not in inputs for number in range(1, preloaded + 1)):
        raise Failure(f"of {preloaded} preloaded messages {sum(number not in inputs for number in range(1, preloaded + 1))} have no output")


# --- measurements


def measure_drain(broker, runtime, kind, label, messages, profile=False):
    with Work(broker, runtime, kind, f"in-{label}") as work:
        first = work.wait_for_first()
        first_at = work.began + first
        recorder = start_profile(work.process, SCRATCH / f"{work.name}.perf") if profile else None
        samples, _records = work.drain(messages)
        if recorder:
            recorder.send_signal(signal.SIGINT)
            recorder.wait(30)
        rss = probes.memory_bytes(work.process.pid, "VmHWM")
        cpu = {"runtime_cpu": samples[-1].runtime_cpu, "function_cpu": samples[-1].function_cpu - work.function_cpu,
               "broker_cpu": samples[-1].broker_cpu - work.broker_cpu}
        counts, epochs = counts_of(work.server), work.runtime.epochs()
        work.stop()
        records = work.read()
        check(records, messages, messages)

        offsets = {partition: [] for partition in range(PARTITIONS)}
        for partition, offset, *_ in records:
            offsets[partition].append(offset)

        def records_before(ends):
            return sum(bisect.bisect_left(offsets[partition], end) for partition, end in ends.items())

        appended = [records_before(sample.appended) for sample in samples]
        # The last look may have come before the last commit was to be seen.
        done = next((sample for sample in samples if records_before(sample.committed) == messages), samples[-1])
        row = {"overall_rate": messages / (done.time - first_at), **{name: used / messages * 1e6 for name, used in cpu.items()},
               "rss_peak": rss / 1e6, "first_output": first, "messages_per_request": counts["messages"] / max(1, counts["requests"])}
        row["messages_per_transaction"] = messages / transactions_into(broker, work.topic)
        if epochs:
            row["messages_per_epoch"] = messages / epochs
        row.update(steady(samples, appended, messages))

        # What function and broker do on their own, in the portions this runtime had them in.
        batch = max(1, min(BATCH_MAX, round(row["messages_per_request"])))
        size = max(1, min(100_000, round(row["messages_per_transaction"])))
        row["function_alone_rate"] = function_alone(work.server, KEYS[label], batch)
        row["broker_alone_rate"] = broker_alone(broker, KEYS[label], size)
        if row.get("steady_rate"):
            row["of_function"] = row["steady_rate"] / row["function_alone_rate"]
        return row


def transactions_into(broker, topic):
    """How many transactions with records of a topic were committed, as the coordinator's own log says. (The marks that end them
    are one on each partition that a transaction wrote to, so counting those misses small transactions.)"""
    log = broker.consume_all("__transaction_state")
    committed = sum(is_commit_of(topic, value) for _partition, _offset, _key, value, _headers in log)
    if not committed:
        raise Failure(f"no transaction of {topic} among {len(log)} records of the coordinator's log")
    return committed


def is_commit_of(topic, value):
    """Whether a record of the log is the decision to commit a transaction with records of this topic: TransactionLogValue of Kafka,
    version 0: version, producer's id and epoch, timeout, status, partitions by topic, times."""
    if value is None:
        return False
    version, _id, _epoch, _timeout, status = struct.unpack_from(">hqhib", value)
    if version != 0:
        raise Failure(f"expected version 0 of the coordinator's records, got {version}")
    name = topic.encode()
    return status == PREPARE_COMMIT and struct.pack(">h", len(name)) + name in value


def steady(samples, appended, messages):
    low = next((i for i, count in enumerate(appended) if count >= STEADY[0] * messages), None)
    high = max((i for i, count in enumerate(appended) if count <= STEADY[1] * messages), default=None)
    if low is None or high is None or high <= low or appended[high] <= appended[low]:
        return {}
    before, after = samples[low], samples[high]
    seconds, count = after.time - before.time, appended[high] - appended[low]

    def used(what):
        return getattr(after, what) - getattr(before, what)

    cpu = {f"{name}_steady": used(name) / count * 1e6 for name in ("runtime_cpu", "function_cpu", "broker_cpu")}
    return {"steady_rate": count / seconds, **cpu,
            "function_busy": used("function_cpu") / seconds, "machine_busy": used("busy") / seconds,
            "others": others_cores(before, after)}


def others_cores(before, after, own=0.0):
    """Cores used meanwhile by processes that are no part of the measurement; `own` are seconds of some that are."""
    for what in ("runtime_cpu", "function_cpu", "broker_cpu", "own_cpu"):
        own += getattr(after, what) - getattr(before, what)
    return max(0.0, (after.busy - before.busy - own) / (after.time - before.time))


def function_alone(server, keys, batch):
    """The rate of the function server when nobody but the driver wants anything: one request at a time for one key, 64 for more."""
    command = [PROGRAMS / "bench_load", "--mode", "endpoint", "--url", server.url, "--keys", min(keys, 100_000),
               "--connections", 1 if keys == 1 else 64, "--function", FUNCTION, "--batch", batch, "--caller", "no", "--type", VALUE_TYPE,
               "--value", json.dumps({"t": 1, "p": "x" * 70}, separators=(",", ":")), "--seconds"]
    run_json(*command, 0.5)
    return run_json(*command, LIMIT_SECONDS)["rate"]


def broker_alone(broker, keys, size):
    """The rate of one transactional producer, with transactions of this size one right after the other."""
    if "limit" not in broker.admin.list_topics(timeout=10).topics:
        broker.create_topic("limit", PARTITIONS)
    return run_json(PROGRAMS / "bench_kafka", "--mode", "transactions", "--bootstrap", broker.bootstrap, "--topic", "limit",
                    "--size", size, "--keys", keys, "--seconds", LIMIT_SECONDS)["rate"]


def measure_latency(broker, runtime, settings, seconds):
    source = f"in-latency-{runtime.name}" + ("-tuned" if settings else "")
    preload(broker, source, LATENCY_PRELOAD, LATENCY_KEYS)
    with Work(broker, runtime, "js", source, settings) as work:
        work.wait_for_first()
        work.drain(LATENCY_PRELOAD)
        before = Sample(work)
        result = run_json(PROGRAMS / "bench_kafka", "--mode", "latency", "--bootstrap", broker.bootstrap, "--topic", source,
                          "--out", work.topic, "--rate", LATENCY_RATE, "--keys", LATENCY_KEYS, "--warm-up", LATENCY_WARM_UP_SECONDS,
                          "--seconds", seconds)
        after = Sample(work)
        rss = probes.memory_bytes(work.process.pid, "VmHWM")
        work.stop()
        check(work.read(), LATENCY_PRELOAD, LATENCY_PRELOAD + result["messages"])
    row = {f"{isolation}/p{share}": result[isolation][f"p{share}_ms"]
           for isolation in ISOLATIONS for share in (50, 99)}
    row["runtime_cpu"] = (after.runtime_cpu - before.runtime_cpu) / result["messages"] * 1e6
    row["rss_peak"] = rss / 1e6
    row["others"] = others_cores(before, after, result["driver_cpu_us"] * result["messages"] / 1e6)
    return row


def preload(broker, topic, count, keys):
    broker.create_topic(topic, PARTITIONS)
    run_json(PROGRAMS / "bench_kafka", "--mode", "preload", "--bootstrap", broker.bootstrap, "--topic", topic, "--count", count,
             "--keys", keys)


# --- rows

# unit; whether more (1) or less (-1) is better, or neither; digits
METRICS = {
    "steady_rate": ("messages/s", 1, 0), "overall_rate": ("messages/s", 1, 0), "runtime_cpu": ("us/message", -1, 1),
    "function_cpu": ("us/message", -1, 1), "broker_cpu": ("us/message", -1, 1), "runtime_cpu_steady": ("us/message", -1, 1),
    "function_cpu_steady": ("us/message", -1, 1), "broker_cpu_steady": ("us/message", -1, 1),
    "rss_peak": ("MB", -1, 0), "first_output": ("s", -1, 3), "messages_per_request": ("messages", 0, 1),
    "messages_per_transaction": ("messages", 0, 0), "messages_per_epoch": ("messages", 0, 0), "function_busy": ("cores", 0, 2), "machine_busy": ("cores", 0, 2),
    "function_alone_rate": ("messages/s", 0, 0), "of_function": ("share", 0, 2), "broker_alone_rate": ("messages/s", 0, 0),
    "p50": ("ms", -1, 2), "p99": ("ms", -1, 2),
}
LATENCY_METRICS = [f"{isolation}/{share}" for isolation in ISOLATIONS for share in ("p50", "p99")] + ["runtime_cpu", "rss_peak"]
TUNED = {"execution.buffer-timeout": "1ms"}


def versions():
    pom = (ROOT / "bench/peers/statefun/pom.xml").read_text()
    kafka = (ROOT / "tools/kafka/pom.xml").read_text()
    return {"holdfast": probes.first_line([binary(), "version"]), "statefun": re.search("<statefun.version>(.*)</", pom)[1],
            "flink": re.search("<flink.version>(.*)</", pom)[1], "kafka": re.search("kafka_2.13</artifactId>\\s*<version>(.*)</", kafka)[1],
            "node": probes.first_line(["node", "--version"]), "java": probes.first_line(["java", "--version"]),
            "statefun_sdk": json.loads((ROOT / "bench/node_modules/apache-flink-statefun/package.json").read_text())["version"]}


def main():
    parser = lane.parser("Holdfast beside Flink StateFun, Kafka to Kafka")
    parser.add_argument("--rows", default="", help="groups of rows, with commas between: js/1k,stub,latency")
    parser.add_argument("--messages", type=int, default=MESSAGES // 10 if QUICK else MESSAGES, help="preloaded for each drain")
    parser.add_argument("--seconds", type=float, default=LATENCY_SECONDS / 3 if QUICK else LATENCY_SECONDS,
                        help="of the measured part of the latency rows")
    parser.add_argument("--skip-peer", action="store_true", help="Holdfast only; the peer's figures are then null")
    parser.add_argument("--skip-holdfast", action="store_true", help="StateFun only")
    parser.add_argument("--stub-peer", action="store_true", help="StateFun with the stub function, too")
    parser.add_argument("--profile", action="store_true", help="perf record the runtime of each drain into build/bench-data/")
    options = parser.parse_args()
    needed = [PROGRAMS / name for name in ("bench_kafka", "bench_load", "bench_stub_endpoint")] + [PEER / "statefun-peer.jar"]
    if missing := [str(path) for path in needed if not path.exists()]:
        parser.error(f"not built: {', '.join(missing)}; use make bench B=statefun")
    with lane.started(parser, options):
        return run(options)


def run(options):
    chosen = [prefix for prefix in options.rows.split(",") if prefix]
    runtimes = [runtime for runtime in RUNTIMES.values()
                if not (runtime.name == "peer" and options.skip_peer) and not (runtime.name == "holdfast" and options.skip_holdfast)]
    whole = not chosen and len(runtimes) == 2 and not options.profile and options.messages == MESSAGES and options.seconds == LATENCY_SECONDS
    out = lane.file_of("statefun", whole, options)

    def wanted(group):
        return not chosen or any((group + "/").startswith(prefix.rstrip("/") + "/") or prefix.startswith(group + "/") for prefix in chosen)

    began = time.monotonic()
    machine = probes.machine(SCRATCH)
    used = versions()
    lane.say_machine(machine, used, options)
    table, failures, others = Table("StateFun", METRICS), [], 0.0

    def attempt(group, runtime, measure, *arguments):
        nonlocal others
        if runtime not in runtimes:
            return None
        try:
            row = measure(broker, runtime, *arguments)
        except Failure as failure:
            failures.append(f"{group}, {runtime.name}: {failure}")
            print(f"{group}, {runtime.name}: FAILED: {str(failure).splitlines()[0]}", flush=True)
            return None
        others = max(others, row.get("others", 0.0))
        return row

    broker_folder = SCRATCH / "statefun-kafka"
    shutil.rmtree(broker_folder, ignore_errors=True)
    try:
        with KafkaBroker(broker_folder, heap_mb=1024, jvm_options=["-XX:+UseG1GC"]) as broker:
            for kind in ("js", "stub"):
                for label, keys in KEYS.items():
                    if not wanted(f"{kind}/{label}"):
                        continue
                    if not broker.partitions(f"in-{label}"):
                        preload(broker, f"in-{label}", options.messages, keys)
                    holdfast, peer = [None if kind == "stub" and runtime is StateFunRuntime and not options.stub_peer else
                                      attempt(f"{kind}/{label}", runtime, measure_drain, kind, label, options.messages, options.profile)
                                      for runtime in (HoldfastRuntime, StateFunRuntime)]
                    table.add(f"{kind}/{label}", holdfast, peer)
            if wanted("latency"):
                holdfast, peer, tuned = [attempt("latency", runtime, measure_latency, settings, options.seconds) for runtime, settings in
                                         ((HoldfastRuntime, None), (StateFunRuntime, None), (StateFunRuntime, TUNED))]
                table.add("latency", holdfast, peer, order=LATENCY_METRICS)
                table.add("latency", holdfast, tuned, " (StateFun: buffer-timeout 1ms)", LATENCY_METRICS)
    finally:
        shutil.rmtree(broker_folder, ignore_errors=True)

    print(f"\n{time.monotonic() - began:.0f} s; every output was read and checked" + ("" if not failures else ", but for those that failed"))
    outcome.say_others(machine, others)
    outcome.write(out, machine, used, cpus=options.cpus, messages=options.messages, rows=table.rows)
    return outcome.exit_code(failures)


if __name__ == "__main__":
    sys.exit(main())
