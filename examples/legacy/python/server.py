"""Serves the functions of this folder.

    python server.py [port]     (or PORT; 0 takes a free one)

Plain StateFun 2.2: nothing in here knows which runtime calls it.
"""
import asyncio
import os
import sys

from aiohttp import web
from statefun import AsyncRequestReplyHandler, StatefulFunctions

import greeter
import rideshare

functions = StatefulFunctions()
greeter.bind(functions)
rideshare.bind(functions)
handler = AsyncRequestReplyHandler(functions)


async def handle(request: web.Request) -> web.Response:
    return web.Response(body=await handler(await request.read()), content_type="application/octet-stream")


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
