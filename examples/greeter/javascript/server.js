// The greeter: counts how often it saw somebody, and greets accordingly.
//
//   node server.js [port]     (or PORT; 0 takes a free one)
//
// Plain StateFun: nothing in here knows which runtime calls it.
"use strict";

const http = require("http");
const { StateFun, messageBuilder, egressMessageBuilder } = require("apache-flink-statefun");

const GreetRequest = StateFun.jsonType("example/GreetRequest"); // {"name": "Bob"}
const EgressRecord = StateFun.jsonType("io.statefun.playground/EgressRecord"); // {"topic": …, "payload": …}

function greetingFor(name, seen) {
  if (seen === 1) return `Welcome ${name}!`;
  if (seen === 2) return `Welcome back ${name}!`;
  return `Hello ${name}, visit number ${seen}!`;
}

function greeter(context, message) {
  const name = (message.isString() ? message.asString() : message.as(GreetRequest).name) || context.self.id;

  const seen = (context.storage.seen || 0) + 1;
  context.storage.seen = seen;

  const greeting = greetingFor(name, seen);
  context.send(
    egressMessageBuilder({
      typename: "io.statefun.playground/egress",
      value: { topic: "greetings", payload: greeting },
      valueType: EgressRecord,
    }),
  );
  // Somebody waits for an answer: a function, or an HTTP caller.
  if (context.caller) {
    context.send(messageBuilder({ typename: context.caller.typename, id: context.caller.id, value: greeting }));
  }
}

const statefun = new StateFun();
statefun.bind({
  typename: "example/greeter",
  specs: [{ name: "seen", type: StateFun.intType() }],
  fn: greeter,
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || process.env.PORT || 8000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
