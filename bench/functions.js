// bench/counter on the unmodified StateFun SDK for JavaScript; stub_endpoint.cc is the same in C++.
//
//   node functions.js [port]     (0, the default, takes a free one)
"use strict";

const http = require("http");
const { StateFun, messageBuilder } = require("apache-flink-statefun");

const statefun = new StateFun();

statefun.bind({
  typename: "bench/counter",
  specs: [{ name: "seen", type: StateFun.intType() }],
  fn(context) {
    const seen = (context.storage.seen || 0) + 1;
    context.storage.seen = seen;
    if (context.caller)
      context.send(
        messageBuilder({ typename: context.caller.typename, id: context.caller.id, value: seen, valueType: StateFun.intType() }),
      );
  },
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
