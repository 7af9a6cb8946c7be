"""Real processes for the quickstart and the end-to-end tests: Holdfast itself, and servers of functions.

Everything takes free ports and says which, everything is waited for by what it prints or writes, and everything that
was started is ended by its own pid. Python's standard library only.
"""
import http.client
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
START_SECONDS = 30


def binary():
    """The program under test: HOLDFAST_BINARY, or the release build."""
    return os.environ.get("HOLDFAST_BINARY") or str(ROOT / "build" / "release" / "holdfast")


class Failure(Exception):
    """A process did not do what it should; the text has its last output."""


class Process:
    """A child process whose output is collected; stderr goes into the same lines."""

    LINES_MAX = 20000
    # What is executed for a command. The benchmarks put something before it (bench/confined.py).
    wrap = staticmethod(lambda command: command)

    def __init__(self, command, env=None, cwd=None, name=None):
        self.name = name or os.path.basename(command[0])
        self.lines = []
        self._changed = threading.Condition()
        self._child = subprocess.Popen(Process.wrap([str(part) for part in command]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd, text=True,
                                       errors="replace")
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._child.pid

    def _read(self):
        for line in self._child.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                if len(self.lines) > self.LINES_MAX:
                    del self.lines[: self.LINES_MAX // 2]
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def output(self):
        with self._changed:
            return "\n".join(self.lines)

    def tail(self, count=40):
        with self._changed:
            return f"--- {self.name} (pid {self.pid}, {self.state()}), last lines:\n" + "\n".join(self.lines[-count:])

    def state(self):
        code = self._child.poll()
        return "running" if code is None else f"ended with {code}"

    def running(self):
        return self._child.poll() is None

    def wait_for_line(self, wanted, seconds=START_SECONDS):
        """The first line that contains `wanted`."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    if wanted in line:
                        return line
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    break
                self._changed.wait(left)
        raise Failure(f"{self.name} did not print {wanted!r} within {seconds} s\n{self.tail()}")

    def wait(self, seconds=START_SECONDS):
        """Its exit code, once it has ended by itself."""
        try:
            code = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s\n{self.tail()}") from None
        self._reader.join(5)
        return code

    def signal(self, number):
        if self.running():
            self._child.send_signal(number)

    def kill(self):
        """kill -9, and gone when this returns."""
        if self.running():
            self._child.kill()
        self._child.wait()
        self._reader.join(5)


class FunctionServer(Process):
    """A server of functions: takes a port as its last argument, prints `listening on URL`."""

    def __init__(self, command, env=None, name=None, port=0):
        super().__init__([*command, str(port)], env=env, name=name)
        try:
            self.url = self.wait_for_line("listening on ").split("listening on ", 1)[1].strip()
        except Failure:
            self.kill()
            raise

    @property
    def port(self):
        return urllib.parse.urlsplit(self.url).port


class Holdfast(Process):
    """`holdfast up` on free ports; ready when the constructor returns."""

    def __init__(self, modules, data, env=None, options=(), gateway_port=0, seconds=START_SECONDS):
        data = pathlib.Path(data)
        ports_file = data.parent / f"{data.name}.ports.json"
        ports_file.unlink(missing_ok=True)
        began = time.monotonic()
        super().__init__([binary(), "up", *modules, "--data", data, "--gateway", f"127.0.0.1:{gateway_port}",
                          "--admin", "127.0.0.1:0", "--ports-file", ports_file, *options], env=env, name="holdfast up")
        self.ports = self._wait_for_ports(ports_file, seconds)
        self.seconds_to_ready = time.monotonic() - began
        self.gateway = ("127.0.0.1", int(self.ports["gateway"]))
        self.admin = ("127.0.0.1", int(self.ports["admin"]))

    def _wait_for_ports(self, path, seconds):
        # The file is there, whole, when Holdfast is ready. The condition wakes us with each line it prints, too.
        deadline = time.monotonic() + seconds
        while True:
            try:
                return json.loads(path.read_text())
            except (FileNotFoundError, json.JSONDecodeError):
                pass
            with self._changed:
                if self._ended:
                    break
                self._changed.wait(0.005)
            if time.monotonic() > deadline:
                break
        text = f"holdfast was not ready within {seconds} s\n{self.tail()}"
        self.kill()
        raise Failure(text)

    @property
    def gateway_url(self):
        return "http://%s:%d" % self.gateway

    @property
    def admin_url(self):
        return "http://%s:%d" % self.admin

    def stop(self, seconds=30):
        """SIGTERM: drain and end. Returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def cli(self, *arguments, check=True, seconds=60):
        """Runs `holdfast …` against this instance."""
        result = subprocess.run([binary(), *map(str, arguments), "--admin", self.admin_url, "--gateway", self.gateway_url],
                                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
        if check and result.returncode != 0:
            raise Failure(f"holdfast {' '.join(map(str, arguments))} ended with {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def cli_json(self, *arguments):
        text = self.cli(*arguments, "--json").stdout
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            raise Failure(f"holdfast {' '.join(map(str, arguments))} --json printed no JSON:\n{text}") from None


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"Answer({self.status}, {self.text[:300]!r})"


class Connection:
    """One keep-alive HTTP connection to (host, port). Asking again after an error connects again."""

    def __init__(self, address, seconds=40):
        self._http = http.client.HTTPConnection(*address, timeout=seconds)

    def ask(self, method, path, body=None, headers=None):
        try:
            self._http.request(method, path, body=body, headers=headers or {})
            answer = self._http.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except BaseException:
            self._http.close()
            raise

    def close(self):
        self._http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# What a client sees of a runtime that is not there just now.
GONE = (ConnectionError, http.client.HTTPException, TimeoutError, OSError)


def function_path(function, id, verb):
    """/v1/functions/{namespace}/{name}/{id}/{verb}"""
    return f"/v1/functions/{function}/{urllib.parse.quote(id, safe='')}/{verb}"


def type_headers(value_type, **more):
    return {"Content-Type": "application/octet-stream", "X-Value-Type": value_type, **more}
