"""A scene: calls in order against fresh sidecars, and what was answered. Scenes are written down in *_scenes.py, one function each:

    @scene(stores=("state.in-memory", "state.sqlite"))
    def save_and_get(world):
        s = world.sidecar("orders")
        s.http("POST", "/v1.0/state/store", [{"key": "a", "value": 1}])
        s.http("GET", "/v1.0/state/store/a", key="a")

What real daprd 1.14.0 answers is in expected/, recorded by record.py; dapr_test.py compares.
"""
import contextlib
import json
import urllib.parse

import answers
from app import GrpcApp, HttpApp, generated
from running import GONE, Connection
from sidecar import DaprSidecar, Folder, component

SCENES = {}
CALL_SECONDS = 30


def scene(stores=("state.in-memory",)):
    """Registers a scene, which is played once with each of these types as the component `store`."""
    def register(function):
        SCENES[function.__name__] = (function, stores)
        return function
    return register


def play(name, program, store=None):
    """[{"call", "answer"}] of one scene against "daprd" or "holdfast"."""
    function, stores = SCENES[name]
    with World(program, store or stores[0]) as world:
        function(world)
        return world.calls


class World:
    def __init__(self, program, store):
        self.program, self.store = program, store
        self.calls = []
        self.masks = answers.Masks()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self.folder = self._stack.enter_context(Folder())
        self.masks.replace(self.folder.path, "<folder>")
        if self.store:
            self.masks.replace(self.store, "<store>")
            self.folder.resource(self.state_store("store"))
        return self

    def __exit__(self, *_):
        self._stack.close()

    def state_store(self, name, **metadata):
        options = dict(metadata)
        if self.store == "state.sqlite":
            options.setdefault("connectionString", str(self.folder.path / "state.db"))
        scopes = options.pop("scopes", None)
        return component(name, self.store, scopes, **options)

    def app(self):
        app = self._stack.enter_context(HttpApp())
        self.masks.replace(f"127.0.0.1:{app.port}", "<app>")
        self.masks.replace(f'"port":{app.port}', '"port":<port>')
        return app

    def grpc_app(self):
        app = self._stack.enter_context(GrpcApp())
        self.masks.replace(f"127.0.0.1:{app.port}", "<app>")
        return app

    def sidecar(self, app_id="orders", app_port=None, flags=(), env=None, **options):
        sidecar = DaprSidecar(self.program, app_id, self.folder, app_port, flags, env, **options)
        self._stack.callback(sidecar.kill)
        self.masks.replace(f"127.0.0.1:{sidecar.http_port}", f"<http of {app_id}>")
        self.masks.replace(f"127.0.0.1:{sidecar.grpc_port}", f"<grpc of {app_id}>")
        return Caller(self, sidecar)


class Caller:
    """Calls to one sidecar, each noted with its answer. What is returned is the answer as it came, for the next call to use."""

    def __init__(self, world, sidecar):
        self.world, self.sidecar = world, sidecar
        self._channel = None

    def http(self, method, path, body=None, headers=None, key=None, sort=None, note=None):
        """body: bytes or text as it is, anything else as JSON. key: whose etag the answer's is. note: instead of the request in what is kept."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
            headers.setdefault("content-type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        try:
            with Connection(self.sidecar.http, CALL_SECONDS) as connection:
                answer = connection.ask(method, path, body, headers)
        except GONE as error:
            answer = error
        if key is None and method == "GET" and path.startswith("/v1.0/state/"):
            key = urllib.parse.unquote(path.split("?")[0].rsplit("/", 1)[-1])
        masks = self.world.masks
        call = note or " ".join([method, masks.text(path), *(f"{name}:{masks.text(value)}" for name, value in headers.items() if name != "content-type" or value != "application/json")])
        if not note and body is not None:
            call += " " + (masks.text(body.decode("utf-8", "backslashreplace")) if len(body) < 400 else f"({len(body)} bytes)")
        # Closing the connection is an answer, too.
        self._note(call, type(answer).__name__ if isinstance(answer, BaseException) else answers.http_answer(answer, masks, key, sort))
        return answer

    def grpc(self, method, request, metadata=(), key=None, note=None, service=None):
        """The response, or the error."""
        grpc, _, api_service, *_ = generated()
        if self._channel is None:
            self._channel = grpc.insecure_channel(self.sidecar.grpc, options=(("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)))
            self.world._stack.callback(self._channel.close)
        masks = self.world.masks
        stub = (service or api_service.DaprStub)(self._channel)
        try:
            response, call = getattr(stub, method).with_call(request, timeout=CALL_SECONDS, metadata=metadata)
            result, shown = response, answers.grpc_answer(response, masks, call.initial_metadata(), key or getattr(request, "key", None))
        except grpc.RpcError as error:
            result, shown = error, answers.grpc_error(error, masks)
        text = note or json.dumps(answers.message(request, masks.plain()), ensure_ascii=False)
        told = [f"{name}:{value}" for name, value in metadata]
        self._note(" ".join([method, *told, text]), shown)
        return result

    def _note(self, call, answer):
        self.world.calls.append({"call": call, "answer": answer})

    def etag(self, answer):
        """The etag of an answer, as the next request has it."""
        return (answer.headers.get("etag") or "").strip('"')
