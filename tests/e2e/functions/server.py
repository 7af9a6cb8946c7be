"""py/counter: what test/counter in server.js does, in Python. Takes a port, 0 for a free one.

py/visits counts messages in its state "seen", and declares as VISITS says: {"seen": milliseconds after the last write, 0: never}.
"""
import json
import os
from datetime import timedelta

from serving import serve
from statefun import IntType, StatefulFunctions, ValueSpec, kafka_egress_message, make_json_type, message_builder

JSON = make_json_type(typename="test/Json")
functions = StatefulFunctions()


@functions.bind(typename="py/counter", specs=[ValueSpec(name="count", type=IntType), ValueSpec(name="sum", type=IntType)])
async def counter(context, message):
    storage = context.storage
    if message.is_type(JSON):
        add = message.as_type(JSON)
        storage.count = (storage.count or 0) + 1
        storage.sum = (storage.sum or 0) + add["n"]
        record = {"id": context.address.id, "n": add["n"], "ref": add["ref"], "count": storage.count, "sum": storage.sum}
        context.send_egress(kafka_egress_message(typename="test/out", topic="added", key=context.address.id,
                                                 value=json.dumps(record)))
    if context.caller:
        context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id,
                                     value={"count": storage.count or 0, "sum": storage.sum or 0}, value_type=JSON))


def visits_specs():
    for name, after in json.loads(os.environ.get("VISITS", "{}")).items():
        yield ValueSpec(name=name, type=IntType, expire_after_write=timedelta(milliseconds=after) if after else None)


@functions.bind(typename="py/visits", specs=list(visits_specs()))
async def visits(context, message):
    seen = 0
    if "seen" in json.loads(os.environ.get("VISITS", "{}")):
        context.storage.seen = seen = (context.storage.seen or 0) + 1
    context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id, str_value=str(seen)))


if __name__ == "__main__":
    serve(functions)
