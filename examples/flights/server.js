// Airports and routes, as StateFun functions.
//
//   node server.js [port]     (or PORT; 0 takes a free one)
//
//   flights/airport, id = airport code: takes departures, keeps how many and how late, tells the route, and raises an
//                    alert when its mean delay climbs over the threshold
//   flights/route,   id = "ATL-ORD": counts the flights between two airports
//
// Anything that is not a departure is taken as a question, and answered with a summary.
"use strict";

const http = require("http");
const { StateFun, messageBuilder, kafkaEgressMessage } = require("apache-flink-statefun");

const DELAY_THRESHOLD_MINUTES = 15;
const FLIGHTS_BEFORE_ALERTS = 20;

const Departure = StateFun.jsonType("flights/Departure"); // {"date", "origin", "destination", "delay", "distance"}
const Summary = StateFun.jsonType("flights/Summary"); // {"flights", "delay"}

function count(storage, departure) {
  storage.flights = (storage.flights || 0) + 1;
  storage.delay = (storage.delay || 0) + departure.delay;
}

function answer(context) {
  if (!context.caller) return;
  const { flights, delay } = context.storage;
  context.send(
    messageBuilder({
      typename: context.caller.typename,
      id: context.caller.id,
      value: { flights: flights || 0, delay: delay || 0 },
      valueType: Summary,
    }),
  );
}

function airport(context, message) {
  if (!message.is(Departure)) return answer(context);
  const departure = message.as(Departure);
  const storage = context.storage;
  count(storage, departure);

  context.send(
    messageBuilder({
      typename: "flights/route",
      id: `${departure.origin}-${departure.destination}`,
      value: departure,
      valueType: Departure,
    }),
  );

  const mean = storage.delay / storage.flights;
  const late = storage.flights >= FLIGHTS_BEFORE_ALERTS && mean > DELAY_THRESHOLD_MINUTES;
  if (late && !storage.late) {
    context.send(
      kafkaEgressMessage({
        typename: "flights/alerts",
        topic: "delayed",
        key: context.self.id,
        value: JSON.stringify({ airport: context.self.id, flights: storage.flights, delay: storage.delay, date: departure.date }),
      }),
    );
  }
  if (late !== Boolean(storage.late)) storage.late = late;
}

function route(context, message) {
  if (!message.is(Departure)) return answer(context);
  count(context.storage, message.as(Departure));
}

const statefun = new StateFun();
statefun.bind({
  typename: "flights/airport",
  specs: [
    { name: "flights", type: StateFun.intType() },
    { name: "delay", type: StateFun.intType() }, // minutes, summed
    { name: "late", type: StateFun.booleanType() },
  ],
  fn: airport,
});
statefun.bind({
  typename: "flights/route",
  specs: [
    { name: "flights", type: StateFun.intType() },
    { name: "delay", type: StateFun.intType() },
  ],
  fn: route,
});

const server = http.createServer(statefun.handler());
server.listen(Number(process.argv[2] || process.env.PORT || 8000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/statefun`);
});
