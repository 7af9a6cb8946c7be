"""State over HTTP, and over gRPC: the same things happen in both."""
from app import generated
from scene import scene

BOTH = ("state.in-memory", "state.sqlite")
STATE = "/v1.0/state/store"
JSON = {"content-type": "application/json"}


@scene(BOTH)
def state_save_and_get(world):
    s = world.sidecar()
    s.http("GET", f"{STATE}/a")
    s.http("POST", STATE, [{"key": "a", "value": "one"}])
    s.http("GET", f"{STATE}/a")
    s.http("PUT", STATE, [{"key": "a", "value": {"n": 2, "s": "ü"}}, {"key": "b", "value": [1, None, True]}])
    s.http("GET", f"{STATE}/a")
    s.http("GET", f"{STATE}/b?consistency=strong")
    s.http("GET", f"{STATE}/b?consistency=eventual&metadata.partitionKey=p")
    s.http("GET", f"{STATE}/b?consistency=whatever")
    s.http("POST", STATE, [])
    s.http("POST", STATE, [{"key": "nothing"}])
    s.http("GET", f"{STATE}/nothing")
    s.http("POST", STATE, [{"key": "null", "value": None}])
    s.http("GET", f"{STATE}/null")
    s.http("POST", STATE, [{"key": "empty", "value": ""}])
    s.http("GET", f"{STATE}/empty")
    # Values that daprd reads and writes again.
    s.http("POST", STATE, '[{"key":"n1","value":12345678901234567890},{"key":"n2","value":1.0},{"key":"n3","value":1e400}]', JSON)
    s.http("POST", STATE, '[{"key":"n1","value":12345678901234567890},{"key":"n2","value":1.0},{"key":"n4","value":{"z":1,"a":"<&>","a ":  2}}]', JSON)
    for key in ("n1", "n2", "n4"):
        s.http("GET", f"{STATE}/{key}")
    # No content type, and another one.
    s.http("POST", STATE, '[{"key":"plain","value":"x"}]')
    s.http("POST", STATE, '[{"key":"plain","value":"y"}]', {"content-type": "text/plain"})
    s.http("GET", f"{STATE}/plain")
    # Members that nobody knows.
    s.http("POST", STATE, '[{"key":"more","value":1,"unknown":true,"Key":"other"}]', JSON)
    s.http("GET", f"{STATE}/more")
    s.http("GET", f"{STATE}/other")
    s.http("POST", STATE, [{"key": "meta", "value": 1, "metadata": {"contentType": "application/json", "x": "y"}}])
    s.http("GET", f"{STATE}/meta")


@scene()
def state_wrong_bodies(world):
    s = world.sidecar()
    for body in ("", " ", "null", "{}", "[", "[1]", "[null]", "[{}]", '"x"', '[{"value":1}]', '[{"key":""}]', '[{"key":1,"value":1}]', '[{"key":null,"value":1}]',
                 '[{"key":"a||b","value":1}]', '[{"key":"a","value":1,"etag":1}]', '[{"key":"a","value":1,"etag":null}]', '[{"key":"a","value":1,"metadata":{"x":1}}]',
                 '[{"key":"a","value":1,"metadata":[]}]', '[{"key":"a","value":1,"options":[]}]', '[{"key":"a","value":1,"options":{"concurrency":"x"}}]',
                 '[{"key":"a","value":1,"options":{"consistency":"x"}}]', '[{"key":"a","value":1,"options":{"concurrency":1}}]', '[{"key":"a","value":1}] x',
                 '[{"key":"a","value":1},]', '{"key":"a","value":1}', '[{"key":"a","value":nul}]', '[{"key":"a","value":"\\ud800"}]', "[{'key':'a'}]",
                 '[{"key":"a","value":1}][]', "\ufeff[]", '[{"key":"a","value":1,"etag":""}]', '[{"key":"good","value":1},{"key":"b||c","value":1}]'):
        s.http("POST", STATE, body, JSON)
    s.http("POST", STATE)
    s.http("GET", f"{STATE}/good")
    s.http("POST", STATE, b'[{"key":"a","value":"\xff\xfe"}]', JSON)
    s.http("GET", f"{STATE}/a")
    s.http("POST", STATE, '[{"key":"deep","value":' + "[" * 9000 + "]" * 9000 + "}]", JSON)
    s.http("POST", STATE, '[{"key":"deep","value":' + "[" * 11000 + "]" * 11000 + "}]", JSON)


