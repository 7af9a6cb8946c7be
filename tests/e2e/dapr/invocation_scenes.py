"""Service invocation: of the own application, of another sidecar's, of what is not there."""
from app import generated
from scene import scene

STORELESS = (None,)


def calls_http(s, app_id, method_path="/v1.0/invoke/{}/method"):
    base = method_path.format(app_id)
    s.http("GET", f"{base}/echo")
    s.http("GET", f"{base}/echo?a=1&b=x%20y&a=2")
    s.http("POST", f"{base}/echo", {"x": 1})
    s.http("POST", f"{base}/echo", b"text", {"content-type": "text/plain"})
    s.http("POST", f"{base}/echo", b"\x00\xff", {"content-type": "application/octet-stream"})
    s.http("POST", f"{base}/echo", b"no type")
    for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "FOO"):
        s.http(method, f"{base}/echo", headers={"x-test": "1"})
    s.http("GET", f"{base}/echo", headers={"x-custom": "v", "X-Twice": "a", "cookie": "c=1", "authorization": "Bearer t", "if-none-match": "\"e\"", "dapr-x": "y",
                                           "x-forwarded-for": "10.0.0.1", "forwarded": "for=10.0.0.1", "accept": "text/html", "te": "trailers", "grpc-timeout": "1S"})
    for path in ("a/b/c", "a//b", "a%20b", "a%2Fb", "a+b", "%C3%BC", "a;b", "a/./b", "a/../b", "trailing/", "", "%zz"):
        s.http("GET", f"{base}/{path}")
    for status in (200, 201, 202, 301, 400, 401, 404, 409, 418, 429, 500, 503):
        s.http("GET", f"{base}/status/{status}")
    s.http("GET", f"{base}/empty")
    s.http("GET", f"{base}/headers")
    s.http("GET", f"{base}/redirect")
    s.http("GET", f"{base}/raw?body=untyped")
    s.http("GET", f"{base}/raw?type=text/html;charset=x&body=<p>")
    s.http("GET", f"{base}/large?bytes=100000")
    s.http("POST", f"{base}/echo", b"x" * 100_000, {"content-type": "application/octet-stream"})


@scene(STORELESS)
def invoke_self_http(world):
    app = world.app()
    s = world.sidecar("orders", app.port)
    calls_http(s, "orders")
    # Other ways to say whom.
    s.http("GET", "/echo/x?q=1", headers={"dapr-app-id": "orders"})
    s.http("POST", "/v1.0/nonsense", b"x", {"dapr-app-id": "orders"})
    s.http("GET", "/", headers={"dapr-app-id": "orders"})
    s.http("GET", "/v1.0/healthz", headers={"dapr-app-id": "orders"})
    s.http("GET", "/echo", headers={"authorization": "Basic ZGFwci1hcHAtaWQ6b3JkZXJz"})
    s.http("GET", "/echo", headers={"dapr-app-id": ""})
    s.http("GET", "/v1.0/invoke/orders.default/method/echo")
    s.http("GET", "/v1.0/invoke/ORDERS/method/echo")


@scene(STORELESS)
def invoke_other_http(world):
    app, other_app = world.app(), world.app()
    s = world.sidecar("orders", app.port)
    world.sidecar("stock", other_app.port)
    # The names of the other one are there when the first call is answered.
    wait_until_known(s, "stock")
    calls_http(s, "stock")
    s.http("GET", "/echo/x?q=1", headers={"dapr-app-id": "stock"})


def wait_until_known(s, app_id, seconds=20):
    import time

    from running import Connection
    deadline = time.monotonic() + seconds
    while True:
        with Connection(s.sidecar.http) as connection:
            answer = connection.ask("GET", f"/v1.0/invoke/{app_id}/method/empty")
        if answer.status == 204:
            return
        if time.monotonic() > deadline:
            raise AssertionError(f"{app_id} is not found by {s.sidecar.app_id}: {answer}\n{s.sidecar.tail()}")
        time.sleep(0.05)


