"""`holdfast daprd` as its users start it: flags, a link by the name daprd, resources, Configuration files, secrets, exit codes."""
import json
import os
import signal
import socket
import subprocess
import unittest

from harness import Case
from running import Process, binary

SECRETS = """\
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: vault}
spec:
  type: secretstores.local.file
  version: v1
  metadata:
  - {name: secretsFile, value: SECRETS_FILE}
---
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: env}
spec: {type: secretstores.local.env, version: v1}
"""


class DaprdCommand(Case):
    def setUp(self):
        super().setUp()
        (self.folder / "resources").mkdir()
        (self.folder / "secrets.json").write_text(json.dumps({"password": "pw", "nested": {"a": "b"}}))
        self.resource("secrets.yaml", SECRETS.replace("SECRETS_FILE", str(self.folder / "secrets.json")))

    def resource(self, name, text):
        (self.folder / "resources" / name).write_text(text)

    def command(self, *flags, program=None):
        ports = ("--dapr-http-port", "0", "--dapr-grpc-port", "0", "--metrics-port", "0", "--ports-file", self.folder / "ports.json")
        return [*(program or [binary(), "daprd"]), "-app-id=orders", *ports, "--data", "memory", "--resources-path", self.folder / "resources", *flags]

    def start(self, *flags, env=None, program=None):
        process = Process(self.command(*flags, program=program), env, name="holdfast daprd")
        self.started.append(process)
        ports = self.folder / "ports.json"
        self.eventually(lambda: (ports.exists() and ports.read_text()) or not process.running(), process.tail)
        self.assertTrue(process.running(), process.tail())
        listeners = json.loads(ports.read_text())["dapr"]
        self.http = ("127.0.0.1", next(listener["http"] for listener in listeners if "http" in listener))
        return process

    def refused(self, *flags, code=2):
        """What is said by one that does not start: 2 for its flags, 1, as daprd, for what they name."""
        ended = subprocess.run([str(part) for part in self.command(*flags)], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(ended.returncode, code, ended.stderr)
        return ended.stderr

    def secret(self, path):
        answer = self.ask(self.http, "GET", f"/v1.0/secrets/{path}")
        return answer.status, answer.json()

    def test_secrets_of_its_components_are_there_within_the_scopes_of_its_configuration(self):
        (self.folder / "config.yaml").write_text("kind: Configuration\nspec: {secrets: {scopes: [{storeName: vault, deniedSecrets: ['${DENIED}']}]}}\n")
        process = self.start("--config", self.folder / "config.yaml", "--placement-host-address", "localhost:50005",
                             env={"DENIED": "password", "MINE": "x", "DAPR_API_TOKEN": ""})
        self.assertEqual(self.secret("vault/nested:a"), (200, {"nested:a": "b"}))
        self.assertEqual(self.secret("vault/bulk"), (200, {"nested:a": {"nested:a": "b"}}))
        self.assertEqual(self.secret("env/MINE"), (200, {"MINE": "x"}))
        status, error = self.secret("vault/password")
        self.assertEqual((status, error["errorCode"]), (403, "ERR_PERMISSION_DENIED"))
        status, error = self.secret("none/password")
        self.assertEqual((status, error["errorCode"]), (401, "ERR_SECRET_STORE_NOT_FOUND"))
        self.assertIn("--placement-host-address: Has no effect", process.output())
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0)

    def test_a_link_by_the_name_daprd_is_daprd(self):
        link = self.folder / "daprd"
        os.symlink(os.path.abspath(binary()), link)
        version = subprocess.run([link, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
        self.assertRegex(version, r"^\d+\.\d+\.\d+\n$")
        self.start(program=[link])
        self.assertEqual(self.secret("vault/password"), (200, {"password": "pw"}))

    def test_what_daprd_passes_over_is_said_and_passed_over(self):
        self.resource("others.yaml", "kind: Subscription\n---\nkind: Component\nmetadata: {name: bad}\nspec: {ignoreErrors: perhaps}\n")
        process = self.start()
        output = process.output()
        self.assertRegex(output, r'others\.yaml:1:7: warning: kind: expected .*, got "Subscription"')
        self.assertRegex(output, r'others\.yaml:5:22: warning: spec\.ignoreErrors: expected true or false, got "perhaps" \(this document is not loaded\)')
        self.assertEqual(self.secret("vault/password")[0], 200)

    def test_calls_that_wait_for_an_application_do_not_keep_it_from_its_end(self):
        with socket.create_server(("127.0.0.1", 0)) as application:  # It listens, and never answers.
            process = self.start("--app-port", str(application.getsockname()[1]), "--app-max-concurrency", "1", "--dapr-graceful-shutdown-seconds", "1")
            callers = []
            for _ in range(3):
                callers.append(socket.create_connection(self.http))
                self.addCleanup(callers[-1].close)
                callers[-1].sendall(b"POST /v1.0/invoke/orders/method/pay HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\nx")
            self.assertEqual(self.ask(self.http, "GET", "/v1.0/healthz/outbound").status, 204)
            process.signal(signal.SIGTERM)
            self.assertEqual(process.wait(), 0, process.tail())

    def test_what_ends_daprd_ends_it_in_words(self):
        self.assertIn("unknown flag: --nonsense", self.refused("--nonsense"))
        self.assertIn('strconv.ParseInt: parsing "many": invalid syntax', self.refused("--app-max-concurrency", "many"))
        self.assertIn("parameter app-id cannot contain dots", self.refused("--app-id", "a.b"))
        self.assertIn("the 'dapr-http-port' argument value 1234 conflicts with 'app-port'", self.refused("--app-port", "1234", "--dapr-http-port", "1234"))
        self.assertIn("expected a folder of resources", self.refused("--resources-path", self.folder / "none", code=1))
        self.assertIn("expected a file, got nothing of this name", self.refused("--config", self.folder / "none.yaml", code=1))

    def test_components_that_cannot_be_made_end_it_with_where_they_are(self):
        self.resource("twice.yaml", "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.local.env}\n")
        self.assertRegex(self.refused(code=1), r'twice\.yaml:2:11: metadata: expected each name once among those of one kind, got "vault" again')
        self.resource("twice.yaml", "kind: Component\nmetadata: {name: k8s}\nspec: {type: secretstores.kubernetes}\n")
        self.assertRegex(self.refused(code=1), r"twice\.yaml:1: component k8s \(secretstores\.kubernetes\) needs Kubernetes")
        self.resource("twice.yaml", "kind: Component\nmetadata: {name: s}\nauth: {secretStore: vault}\n"
                      "spec: {type: state.in-memory, version: v1, metadata: [{name: a, secretKeyRef: {name: none}}]}\n")
        self.assertRegex(self.refused(code=1), r"component s \(state\.in-memory/v1\) cannot have its secret from vault: secret none not found")


if __name__ == "__main__":
    unittest.main()
