"""Secrets, metadata, health, tokens, what is not there, and the end of a sidecar."""
import json

from app import generated
from scene import scene
from sidecar import component

JSON = {"content-type": "application/json"}


def secrets(world):
    """Two stores of a file, nested and flat, and one of the environment."""
    path = world.folder.write("secrets.json", json.dumps({"user": "ann", "password": "p w\"ü", "empty": "", "db": {"host": "h", "port": "5432", "tls": {"on": "yes"}},
                                                          "list": ["a", "b"], "number": 7, "flag": True}))
    world.folder.resource(component("file", "secretstores.local.file", secretsFile=str(path), nestedSeparator="."))
    world.folder.resource(component("multi", "secretstores.local.file", secretsFile=str(path), multiValued="true"))
    world.folder.resource(component("env", "secretstores.local.env", prefix="HFTEST_"))
    world.folder.resource(component("env-all", "secretstores.local.env"))


@scene(stores=(None,))
def secrets_http(world):
    secrets(world)
    s = world.sidecar(env={"HFTEST_ONE": "1", "HFTEST_TWO": "zwei", "PLAIN": "p"})
    for name in ("user", "password", "empty", "db.host", "db:host", "db.tls.on", "db", "list.0", "list", "number", "flag", "missing", "", "a%2Fb", "USER"):
        s.http("GET", f"/v1.0/secrets/file/{name}")
    s.http("GET", "/v1.0/secrets/file/user?metadata.version_id=2")
    s.http("GET", "/v1.0/secrets/file/bulk")
    for name in ("db", "user", "list", "missing"):
        s.http("GET", f"/v1.0/secrets/multi/{name}")
    s.http("GET", "/v1.0/secrets/multi/bulk")
    for name in ("ONE", "HFTEST_ONE", "PLAIN", "missing", "APP_API_TOKEN"):
        s.http("GET", f"/v1.0/secrets/env/{name}")
    s.http("GET", "/v1.0/secrets/env/bulk")
    for name in ("PLAIN", "APP_API_TOKEN", "DAPR_API_TOKEN", "missing"):
        s.http("GET", f"/v1.0/secrets/env-all/{name}")
    s.http("GET", "/v1.0/secrets/other/user")
    s.http("GET", "/v1.0/secrets/other/bulk")
    s.http("GET", "/v1.0/secrets/file")
    s.http("POST", "/v1.0/secrets/file/user", {})
    s.http("GET", "/v1.0/secrets/file/user/x")


@scene(stores=(None,))
def secrets_none(world):
    s = world.sidecar(flags=("--disable-builtin-k8s-secret-store",))
    s.http("GET", "/v1.0/secrets/file/user")
    s.http("GET", "/v1.0/secrets/file/bulk")
    _, api, *_ = generated()
    s.grpc("GetSecret", api.GetSecretRequest(store_name="file", key="user"))
    s.grpc("GetBulkSecret", api.GetBulkSecretRequest(store_name="file"))


@scene(stores=(None,))
def secrets_scopes(world):
    secrets(world)
    world.folder.configure(secrets={"scopes": [{"storeName": "file", "defaultAccess": "deny", "allowedSecrets": ["user", "db.host"]},
                                               {"storeName": "multi", "defaultAccess": "allow", "deniedSecrets": ["user"]},
                                               {"storeName": "env", "defaultAccess": "deny"}]})
    s = world.sidecar(env={"HFTEST_ONE": "1"})
    _, api, *_ = generated()
    for store, names in (("file", ("user", "password", "db.host", "missing")), ("multi", ("user", "db", "missing")), ("env", ("ONE",))):
        for name in names:
            s.http("GET", f"/v1.0/secrets/{store}/{name}")
            s.grpc("GetSecret", api.GetSecretRequest(store_name=store, key=name))
        s.http("GET", f"/v1.0/secrets/{store}/bulk")
        s.grpc("GetBulkSecret", api.GetBulkSecretRequest(store_name=store))