@scene(STORELESS)
def invoke_nobody(world):
    _, api, _, common, *_ = generated()
    s = world.sidecar("orders")
    s.http("GET", "/v1.0/invoke/orders/method/echo")
    s.http("POST", "/v1.0/invoke/nobody/method/echo", b"x")
    s.http("GET", "/echo", headers={"dapr-app-id": "nobody"})
    s.http("GET", "/v1.0/invoke/http%3A%2F%2F127.0.0.1%3A1/method/echo")
    s.http("GET", "/v1.0/invoke/http://127.0.0.1:1/method/echo")
    s.grpc("InvokeService", api.InvokeServiceRequest(id="nobody", message=common.InvokeRequest(method="echo")))
    s.grpc("InvokeService", api.InvokeServiceRequest(id="orders", message=common.InvokeRequest(method="echo")))
    s.grpc("InvokeService", api.InvokeServiceRequest(id="", message=common.InvokeRequest(method="echo")))
    s.grpc("InvokeService", api.InvokeServiceRequest(id="orders"))


@scene(STORELESS)
def invoke_urls(world):
    app = world.app()
    world.folder.resource({"apiVersion": "dapr.io/v1alpha1", "kind": "HTTPEndpoint", "metadata": {"name": "outside"},
                           "spec": {"baseUrl": f"http://127.0.0.1:{app.port}", "headers": [{"name": "x-added", "value": "yes"}]}})
    s = world.sidecar("orders")
    for base in ("/v1.0/invoke/outside/method", f"/v1.0/invoke/http://127.0.0.1:{app.port}/method"):
        s.http("GET", f"{base}/echo?a=1")
        s.http("POST", f"{base}/echo/b", {"x": 1}, {"x-custom": "v"})
        s.http("GET", f"{base}/status/503")
        s.http("GET", f"{base}/headers")
        s.http("GET", f"{base}/")
    s.http("GET", "/echo", headers={"dapr-app-id": "outside"})
    s.http("GET", "/v1.0/metadata", sort=("components", "capabilities"))


@scene(STORELESS)
def invoke_sizes(world):
    app, other_app = world.app(), world.app()
    s = world.sidecar("orders", app.port, flags=("--max-body-size", "1Mi"))
    world.sidecar("stock", other_app.port, flags=("--max-body-size", "1Mi"))
    wait_until_known(s, "stock")
    for app_id in ("orders", "stock"):
        s.http("POST", f"/v1.0/invoke/{app_id}/method/echo", b"x" * 1_000_000, note=f"{app_id}: 1,000,000 bytes")
        s.http("POST", f"/v1.0/invoke/{app_id}/method/echo", b"x" * 1_100_000, note=f"{app_id}: 1,100,000 bytes")
        s.http("GET", f"/v1.0/invoke/{app_id}/method/large?bytes=3000000")


@scene(STORELESS)
def invoke_access_control(world):
    app, other_app = world.app(), world.app()
    s = world.sidecar("orders", app.port)
    world.folder.configure(accessControl={"defaultAction": "deny", "trustDomain": "public", "policies": [
        {"appId": "orders", "defaultAction": "deny", "trustDomain": "public", "namespace": "default",
         "operations": [{"name": "/echo", "httpVerb": ["GET"], "action": "allow"}]}]})
    world.sidecar("stock", other_app.port)
    import time
    from running import Connection
    # Known as soon as anything but "couldn't find" is said.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with Connection(s.sidecar.http) as connection:
            if b"failed to resolve" not in connection.ask("GET", "/v1.0/invoke/stock/method/echo").body:
                break
        time.sleep(0.05)
    s.http("GET", "/v1.0/invoke/stock/method/echo")
    s.http("POST", "/v1.0/invoke/stock/method/echo", b"x")
    s.http("GET", "/v1.0/invoke/stock/method/other")


