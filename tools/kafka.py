"""A real Kafka broker (3.9.1, KRaft, one node) for tests and benchmarks, and a few words to talk to it.

    with KafkaBroker(folder) as broker:
        broker.create_topic("in", 4)
        broker.produce("in", [("key", b"value")])
        for partition, offset, key, value, headers in broker.consume_all("in", "read_committed"): ...

`make kafka` provides what it needs: the broker's jars in build/kafka/lib (tools/kafka/pom.xml) and confluent-kafka in
build/venv (tools/kafka/requirements.txt). Everything listens on 127.0.0.1, on free ports that stay the broker's own over
stop(), kill() and start().
"""
import os
import pathlib
import random
import shutil
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import ROOT, START_SECONDS, Failure, Process  # noqa: E402

HOME = ROOT / "build" / "kafka"
VENV_PACKAGES = ROOT / "build" / "venv" / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
# Below the ports that the system gives to outgoing connections: a client that knocks at the port of a stopped broker could get that
# very port as its own, and would then talk to itself.
PORTS = range(20000, 32000)
USER, PASSWORD = "holdfast", "holdfast-secret"

# Small and quick to start. Sessions are short because after a kill the broker is let in again only when its last one is over.
DEFAULTS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "num.partitions": "2",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
    "controlled.shutdown.enable": "false",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "auto.create.topics.enable": "false",
}
HEAP_MB = 512
JVM_OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


def confluent():
    """The module confluent_kafka, from build/venv where this Python does not have it."""
    try:
        import confluent_kafka
    except ImportError:
        site.addsitedir(str(VENV_PACKAGES))
        try:
            import confluent_kafka
        except ImportError:
            raise Failure(f"no module confluent_kafka, neither here nor in {VENV_PACKAGES}: run `make kafka`") from None
    import confluent_kafka.admin  # noqa: F401
    return confluent_kafka


def available():
    """Whether the broker's jars are there."""
    return any((HOME / "lib").glob("kafka_*.jar"))


def free_ports(count):
    """Ports on which nobody listens just now."""
    found = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise Failure(f"fewer than {count} free ports in {PORTS}")


def dotted(options):
    """Keyword arguments as Kafka spells them: log_retention_ms=1 is log.retention.ms=1."""
    return {name.replace("_", "."): str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}


