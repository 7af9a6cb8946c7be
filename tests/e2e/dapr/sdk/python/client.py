"""Everything of state, secrets, metadata and invocation that the Python SDK can ask, right and wrong; {"call", "answer"} a line.

The ports are in DAPR_HTTP_PORT and DAPR_GRPC_PORT, as an application of Dapr's has them. Runs with the SDK of 2024 and with the newest.
"""
import inspect
import json

from dapr.clients import DaprClient
from dapr.clients.grpc._request import TransactionalStateOperation, TransactionOperationType
from dapr.clients.grpc._state import Concurrency, Consistency, StateItem, StateOptions


def say(call, answer):
    print(json.dumps({"call": call, "answer": answer}), flush=True)


def attempt(call, function, show=lambda answer: None):
    """Calls, and says what came back or was raised; returns what came back."""
    try:
        answer = function()
    except Exception as error:  # noqa: BLE001 (what an SDK raises is what is asked here)
        said = {"raised": type(error).__name__}
        if hasattr(error, "code"):
            said["code"] = str(error.code() if callable(error.code) else error.code)
        if hasattr(error, "details"):
            details = error.details() if callable(error.details) else error.details
            said["details"] = details if isinstance(details, str) else str(details)
        if hasattr(error, "error_code") and callable(error.error_code):
            said["error_code"] = error.error_code()
        if "details" not in said:
            said["text"] = str(error)
        say(call, said)
        return None
    say(call, show(answer))
    return answer


def state(answer):
    return {"data": answer.data.decode("utf-8", "backslashreplace"), "has etag": bool(answer.etag)}


def bulk(answer):
    return sorted([item.key, item.data.decode("utf-8", "backslashreplace"), bool(item.etag), item.error] for item in answer.items)


def main():
    with DaprClient() as d:
        attempt("wait", lambda: d.wait(10))
        attempt("save text", lambda: d.save_state("store", "a", "one"))
        attempt("get", lambda: d.get_state("store", "a"), state)
        attempt("save bytes", lambda: d.save_state("store", "bytes", bytes(range(256))))
        attempt("get bytes", lambda: d.get_state("store", "bytes"), lambda answer: answer.data == bytes(range(256)))
        attempt("get missing", lambda: d.get_state("store", "missing"), state)
        attempt("save in no store", lambda: d.save_state("nowhere", "a", "x"))
        attempt("get from no store", lambda: d.get_state("nowhere", "a"), state)
        attempt("save an empty key", lambda: d.save_state("store", "", "x"))
        attempt("save a bad key", lambda: d.save_state("store", "a||b", "x"))
        attempt("get an empty key", lambda: d.get_state("store", ""), state)
        attempt("save with metadata", lambda: d.save_state("store", "ttl", "x", state_metadata={"ttlInSeconds": "1000"}))
        attempt("save with a bad ttl", lambda: d.save_state("store", "ttl", "x", state_metadata={"ttlInSeconds": "soon"}))
        etag = d.get_state("store", "a").etag
        attempt("save with etag", lambda: d.save_state("store", "a", "two", etag=etag))
        attempt("save with an old etag", lambda: d.save_state("store", "a", "three", etag=etag + "0"))
        first = StateOptions(concurrency=Concurrency.first_write, consistency=Consistency.strong)
        attempt("first write of what is there", lambda: d.save_state("store", "a", "four", options=first))
        attempt("first write of what is not", lambda: d.save_state("store", "fresh", "x", options=first))
        attempt("save several", lambda: d.save_bulk_state("store", [StateItem(key="b", value="1"), StateItem(key="c", value="2", etag=None)]))
        attempt("get several", lambda: d.get_bulk_state("store", ["a", "b", "c", "missing"], parallelism=2), bulk)
        attempt("get several from no store", lambda: d.get_bulk_state("nowhere", ["a"]), bulk)
        upsert, delete = TransactionOperationType.upsert, TransactionOperationType.delete

        def transaction(*operations, store="store"):
            return lambda: d.execute_state_transaction(store, [TransactionalStateOperation(operation_type=kind, key=key, data=data, etag=tag)
                                                               for kind, key, data, tag in operations])

        attempt("transaction", transaction((upsert, "b", "10", None), (upsert, "d", "11", None), (delete, "c", "", None)))
        attempt("transaction with a bad etag", transaction((upsert, "b", "20", None), (upsert, "d", "21", "999999")))
        attempt("transaction in no store", transaction((upsert, "b", "20", None), store="nowhere"))
        attempt("after the transactions", lambda: d.get_bulk_state("store", ["b", "c", "d"]), bulk)
        attempt("delete with a bad etag", lambda: d.delete_state("store", "a", etag="999999"))
        attempt("delete", lambda: d.delete_state("store", "a"))
        attempt("delete again", lambda: d.delete_state("store", "a"))
        attempt("get deleted", lambda: d.get_state("store", "a"), state)

        attempt("secret", lambda: d.get_secret("file", "user"), lambda answer: dict(answer.secret))
        attempt("secret of an object", lambda: d.get_secret("file", "db.host"), lambda answer: dict(answer.secret))
        attempt("secret missing", lambda: d.get_secret("file", "missing"), lambda answer: dict(answer.secret))
        attempt("secret of no store", lambda: d.get_secret("nowhere", "user"), lambda answer: dict(answer.secret))
        attempt("all secrets", lambda: d.get_bulk_secret("file"), lambda answer: {name: dict(value) for name, value in sorted(answer.secrets.items())})

        attempt("set metadata", lambda: d.set_metadata("team", "blue"))
        attempt("metadata", lambda: d.get_metadata(), lambda answer: {
            "id": answer.application_id, "team": answer.extended_metadata.get("team"),
            "components": sorted([part.name, part.type, sorted(part.capabilities)] for part in answer.registered_components)})

        def invoked(answer):
            return {"status": answer.status_code, "type": answer.content_type, "seen": {name: value for name, value in answer.json().items() if name != "headers"}}

        # Newer SDKs take the method's answer over HTTP, as the older do.
        for app in ("orders", "stock"):
            attempt(f"invoke {app}", lambda app=app: d.invoke_method(app, "echo/b", data=b'{"x":1}', content_type="application/json", http_verb="POST",
                                                                  http_querystring=(("q", "1"),), metadata=(("x-custom", "v"),)), invoked)
            attempt(f"invoke {app}, get", lambda app=app: d.invoke_method(app, "echo", http_verb="GET"), invoked)
            attempt(f"invoke {app}, not found", lambda app=app: d.invoke_method(app, "status/404", http_verb="GET"), lambda answer: answer.status_code)
            attempt(f"invoke {app}, failing", lambda app=app: d.invoke_method(app, "status/503", http_verb="GET"), lambda answer: answer.status_code)
        attempt("invoke nobody", lambda: d.invoke_method("nobody", "echo", http_verb="GET"), invoked)
        attempt("publish without a broker", lambda: d.publish_event("pubsub", "topic", b"x"))
        attempt("binding that is not there", lambda: d.invoke_binding("b", "create", b"x"))
        if "shutdown" in dict(inspect.getmembers(d)):
            attempt("shutdown", lambda: d.shutdown())


if __name__ == "__main__":
    main()