@scene(BOTH)
def state_etags(world):
    s = world.sidecar()
    first_write = {"concurrency": "first-write"}
    s.http("POST", STATE, [{"key": "a", "value": 1, "etag": "7"}])
    s.http("POST", STATE, [{"key": "a", "value": 1, "options": first_write}])
    one = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("POST", STATE, [{"key": "a", "value": 2, "options": first_write}])
    s.http("POST", STATE, [{"key": "a", "value": 3, "etag": one}])
    two = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("POST", STATE, [{"key": "a", "value": 4, "etag": one}], note="save a with an old etag")
    s.http("POST", STATE, [{"key": "a", "value": 4, "etag": one, "options": {"concurrency": "last-write"}}], note="save a with an old etag, last-write")
    s.http("POST", STATE, [{"key": "a", "value": 5, "etag": two, "options": first_write}], note="save a with its etag, first-write")
    s.http("POST", STATE, [{"key": "a", "value": 6, "etag": ""}])
    three = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("POST", STATE, [{"key": "a", "value": 7, "etag": "", "options": first_write}])
    s.http("POST", STATE, [{"key": "a", "value": 8}, {"key": "b", "value": 1, "etag": "no"}])
    s.http("GET", f"{STATE}/a")
    s.http("POST", STATE, [{"key": "c", "value": 1, "etag": "no"}, {"key": "d", "value": 1}])
    s.http("GET", f"{STATE}/c")
    s.http("GET", f"{STATE}/d")
    s.http("DELETE", f"{STATE}/a", headers={"If-Match": three}, note="delete a with an old etag")
    s.http("DELETE", f"{STATE}/a", headers={"If-Match": "nonsense"})
    s.http("DELETE", f"{STATE}/missing", headers={"If-Match": "nonsense"})
    s.http("DELETE", f"{STATE}/missing")
    s.http("DELETE", f"{STATE}/a?concurrency=first-write")
    s.http("GET", f"{STATE}/a")
    s.http("POST", STATE, [{"key": "a", "value": 9}])
    now = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("DELETE", f"{STATE}/a?concurrency=first-write&consistency=strong", headers={"If-Match": now}, note="delete a with its etag")
    s.http("GET", f"{STATE}/a")
    s.http("POST", STATE, [{"key": "a", "value": 10}])
    now = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("DELETE", f"{STATE}/a", headers={"If-Match": f'"{now}"'}, note="delete a with its etag in quotes")
    s.http("DELETE", f"{STATE}/a?concurrency=nonsense&consistency=nonsense")


@scene(BOTH)
def state_bulk(world):
    s = world.sidecar()
    s.http("POST", STATE, [{"key": "a", "value": 1}, {"key": "b", "value": {"x": [1, 2]}}, {"key": "text", "value": "t"}])
    for body in ({"keys": ["a", "b", "missing", "text"]}, {"keys": ["a", "a"]}, {"keys": []}, {}, {"keys": ["a"], "parallelism": 1}, {"keys": ["a", "b"], "parallelism": 0},
                 {"keys": ["a", "b"], "parallelism": -3}, {"keys": ["a"], "metadata": {"x": "y"}}, {"keys": ["a"], "unknown": 1}, {"keys": ["a||b"]},
                 {"keys": ["a", "x||y"]}, {"keys": [""]}):
        s.http("POST", f"{STATE}/bulk", body, sort=("",))
    s.http("PUT", f"{STATE}/bulk", {"keys": ["a"]})
    for body in ("", "[]", "null", '{"keys":"a"}', '{"keys":[1]}', '{"keys":["a"],"parallelism":"2"}', '{"keys":["a"],"metadata":{"x":1}}', "{"):
        s.http("POST", f"{STATE}/bulk", body, JSON)
    s.http("POST", f"{STATE}/bulk?metadata.x=y", {"keys": ["a"]})
    s.http("GET", f"{STATE}/bulk")
    s.http("POST", "/v1.0/state/other/bulk", {"keys": ["a"]})


