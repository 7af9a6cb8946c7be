"""Sidecars for the tests of this folder: the real daprd 1.14, or `holdfast daprd`, with the same flags and resources.

    with Folder() as folder:
        folder.resource(component("store", "state.in-memory"))
        sidecar = DaprSidecar(peer(), "orders", folder, app_port=app.port)

Ports are free ones, the log is collected, everything is ended by its pid. Sidecars of one folder find each other through name
resolution in a SQLite file of that folder, so nothing leaves loopback (daprd's own default, mDNS, asks the network).
"""
import json
import os
import pathlib
import signal
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from kafka import free_ports  # noqa: E402
from running import GONE, Connection, Failure, Process, binary  # noqa: E402

START_SECONDS = 60
DAPRD = ROOT / "build" / "peers" / "daprd" / "daprd"


def peer():
    """Which program is tested: "holdfast", or what HOLDFAST_DAPR_PEER says: "daprd"."""
    name = os.environ.get("HOLDFAST_DAPR_PEER", "holdfast")
    if name not in ("holdfast", "daprd"):
        raise Failure(f"HOLDFAST_DAPR_PEER={name}: expected holdfast or daprd")
    return name


def command(name):
    if name == "holdfast":
        return [binary(), "daprd"]
    if not DAPRD.exists():
        raise Failure(f"{DAPRD} is not there: run `make daprd`")
    return [str(DAPRD)]


def component(name, type, scopes=None, auth=None, version="v1", spec=None, **metadata):
    """A Component document (JSON is YAML). A value that is a dict is an entry's own keys: {"secretKeyRef": …}."""
    entries = [{"name": key, **(value if isinstance(value, dict) else {"value": value})} for key, value in metadata.items()]
    document = {"apiVersion": "dapr.io/v1alpha1", "kind": "Component", "metadata": {"name": name},
                "spec": {"type": type, "version": version, "metadata": entries, **(spec or {})}}
    if auth:
        document["auth"] = {"secretStore": auth}
    if scopes:
        document["scopes"] = scopes
    return document


class Folder:
    """What sidecars read: resources, one configuration, secrets. Gone when the block ends."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="holdfast-dapr-")
        self.path = pathlib.Path(self._temporary.name).resolve()
        self.resources = self.path / "resources"
        self.resources.mkdir()
        self.config = self.path / "config.yaml"
        self._names = 0
        self.configure()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._temporary.cleanup()

    def configure(self, **spec):
        resolution = {"component": "sqlite", "version": "v1",
                      "configuration": {"connectionString": str(self.path / "names.db"), "updateInterval": "5s", "timeout": "1s"}}
        self.config.write_text(json.dumps({"apiVersion": "dapr.io/v1alpha1", "kind": "Configuration", "metadata": {"name": "tests"},
                                           "spec": {"nameResolution": resolution, **spec}}))

    def resource(self, document):
        self._names += 1
        (self.resources / f"{self._names:02}.yaml").write_text(json.dumps(document))

    def write(self, name, text):
        path = self.path / name
        path.write_text(text)
        return path


class DaprSidecar(Process):
    """One sidecar, ready (its components are there, and so is its app) when the constructor returns.

    name: "daprd" or "holdfast". `flags` are handed over as they are. `data`: where Holdfast keeps its state; nothing is kept without.
    """

    def __init__(self, name, app_id, folder, app_port=None, flags=(), env=None, data=None, wait=True, cwd=None):
        self.app_id = app_id
        self.http_port, self.grpc_port, internal = free_ports(3)
        self.token = (env or {}).get("DAPR_API_TOKEN")
        arguments = ["--app-id", app_id, "--dapr-http-port", str(self.http_port), "--dapr-grpc-port", str(self.grpc_port),
                     "--dapr-internal-grpc-port", str(internal), "--dapr-listen-addresses", "127.0.0.1",
                     "--dapr-internal-grpc-listen-address", "127.0.0.1", "--resources-path", str(folder.resources), "--config", str(folder.config),
                     "--enable-metrics=false", "--log-level", "info", *flags]
        if app_port:
            arguments += ["--app-port", str(app_port)]
        if name == "holdfast":
            arguments += ["--data", str(data) if data else "memory"]
        # The address that daprd registers for others, for which it would take that of a network card; and where ours leave their names.
        super().__init__([*command(name), *arguments], {"DAPR_HOST_IP": "127.0.0.1", "XDG_RUNTIME_DIR": str(folder.path), **(env or {})}, cwd=cwd or folder.path, name=f"{name} of {app_id}")
        self.http = ("127.0.0.1", self.http_port)
        self.grpc = f"127.0.0.1:{self.grpc_port}"
        if wait:
            try:
                self.wait_for(204, "/v1.0/healthz/outbound")
                if app_port:
                    self.wait_for(204, "/v1.0/healthz")
            except BaseException:
                self.kill()
                raise

    def wait_for(self, status, path, seconds=START_SECONDS):
        """Until GET path is answered so; the condition wakes us with each line that is printed, too."""
        deadline = time.monotonic() + seconds
        seen = None
        while self.running():
            try:
                with Connection(self.http, 5) as connection:
                    seen = connection.ask("GET", path).status
                if seen == status:
                    return
            except GONE as error:
                seen = error
            if time.monotonic() > deadline:
                break
            with self._changed:
                self._changed.wait(0.02)
        raise Failure(f"{self.name}: GET {path} is not answered with {status} but {seen!r}\n{self.tail()}")

    def stop(self, seconds=30):
        """SIGTERM. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)
