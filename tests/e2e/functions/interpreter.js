// js/interpreter: what functions/interpreter.h says, on the unmodified StateFun SDK. Takes a port, 0 for a free one.
"use strict";

const http = require("http");
const { StateFun, messageBuilder, egressMessageBuilder, kafkaEgressMessage } = require("apache-flink-statefun");

const Command = StateFun.jsonType("test/Command");
const EGRESS = "test/out";
const attempts = new Map(); // node: how often it has failed since this process was started

// A command that is being carried out: the context, and the states as they are by now.
class Call {
  constructor(context, command) {
    this.context = context;
    this.command = command;
    this.count = (context.storage.count || 0) + 1;
    this.total = context.storage.total || 0;
    this.sent = context.storage.sent || {};
    this.flag = context.storage.flag ?? null;
  }

  mix(n) {
    this.total = (this.total * 3 + n) % 1000000007;
  }

  number(typename, id) {
    const receiver = `${typename}/${id}`;
    this.sent[receiver] = (this.sent[receiver] || 0) + 1;
    return this.sent[receiver];
  }

  emit(topic, value) {
    const record = { typename: EGRESS, topic, key: this.context.self.id, value: JSON.stringify(value) };
    this.context.send(kafkaEgressMessage(record));
  }

  send(typename, id, command) {
    this.context.send(messageBuilder({ typename, id, value: command, valueType: Command }));
  }
}

const ops = {
  add: (call, op) => call.mix(op.n),
  flag: (call, op) => (call.flag = op.text),
  unflag: (call) => (call.flag = null),
  send: (call, op) => call.send(op.to, op.id, { ...op.command, seq: call.number(op.to, op.id) }),
  cancel: (call, op) => call.context.cancelDelayedMessage(op.token),
  saw: (call) => call.emit("saw", { node: call.command.node, count: call.count, total: call.total, flag: call.flag }),

  after(call, op) {
    const message = messageBuilder({ typename: op.to, id: op.id, value: { ...op.command, seq: 0 }, valueType: Command });
    if (op.token) call.context.sendAfter(op.delay, message, op.token);
    else call.context.sendAfter(op.delay, message);
  },

  record(call, op) {
    if (op.form === "kafka") call.emit("records", op.n);
    else call.context.send(egressMessageBuilder({ typename: EGRESS, value: op.n, valueType: StateFun.intType() }));
  },

  reply(call, op) {
    const { typename, id } = call.context.caller;
    const seq = typename === "holdfast/request" ? 0 : call.number(typename, id);
    call.send(typename, id, { node: op.node, seq, got: call.total, ops: [] });
  },

  fail(call, op) {
    const failed = attempts.get(call.command.node) || 0;
    if (failed >= op.times) return;
    attempts.set(call.command.node, failed + 1);
    throw new Error(`node ${call.command.node} fails, ${op.times - failed - 1} times more`);
  },

  poison(call) {
    throw new Error(`node ${call.command.node} is poison`);
  },
};

async function interpret(context, message) {
  const command = message.as(Command);
  const { caller, storage } = context;
  const call = new Call(context, command);
  const from = caller && caller.typename !== "holdfast/request" ? `${caller.typename}/${caller.id}` : command.from;
  const handled = { node: command.node, from, seq: command.seq };
  if ("got" in command) {
    handled.got = command.got;
    call.mix(command.got);
  }
  call.emit("handled", handled);
  for (const op of command.ops) {
    ops[op.op](call, op);
    await null; // Other calls may come between.
  }
  storage.count = call.count;
  storage.digest = ((storage.digest || 0) * 31 + command.node * 7 + command.seq) % 2147483647;
  storage.total = call.total;
  if (Object.keys(call.sent).length > 0) storage.sent = call.sent;
  if (call.flag !== (storage.flag ?? null)) storage.flag = call.flag;
}

const statefun = new StateFun();
statefun.bind({
  typename: "js/interpreter",
  specs: [
    { name: "count", type: StateFun.intType() },
    { name: "digest", type: StateFun.intType() },
    { name: "total", type: StateFun.intType() },
    { name: "sent", type: StateFun.jsonType("test/Sent") },
    { name: "flag", type: StateFun.stringType() },
  ],
  fn: interpret,
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
