"""Queries of state, lists of keys and deleting by prefix, over HTTP and gRPC, of both stores that have them."""
import json
import sys
import unittest
import urllib.parse

from harness import Case
from running import Process, binary

sys.path.insert(0, __file__.rpartition("/")[0] + "/dapr")
from sidecar import component  # noqa: E402

STORES = {"tables": "state.holdfast", "mem": "state.in-memory"}
ORDERS = {f"order-{i:04}": {"who": {"org": "abc"[i % 3]}, "total": i, "state": "WA" if i % 2 else "CA"} for i in range(1200)}


class DaprQuery(Case):
    def setUp(self):
        super().setUp()
        resources = self.folder / "resources"
        resources.mkdir()
        for name, kind in STORES.items():
            (resources / f"{name}.yaml").write_text(json.dumps(component(name, kind)))
        self.ports = self.folder / "ports.json"
        self.start()

    def start(self):
        self.ports.unlink(missing_ok=True)
        command = [binary(), "daprd", "--app-id", "orders", "--data", self.data, "--resources-path", self.folder / "resources", "--ports-file", self.ports]
        for flag in ("--dapr-http-port", "--dapr-grpc-port", "--metrics-port"):
            command += [flag, "0"]
        self.process = Process(command, name="holdfast daprd")
        self.started.append(self.process)
        self.eventually(lambda: (self.ports.exists() and self.ports.read_text()) or not self.process.running(), self.process.tail)
        self.assertTrue(self.process.running(), self.process.tail())
        listeners = json.loads(self.ports.read_text())["dapr"]
        self.http = ("127.0.0.1", next(listener["http"] for listener in listeners if "http" in listener))

    def save(self, store):
        items = [{"key": key, "value": value} for key, value in ORDERS.items()]
        for at in range(0, len(items), 100):
            self.assertEqual(self.ask(self.http, "POST", f"/v1.0/state/{store}", json.dumps(items[at:at + 100])).status, 204)

    def query(self, store, **query):
        return self.ask(self.http, "POST", f"/v1.0-alpha1/state/{store}/query", json.dumps(query))

    def keys(self, method, store, **parameters):
        return self.ask(self.http, method, f"/v1.0-alpha1/state/{store}/keys?{urllib.parse.urlencode(parameters)}")

    def pages(self, ask, items):
        """All items of all pages."""
        found, token = [], ""
        while True:
            answer = ask(token)
            self.assertEqual(answer.status, 200, answer.body)
            page = answer.json()
            found += page[items]
            token = page.get("token")
            if not token:
                return found

    def test_queries_find_sort_and_page(self):
        for store in STORES:
            self.save(store)
            where = {"AND": [{"EQ": {"who.org": "b"}}, {"GTE": {"total": 100}}, {"IN": {"state": ["WA", "OR"]}}]}
            wanted = sorted((key for key, value in ORDERS.items() if value["who"]["org"] == "b" and value["total"] >= 100 and value["state"] == "WA"), reverse=True)
            self.assertGreater(len(wanted), 100)
            found = self.pages(lambda token: self.query(store, filter=where, sort=[{"key": "total", "order": "DESC"}], page={"limit": 60, "token": token}), "results")
            self.assertEqual([item["key"] for item in found], wanted)
            self.assertEqual([item["data"] for item in found], [ORDERS[key] for key in wanted])
            one = found[0]
            saved = self.ask(self.http, "GET", f"/v1.0/state/{store}/{one['key']}")
            self.assertEqual(saved.headers["etag"], one["etag"])
            self.assertEqual(len(self.query(store).json()["results"]), len(ORDERS))
            self.assertEqual(self.query(store, filter={"EQ": {"who.org": "d"}}).status, 204)
            self.assertEqual(self.query(store, filter={"IN": {"a": []}}).json()["message"], f'state store {store} query failed: empty IN operator for key "a"')

    def test_keys_are_listed_and_deleted_by_prefix(self):
        for store in STORES:
            self.save(store)
            listed = self.pages(lambda token: self.keys("GET", store, prefix="order-01", limit=30, token=token), "keys")
            self.assertEqual(listed, [f"order-01{i:02}" for i in range(100)])
            self.assertEqual(self.keys("GET", store, prefix="none").json(), {"keys": []})
            self.assertEqual(self.keys("GET", store, limit="many").status, 400)
            self.assertEqual(self.keys("DELETE", store).status, 400)
            self.assertEqual(self.keys("DELETE", store, prefix="order-01").json(), {"count": 100})
            self.assertEqual(self.keys("DELETE", store, prefix="order-01").json(), {"count": 0})
            self.assertEqual(len(self.pages(lambda token: self.keys("GET", store, limit=1000, token=token), "keys")), len(ORDERS) - 100)
        # What was answered is durable.
        self.process.kill()
        self.start()
        self.assertEqual(self.keys("GET", "tables", prefix="order-01").json(), {"keys": []})
        self.assertEqual(len(self.pages(lambda token: self.keys("GET", "tables", limit=1000, token=token), "keys")), len(ORDERS) - 100)


if __name__ == "__main__":
    unittest.main()
