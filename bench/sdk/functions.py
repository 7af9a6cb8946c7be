"""bench/cell of functions.h on the unmodified StateFun SDK for Python: python functions.py [port]."""
import asyncio
import sys

from aiohttp import web
from statefun import (BoolType, RequestReplyHandler, StatefulFunctions, ValueSpec, kafka_egress_message, message_builder,
                      simple_type)

CELL = simple_type(typename="bench/Cell", serialize_fn=bytes, deserialize_fn=bytes)
functions = StatefulFunctions()


@functions.bind(typename="bench/cell", specs=[ValueSpec(name="cell", type=CELL)])
def cell(context, message):
    state = context.storage.cell or bytes(64)
    count = int.from_bytes(state[:8], "little", signed=True)
    if message.is_string():
        context.send_egress(kafka_egress_message(typename="bench/out", topic="audit", key=context.address.id, value=str(count)))
        answers = message.as_string().endswith("!")
    else:
        answers = message.is_long()
        count += message.as_long() if answers else message.as_int()
        context.storage.cell = count.to_bytes(8, "little", signed=True) + state[8:]
    if answers:
        context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id, value=True, value_type=BoolType))


handler = RequestReplyHandler(functions)


async def handle(request):
    answer = await handler.handle_async(await request.read())
    return web.Response(body=answer, content_type="application/octet-stream")


async def main(port):
    app = web.Application(client_max_size=32 << 20)
    app.add_routes([web.post("/statefun", handle)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1] if len(sys.argv) > 1 else 0)))
