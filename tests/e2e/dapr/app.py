"""Applications behind a sidecar. HttpApp answers each request with what it saw of it, as JSON; a path can ask for something else:

    /status/503          that status, text "status 503"
    /raw?type=T&body=B   content-type T and body B
    /empty               204
    /headers             headers of its own, one of them twice
    /large?bytes=N       N bytes
    /redirect            302 to /elsewhere

GrpcApp is the same for `--app-protocol grpc`: OnInvoke answers what it saw.
"""
import concurrent.futures
import http.server
import json
import re
import site
import socket
import sys
import threading
import urllib.parse

from sidecar import ROOT

VENV = ROOT / "build" / "venv-dapr"
# Headers that a client, the machine or the next hop decides, and that are no concern of the sidecar.
UNINTERESTING = {"accept-encoding", "content-length", "transfer-encoding", "connection", "user-agent", "traceparent", "tracestate", "grpc-trace-bin", "host"}
HOST = re.compile(rf"\b{re.escape(socket.gethostname())}\b")


def generated():
    """grpcio and the generated messages of PyPI's package dapr, which are the client and the application of the gRPC tests."""
    if str(VENV) not in " ".join(sys.path):
        site.addsitedir(str(VENV / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"))
    try:
        import grpc
        from dapr.proto import api_service_v1, api_v1, appcallback_service_v1, appcallback_v1, common_v1
    except ImportError as error:
        raise RuntimeError(f"{error}: run `make e2e-parts`") from None
    return grpc, api_v1, api_service_v1, common_v1, appcallback_v1, appcallback_service_v1


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self):
        path, _, query = self.path.partition("?")
        parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        body = self._body()
        parts = path.split("/")
        if path == "/dapr/config" or path == "/dapr/subscribe" or self.command == "OPTIONS" and not self.headers.get("x-test"):
            return self._send(404)
        if path == "/healthz":
            return self._send(self.server.health)
        if parts[1] == "status":
            return self._send(int(parts[2]), {"content-type": "text/plain"}, f"status {parts[2]}".encode())
        if path == "/raw":
            return self._send(200, {"content-type": parameters["type"]} if "type" in parameters else {}, parameters.get("body", "").encode())
        if path == "/empty":
            return self._send(204)
        if path == "/headers":
            return self._send(200, [("content-type", "text/plain"), ("x-own", "one"), ("X-Twice", "a"), ("X-Twice", "b"), ("etag", "\"app\""),
                                    ("set-cookie", "c=1")], b"headers")
        if path == "/large":
            return self._send(200, {"content-type": "application/octet-stream"}, b"x" * int(parameters["bytes"]))
        if path == "/redirect":
            return self._send(302, {"location": "/elsewhere"})
        headers = sorted((name.lower(), "<timeout>" if name.lower().endswith("grpc-timeout") else HOST.sub("<host>", value)) for name, value in self.headers.items() if name.lower() not in UNINTERESTING)
        seen = {"method": self.command, "path": path, "query": query, "headers": headers, "body": body.decode("utf-8", "backslashreplace")}
        if len(body) > 1000:
            seen["body"] = f"{len(body)} bytes"
        self._send(200, {"content-type": "application/json"}, json.dumps(seen).encode())

    def _body(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _send(self, status, headers=(), body=b""):
        without_body = status in (204, 304)
        self.send_response_only(status)
        for name, value in headers.items() if isinstance(headers, dict) else headers:
            self.send_header(name, value)
        if not without_body:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and not without_body:
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = do_TRACE = do_FOO = _answer

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass  # A peer that went away.


class HttpApp:
    def __init__(self):
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.health = 200
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class GrpcApp:
    """OnInvoke answers what it saw as JSON; the methods `fail` and `empty` do what they are called."""

    def __init__(self):
        grpc, _, _, common, callback, service = generated()
        from google.protobuf import any_pb2

        class Servicer(service.AppCallbackServicer):
            def OnInvoke(self, request, context):
                if request.method == "fail":
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the app does not want to")
                if request.method == "empty":
                    return common.InvokeResponse()
                metadata = sorted((key, HOST.sub("<host>", value) if isinstance(value, str) else f"{len(value)} bytes") for key, value in context.invocation_metadata()
                                  if key not in UNINTERESTING)
                seen = {"method": request.method, "data": request.data.value.decode("utf-8", "backslashreplace"), "type_url": request.data.type_url,
                        "content_type": request.content_type, "verb": request.http_extension.verb, "querystring": request.http_extension.querystring,
                        "metadata": metadata}
                context.send_initial_metadata((("x-own", "one"),))
                return common.InvokeResponse(data=any_pb2.Any(value=json.dumps(seen).encode()), content_type="application/json")

            def ListTopicSubscriptions(self, request, context):
                return callback.ListTopicSubscriptionsResponse()

            def ListInputBindings(self, request, context):
                return callback.ListInputBindingsResponse()

        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        service.add_AppCallbackServicer_to_server(Servicer(), self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def close(self):
        self._server.stop(None).wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
