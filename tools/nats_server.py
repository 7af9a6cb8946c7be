"""A real nats-server with JetStream (Debian's package nats-server) for tests, and a few words to talk to it.

    with NatsServer(folder) as server, server.client() as nats:
        nats.add_stream("ORDERS", ["orders.>"])
        nats.publish("orders.eu", b"…", {"Holdfast-Key": "k"})
        for message in nats.messages("ORDERS"): ...

Everything listens on 127.0.0.1, on a free port that stays the server's own over stop(), kill() and start(). The client is nats-py
from build/venv (tools/nats_server/requirements.txt), behind calls that block. (Not called nats.py: that is the name of its module.)

    python3 tools/nats_server.py COMMAND…

runs a command with HOLDFAST_TEST_NATS set to the URL of a fresh server.
"""
import asyncio
import collections
import os
import pathlib
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from kafka import VENV_PACKAGES, free_ports, make_certificates  # noqa: E402
from running import START_SECONDS, Failure, Process  # noqa: E402

USER, PASSWORD, TOKEN = "holdfast", "holdfast-secret", "holdfast-token"
Message = collections.namedtuple("Message", "subject data headers sequence")


def binary():
    return shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin:/usr/local/sbin:/sbin")


def library():
    """The module nats, from build/venv where this Python does not have it."""
    try:
        import nats
    except ImportError:
        site.addsitedir(str(VENV_PACKAGES))
        try:
            import nats
        except ImportError:
            raise Failure(f"no module nats, neither here nor in {VENV_PACKAGES}: run `make e2e-parts`") from None
    import nats.js.api  # noqa: F401
    return nats