@scene(stores=(None,))
def secrets_grpc(world):
    secrets(world)
    s = world.sidecar(env={"HFTEST_ONE": "1"})
    _, api, *_ = generated()
    for store, names in (("file", ("user", "db.host", "missing", "")), ("multi", ("db", "list", "missing")), ("env", ("ONE", "missing")), ("other", ("x",)), ("", ("x",))):
        for name in names:
            s.grpc("GetSecret", api.GetSecretRequest(store_name=store, key=name))
    s.grpc("GetSecret", api.GetSecretRequest(store_name="file", key="user", metadata={"version_id": "1"}))
    for store in ("file", "multi", "env", "other"):
        s.grpc("GetBulkSecret", api.GetBulkSecretRequest(store_name=store))


@scene(stores=(None,))
def secrets_in_components(world):
    """What a component refers to: a secret, one of a nested object, the environment, templates; and scopes."""
    secrets(world)
    folder = world.folder
    database = str(folder.path / "refs.db")
    folder.resource(component("by-secret", "state.sqlite", auth="file", connectionString={"secretKeyRef": {"name": "path", "key": "path"}}))
    folder.write("secrets.json", json.dumps({"path": database, "user": "ann"}))
    folder.resource(component("by-env", "state.sqlite", connectionString={"envRef": "HFTEST_DB"}, tableName="t2", metadataTableName="m2"))
    folder.resource(component("scoped", "state.in-memory", scopes=["orders", "else"]))
    folder.resource(component("not-ours", "state.in-memory", scopes=["else"]))
    folder.resource(component("optional", "state.nonsense", spec={"ignoreErrors": True}))
    s = world.sidecar("orders", env={"HFTEST_DB": database})
    for store in ("by-secret", "by-env", "scoped", "not-ours", "optional"):
        s.http("POST", f"/v1.0/state/{store}", [{"key": "a", "value": store}])
        s.http("GET", f"/v1.0/state/{store}/a")


METADATA = ("components", "capabilities", "rules")


@scene()
def metadata_http(world):
    secrets(world)
    world.folder.resource(component("second", "state.in-memory"))
    s = world.sidecar()
    s.http("GET", "/v1.0/metadata", sort=METADATA)
    s.http("PUT", "/v1.0/metadata/team", b"blue")
    s.http("PUT", "/v1.0/metadata/team", b"green")
    s.http("PUT", "/v1.0/metadata/empty", b"")
    s.http("PUT", "/v1.0/metadata/json", {"a": 1})
    s.http("PUT", "/v1.0/metadata/a%20b+c%2Fd", b"odd \xc3\xbc")
    s.http("PUT", "/v1.0/metadata/daprRuntimeVersion", b"mine")
    s.http("GET", "/v1.0/metadata", sort=METADATA)
    s.http("POST", "/v1.0/metadata/team", b"x")
    s.http("PUT", "/v1.0/metadata/", b"x")
    s.http("PUT", "/v1.0/metadata", b"x")
    s.http("GET", "/v1.0/metadata/team")
    s.http("DELETE", "/v1.0/metadata/team")
    s.http("GET", "/v1.0/metadata/", sort=METADATA)


@scene()
def metadata_with_app(world):
    app = world.app()
    s = world.sidecar("orders", app.port, flags=("--app-max-concurrency", "7"))
    s.http("GET", "/v1.0/metadata", sort=METADATA)


@scene()
def metadata_grpc(world):
    _, api, *_ = generated()
    s = world.sidecar()
    s.grpc("SetMetadata", api.SetMetadataRequest(key="team", value="blue"))
    s.grpc("SetMetadata", api.SetMetadataRequest(key="", value="x"))
    s.grpc("SetMetadata", api.SetMetadataRequest(key="nothing"))
    s.grpc("GetMetadata", api.GetMetadataRequest())
    s.http("GET", "/v1.0/metadata", sort=METADATA)


@scene()
def health(world):
    s = world.sidecar()
    for path in ("/v1.0/healthz", "/v1.0/healthz/outbound", "/v1.0/healthz/", "/v1.0/healthz/other", "/healthz", "/v1.0/healthz?appid=orders", "/v1.0/healthz?appid=else"):
        s.http("GET", path)
    for method in ("HEAD", "POST", "OPTIONS", "DELETE"):
        s.http(method, "/v1.0/healthz")


@scene()
def health_of_an_app_that_is_not_there(world):
    from kafka import free_ports
    port = free_ports(1)[0]
    world.masks.replace(port, "<port>")
    s = world.sidecar("orders", port, wait=False)
    s.sidecar.wait_for(204, "/v1.0/healthz/outbound")
    s.http("GET", "/v1.0/healthz")
    s.http("POST", "/v1.0/state/store", [{"key": "a", "value": 1}])
    s.http("GET", "/v1.0/state/store/a")
    s.http("GET", "/v1.0/invoke/orders/method/x")


