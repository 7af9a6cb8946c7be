// The functions of the end-to-end tests, on the unmodified StateFun SDK.
//
//   test/counter  {"n", "ref"}: adds n to its state, writes a record to test/out, topic "added", and answers with what it
//                 has now; anything else: answers, and changes nothing
//   test/relay    {"to", "id", …}: sends the rest on to `to`
//   test/later    {"op": "send", "delay", "token"?, "text"} sends itself the text later; {"op": "cancel", "token"} takes it back;
//                 {"op": "fire", "text"} remembers it; anything else: answers with what has fired
//   test/moody    throws while the file named by MOOD_FILE exists and the text is "bad"; else counts what it heard
"use strict";

const fs = require("fs");
const http = require("http");
const { StateFun, messageBuilder, kafkaEgressMessage } = require("apache-flink-statefun");

const Json = StateFun.jsonType("test/Json");

function reply(context, value) {
  if (!context.caller) return;
  context.send(messageBuilder({ typename: context.caller.typename, id: context.caller.id, value, valueType: Json }));
}

const statefun = new StateFun();

statefun.bind({
  typename: "test/counter",
  specs: [
    { name: "count", type: StateFun.intType() },
    { name: "sum", type: StateFun.intType() },
  ],
  fn(context, message) {
    const storage = context.storage;
    if (message.is(Json)) {
      const add = message.as(Json);
      storage.count = (storage.count || 0) + 1;
      storage.sum = (storage.sum || 0) + add.n;
      context.send(
        kafkaEgressMessage({
          typename: "test/out",
          topic: "added",
          key: context.self.id,
          value: JSON.stringify({ id: context.self.id, n: add.n, ref: add.ref, count: storage.count, sum: storage.sum }),
        }),
      );
    }
    reply(context, { count: storage.count || 0, sum: storage.sum || 0 });
  },
});

statefun.bind({
  typename: "test/relay",
  fn(context, message) {
    const { to, id, ...rest } = message.as(Json);
    if (!to) return; // Whoever was sent something answers its caller: us.
    context.send(messageBuilder({ typename: to, id, value: rest, valueType: Json }));
  },
});

statefun.bind({
  typename: "test/later",
  specs: [{ name: "fired", type: Json }],
  fn(context, message) {
    const storage = context.storage;
    const order = message.is(Json) ? message.as(Json) : {};
    if (order.op === "send") {
      context.sendAfter(
        order.delay,
        messageBuilder({ typename: "test/later", id: context.self.id, value: { op: "fire", text: order.text }, valueType: Json }),
        order.token,
      );
    } else if (order.op === "cancel") {
      context.cancelDelayedMessage(order.token);
    } else if (order.op === "fire") {
      storage.fired = [...(storage.fired || []), order.text];
      context.send(kafkaEgressMessage({ typename: "test/out", topic: "fired", key: context.self.id, value: order.text }));
      return;
    }
    reply(context, storage.fired || []);
  },
});

statefun.bind({
  typename: "test/moody",
  specs: [{ name: "heard", type: StateFun.intType() }],
  fn(context, message) {
    if (message.asString() === "bad" && fs.existsSync(process.env.MOOD_FILE)) throw new Error("in a bad mood");
    context.storage.heard = (context.storage.heard || 0) + 1;
    reply(context, context.storage.heard);
  },
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