@scene(BOTH)
def state_transactions(world):
    s = world.sidecar()
    transaction = f"{STATE}/transaction"

    def upsert(key, value=1, **more):
        return {"operation": "upsert", "request": {"key": key, "value": value, **more}}

    def delete(key, **more):
        return {"operation": "delete", "request": {"key": key, **more}}

    def get(*keys):
        for key in keys:
            s.http("GET", f"{STATE}/{key}")

    s.http("POST", transaction, {"operations": [upsert("a"), upsert("b", {"x": 1}), delete("c")]})
    get("a", "b", "c")
    s.http("PUT", transaction, {"operations": [upsert("a", 2), delete("b")], "metadata": {"x": "y"}})
    get("a", "b")
    s.http("POST", transaction, {"operations": []})
    s.http("POST", transaction, {})
    s.http("POST", transaction, {"operations": [upsert("a", 3), upsert("a", 4), delete("a"), upsert("a", 5)]})
    get("a")
    s.http("POST", transaction, {"operations": [upsert("z", 1), upsert("a", 6, etag="wrong")]}, sort=())
    get("z", "a")
    s.http("POST", transaction, {"operations": [upsert("z", 1), delete("a", etag="wrong")]})
    get("z", "a")
    s.http("POST", transaction, {"operations": [upsert("z", 1), upsert("a", 6, options={"concurrency": "first-write"})]})
    get("z", "a")
    now = s.etag(s.http("GET", f"{STATE}/a"))
    s.http("POST", transaction, {"operations": [upsert("z", 1), upsert("a", 7, etag=now)]}, note="transaction: z, and a with its etag")
    get("z", "a")
    for operation in ("get", "UPSERT", "", None, 1, "Delete"):
        s.http("POST", transaction, {"operations": [upsert("y"), {"operation": operation, "request": {"key": "a", "value": 1}}]})
    get("y")
    for body in ("", "[]", "null", '{"operations":{}}', '{"operations":[1]}', '{"operations":[{}]}', '{"operations":[{"operation":"upsert"}]}',
                 '{"operations":[{"operation":"upsert","request":1}]}', '{"operations":[{"operation":"upsert","request":{}}]}',
                 '{"operations":[{"operation":"upsert","request":{"key":"","value":1}}]}', '{"operations":[{"operation":"delete","request":{}}]}',
                 '{"operations":[{"operation":"upsert","request":{"key":"a||b","value":1}}]}', '{"operations":[{"operation":"delete","request":{"key":"a||b"}}]}',
                 '{"operations":[{"operation":"upsert","request":{"key":1,"value":1}}]}', '{"operations":[{"operation":"upsert","request":{"key":"a","value":1,"etag":2}}]}',
                 '{"operations":[{"operation":"upsert","request":{"key":"a","value":1,"unknown":2}}]}', '{"operations":[],"metadata":[]}', '{"operations":[],"metadata":{"a":1}}', "{"):
        s.http("POST", transaction, body, JSON)
    s.http("POST", transaction, {"operations": [upsert(f"k{n}", n) for n in range(100)]})
    get("k0", "k99")
    s.http("POST", "/v1.0/state/other/transaction", {"operations": [upsert("a")]})
    s.http("POST", "/v1.0/state/other/transaction", "{", JSON)
    s.http("GET", transaction)