def invoke(api, common, app_id, method, verb=0, data=b"", content_type="", query="", **more):
    from google.protobuf import any_pb2
    return api.InvokeServiceRequest(id=app_id, message=common.InvokeRequest(
        method=method, data=any_pb2.Any(value=data), content_type=content_type, http_extension=common.HTTPExtension(verb=verb, querystring=query), **more))


def calls_grpc(s, app_id):
    _, api, _, common, *_ = generated()
    for verb in range(10):
        s.grpc("InvokeService", invoke(api, common, app_id, "echo", verb), (("x-test", "1"),))
    s.grpc("InvokeService", invoke(api, common, app_id, "echo/b", 3, b'{"x":1}', "application/json", "a=1&b=2"))
    s.grpc("InvokeService", invoke(api, common, app_id, "echo?q=1", 3, b"\x00\xff", "application/octet-stream"))
    s.grpc("InvokeService", invoke(api, common, app_id, "/echo", 3, b"x"))
    s.grpc("InvokeService", invoke(api, common, app_id, "", 3, b"x"))
    s.grpc("InvokeService", invoke(api, common, app_id, "echo", 1), (("x-custom", "v"), ("authorization", "Bearer t")))
    s.grpc("InvokeService", api.InvokeServiceRequest(id=app_id, message=common.InvokeRequest(method="echo")))
    for status in (201, 204, 302, 400, 401, 403, 404, 409, 418, 429, 500, 501, 503, 504):
        s.grpc("InvokeService", invoke(api, common, app_id, f"status/{status}", 1))
    s.grpc("InvokeService", invoke(api, common, app_id, "headers", 1))
    s.grpc("InvokeService", invoke(api, common, app_id, "raw", 1, query="type=text/html&body=x"))


@scene(STORELESS)
def invoke_self_grpc(world):
    app = world.app()
    calls_grpc(world.sidecar("orders", app.port), "orders")


@scene(STORELESS)
def invoke_other_grpc(world):
    app, other_app = world.app(), world.app()
    s = world.sidecar("orders", app.port)
    world.sidecar("stock", other_app.port)
    wait_until_known(s, "stock")
    calls_grpc(s, "stock")


@scene(STORELESS)
def invoke_grpc_app(world):
    """An application that speaks gRPC: OnInvoke, and any service of its own by the metadata dapr-app-id."""
    _, api, _, common, callback, service = generated()
    app = world.grpc_app()
    s = world.sidecar("orders", app.port, flags=("--app-protocol", "grpc"))
    s.grpc("InvokeService", invoke(api, common, "orders", "echo", 3, b'{"x":1}', "application/json", "a=1"), (("x-custom", "v"),))
    s.grpc("InvokeService", invoke(api, common, "orders", "fail"))
    s.grpc("InvokeService", invoke(api, common, "orders", "empty"))
    s.http("POST", "/v1.0/invoke/orders/method/echo/b?a=1", {"x": 1}, {"x-custom": "v"})
    # Written again: a Go program puts spaces into such JSON, or not, by the hash of itself.
    s.http("GET", "/v1.0/invoke/orders/method/fail", sort=("details",))
    s.http("GET", "/v1.0/invoke/orders/method/empty")
    direct = common.InvokeRequest(method="direct")
    s.grpc("OnInvoke", direct, (("dapr-app-id", "orders"), ("x-custom", "v")), service=service.AppCallbackStub)
    s.grpc("OnInvoke", direct, (("dapr-app-id", "nobody"),), service=service.AppCallbackStub)
    s.grpc("OnInvoke", direct, service=service.AppCallbackStub)
    s.grpc("OnInvoke", common.InvokeRequest(method="fail"), (("dapr-app-id", "orders"),), service=service.AppCallbackStub)
    s.grpc("OnTopicEvent", callback.TopicEventRequest(), (("dapr-app-id", "orders"),), service=service.AppCallbackStub)
