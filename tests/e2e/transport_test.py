"""The ways to a function: TLS and mTLS, unix sockets, gzip, templated URLs, connections kept and cut."""
import ssl
import subprocess
import unittest

import wire
from harness import Case, document, endpoint, fails_fast, settings
from running import binary
from stub import Reply, count_and_answer


def openssl(folder, *arguments):
    subprocess.run(["openssl", *map(str, arguments)], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def certificate_authority(folder, name="ca"):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


def certificate(folder, name, ca="ca", alt_names="IP:127.0.0.1,DNS:localhost", password=None, encryption=("-v2", "aes-256-cbc")):
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.plain", "-out", f"{name}.csr")
    (folder / f"{name}.ext").write_text(f"subjectAltName={alt_names}\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2",
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    protect = [*encryption, "-passout", f"pass:{password}"] if password else ["-nocrypt"]
    openssl(folder, "pkcs8", "-topk8", "-in", f"{name}.plain", "-out", f"{name}.key", *protect)


class Tls(Case):
    def setUp(self):
        super().setUp()
        certificate_authority(self.folder)
        certificate(self.folder, "server")

    def tls_stub(self, certificate="server", client_ca=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{certificate}.pem", self.folder / f"{certificate}.key")
        if client_ca:
            context.load_verify_locations(self.folder / f"{client_ca}.pem")
            context.verify_mode = ssl.CERT_REQUIRED
        return self.stub(tls=context)

    def up_with(self, stub, **transport):
        files = {key: self.folder / value for key, value in transport.items()}
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast(),
                                                   transport={"type": "io.statefun.transports.v1/async", "connect": "2s", **files})))

    def test_a_trusted_server_is_called(self):
        self.up_with(self.tls_stub(), trust_cacerts="ca.pem")
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertAnswer("2", "test/f", "a", "x")

    def test_mtls_with_an_encrypted_key_works(self):
        self.shows_an_encrypted_key()

    def test_mtls_with_a_key_encrypted_as_statefun_documents_it_works(self):
        self.shows_an_encrypted_key(encryption=("-v1", "PBE-SHA1-RC4-128", "-provider", "legacy", "-provider", "default"))

    def shows_an_encrypted_key(self, **how):
        certificate_authority(self.folder, "clients")
        certificate(self.folder, "client", ca="clients", password="open sesame", **how)
        (self.folder / "password").write_text("open sesame\n")
        stub = self.tls_stub(client_ca="clients")
        self.up_with(stub, trust_cacerts="ca.pem", client_cert="client.pem", client_key="client.key", client_key_password="password")
        self.assertAnswer("1", "test/f", "a", "x")

    def test_check_opens_certificates_and_keys(self):
        certificate(self.folder, "client", password="open sesame")
        certificate(self.folder, "other")
        (self.folder / "password").write_text("open sesame\n")
        (self.folder / "wrong").write_text("open barley\n")
        (self.folder / "empty").write_text("")

        def check(listen=None, **transport):
            documents = [endpoint("test/*", "https://127.0.0.1:1/f", transport=transport)]
            if listen:
                documents.append(settings(listen={"gateway": listen}))
            module = self.write("module.yaml", *documents)
            result = subprocess.run([binary(), "check", module], capture_output=True, text=True, timeout=60)
            return result.returncode, result.stderr

        good = {"trust_cacerts": "ca.pem", "client_cert": "client.pem", "client_key": "client.key", "client_key_password": "password"}
        self.assertEqual(check(**good), (0, ""))
        for changed, said in (({"client_key_password": "wrong"}, "the password given does not open it"),
                              ({"client_key": "other.key"}, "does not belong to certificate file"),
                              ({"client_cert": "empty"}, "cannot use certificate file"),
                              ({"trust_cacerts": "empty"}, "cannot use trusted certificates file")):
            code, errors = check(**{**good, **changed})
            self.assertEqual(code, 2, errors)
            self.assertIn("endpoint test/*: ", errors)
            self.assertIn(said, errors)
        module = self.write("nats.yaml", document("holdfast.nats.v1/egress", {"id": "test/nats", "servers": ["tls://127.0.0.1:1"],
                                                                              "tls": {"certificate": "client.pem", "key": "other.key"}}))
        result = subprocess.run([binary(), "check", module], capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("egress test/nats: client_cert", result.stderr)
        for listen, said in (({"tls": {"certificate": "server.pem", "key": "other.key"}}, "gateway: key file"),
                             ({"tokenFile": "empty"}, "empty")):
            code, errors = check(listen)
            self.assertEqual(code, 2, errors)
            self.assertIn(said, errors)

    def test_mtls_without_a_client_certificate_calls_nothing_and_loses_nothing(self):
        certificate_authority(self.folder, "clients")
        stub = self.tls_stub(client_ca="clients")
        self.up_with(stub, trust_cacerts="ca.pem")
        self.never_calls(stub)

    def test_a_server_of_another_authority_is_not_called(self):
        certificate_authority(self.folder, "other")
        stub = self.tls_stub()
        self.up_with(stub, trust_cacerts="other.pem")
        self.never_calls(stub)

    def test_a_server_with_another_name_is_not_called(self):
        certificate(self.folder, "elsewhere", alt_names="DNS:elsewhere.example")
        stub = self.tls_stub("elsewhere")
        self.up_with(stub, trust_cacerts="ca.pem")
        self.never_calls(stub)

    def test_rotated_certificates_of_both_sides_are_used_and_a_broken_one_is_refused(self):
        certificate_authority(self.folder, "next")
        certificate(self.folder, "next_server", ca="next")
        certificate(self.folder, "client")
        certificate(self.folder, "next_client", ca="next")
        first = self.tls_stub(client_ca="ca")
        (self.folder / "trust.pem").write_bytes((self.folder / "ca.pem").read_bytes())
        self.up_with(first, trust_cacerts="trust.pem", client_cert="client.pem", client_key="client.key")
        self.assertAnswer("1", "test/f", "a", "x")
        # Half of it: the certificate is there, its key is not.
        (self.folder / "client.pem").write_bytes((self.folder / "next_client.pem").read_bytes())
        self.eventually(lambda: "does not belong to certificate file" in self.holdfast.tail(), "the pair is refused")
        self.assertAnswer("2", "test/f", "a", "x")
        (self.folder / "client.key").write_bytes((self.folder / "next_client.key").read_bytes())
        (self.folder / "trust.pem").write_bytes((self.folder / "next.pem").read_bytes())
        self.eventually(lambda: "taken from its file" in self.holdfast.tail(), "the new pair is taken")
        first.close()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "next_server.pem", self.folder / "next_server.key")
        context.load_verify_locations(self.folder / "next.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        self.stub(tls=context, port=first.port)
        self.assertAnswer("3", "test/f", "a", "x")

    def never_calls(self, stub):
        self.assertEqual(self.call("test/f", "a", "x", timeout="1s").status, 504)
        self.assertEqual(stub.seen, [])
        self.assertIn("test/f", self.holdfast.cli("addresses").stdout)


class Unix(Case):
    def test_a_unix_socket_is_called(self):
        stub = self.stub(path=str(self.folder / "fn.sock"))
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, transport={"type": "io.statefun.transports.v1/okhttp"})))
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertAnswer("2", "test/f", "a", "x")


