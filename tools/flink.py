"""A real Flink StateFun (3.3.0 on Flink 1.16.2) for tests and benchmarks: JobManager and TaskManager in one JVM.

    with FlinkStateFun(module, folder) as flink: ...

`make statefun` provides it in build/peers/statefun. Everything it listens on is on 127.0.0.1, on free ports.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from running import ROOT, Failure, Process  # noqa: E402

PEER = ROOT / "build" / "peers" / "statefun"
HEAP = ("-Xms2g", "-Xmx2g", "-XX:+UseG1GC")
# Java 17 and Flink 1.16.
OPENED = ("java.lang", "java.util", "java.nio", "java.net", "java.io", "java.lang.invoke", "java.util.concurrent",
          "java.util.concurrent.atomic", "java.time", "java.text", "sun.nio.ch")
# State on the heap, checkpoints each second: what StateFun does best with on a small machine.
SETTINGS = {
    "execution.checkpointing.interval": "1s",
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "state.backend": "hashmap",
    "taskmanager.numberOfTaskSlots": "1",
    "taskmanager.memory.managed.size": "512m",
    "taskmanager.memory.network.min": "64m",
    "taskmanager.memory.network.max": "64m",
    "taskmanager.host": "127.0.0.1",
    "taskmanager.bind-host": "127.0.0.1",
    "jobmanager.bind-host": "127.0.0.1",
    "rest.address": "127.0.0.1",
    "rest.bind-address": "127.0.0.1",
    "rest.port": "0",
    "rest.bind-port": "0",
    "classloader.parent-first-patterns.additional": "org.apache.flink.statefun;org.apache.kafka;com.google.protobuf",
    "restart-strategy": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "1000",
    "restart-strategy.fixed-delay.delay": "1s",
}


class FlinkStateFun(Process):
    """Starts with a module.yaml; parallelism 1. `settings` are Flink's, over those above. Its checkpoints go below `folder`."""

    def __init__(self, module, folder, settings=None, jvm_options=HEAP):
        if not (PEER / "statefun-peer.jar").exists():
            raise Failure(f"no Flink StateFun in {PEER}: run `make statefun`")
        folder = pathlib.Path(folder)
        settings = {**SETTINGS, "statefun.remote.module-name": pathlib.Path(module).as_uri(),
                    "state.checkpoints.dir": (folder / "checkpoints").as_uri(), **(settings or {})}
        opened = [word for package in OPENED for word in ("--add-opens", f"java.base/{package}=ALL-UNNAMED")]
        super().__init__(["java", *jvm_options, *opened, "-cp", f"{PEER}/statefun-peer.jar:{PEER}/lib/*", "StatefunPeer", "1",
                          *(f"{name}={value}" for name, value in settings.items())], cwd=folder, name="statefun")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
