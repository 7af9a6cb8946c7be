"""Unmodified SDKs against a sidecar: each program in sdk/ does every call and prints what it saw."""
import json
import os
import pathlib
import subprocess

from other_scenes import secrets
from scene import scene
from sidecar import ROOT

SDK = pathlib.Path(__file__).resolve().parent / "sdk"
CLIENT_SECONDS = 120


def run_client(world, command):
    secrets(world)
    app, other_app = world.app(), world.app()
    # What is called stock is an endpoint outside; invocation_scenes has the calls of another sidecar, which clients cannot tell from these.
    world.folder.resource({"apiVersion": "dapr.io/v1alpha1", "kind": "HTTPEndpoint", "metadata": {"name": "stock"}, "spec": {"baseUrl": f"http://127.0.0.1:{other_app.port}"}})
    s = world.sidecar("orders", app.port, flags=("--dapr-graceful-shutdown-seconds", "1"))
    environment = {**os.environ, "DAPR_HTTP_PORT": str(s.sidecar.http_port), "DAPR_GRPC_PORT": str(s.sidecar.grpc_port),
                   "DAPR_HTTP_ENDPOINT": f"http://127.0.0.1:{s.sidecar.http_port}", "DAPR_GRPC_ENDPOINT": f"http://127.0.0.1:{s.sidecar.grpc_port}",
                   "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CLIENT_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0:
        raise AssertionError(f"{command[-1]} ended with {done.returncode} after {len(lines)} calls\n{done.stderr[-3000:]}\n{done.stdout[-1000:]}\n{s.sidecar.tail()}")
    for line in lines:
        call = json.loads(line)
        world.calls.append({"call": call["call"], "answer": json.loads(world.masks.text(json.dumps(call["answer"], ensure_ascii=False)))})


@scene()
def sdk_python(world):
    run_client(world, [ROOT / "build" / "venv-dapr" / "bin" / "python", SDK / "python" / "client.py"])


@scene()
def sdk_python_newest(world):
    run_client(world, [ROOT / "build" / "venv-dapr-new" / "bin" / "python", SDK / "python" / "client.py"])


@scene()
def sdk_javascript_http(world):
    run_client(world, ["node", SDK / "javascript" / "client.js", "http"])


@scene()
def sdk_javascript_grpc(world):
    run_client(world, ["node", SDK / "javascript" / "client.js", "grpc"])


@scene()
def sdk_go(world):
    run_client(world, [ROOT / "build" / "dapr-go-client"])


@scene()
def sdk_java(world):
    run_client(world, ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", ROOT / "build" / "dapr-java-client" / "client.jar"])