class Http(Case):
    def test_a_gzip_answer_is_read(self):
        def zipped(request):
            return Reply(count_and_answer(request), encoding="gzip")

        stub = self.stub(zipped)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url)))
        self.assertAnswer("1", "test/f", "a", "x")
        self.assertAnswer("2", "test/f", "a", "x")
        self.assertIn("gzip", stub.headers[0]["accept-encoding"])

    def test_the_request_looks_like_the_one_of_statefun(self):
        stub = self.stub()
        self.up(self.write("module.yaml", endpoint("test/*", stub.url)))
        self.assertAnswer("1", "test/f", "a", "x")
        headers = stub.headers[0]
        self.assertEqual(headers["content-type"], "application/octet-stream")
        self.assertEqual(headers["accept"], "application/octet-stream")
        self.assertEqual(headers["host"], f"127.0.0.1:{stub.port}")

    def test_a_connection_in_use_ends_with_pool_ttl_so_that_new_replicas_get_calls(self):
        stub = self.stub()
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, transport={"pool_ttl": "200ms"}),
                           endpoint("keep/*", stub.url, transport={"pool_ttl": 0})))
        self.assertAnswer("1", "test/f", "a", "x")
        answers = 1

        def one_more_and_another_connection():
            nonlocal answers
            answers += 1
            self.assertAnswer(str(answers), "test/f", "a", "x")
            return stub.accepted >= 4

        self.eventually(one_more_and_another_connection, "the connection in use is replaced again and again")
        accepted = stub.accepted
        for i in range(1, 20):
            self.assertAnswer(str(i), "keep/f", "a", "x")
        self.assertLessEqual(stub.accepted, accepted + 2, "pool_ttl: 0 keeps them")

    def test_function_name_is_put_into_the_url(self):
        stub = self.stub()
        self.up(self.write("module.yaml", endpoint("test/*", stub.url.replace("/statefun", "/fn/{function.name}?v=1"))))
        self.assertAnswer("1", "test/f", "a", "x")

    def test_names_that_servers_take_out_of_a_path_are_refused_and_stop_nobody_else(self):
        def sends_up(request):
            if request.id == "up":
                return wire.answer(wire.send(("test/..", "x"), wire.string("x")))
            return count_and_answer(request)

        stub = self.stub(sends_up)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url.replace("/statefun", "/fn/{function.name}"), **fails_fast())))
        for name in ("%2E", "%2e%2E"):
            answer = self.ask(self.holdfast.gateway, "POST", f"/v1/functions/test/{name}/a/send", b"x", {"Content-Type": "text/plain"})
            self.assertEqual(answer.status, 400, answer)
            self.assertIn("would not stand for itself", answer.text)
        self.assertSent("test/f", "up", "x")
        self.eventually(self.parked, "who sends there is parked")
        self.assertIn("test/..", self.parked()[0]["reason"])
        self.assertAnswer("1", "test/f", "a", "x")

    def test_a_specific_endpoint_beats_one_for_the_namespace(self):
        everybody, one = self.stub(), self.stub()
        self.up(self.write("all.yaml", endpoint("test/*", everybody.url)), self.write("one.yaml", endpoint("test/one", one.url)))
        self.assertAnswer("1", "test/one", "a", "x")
        self.assertAnswer("1", "test/two", "a", "x")
        self.assertEqual({r.type_name for r in one.seen}, {"test/one"})
        self.assertEqual({r.type_name for r in everybody.seen}, {"test/two"})

    def test_an_answer_of_many_megabytes_and_one_too_large(self):
        big = 4 << 20

        def large(request):
            size = int(request.invocations[0].text)
            return wire.answer(wire.send(request.invocations[0].caller, wire.string("x" * size)))

        stub = self.stub(large)
        self.up(self.write("module.yaml", endpoint("test/*", stub.url, **fails_fast(), transport={
            "type": "io.statefun.transports.v1/async", "payload_max_bytes": 8 << 20})))
        self.assertEqual(len(self.call("test/f", "a", str(big)).body), big)
        self.assertSent("test/f", "b", str(9 << 20))
        self.eventually(self.parked, "the address with the answer that is too large is parked")
        self.assertEqual(len(self.call("test/f", "a", str(big)).body), big)


if __name__ == "__main__":
    unittest.main()
