"""What every end-to-end test stands on: a folder of its own, Holdfast on free ports, functions, and requests to both.

Everything is ended after each test, by pid; a test that fails shows what its processes printed last.
"""
import json
import pathlib
import sys
import tempfile
import textwrap
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from running import GONE, Connection, Failure, FunctionServer, Holdfast, function_path, type_headers  # noqa: E402,F401

from stub import Stub  # noqa: E402

FUNCTIONS = pathlib.Path(__file__).resolve().parent / "functions"
VENV_PYTHON = ROOT / "build" / "venv" / "bin" / "python"
EVENTUALLY_SECONDS = 20


def endpoint(functions, url, **spec):
    """An endpoint document; keyword arguments are further keys of its spec, nested as dicts."""
    return document("io.statefun.endpoints.v2/http", {"functions": functions, "urlPathTemplate": url, **spec})


def stream(egress_id="test/out", **spec):
    return document("holdfast.streams.v1/egress", {"id": egress_id, **spec})


def settings(**spec):
    return document("holdfast.runtime.v1/settings", spec)


def document(kind, spec):
    return f"kind: {kind}\nspec:\n" + textwrap.indent(yaml(spec), "  ")


def yaml(value):
    lines = []
    for key, entry in value.items():
        if isinstance(entry, dict):
            lines.append(f"{key}:\n" + textwrap.indent(yaml(entry), "  "))
        elif isinstance(entry, list):
            lines.append(f"{key}: [{', '.join(json.dumps(item) if isinstance(item, dict) else str(item) for item in entry)}]\n")
        else:
            lines.append(f"{key}: {entry}\n")
    return "".join(lines)


def fails_fast(attempts=2, action=None):
    """Failure policy of an endpoint whose failures are to be seen soon."""
    policy = {"retry": {"initial": "10ms", "max": "50ms", "maxAttempts": attempts}}
    if action:
        policy["then"] = action
    return {"onFailure": policy}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-e2e-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.started = []
        self.connections = {}
        self.addCleanup(self._end)

    def _end(self):
        for connection in self.connections.values():
            connection.close()
        for process in reversed(self.started):
            if not self._outcome.success:
                print(process.tail(), flush=True)
            process.kill()

    # --- processes

    def write(self, name, *documents):
        path = self.folder / name
        path.write_text("---\n".join(documents))
        return path

    def functions(self, language="js", env=None, port=0):
        if language == "js":
            server = FunctionServer(["node", FUNCTIONS / "server.js"], env, "functions in JavaScript", port)
        else:
            server = FunctionServer([VENV_PYTHON, FUNCTIONS / "server.py"], env, "functions in Python", port)
        self.started.append(server)
        return server

    def stub(self, function=None, **options):
        stub = Stub(function, **options)
        self.addCleanup(stub.close)
        return stub

    def up(self, *modules, env=None, options=(), data=None, gateway_port=0):
        holdfast = Holdfast(modules, data or self.data, env, options, gateway_port)
        self.started.append(holdfast)
        self.holdfast = holdfast
        return holdfast

    # --- requests

    def ask(self, address, method, path, body=None, headers=None):
        """One request; on a kept connection, or a new one where that has been closed meanwhile."""
        kept = self.connections.setdefault(address, Connection(address))
        try:
            return kept.ask(method, path, body, headers)
        except GONE:
            if method != "GET":
                raise
            return kept.ask(method, path, body, headers)

    def send(self, function, id, value, value_type=None, key=None, **headers):
        return self._message("send", function, id, value, value_type, key, headers, "")

    def call(self, function, id, value, value_type=None, key=None, timeout="30s", **headers):
        return self._message("call", function, id, value, value_type, key, headers, f"?timeout={timeout}")

    def _message(self, verb, function, id, value, value_type, key, headers, query):
        body = value.encode() if isinstance(value, str) else value
        all_headers = type_headers(value_type) if value_type else {"Content-Type": "text/plain"}
        if key:
            all_headers["Idempotency-Key"] = key
        all_headers.update(headers)
        return self.ask(self.holdfast.gateway, "POST", function_path(function, id, verb) + query, body, all_headers)

    def assertSent(self, *arguments, **options):
        answer = self.send(*arguments, **options)
        self.assertEqual(answer.status, 202, answer)
        return answer

    def assertAnswer(self, expected, *arguments, **options):
        """A call is answered with this text."""
        answer = self.call(*arguments, **options)
        self.assertEqual((answer.status, answer.text), (200, expected))
        return answer

    def stream(self, topic, egress_id="test/out", position=0, limit=1000):
        """All records of a topic."""
        records = []
        while True:
            path = f"/v1/streams/{egress_id}/{urllib.parse.quote(topic)}?from={position}&limit={limit}"
            answer = self.ask(self.holdfast.gateway, "GET", path)
            self.assertEqual(answer.status, 200, answer)
            page = answer.json()
            records += page["records"]
            if not page["records"]:
                return records
            position = page["next"]

    def eventually(self, condition, what, seconds=EVENTUALLY_SECONDS):
        """The first true result of `condition`; asks again until then."""
        deadline = time.monotonic() + seconds
        while True:
            result = condition()
            if result:
                return result
            if time.monotonic() > deadline:
                self.fail(f"not within {seconds} s: {what() if callable(what) else what}")
            time.sleep(0.01)

    # --- what is inside

    def metric(self, name, **labels):
        """The sum of a metric's series that have these labels; None: there is none."""
        found = None
        for line in self.ask(self.holdfast.admin, "GET", "/metrics").text.splitlines():
            if not line.startswith((name + "{", name + " ")):
                continue
            if all(f'{label}="{value}"' in line for label, value in labels.items()):
                found = (found or 0) + float(line.rsplit(" ", 1)[1])
        return found

    def parked(self):
        """The parked addresses, as `holdfast parked ls --json` lists them."""
        return self.holdfast.cli_json("parked", "ls")["parked"]

    def state(self, function, id):
        """{name: value} as `holdfast state get --json` shows it."""
        result = self.holdfast.cli("state", "get", f"{function}/{id}", "--json", check=False)
        if result.returncode == 1 and "nothing is kept" in result.stderr:
            return {}
        self.assertEqual(result.returncode, 0, result.stderr)
        return {entry["name"]: entry.get("value") for entry in json.loads(result.stdout)["states"]}

