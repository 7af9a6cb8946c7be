"""Counts how often it saw somebody, and greets accordingly."""
from statefun import StatefulFunctions, kafka_egress_record

from messages_pb2 import GreetRequest, GreetResponse, SeenCount

GREETINGS = ["Welcome {}", "Nice to see you again {}", "Third time is a charm {}"]


def greeting_for(name, seen):
    if seen <= len(GREETINGS):
        return GREETINGS[seen - 1].format(name)
    return f"Nice to see you at the {seen}-th time {name}!"


def bind(functions: StatefulFunctions):
    @functions.bind("example/greeter")
    async def greet(context, request: GreetRequest):
        count = context.state("seen_count").unpack(SeenCount) or SeenCount()
        count.seen += 1
        context.state("seen_count").pack(count)

        response = GreetResponse(name=request.name, greeting=greeting_for(request.name, count.seen))
        context.pack_and_send_egress("example/greets",
                                     kafka_egress_record(topic="greetings", key=request.name, value=response))
        # Whoever asked: a function, or a caller over HTTP. What comes from Kafka has nobody.
        if context.caller.type:
            context.pack_and_reply(response)