class NatsServer:
    """One server with its data below `folder`. Runs when start() returns; a context manager that starts and stops it, too.

    login: None, "user" (USER and PASSWORD) or "token" (TOKEN). tls=True: with the authority in `ca_file`.
    `settings` go into its configuration file: max_payload="4KB".
    """

    def __init__(self, folder, login=None, tls=False, **settings):
        if binary() is None:
            raise Failure("no nats-server: run `make e2e-parts`")
        self.folder = pathlib.Path(folder)
        self.login, self.tls, self.settings = login, tls, settings
        self.process = None
        self._port = None
        self.ca_file = self.folder / "ca.crt"

    # --- life

    def start(self, seconds=START_SECONDS):
        """Ready to answer when this returns; on the same port and data as before, if there was a before."""
        first = self._port is None
        for attempt in range(5 if first else 1):
            if first:
                self._prepare()
            self.process = Process([binary(), "--config", self.folder / "nats.conf"], cwd=self.folder, name="nats-server")
            try:
                self.process.wait_for_line("Server is ready", seconds)
                return self
            except Failure:
                self.process.kill()
                # Somebody else may have taken the port between our look and the server's.
                if attempt == 4 or not first or "address already in use" not in self.process.output():
                    raise
        raise AssertionError

    def _prepare(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._port = free_ports(1)[0]
        lines = [f"listen: 127.0.0.1:{self._port}", f"jetstream: {{store_dir: \"{self.folder / 'store'}\"}}"]
        if self.login == "user":
            lines.append(f"authorization: {{user: {USER}, password: \"{PASSWORD}\"}}")
        elif self.login == "token":
            lines.append(f"authorization: {{token: \"{TOKEN}\"}}")
        if self.tls:
            make_certificates(self.folder)
            lines.append(f"tls: {{cert_file: \"{self.folder / 'broker.crt'}\", key_file: \"{self.folder / 'broker.key'}\"}}")
        lines += [f"{name}: {value}" for name, value in self.settings.items()]
        (self.folder / "nats.conf").write_text("\n".join(lines) + "\n")

    def stop(self, seconds=30):
        """SIGTERM, and gone when this returns."""
        self.process.signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    def kill(self):
        """SIGKILL, and gone when this returns."""
        if self.process is not None:
            self.process.kill()

    def tail(self):
        return self.process.tail() if self.process is not None else "--- nats-server was not started"

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"{'tls' if self.tls else 'nats'}://127.0.0.1:{self._port}"

    def client(self):
        return NatsClient(self)


class NatsClient:
    """nats-py on a thread of its own; every call blocks until it is done, and connects again where the server has been away."""

    SECONDS = 30

    def __init__(self, server):
        self._library = library()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._heard = collections.defaultdict(list)
        options = {"servers": [server.url], "max_reconnect_attempts": -1, "reconnect_time_wait": 0.05,
                   "error_cb": self._ignore, "disconnected_cb": self._ignore}
        if server.login == "user":
            options.update(user=USER, password=PASSWORD)
        elif server.login == "token":
            options["token"] = TOKEN
        if server.tls:
            import ssl
            options["tls"] = ssl.create_default_context(cafile=str(server.ca_file))
        self._nats = self._do(self._library.connect(**options))
        self._jetstream = self._nats.jetstream(timeout=self.SECONDS)

    @staticmethod
    async def _ignore(*_):
        pass

    def _do(self, coroutine, seconds=SECONDS + 5):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(seconds)

    def close(self):
        try:
            self._do(self._nats.close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(self.SECONDS)
            self._loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- core

    def send(self, subject, data=b"", headers=None):
        """Core: whoever listens gets it."""
        async def send():
            await self._nats.publish(subject, data, headers=headers)
            await self._nats.flush(self.SECONDS)
        self._do(send())

    def listen(self, subject, queue=""):
        """From here on everything on `subject` is in the list that this returns."""
        heard = []

        async def take(message):
            heard.append(Message(message.subject, message.data, dict(message.headers or {}), None))

        async def subscribe():
            await self._nats.subscribe(subject, queue=queue, cb=take)
            await self._nats.flush(self.SECONDS)
        self._do(subscribe())
        return heard

    # --- JetStream

    def add_stream(self, name, subjects, **config):
        """For config see StreamConfig of nats-py: retention="workqueue", duplicate_window=5, max_msgs=100."""
        self._do(self._jetstream.add_stream(name=name, subjects=subjects, **config))

    def update_stream(self, name, **config):
        async def update():
            info = await self._jetstream.stream_info(name)
            await self._jetstream.update_stream(info.config.evolve(**config))
        self._do(update())

    def delete_stream(self, name):
        self._do(self._jetstream.delete_stream(name))

    def purge(self, name, keep=None):
        self._do(self._jetstream.purge_stream(name, keep=keep))

    def publish(self, subject, data=b"", headers=None):
        """Stored when this returns; its sequence."""
        return self.publish_all([(subject, data, headers)])[0]

    def publish_all(self, messages, window=1000):
        """(subject, data, headers) each; all are stored, in this order, when this returns. Their sequences."""
        async def publish():
            sequences = []
            messages_ = list(messages)
            for begin in range(0, len(messages_), window):
                answers = []
                for subject, data, *headers in messages_[begin:begin + window]:
                    answers.append(await self._jetstream.publish_async(subject, data, headers=headers[0] if headers else None))
                sequences += [answer.seq for answer in await asyncio.gather(*answers)]
            return sequences
        return self._do(publish(), 10 * self.SECONDS)

    def stream(self, name):
        """State of a stream: first_seq, last_seq, messages."""
        return self._do(self._jetstream.stream_info(name)).state

    def consumers(self, name):
        return self._do(self._jetstream.consumers_info(name))

    def take(self, name, durable, count, subject=">"):
        """What a consumer of a work queue takes away, at most `count` messages; their data."""
        async def take():
            subscription = await self._jetstream.pull_subscribe(subject, durable=durable, stream=name)
            try:
                messages = await subscription.fetch(count, timeout=0.2)
            except self._library.errors.TimeoutError:
                return []
            for message in messages:
                await message.ack_sync()
            return [message.data for message in messages]
        return self._do(take())

    def messages(self, name, subject=">", first=1):
        """All that a stream keeps of `subject` just now, from sequence `first` on."""
        api = self._library.js.api

        async def read():
            found = []
            subscription = await self._jetstream.pull_subscribe(
                subject, stream=name, durable=None,
                config=api.ConsumerConfig(filter_subject=subject, ack_policy=api.AckPolicy.NONE,
                                          deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=first))
            pending = (await subscription.consumer_info()).num_pending
            while len(found) < pending:
                for message in await subscription.fetch(min(1000, pending - len(found)), timeout=self.SECONDS):
                    found.append(Message(message.subject, message.data, dict(message.headers or {}), message.metadata.sequence.stream))
            await subscription.unsubscribe()
            return found
        return self._do(read(), 10 * self.SECONDS)


def main(command):
    with tempfile.TemporaryDirectory(prefix="holdfast-nats-") as folder, NatsServer(folder) as server:
        return subprocess.run(command, env={**os.environ, "HOLDFAST_TEST_NATS": server.url}).returncode


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    raise SystemExit(main(sys.argv[1:]))