@scene(BOTH)
def state_ttl(world):
    s = world.sidecar()
    s.http("POST", STATE, [{"key": "a", "value": 1, "metadata": {"ttlInSeconds": "1000"}}])
    s.http("GET", f"{STATE}/a")
    s.http("POST", f"{STATE}/bulk", {"keys": ["a"]})
    s.http("POST", STATE, [{"key": "a", "value": 2}])
    s.http("GET", f"{STATE}/a")
    for ttl in ("-1", "0", "-2", "x", "", "1.5", "99999999999999999999", "2147483648", " 5", "+5", "0x10"):
        s.http("POST", STATE, [{"key": f"t{ttl}", "value": 1, "metadata": {"ttlInSeconds": ttl}}])
        s.http("POST", f"{STATE}/bulk", {"keys": [f"t{ttl}"]})
    s.http("POST", STATE, [{"key": "case", "value": 1, "metadata": {"TTLInSeconds": "1000"}}])
    s.http("GET", f"{STATE}/case")
    s.http("POST", f"{STATE}?metadata.ttlInSeconds=1000", [{"key": "query", "value": 1}])
    s.http("GET", f"{STATE}/query")
    s.http("POST", f"{STATE}/transaction", {"operations": [{"operation": "upsert", "request": {"key": "tx", "value": 1, "metadata": {"ttlInSeconds": "1000"}}}]})
    s.http("GET", f"{STATE}/tx")
    s.http("POST", f"{STATE}/transaction", {"operations": [{"operation": "upsert", "request": {"key": "tx2", "value": 1}}], "metadata": {"ttlInSeconds": "1000"}})
    s.http("GET", f"{STATE}/tx2")
    s.http("POST", f"{STATE}/transaction", {"operations": [{"operation": "upsert", "request": {"key": "tx3", "value": 1, "metadata": {"ttlInSeconds": "x"}}}]})
    s.http("GET", f"{STATE}/tx3")


@scene(BOTH)
def state_expiry(world):
    """An item that has expired is not there. Ended by asking until it is gone, for which no time is promised."""
    import time
    s = world.sidecar()
    s.http("POST", STATE, [{"key": "a", "value": 1, "metadata": {"ttlInSeconds": "1"}}])
    deadline = time.monotonic() + 20
    from running import Connection
    while time.monotonic() < deadline:
        with Connection(s.sidecar.http) as connection:
            if connection.ask("GET", f"{STATE}/a").status == 204:
                break
        time.sleep(0.05)
    s.http("GET", f"{STATE}/a")
    s.http("POST", f"{STATE}/bulk", {"keys": ["a"]})
    s.http("POST", STATE, [{"key": "a", "value": 2, "options": {"concurrency": "first-write"}}])
    s.http("GET", f"{STATE}/a")


