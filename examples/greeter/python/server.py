"""The greeter: counts how often it saw somebody, and greets accordingly.

    python server.py [port]     (or PORT; 0 takes a free one)

Plain StateFun: nothing in here knows which runtime calls it.
"""
import asyncio
import os
import sys

from aiohttp import web
from statefun import (IntType, Message, RequestReplyHandler, StatefulFunctions, ValueSpec, egress_message_builder,
                      make_json_type, message_builder)

GREET_REQUEST = make_json_type(typename="example/GreetRequest")  # {"name": "Bob"}
EGRESS_RECORD = make_json_type(typename="io.statefun.playground/EgressRecord")  # {"topic": …, "payload": …}

functions = StatefulFunctions()


def greeting_for(name: str, seen: int) -> str:
    if seen == 1:
        return f"Welcome {name}!"
    if seen == 2:
        return f"Welcome back {name}!"
    return f"Hello {name}, visit number {seen}!"


@functions.bind(typename="example/greeter", specs=[ValueSpec(name="seen", type=IntType)])
async def greeter(context, message: Message):
    name = message.as_string() if message.is_string() else message.as_type(GREET_REQUEST).get("name")

    seen = (context.storage.seen or 0) + 1
    context.storage.seen = seen

    greeting = greeting_for(name or context.address.id, seen)
    context.send_egress(egress_message_builder(target_typename="io.statefun.playground/egress",
                                               value={"topic": "greetings", "payload": greeting},
                                               value_type=EGRESS_RECORD))
    # Somebody waits for an answer: a function, or an HTTP caller.
    if context.caller:
        context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id,
                                     str_value=greeting))


handler = RequestReplyHandler(functions)


async def handle(request: web.Request) -> web.Response:
    answer = await handler.handle_async(await request.read())
    return web.Response(body=answer, content_type="application/octet-stream")


async def main(port: int):
    app = web.Application(client_max_size=32 << 20)  # a batch may be larger than aiohttp's one megabyte
    app.add_routes([web.post("/statefun", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORT", "8000"))))
