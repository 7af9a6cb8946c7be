"""py/counter: what test/counter in server.js does, in Python. Takes a port, 0 for a free one."""
import asyncio
import json
import sys

from aiohttp import web
from statefun import (IntType, RequestReplyHandler, StatefulFunctions, ValueSpec, kafka_egress_message, make_json_type,
                      message_builder)

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


handler = RequestReplyHandler(functions)


async def handle(request):
    return web.Response(body=await handler.handle_async(await request.read()), content_type="application/octet-stream")


async def main(port):
    app = web.Application(client_max_size=32 << 20)
    app.add_routes([web.post("/statefun", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
