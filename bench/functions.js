// bench/counter and bench/greeter on the unmodified StateFun SDK for JavaScript; stub_endpoint.cc has the same in C++.
//
//   node functions.js [port]     (0, the default, takes a free one)
//
// bench/counter answers its caller with how often it was called. bench/greeter sends a Kafka record with that number to the topic
// BENCH_TOPIC of the egress bench/out. GET / says how many requests and messages there were.
"use strict";

const http = require("http");
const { StateFun, kafkaEgressMessage, messageBuilder } = require("apache-flink-statefun");

const topic = process.env.BENCH_TOPIC || "out";
const greeting = StateFun.jsonType("bench/greeting");
const statefun = new StateFun();
const counts = { requests: 0, messages: 0 };

statefun.bind({
  typename: "bench/counter",
  specs: [{ name: "seen", type: StateFun.intType() }],
  fn(context) {
    const seen = (context.storage.seen || 0) + 1;
    context.storage.seen = seen;
    counts.messages += 1;
    if (context.caller)
      context.send(
        messageBuilder({ typename: context.caller.typename, id: context.caller.id, value: seen, valueType: StateFun.intType() }),
      );
  },
});

statefun.bind({
  typename: "bench/greeter",
  specs: [{ name: "seen", type: StateFun.intType() }],
  fn(context, message) {
    const { t } = message.as(greeting);
    const seen = (context.storage.seen || 0) + 1;
    context.storage.seen = seen;
    counts.messages += 1;
    const name = context.self.id;
    context.send(
      kafkaEgressMessage({ typename: "bench/out", topic, key: name, value: JSON.stringify({ t, n: seen, g: `Hello ${name}` }) }),
    );
  },
});

const handler = statefun.handler();
const server = http.createServer((request, response) => {
  if (request.method === "GET") {
    response.end(JSON.stringify(counts));
    return;
  }
  counts.requests += 1;
  handler(request, response);
});
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
