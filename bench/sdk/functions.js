// bench/cell of functions.h on the unmodified StateFun SDK for JavaScript: node sdk/functions.js [port], from bench/.
"use strict";

const http = require("http");
const { StateFun, kafkaEgressMessage, messageBuilder } = require("apache-flink-statefun");

const cell = StateFun.customType("bench/Cell", (value) => value, (bytes) => Buffer.from(bytes));
const statefun = new StateFun();

statefun.bind({
  typename: "bench/cell",
  specs: [{ name: "cell", type: cell }],
  fn(context, message) {
    const state = context.storage.cell || Buffer.alloc(64);
    let answers = false;
    if (message.isString()) {
      const value = String(state.readBigInt64LE(0));
      context.send(kafkaEgressMessage({ typename: "bench/out", topic: "audit", key: context.self.id, value }));
      answers = message.asString().endsWith("!");
    } else {
      answers = !message.isInt(); // The SDK has no type for a long, whose value here is always 1.
      state.writeBigInt64LE(state.readBigInt64LE(0) + BigInt(answers ? 1 : message.asInt()), 0);
      context.storage.cell = state;
    }
    if (answers) {
      const { typename, id } = context.caller;
      context.send(messageBuilder({ typename, id, value: true, valueType: StateFun.booleanType() }));
    }
  },
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
