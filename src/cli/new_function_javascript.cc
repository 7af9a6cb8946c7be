// The files of a new project in JavaScript.
#include "cli/new_function.h"

namespace holdfast::cli {
namespace {

constexpr TemplateFile kFiles[] = {
    {"functions.js", R"~~("use strict";

const { StateFun, messageBuilder } = require("apache-flink-statefun");

// `context.storage` is what the function knows of the address it is called for. Kept by Holdfast, with everything the function sends.
function greet(context, message) {
  if (!message.isString()) throw new TypeError(`expected a string, got a ${message.valueTypeName}`);
  const name = message.asString();
  const seen = (context.storage.seen || 0) + 1;
  context.storage.seen = seen;
  if (context.caller) {
    const value = `Hello ${name}, seen ${seen} times`;
    context.send(messageBuilder({ typename: context.caller.typename, id: context.caller.id, value }));
  }
}

function bind(statefun) {
  statefun.bind({ typename: "@TYPE@", specs: [{ name: "seen", type: StateFun.intType() }], fn: greet });
}

module.exports = { bind, greet };
)~~"},
    {"server.js", R"~~(// node server.js [port]: the functions behind HTTP; port 0 takes a free one.
"use strict";

const http = require("http");
const { StateFun } = require("apache-flink-statefun");
const { bind } = require("./functions");

const statefun = new StateFun();
bind(statefun);

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || 8000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
)~~"},
    {"functions.test.js", R"~~(// node --test: the function without any runtime.
"use strict";

const assert = require("node:assert");
const test = require("node:test");
const { StateFun, messageBuilder } = require("apache-flink-statefun");
const { greet } = require("./functions");

const self = { typename: "@TYPE@", id: "bob" };

// Calls the function once; what it sent.
function call(value, { storage = {}, caller, valueType } = {}) {
  const sent = [];
  greet({ self, caller, storage, send: (message) => sent.push(message) }, messageBuilder({ ...self, value, valueType }));
  return sent;
}

test("it greets and counts", () => {
  const storage = {};
  const caller = { typename: "example/asker", id: "a" };
  assert.strictEqual(call("Bob", { storage, caller })[0].asString(), "Hello Bob, seen 1 times");
  const [answer] = call("Bob", { storage, caller });
  assert.strictEqual(answer.asString(), "Hello Bob, seen 2 times");
  assert.strictEqual(answer.targetAddress.id, "a");
  assert.strictEqual(storage.seen, 2);
});

test("it counts on from its state, and answers nobody when nobody asked", () => {
  const storage = { seen: 41 };
  assert.deepStrictEqual(call("Bob", { storage }), []);
  assert.strictEqual(storage.seen, 42);
});

test("it refuses what is no text", () => {
  assert.throws(() => call(true, { valueType: StateFun.booleanType() }), TypeError);
});
)~~"},
    {"package.json", R"~~({
  "name": "@NAME@",
  "version": "1.0.0",
  "private": true,
  "description": "The stateful function @TYPE@",
  "main": "server.js",
  "scripts": {"start": "node server.js", "test": "node --test"},
  "engines": {"node": ">=18"},
  "dependencies": {"apache-flink-statefun": "3.3.0"}
}
)~~"},
    {"module.yaml", R"~~(# The functions behind HTTP: start `npm start` first.
kind: io.statefun.endpoints.v2/http
spec:
  functions: @TYPE@
  urlPathTemplate: ${FUNCTIONS_URL:-http://127.0.0.1:8000}
)~~"},
    {".gitignore", "node_modules/\ndata/\n"},
    {"README.md", R"~~(# @NAME@

One stateful function, `@TYPE@`, in JavaScript, with the StateFun SDK: [functions.js](functions.js). It greets, and counts in its state how often.

Needed: Node.js 18 and Holdfast.

```sh
npm install
npm test
```

Run, in two terminals:

```sh
npm start                                   # listening on http://127.0.0.1:8000
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

std::span<const TemplateFile> javascript_template() { return kFiles; }

}  // namespace holdfast::cli