@scene()
def state_stores_and_routes(world):
    s = world.sidecar()
    s.http("POST", "/v1.0/state/missing", [{"key": "a", "value": 1}])
    s.http("POST", "/v1.0/state/missing", "[", JSON)
    s.http("GET", "/v1.0/state/missing/a")
    s.http("DELETE", "/v1.0/state/missing/a")
    s.http("GET", "/v1.0/state/STORE/a")
    s.http("POST", "/v1.0-alpha1/state/missing/query", {})
    s.http("GET", "/v1.0/state/store")
    s.http("GET", "/v1.0/state/store/")
    s.http("DELETE", "/v1.0/state/store")
    s.http("GET", "/v1.0/state")
    s.http("GET", "/v1.0/state/")
    s.http("POST", "/v1.0/state", [])
    s.http("PATCH", "/v1.0/state/store/a", b"x")
    s.http("POST", "/v1.0/state/store/a", b"x")
    s.http("PUT", "/v1.0/state/store/a", b"x")
    s.http("HEAD", "/v1.0/state/store/a")
    s.http("OPTIONS", "/v1.0/state/store/a")
    s.http("GET", "/v1.0/state/store/a/b")
    s.http("GET", "//v1.0//state/store//a")
    s.http("POST", "/v1.0/state/store/", [{"key": "slash", "value": 1}])
    s.http("GET", "/v1.0/state/store/slash/")
    s.http("POST", "/v1.0/state/store", [{"key": "a b", "value": "space"}, {"key": "a+b", "value": "plus"}, {"key": "a/b", "value": "slash"}, {"key": "ü", "value": "u"},
                                         {"key": "a%b", "value": "percent"}, {"key": "q?x", "value": "question"}])
    for path in ("a%20b", "a+b", "a%2Bb", "a%2Fb", "a%2fb", "%C3%BC", "a%25b", "a%2", "a%zz", "q%3Fx", "a%00b", "./slash", "../store/slash", "%2e%2e/x"):
        s.http("GET", f"/v1.0/state/store/{path}")
    s.http("GET", "/v1.0/state/sto%72e/slash")
    s.http("GET", "/v1.0/state/store/a||b")
    s.http("GET", "/v1.0/state/store/a%7C%7Cb")
    s.http("DELETE", "/v1.0/state/store/a%7C%7Cb")
    s.http("GET", "/v1.0/state/store/slash?x=1&x=2;y&&=&%zz")
    s.http("GET", "/v1.0/state/store/slash?metadata.=1&metadata.a.b=2&Metadata.c=3")
    s.http("GET", "/V1.0/state/store/slash")
    s.http("GET", "/v1.0/State/store/slash")
    s.http("GET", "/v2.0/state/store/slash")
    s.http("GET", "/v1.0-alpha1/state/store/slash")
    s.http("GET", f"/v1.0/state/store/{'k' * 3000}", note="GET a key of 3000 bytes")
    s.http("GET", f"/v1.0/state/store/{'k' * 9000}", note="GET a key of 9000 bytes")
    s.http("GET", "/v1.0/state/store/slash", headers={"x-large": "h" * 3000}, note="GET with a header of 3000 bytes")
    s.http("GET", "/v1.0/state/store/slash", headers={"x-large": "h" * 9000}, note="GET with a header of 9000 bytes")
    s.http("POST", "/v1.0-alpha1/state/store/query", {"filter": {}})
    s.http("POST", "/v1.0-alpha1/state/store/query", "{", JSON)


@scene(stores=(None,))
def state_no_store(world):
    s = world.sidecar()
    s.http("POST", STATE, [{"key": "a", "value": 1}])
    s.http("GET", f"{STATE}/a")
    s.http("POST", f"{STATE}/bulk", {"keys": ["a"]})
    s.http("POST", f"{STATE}/transaction", {"operations": []})
    s.http("DELETE", f"{STATE}/a")
    s.http("POST", "/v1.0-alpha1/state/store/query", {})
    _, api, _, common, *_ = generated()
    s.grpc("SaveState", api.SaveStateRequest(store_name="store", states=[common.StateItem(key="a", value=b"1")]))
    s.grpc("GetState", api.GetStateRequest(store_name="store", key="a"))
    s.grpc("GetBulkState", api.GetBulkStateRequest(store_name="store", keys=["a"]))
    s.grpc("DeleteState", api.DeleteStateRequest(store_name="store", key="a"))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[common.StateItem(key="a")]))
    s.grpc("ExecuteStateTransaction", api.ExecuteStateTransactionRequest(storeName="store"))
    s.grpc("QueryStateAlpha1", api.QueryStateRequest(store_name="store", query="{}"))


@scene()
def state_sizes(world):
    s = world.sidecar(flags=("--max-body-size", "1Mi"))
    s.http("POST", STATE, '[{"key":"ok","value":"' + "x" * 1_000_000 + '"}]', JSON)
    s.http("GET", f"{STATE}/ok")
    s.http("POST", STATE, '[{"key":"large","value":"' + "x" * 1_100_000 + '"}]', JSON)
    s.http("GET", f"{STATE}/large")
    _, api, _, common, *_ = generated()
    s.grpc("SaveState", api.SaveStateRequest(store_name="store", states=[common.StateItem(key="ok", value=b"x" * 1_000_000)]), note="1,000,000 bytes")
    s.grpc("SaveState", api.SaveStateRequest(store_name="store", states=[common.StateItem(key="large", value=b"x" * 1_100_000)]), note="1,100,000 bytes")


