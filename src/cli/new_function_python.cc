// The files of a new project in Python.
#include "cli/new_function.h"

namespace holdfast::cli {
namespace {

constexpr TemplateFile kFiles[] = {
    {"functions.py", R"~~(from statefun import IntType, Message, StatefulFunctions, ValueSpec, message_builder

functions = StatefulFunctions()


# `context.storage` is what the function knows of the address it is called for. Kept by Holdfast, with everything the function sends.
@functions.bind(typename="@TYPE@", specs=[ValueSpec(name="seen", type=IntType)])
async def greet(context, message: Message):
    if not message.is_string():
        raise TypeError(f"expected a string, got a {message.value_typename()}")
    name = message.as_string()
    seen = (context.storage.seen or 0) + 1
    context.storage.seen = seen
    if context.caller:
        context.send(message_builder(target_typename=context.caller.typename, target_id=context.caller.id,
                                     str_value=f"Hello {name}, seen {seen} times"))
)~~"},
    {"server.py", R"~~("""python server.py [port]: the functions behind HTTP; port 0 takes a free one."""
import asyncio
import sys

from aiohttp import web
from statefun import RequestReplyHandler

from functions import functions

handler = RequestReplyHandler(functions)


async def handle(request: web.Request) -> web.Response:
    answer = await handler.handle_async(await request.read())
    return web.Response(body=answer, content_type="application/octet-stream")


async def main(port: int):
    app = web.Application(client_max_size=32 << 20)  # a batch may be larger than aiohttp's one megabyte
    app.add_routes([web.post("/{path:.*}", handle)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    print(f"listening on http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1] if len(sys.argv) > 1 else "8000")))
)~~"},
    {"functions_test.py", R"~~("""The function without any runtime: python -m unittest functions_test."""
import asyncio
import types
import unittest

from functions import greet
from statefun import message_builder


def call(storage, caller=None, **value):
    """Calls the function once; what it sent."""
    sent = []
    context = types.SimpleNamespace(storage=storage, caller=caller, send=sent.append)
    asyncio.run(greet(context, message_builder(target_typename="@TYPE@", target_id="bob", **value)))
    return sent


class Function(unittest.TestCase):
    def test_it_greets_and_counts(self):
        storage = types.SimpleNamespace(seen=None)
        caller = types.SimpleNamespace(typename="example/asker", id="a")
        self.assertEqual(call(storage, caller, str_value="Bob")[0].as_string(), "Hello Bob, seen 1 times")
        answer, = call(storage, caller, str_value="Bob")
        self.assertEqual((answer.as_string(), answer.target_id), ("Hello Bob, seen 2 times", "a"))
        self.assertEqual(storage.seen, 2)

    def test_it_counts_on_from_its_state_and_answers_nobody_when_nobody_asked(self):
        storage = types.SimpleNamespace(seen=41)
        self.assertEqual(call(storage, str_value="Bob"), [])
        self.assertEqual(storage.seen, 42)

    def test_it_refuses_what_is_no_text(self):
        with self.assertRaises(TypeError):
            call(types.SimpleNamespace(seen=None), bool_value=True)


if __name__ == "__main__":
    unittest.main()
)~~"},
    {"requirements.txt", R"~~(apache-flink-statefun==3.3.0
# What statefun was made with; it does not work with protobuf 4.
protobuf==3.20.3
aiohttp>=3.9,<4
)~~"},
    {"module.yaml", R"~~(# The functions behind HTTP: start server.py first.
kind: io.statefun.endpoints.v2/http
spec:
  functions: @TYPE@
  urlPathTemplate: ${FUNCTIONS_URL:-http://127.0.0.1:8000}
)~~"},
    {".gitignore", ".venv/\n__pycache__/\ndata/\n"},
    {"README.md", R"~~(# @NAME@

One stateful function, `@TYPE@`, in Python, with the StateFun SDK: [functions.py](functions.py). It greets, and counts in its state how often.

Needed: Python 3 (3.11 is what Holdfast tests with) and Holdfast.

```sh
python3 -m venv .venv
.venv/bin/pip install -r requirements.txt
.venv/bin/python -m unittest functions_test
```

Run, in two terminals:

```sh
.venv/bin/python server.py                  # listening on http://127.0.0.1:8000
holdfast up module.yaml --data ./data
```

and ask it:

```sh
holdfast call @TYPE@/bob Bob         # Hello Bob, seen 1 times
holdfast call @TYPE@/bob Bob         # Hello Bob, seen 2 times
holdfast state get @TYPE@/bob        # seen  2  int
```

Stop Holdfast with `kill -9`, start it again: it goes on counting.
)~~"},
};

}  // namespace

std::span<const TemplateFile> python_template() { return kFiles; }

}  // namespace holdfast::cli
