"""Functions on the unmodified StateFun SDK for Python behind HTTP, as the tests start them: a port as the argument, 0 for a free one."""
import asyncio
import sys

from aiohttp import web
from statefun import RequestReplyHandler


async def _serve(functions, port):
    handler = RequestReplyHandler(functions)

    async def handle(request):
        return web.Response(body=await handler.handle_async(await request.read()), content_type="application/octet-stream")

    app = web.Application(client_max_size=32 << 20)
    app.add_routes([web.post("/statefun", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}/statefun", flush=True)
    await asyncio.Event().wait()


def serve(functions):
    asyncio.run(_serve(functions, int(sys.argv[1])))