@scene()
def state_key_prefixes(world):
    """Who sees whose keys. Two applications on one store: each store document of its own strategy, the data shared in SQLite."""
    from sidecar import component
    database = str(world.folder.path / "shared.db")
    for strategy in ("appid", "name", "none", "namespace", "fixed", "APPID"):
        world.folder.resource(component(f"by-{strategy}", "state.sqlite", connectionString=database, tableName="s", metadataTableName="m", keyPrefix=strategy))
    world.folder.resource(component("by-default", "state.sqlite", connectionString=database, tableName="s", metadataTableName="m"))
    world.folder.resource(component("by-name-2", "state.sqlite", connectionString=database, tableName="s", metadataTableName="m", KEYPREFIX="name"))
    orders = world.sidecar("orders", env={"NAMESPACE": "prod"})
    for strategy in ("appid", "name", "none", "namespace", "fixed", "APPID", "default", "name-2"):
        orders.http("POST", f"/v1.0/state/by-{strategy}", [{"key": "k", "value": strategy}])
    import sqlite3
    with sqlite3.connect(database) as rows:
        world.calls.append({"call": "the keys in the table", "answer": sorted(row[0] for row in rows.execute("select key from s"))})
    other = world.sidecar("other", env={"NAMESPACE": "prod"})
    for strategy in ("appid", "name", "none", "namespace", "fixed", "default"):
        other.http("GET", f"/v1.0/state/by-{strategy}/k")
    orders.http("POST", "/v1.0/state/by-none/bulk", {"keys": ["k", "orders||k", "x"]}, sort=("",))
    orders.http("GET", "/v1.0/state/by-none/orders%7C%7Ck")