@scene()
def tokens(world):
    _, api, _, common, *_ = generated()
    app = world.app()
    s = world.sidecar("orders", app.port, env={"DAPR_API_TOKEN": "secret", "APP_API_TOKEN": "for-the-app"})
    for headers in ({}, {"dapr-api-token": "wrong"}, {"dapr-api-token": ""}, {"dapr-api-token": "secret"}, {"Dapr-Api-Token": "secret"}, {"authorization": "Bearer secret"}):
        for path in ("/v1.0/state/store/a", "/v1.0/metadata/x", "/unknown"):
            s.http("GET", path, headers=headers)
    s.http("GET", "/v1.0/healthz")
    s.http("GET", "/v1.0/healthz/outbound")
    s.http("POST", "/v1.0/invoke/orders/method/echo", b"x", {"dapr-api-token": "secret"})
    s.http("POST", "/v1.0/invoke/orders/method/echo", b"x")
    s.http("POST", "/v1.0/shutdown")
    for metadata in ((), (("dapr-api-token", "wrong"),), (("dapr-api-token", "secret"),)):
        s.grpc("GetState", api.GetStateRequest(store_name="store", key="a"), metadata)
        s.grpc("InvokeService", api.InvokeServiceRequest(id="orders", message=common.InvokeRequest(method="echo", http_extension=common.HTTPExtension(verb=2))), metadata)


