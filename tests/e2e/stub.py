"""A function server inside the test: it answers with whatever bytes a test wants, when the test wants it."""
import gzip
import http.server
import os
import socket
import socketserver
import ssl
import sys
import threading

import wire


class Reply:
    def __init__(self, body=b"", status=200, content_type="application/octet-stream", encoding=None):
        self.body, self.status, self.content_type, self.encoding = body, status, content_type, encoding


class _UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        connection, _ = super().get_request()
        return connection, ("unix", 0)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):
            super().handle_error(request, client_address)


class _TcpServer(http.server.ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, address, handler, tls=None):
        self._tls = tls
        super().__init__(address, handler)

    def finish_request(self, request, client_address):
        # The handshake belongs to the connection's own thread: a bad peer must not stop the others.
        if self._tls:
            try:
                request = self._tls.wrap_socket(request, server_side=True)
            except (ssl.SSLError, OSError):
                return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (OSError, ValueError)):  # Clients that go away are what these tests are about.
            super().handle_error(request, client_address)


class Stub:
    """Calls `function(request)` for each batch; that returns answer bytes or a Reply. `seen` holds the requests.

    A counter by default: state `count` counts messages, every caller gets the count as text.
    """

    def __init__(self, function=None, path=None, tls=None, port=0):
        self.seen = []
        self.headers = []
        self.accepted = 0  # Connections so far.
        self._function = function or count_and_answer
        self._lock = threading.Lock()
        self._open = set()
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1
            disable_nagle_algorithm = path is None

            def setup(self):
                super().setup()
                with stub._lock:
                    stub.accepted += 1
                    stub._open.add(self.connection)

            def finish(self):
                with stub._lock:
                    stub._open.discard(self.connection)
                super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = wire.parse_request(body)
                with stub._lock:
                    stub.seen.append(request)
                    stub.headers.append({key.lower(): value for key, value in self.headers.items()})
                reply = stub._function(request)
                reply = reply if isinstance(reply, Reply) else Reply(reply)
                data = gzip.compress(reply.body) if reply.encoding == "gzip" else reply.body
                self.send_response(reply.status)
                if reply.content_type:
                    self.send_header("Content-Type", reply.content_type)
                if reply.encoding:
                    self.send_header("Content-Encoding", reply.encoding)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()

            def log_message(self, *_):
                pass

        if path:
            self._server = _UnixServer(path, Handler)
            self.url = f"http+unix://{path}/statefun"
        else:
            self._server = _TcpServer(("127.0.0.1", port), Handler, tls)
            self.port = self._server.server_address[1]
            self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/statefun"
        self._path = path
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def requests(self, type_name=None, id=None):
        with self._lock:
            return [r for r in self.seen if (type_name is None or r.type_name == type_name) and (id is None or r.id == id)]

    def close(self):
        """Gone for its clients, too: kept connections are cut."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        if self._path and os.path.exists(self._path):
            os.unlink(self._path)


def count_and_answer(request, *extra):
    """Declares `count`, counts the batch, answers each caller with the count so far."""
    if "count" not in request.states:
        return wire.missing(("count", wire.INT))
    count = request.integer("count")
    parts = []
    for invocation in request.invocations:
        count += 1
        if invocation.caller:
            parts.append(wire.send(invocation.caller, wire.string(str(count))))
    return wire.answer(wire.mutation("count", wire.integer(count)), *parts, *extra)


def free_port():
    """A port nobody listens on. Somebody else might take it, but not on this loopback within a test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