@scene(BOTH)
def state_grpc(world):
    _, api, _, common, *_ = generated()
    s = world.sidecar()
    item, etag, options = common.StateItem, common.Etag, common.StateOptions

    def save(*items, store="store", metadata=()):
        s.grpc("SaveState", api.SaveStateRequest(store_name=store, states=items), metadata)

    def get(key, **more):
        return s.grpc("GetState", api.GetStateRequest(store_name="store", key=key, **more))

    get("a")
    save(item(key="a", value=b"one"))
    get("a")
    save(item(key="bin", value=bytes(range(256))))
    get("bin")
    save(item(key="json", value=b'{"z": 1.0, "a": 12345678901234567890}', metadata={"contentType": "application/json"}))
    get("json")
    save(item(key="notjson", value=b"{", metadata={"contentType": "application/json"}))
    get("notjson")
    save(item(key="empty", value=b""))
    get("empty")
    save()
    save(item(key="", value=b"x"))
    save(item(value=b"x"))
    save(item(key="a||b", value=b"x"))
    get("a||b")
    get("")
    save(item(key="a", value=b"x"), store="missing")
    save(item(key="a", value=b"x"), store="")
    s.grpc("GetState", api.GetStateRequest(store_name="missing", key="a"))
    s.grpc("GetState", api.GetStateRequest(key="a"))
    for consistency in (0, 1, 2, 7):
        get("a", consistency=consistency)
    # Etags.
    one = get("a")
    save(item(key="a", value=b"two", etag=etag(value=one.etag)))
    two = get("a")
    save(item(key="a", value=b"three", etag=etag(value="wrong")))
    save(item(key="new", value=b"x", etag=etag(value="wrong")))
    save(item(key="a", value=b"three", etag=etag(value="")))
    save(item(key="a", value=b"four", options=options(concurrency=1)))
    save(item(key="fresh", value=b"x", options=options(concurrency=1, consistency=2)))
    save(item(key="a", value=b"five", options=options(concurrency=9, consistency=9)))
    save(item(key="x", value=b"1"), item(key="y", value=b"2", etag=etag(value="wrong")))
    get("x")
    get("y")
    del two
    # TTL.
    save(item(key="ttl", value=b"x", metadata={"ttlInSeconds": "1000"}))
    get("ttl")
    save(item(key="ttl", value=b"x", metadata={"ttlInSeconds": "nonsense"}))
    # Bulk.
    def bulk(*keys, **more):
        s.grpc("GetBulkState", api.GetBulkStateRequest(store_name=more.pop("store", "store"), keys=keys, **more))
    bulk("x", "missing", "ttl")
    bulk()
    bulk("a||b")
    bulk("x", "")
    bulk("x", parallelism=-1)
    bulk("x", store="missing")
    # Delete.
    def delete(key, store="store", **more):
        s.grpc("DeleteState", api.DeleteStateRequest(store_name=store, key=key, **more))
    delete("x", etag=etag(value="wrong"))
    delete("missing", etag=etag(value="wrong"))
    delete("x", options=options(concurrency=1))
    get("x")
    delete("missing")
    delete("")
    delete("a||b")
    delete("x", "missing")
    now = get("a")
    delete("a", etag=etag(value=now.etag))
    get("a")
    save(item(key="d1", value=b"1"), item(key="d2", value=b"2"))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[item(key="d1"), item(key="d3")]))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[item(key="d2", etag=etag(value="wrong"))]))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[]))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[item(key="")]))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="store", states=[item(key="a||b")]))
    s.grpc("DeleteBulkState", api.DeleteBulkStateRequest(store_name="missing", states=[item(key="d1")]))
    bulk("d1", "d2")
    # Transactions.
    def transaction(*operations, store="store", **more):
        s.grpc("ExecuteStateTransaction", api.ExecuteStateTransactionRequest(
            storeName=store, operations=[api.TransactionalStateOperation(operationType=kind, request=request) for kind, request in operations], **more))
    transaction(("upsert", item(key="t1", value=b"1")), ("upsert", item(key="t2", value=b"2")), ("delete", item(key="d2")))
    bulk("t1", "t2", "d2")
    transaction()
    transaction(("upsert", item(key="t3", value=b"1")), ("upsert", item(key="t1", value=b"x", etag=etag(value="wrong"))))
    transaction(("upsert", item(key="t3", value=b"1")), ("delete", item(key="t1", etag=etag(value="wrong"))))
    transaction(("upsert", item(key="t3", value=b"1")), ("upsert", item(key="t1", value=b"x", options=options(concurrency=1))))
    get("t3")
    transaction(("upsert", item(key="t3", value=b"1")), ("get", item(key="t1")))
    transaction(("", item(key="t1")))
    transaction(("upsert", item(key="", value=b"1")))
    transaction(("delete", item(key="")))
    transaction(("upsert", item(key="a||b", value=b"1")))
    transaction(("upsert", None))
    transaction(("upsert", item(key="t4", value=b"{\"a\": 1}", metadata={"contentType": "application/json", "ttlInSeconds": "1000"})), metadata={"x": "y"})
    get("t4")
    transaction(("upsert", item(key="t5", value=b"{", metadata={"contentType": "application/json"})))
    get("t5")
    transaction(("upsert", item(key="t6", value=b"1", metadata={"ttlInSeconds": "x"})))
    transaction(("upsert", item(key="a", value=b"1")), store="missing")
    # Seen through HTTP.
    for key in ("bin", "json", "t1", "fresh"):
        s.http("GET", f"{STATE}/{key}")
    s.http("POST", f"{STATE}/bulk", {"keys": ["bin", "json", "t1", "fresh"]}, sort=("",))
    s.http("POST", STATE, [{"key": "h", "value": {"x": 1.0}}, {"key": "hs", "value": "s"}])
    get("h")
    get("hs")
    s.grpc("QueryStateAlpha1", api.QueryStateRequest(store_name="store", query="{}"))
    s.grpc("QueryStateAlpha1", api.QueryStateRequest(store_name="missing", query="{}"))