@scene()
def unknown_routes(world):
    s = world.sidecar()
    for path in ("/", "/unknown", "/v1.0", "/v1.0/", "/v1.0/nonsense", "/v1.0/state", "/v1.0/publish", "/v1.0/invoke", "/v1.0/invoke/", "/v1.0/invoke/a", "/v1.0/invoke/a/method",
                 "/v1.0/invoke/a/method/", "/v1.0/invoke/a/b", "/v1.0-alpha1/nonsense", "/v1.0/actors", "//", "/v1.0//healthz", "/v1.0/./healthz", "/v1.0/x/../healthz",
                 "/dapr/config", "/metrics", "*"):
        s.http("GET", path)
    for method in ("POST", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"):
        s.http(method, "/v1.0/nonsense")


@scene()
def building_blocks_without_a_component(world):
    """What this sidecar has no component for, or does not do: how daprd says it. (Asking for a workflow is left out: daprd 1.14.0 closes the
    connection over HTTP and ends itself over gRPC.)"""
    _, api, _, common, *_ = generated()
    s = world.sidecar()
    for method, path, body in (
            ("POST", "/v1.0/publish/pubsub/topic", b"{}"), ("POST", "/v1.0-alpha1/publish/bulk/pubsub/topic", b"[]"), ("POST", "/v1.0/publish/pubsub", b"{}"),
            ("POST", "/v1.0/bindings/b", b'{"operation":"create"}'), ("POST", "/v1.0/bindings/b", b"{"),
            ("POST", "/v1.0/actors/t/1/method/m", b""), ("GET", "/v1.0/actors/t/1/state/k", None), ("POST", "/v1.0/actors/t/1/state", b"[]"),
            ("POST", "/v1.0/actors/t/1/reminders/r", b"{}"), ("GET", "/v1.0/actors/t/1/reminders/r", None), ("DELETE", "/v1.0/actors/t/1/reminders/r", None),
            ("POST", "/v1.0/actors/t/1/timers/r", b"{}"), ("DELETE", "/v1.0/actors/t/1/timers/r", None),
            ("GET", "/v1.0/configuration/c?key=a", None), ("GET", "/v1.0/configuration/c/subscribe", None), ("GET", "/v1.0/configuration/c/x/unsubscribe", None),
            ("POST", "/v1.0-alpha1/lock/l", b'{"resourceId":"r","lockOwner":"o","expiryInSeconds":1}'), ("POST", "/v1.0-alpha1/unlock/l", b'{"resourceId":"r","lockOwner":"o"}'),
            ("PUT", "/v1.0-alpha1/crypto/c/encrypt", b"x"), ("PUT", "/v1.0-alpha1/crypto/c/decrypt", b"x"),
            ("POST", "/v1.0-beta1/workflows/dapr/w/start?instanceID=i", b"{}"),
            ("POST", "/v1.0-alpha1/jobs/j", b'{"schedule":"@every 1s"}'), ("GET", "/v1.0-alpha1/jobs/j", None), ("DELETE", "/v1.0-alpha1/jobs/j", None)):
        s.http(method, path, body, JSON if body else None)
    for method, request in (
            ("PublishEvent", api.PublishEventRequest(pubsub_name="pubsub", topic="t")), ("PublishEvent", api.PublishEventRequest()),
            ("BulkPublishEventAlpha1", api.BulkPublishRequest(pubsub_name="pubsub", topic="t")), ("InvokeBinding", api.InvokeBindingRequest(name="b", operation="create")),
            ("InvokeActor", api.InvokeActorRequest(actor_type="t", actor_id="1", method="m")), ("GetActorState", api.GetActorStateRequest(actor_type="t", actor_id="1", key="k")),
            ("RegisterActorReminder", api.RegisterActorReminderRequest(actor_type="t", actor_id="1", name="n")),
            ("GetConfiguration", api.GetConfigurationRequest(store_name="c", keys=["a"])),
            ("TryLockAlpha1", api.TryLockRequest(store_name="l", resource_id="r", lock_owner="o", expiry_in_seconds=1)),
            ("UnlockAlpha1", api.UnlockRequest(store_name="l", resource_id="r", lock_owner="o")),
            ("StartWorkflowBeta1", api.StartWorkflowRequest(workflow_component="dapr", workflow_name="w", instance_id="i")),
            ("ScheduleJobAlpha1", api.ScheduleJobRequest(job=api.Job(name="j", schedule="@every 1s"))), ("GetJobAlpha1", api.GetJobRequest(name="j")),
            ("DeleteJobAlpha1", api.DeleteJobRequest(name="j"))):
        s.grpc(method, request)


@scene()
def shutdown_http(world):
    s = world.sidecar(flags=("--dapr-graceful-shutdown-seconds", "1"))
    s.http("GET", "/v1.0/shutdown")
    s.http("POST", "/v1.0/shutdown")
    world.calls.append({"call": "exit code", "answer": s.sidecar.wait()})


@scene()
def shutdown_grpc(world):
    _, api, *_ = generated()
    s = world.sidecar(flags=("--dapr-graceful-shutdown-seconds", "1"))
    s.grpc("Shutdown", api.ShutdownRequest())
    world.calls.append({"call": "exit code", "answer": s.sidecar.wait()})


@scene()
def shutdown_signals(world):
    import signal
    for number in (signal.SIGTERM, signal.SIGINT):
        s = world.sidecar(flags=("--dapr-graceful-shutdown-seconds", "1"))
        s.sidecar.signal(number)
        world.calls.append({"call": f"exit code after {number.name}", "answer": s.sidecar.wait()})


@scene(stores=(None,))
def starts_that_fail(world):
    """What ends a start. Compared is the exit code alone: the words are in a log."""
    import subprocess

    from sidecar import Folder, command

    def start(what, *documents, flags=("--app-id", "orders"), config=None):
        with Folder() as folder:
            for document in documents:
                folder.resource(document)
            if config:
                folder.config.write_text(config)
            run = subprocess.run([*command(world.program), *flags, "--resources-path", str(folder.resources), "--config", str(folder.config), "--enable-metrics=false",
                                  *(("--data", "memory") if world.program == "holdfast" else ()), "--dapr-http-port", "0", "--dapr-grpc-port", "0"],
                                 stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        world.calls.append({"call": what, "answer": "ends with an error" if run.returncode else "ends with 0"})

    start("a component of a type that is not known", component("x", "state.nonsense"))
    start("two components of one name", component("x", "state.in-memory"), component("x", "state.in-memory"))
    start("a secret that is not there", component("x", "state.sqlite", auth="nowhere", connectionString={"secretKeyRef": {"name": "a"}}))
    start("no app id", flags=())
    start("an app protocol that is not known", flags=("--app-id", "a", "--app-protocol", "carrier-pigeon"))
    start("a flag that is not known", flags=("--app-id", "a", "--nonsense"))
    start("a configuration that is no YAML", config="a: [")
    start("--version", flags=("--version",))
