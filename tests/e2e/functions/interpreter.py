"""py/interpreter: what functions/interpreter.h says, on the unmodified StateFun SDK. Takes a port, 0 for a free one."""
import asyncio
import collections
import datetime
import json

from serving import serve
from statefun import (IntType, StatefulFunctions, StringType, ValueSpec, egress_message_builder, kafka_egress_message, make_json_type,
                      message_builder)

COMMAND = make_json_type(typename="test/Command")
SENT = make_json_type(typename="test/Sent")
EGRESS = "test/out"
REQUEST = "holdfast/request"
attempts = collections.Counter()  # node: how often it has failed since this process was started


class Call:
    """A command that is being carried out: the context, and the states as they are by now."""

    def __init__(self, context, command):
        self.context, self.command, storage = context, command, context.storage
        self.count = (storage.count or 0) + 1
        self.total = storage.total or 0
        self.sent = storage.sent or {}
        self.flag = storage.flag

    def mix(self, n):
        self.total = (self.total * 3 + n) % 1_000_000_007

    def number(self, typename, id):
        receiver = f"{typename}/{id}"
        self.sent[receiver] = self.sent.get(receiver, 0) + 1
        return self.sent[receiver]

    def emit(self, topic, value):
        self.context.send_egress(kafka_egress_message(typename=EGRESS, topic=topic, key=self.context.address.id,
                                                      value=json.dumps(value)))

    def carry_out(self, op):
        context, kind = self.context, op["op"]
        if kind == "add":
            self.mix(op["n"])
        elif kind == "flag":
            self.flag = op["text"]
        elif kind == "unflag":
            self.flag = None
        elif kind == "send":
            context.send(message(op["to"], op["id"], {**op["command"], "seq": self.number(op["to"], op["id"])}))
        elif kind == "after":
            context.send_after(datetime.timedelta(milliseconds=op["delay"]), message(op["to"], op["id"], {**op["command"], "seq": 0}),
                               op["token"])
        elif kind == "cancel":
            context.cancel_delayed_message(op["token"])
        elif kind == "record" and op["form"] == "kafka":
            self.emit("records", op["n"])
        elif kind == "record":
            context.send_egress(egress_message_builder(target_typename=EGRESS, value=op["n"], value_type=IntType))
        elif kind == "saw":
            self.emit("saw", {"node": self.command["node"], "count": self.count, "total": self.total, "flag": self.flag})
        elif kind == "reply":
            to = context.caller
            seq = 0 if to.typename == REQUEST else self.number(to.typename, to.id)
            context.send(message(to.typename, to.id, {"node": op["node"], "seq": seq, "got": self.total, "ops": []}))
        elif kind == "fail":
            if attempts[self.command["node"]] < op["times"]:
                attempts[self.command["node"]] += 1
                raise RuntimeError(f"node {self.command['node']} fails, {op['times'] - attempts[self.command['node']]} times more")
        elif kind == "poison":
            raise RuntimeError(f"node {self.command['node']} is poison")
        else:
            raise ValueError(f"unknown op {op}")


def message(typename, id, command):
    return message_builder(target_typename=typename, target_id=id, value=command, value_type=COMMAND)


functions = StatefulFunctions()


@functions.bind(typename="py/interpreter", specs=[
    ValueSpec(name="count", type=IntType), ValueSpec(name="digest", type=IntType), ValueSpec(name="total", type=IntType),
    ValueSpec(name="sent", type=SENT), ValueSpec(name="flag", type=StringType)])
async def interpret(context, incoming):
    command = incoming.as_type(COMMAND)
    caller, storage = context.caller, context.storage
    call = Call(context, command)
    sender = f"{caller.typename}/{caller.id}" if caller and caller.typename != REQUEST else command["from"]
    handled = {"node": command["node"], "from": sender, "seq": command["seq"]}
    if "got" in command:
        handled["got"] = command["got"]
        call.mix(command["got"])
    call.emit("handled", handled)
    for op in command["ops"]:
        call.carry_out(op)
        await asyncio.sleep(0)  # Other calls may come between.
    storage.count = call.count
    storage.digest = ((storage.digest or 0) * 31 + command["node"] * 7 + command["seq"]) % 2_147_483_647
    storage.total = call.total
    if call.sent:
        storage.sent = call.sent
    if call.flag is not None:
        storage.flag = call.flag
    elif storage.flag is not None:
        del storage.flag


if __name__ == "__main__":
    serve(functions)