class KafkaBroker:
    """One broker with its data below `folder`. Runs when start() returns; a context manager that starts and stops it, too.

    sasl=True asks clients for SASL PLAIN with USER and PASSWORD, tls=True for TLS with the authority in `ca_file`; client_config()
    has both, and ssl_client_auth="required" demands the certificate in `client_cert_file` and `client_key_file` as well.
    `overrides` go into server.properties, with underscores for dots: transactional_id_expiration_ms=1000.
    """

    def __init__(self, folder, sasl=False, tls=False, heap_mb=HEAP_MB, jvm_options=JVM_OPTIONS, **overrides):
        if not available():
            raise Failure(f"no Kafka in {HOME}: run `make kafka`")
        self.folder = pathlib.Path(folder)
        self.sasl, self.tls = sasl, tls
        self.overrides = dotted(overrides)
        self.process = None
        self._jvm = [f"-Xmx{heap_mb}m", f"-Xms{min(heap_mb, 128)}m", *jvm_options]
        self._ports = None
        self._admin = None
        self.ca_file = self.folder / "ca.crt"
        self.client_cert_file, self.client_key_file = self.folder / "client.crt", self.folder / "client.key"

    # --- life

    def start(self, seconds=START_SECONDS):
        """Ready to answer when this returns; on the same ports and data as before, if there was a before."""
        if self.running():
            raise Failure(f"the broker at {self.bootstrap} runs already")
        first = self._ports is None
        for attempt in range(5 if first else 1):
            if first:
                self._prepare(free_ports(3))
            self.process = Process(["java", *self._jvm, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                                    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
                                    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.utils.AppInfoParser=error",
                                    "-Dorg.slf4j.simpleLogger.showDateTime=true", "-cp", HOME / "lib" / "*", "kafka.Kafka",
                                    self.folder / "server.properties"], cwd=self.folder, name="kafka")
            try:
                self.process.wait_for_line("Kafka Server started", seconds)
                break
            except Failure:
                self.process.kill()
                # Somebody else may have taken a port between our look and Kafka's.
                if attempt == 4 or not first or "Address already in use" not in self.process.output():
                    raise
        self._wait_until_it_answers(seconds)
        return self

    def stop(self, seconds=60):
        """SIGTERM, and gone when this returns. Its exit code (143 is the JVM's for an orderly end)."""
        self.process.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    def kill(self):
        """SIGKILL, and gone when this returns."""
        self.process.kill()

    def restart(self):
        self.stop()
        return self.start()

    def running(self):
        return self.process is not None and self.process.running()

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        if not self.running():
            self.start()
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()

    # --- where it is, and how to get in

    @property
    def bootstrap(self):
        """host:port for clients, with the security that was asked for."""
        return f"127.0.0.1:{self._ports[0]}"

    @property
    def protocol(self):
        return ("SASL_" if self.sasl else "") + ("SSL" if self.tls else "PLAINTEXT")

    def client_config(self):
        """What a librdkafka client needs to come in at `bootstrap`."""
        config = {"bootstrap.servers": self.bootstrap}
        if self.sasl or self.tls:
            config["security.protocol"] = self.protocol.lower()
        if self.sasl:
            config.update({"sasl.mechanism": "PLAIN", "sasl.username": USER, "sasl.password": PASSWORD})
        if self.tls:
            config["ssl.ca.location"] = str(self.ca_file)
            if self.overrides.get("ssl.client.auth", "none") != "none":
                config.update({"ssl.certificate.location": str(self.client_cert_file), "ssl.key.location": str(self.client_key_file)})
        return config

    # --- topics

    @property
    def admin(self):
        if self._admin is None:
            self._admin = confluent().admin.AdminClient(self._inside())
        return self._admin

    def create_topic(self, name, partitions=2, **config):
        """There, with a leader for each partition, when this returns: create_topic("out", 4, cleanup_policy="compact")."""
        topic = confluent().admin.NewTopic(name, num_partitions=partitions, replication_factor=1, config=dotted(config))
        self.admin.create_topics([topic], operation_timeout=20)[name].result(20)
        self._poll(lambda: len(self._led_partitions(name)) == partitions, f"no leader for each of {partitions} partitions of {name}")

    def add_partitions(self, name, total):
        more = confluent().admin.NewPartitions(name, total)
        self.admin.create_partitions([more], operation_timeout=20)[name].result(20)
        self._poll(lambda: len(self._led_partitions(name)) == total, f"no leader for each of {total} partitions of {name}")

    def delete_topic(self, name):
        self.admin.delete_topics([name], operation_timeout=20)[name].result(20)
        self._poll(lambda: name not in self.admin.list_topics(timeout=10).topics, f"topic {name} is still there")

    def configure_topic(self, name, **config):
        """Changes these settings of a topic and leaves the others alone."""
        admin = confluent().admin
        entries = [admin.ConfigEntry(key, value, incremental_operation=admin.AlterConfigOpType.SET)
                   for key, value in dotted(config).items()]
        resource = admin.ConfigResource(admin.ResourceType.TOPIC, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(20)

    def delete_records(self, topic, before):
        """Moves the start of each partition up to an offset, as retention does: {partition: offset}."""
        kafka = confluent()
        for future in self.admin.delete_records([kafka.TopicPartition(topic, partition, offset)
                                                 for partition, offset in before.items()]).values():
            future.result(20)

    def partitions(self, topic):
        """The numbers of a topic's partitions; empty for a topic that is not there."""
        found = self.admin.list_topics(timeout=10).topics.get(topic)
        return sorted(found.partitions) if found and not found.error else []

    # --- records

    def produce(self, topic, records, **config):
        """Records are (key, value), (key, value, headers) or (key, value, headers, partition); all are stored when this returns.
        Keys and values are bytes, str or None, headers a list of (name, bytes)."""
        failed = []

        def delivered(error, _message):
            if error is not None:
                failed.append(error)

        producer = confluent().Producer({**self._inside(), "linger.ms": "5", "enable.idempotence": "true",
                                         "queue.buffering.max.messages": "1000000", **dotted(config)})
        for key, value, *rest in records:
            headers, partition = (list(rest) + [None, None])[:2]
            options = {} if partition is None else {"partition": partition}
            while True:
                try:
                    producer.produce(topic, value=value, key=key, headers=headers, on_delivery=delivered, **options)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        if (left := producer.flush(60)) or failed:
            raise Failure(f"{left} records of {topic} were not delivered within 60 s, {len(failed)} failed" +
                          (f": {failed[0]}" if failed else ""))

    def consume_all(self, topic, isolation="read_committed", start=None, seconds=60):
        """[(partition, offset, key, value, headers)] of what the topic has now, ordered within each partition. `start` are offsets of
        partitions to begin at; partitions it does not name are read from their beginning."""
        kafka = confluent()
        consumer = kafka.Consumer({**self._inside(), "group.id": "consume-all", "enable.auto.commit": "false",
                                   "auto.offset.reset": "earliest", "isolation.level": isolation, "enable.partition.eof": "true",
                                   "fetch.wait.max.ms": "20", "fetch.message.max.bytes": "8388608"})
        try:
            unread = set(self.partitions(topic))
            if not unread:
                raise Failure(f"no topic {topic}")
            consumer.assign([kafka.TopicPartition(topic, number, (start or {}).get(number, kafka.OFFSET_BEGINNING)) for number in unread])
            records = []
            deadline = time.monotonic() + seconds
            while unread:
                for message in consumer.consume(10000, 0.1):
                    error = message.error()
                    if error is None:
                        if message.partition() in unread:
                            records.append((message.partition(), message.offset(), message.key(), message.value(), message.headers() or []))
                    elif error.code() == kafka.KafkaError._PARTITION_EOF:
                        unread.discard(message.partition())
                    elif not error.retriable():
                        raise Failure(f"reading {topic}: {error}")
                if time.monotonic() > deadline:
                    raise Failure(f"the end of partitions {sorted(unread)} of {topic} was not reached within {seconds} s")
            return records
        finally:
            consumer.close()

    def end_offsets(self, topic, isolation="read_uncommitted", partitions=None):
        """{partition: offset after its last record}; read_committed: before the first transaction that is still open. Who asks often
        says which partitions, and saves a question."""
        return self._offsets(topic, confluent().admin.OffsetSpec.latest(), isolation, partitions)

    def start_offsets(self, topic):
        return self._offsets(topic, confluent().admin.OffsetSpec.earliest(), "read_uncommitted")

    # --- inner parts

    def _inside(self):
        """Helpers come in by the listener without security, whatever clients have to show. Their clients keep quiet about a broker
        that is not there: tests take it away on purpose."""
        return {"bootstrap.servers": f"127.0.0.1:{self._ports[2]}", "log_level": "0", "reconnect.backoff.max.ms": "500",
                "error_cb": lambda _error: None}

    def _offsets(self, topic, which, isolation, partitions=None):
        kafka = confluent()
        level = kafka.IsolationLevel.READ_COMMITTED if isolation == "read_committed" else kafka.IsolationLevel.READ_UNCOMMITTED
        asked = {kafka.TopicPartition(topic, number): which for number in partitions or self.partitions(topic)}
        if not asked:
            raise Failure(f"no topic {topic}")
        answers = self.admin.list_offsets(asked, isolation_level=level, request_timeout=10)
        return {partition.partition: future.result(10).offset for partition, future in answers.items()}

    def _led_partitions(self, topic):
        found = self.admin.list_topics(timeout=10).topics.get(topic)
        return [] if found is None else [number for number, one in found.partitions.items() if one.leader >= 0]

    def _wait_until_it_answers(self, seconds):
        kafka = confluent()

        def answers():
            try:
                return any(one.port == self._ports[2] for one in self.admin.list_topics(timeout=1).brokers.values())
            except kafka.KafkaException:
                return False

        self._poll(answers, "the broker answers no metadata request", seconds)

    def _poll(self, happened, complaint, seconds=20):
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline or not self.running():
                raise Failure(f"{complaint}, {seconds} s\n{self.process.tail()}")
            time.sleep(0.01)

    def _prepare(self, ports):
        self._ports = ports
        outside, controller, inside = ports
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(formatted_data(), self.folder / "data")
        properties = {
            **DEFAULTS,
            "log.dirs": self.folder / "data",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"CLIENT://127.0.0.1:{outside},CONTROLLER://127.0.0.1:{controller},INSIDE://127.0.0.1:{inside}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{outside},INSIDE://127.0.0.1:{inside}",
            "listener.security.protocol.map": f"CLIENT:{self.protocol},CONTROLLER:PLAINTEXT,INSIDE:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "INSIDE",
        }
        if self.sasl:
            properties["sasl.enabled.mechanisms"] = "PLAIN"
            properties["listener.name.client.plain.sasl.jaas.config"] = (
                f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";')
        if self.tls:
            make_certificates(self.folder)
            properties.update({"ssl.keystore.type": "PEM", "ssl.keystore.location": self.folder / "broker.pem",
                               "ssl.truststore.type": "PEM", "ssl.truststore.location": self.ca_file})
        properties.update(self.overrides)
        if "ssl.client.auth" in self.overrides:
            # Where there is SASL, too, Kafka asks for certificates only if the listener itself says so.
            properties["listener.name.client.ssl.client.auth"] = self.overrides["ssl.client.auth"]
        (self.folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))


def formatted_data():
    """An empty data folder as `kafka-storage format` makes it; made once, as that takes a JVM and a second."""
    formatted = HOME / "formatted"
    if not (formatted / "meta.properties").exists():
        with tempfile.TemporaryDirectory(dir=HOME) as scratch:
            config = pathlib.Path(scratch) / "server.properties"
            config.write_text("process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:1\n"
                              "listeners=PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:1\ncontroller.listener.names=CONTROLLER\n"
                              f"log.dirs={scratch}/data\n")
            run(["java", *JVM_OPTIONS, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", HOME / "lib" / "*",
                 "kafka.tools.StorageTool", "format", "--cluster-id", "aG9sZGZhc3QtdGVzdHMtMQ", "--config", config])
            try:
                os.rename(pathlib.Path(scratch) / "data", formatted)
            except OSError:
                if not (formatted / "meta.properties").exists():  # Not because another process was first.
                    raise
    return formatted


def make_certificates(folder):
    """An authority, and certificates of it for the broker at 127.0.0.1 and for a client."""
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=holdfast test authority",
         "-keyout", folder / "ca.key", "-out", folder / "ca.crt"])
    for name in ("broker", "client"):
        run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
             "-out", folder / f"{name}.csr"])
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        run(["openssl", "x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", folder / f"{name}.ext", "-out", folder / f"{name}.crt"])
    (folder / "broker.pem").write_text((folder / "broker.key").read_text() + (folder / "broker.crt").read_text())


def run(command):
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
