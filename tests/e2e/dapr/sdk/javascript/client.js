// Everything of state, secrets, metadata and invocation that the JavaScript SDK can ask, right and wrong; {"call", "answer"} a line.
//
// node client.js http|grpc: the protocol. The ports are in DAPR_HTTP_PORT and DAPR_GRPC_PORT, as an application of Dapr's has them.
import { CommunicationProtocolEnum, DaprClient, HttpMethod, LogLevel, StateConcurrencyEnum, StateConsistencyEnum } from "@dapr/dapr";

const protocol = process.argv[2];
const grpc = protocol === "grpc";
const d = new DaprClient({
  daprHost: "127.0.0.1",
  daprPort: grpc ? process.env.DAPR_GRPC_PORT : process.env.DAPR_HTTP_PORT,
  communicationProtocol: grpc ? CommunicationProtocolEnum.GRPC : CommunicationProtocolEnum.HTTP,
  logger: { level: LogLevel.Error, service: { error() {}, warn() {}, info() {}, debug() {}, verbose() {} } },
});

function say(call, answer) {
  console.log(JSON.stringify({ call, answer: answer === undefined ? null : answer }));
}

async function attempt(call, ask, show = (answer) => answer) {
  let answer;
  try {
    answer = await ask();
  } catch (error) {
    say(call, { raised: error.constructor.name, code: error.code, text: String(error.message) });
    return undefined;
  }
  // What the SDK does not throw, it hands out as a field.
  say(call, show(answer instanceof Error ? { returned: answer.constructor.name, text: answer.message } : answer));
  return answer;
}

const saved = (answer) => (answer?.error ? { error: String(answer.error.message ?? answer.error) } : (answer ?? null));
const etags = (items) =>
  Array.isArray(items)
    ? items.map(({ key, data, etag, error }) => ({ key, data, etag: Boolean(etag), error })).sort((a, b) => (a.key < b.key ? -1 : 1))
    : items;

await d.start();
await attempt("save", () => d.state.save("store", [{ key: "a", value: "one" }, { key: "b", value: { x: 1, list: [1, 2] } }]), saved);
await attempt("get", () => d.state.get("store", "a"));
await attempt("get an object", () => d.state.get("store", "b"));
await attempt("get missing", () => d.state.get("store", "missing"));
await attempt("get strongly", () => d.state.get("store", "b", { consistency: StateConsistencyEnum.CONSISTENCY_STRONG }));
await attempt("save in no store", () => d.state.save("nowhere", [{ key: "a", value: 1 }]), saved);
await attempt("get from no store", () => d.state.get("nowhere", "a"));
await attempt("save a bad key", () => d.state.save("store", [{ key: "a||b", value: 1 }]), saved);
await attempt("save an empty key", () => d.state.save("store", [{ key: "", value: 1 }]), saved);
await attempt("save with ttl", () => d.state.save("store", [{ key: "t", value: 1, metadata: { ttlInSeconds: "1000" } }]), saved);
await attempt("save with a bad ttl", () => d.state.save("store", [{ key: "t", value: 1, metadata: { ttlInSeconds: "soon" } }]), saved);
await attempt("save with a bad etag", () => d.state.save("store", [{ key: "a", value: 1, etag: "999999" }]), saved);
const first = { concurrency: StateConcurrencyEnum.CONCURRENCY_FIRST_WRITE, consistency: StateConsistencyEnum.CONSISTENCY_STRONG };
await attempt("first write of what is there", () => d.state.save("store", [{ key: "a", value: 1, options: first }]), saved);
await attempt("first write of what is not", () => d.state.save("store", [{ key: "fresh", value: 1, options: first }]), saved);
await attempt("get several", () => d.state.getBulk("store", ["a", "b", "missing"], { parallelism: 2 }), etags);
await attempt("get several from no store", () => d.state.getBulk("nowhere", ["a"]), etags);
const items = await d.state.getBulk("store", ["a"]);
await attempt("save with its etag", () => d.state.save("store", [{ key: "a", value: "two", etag: items[0].etag }]), saved);
await attempt("save with the old etag", () => d.state.save("store", [{ key: "a", value: "three", etag: items[0].etag }]), saved);
await attempt("transaction", () =>
  d.state.transaction("store", [
    { operation: "upsert", request: { key: "b", value: "10" } },
    { operation: "upsert", request: { key: "c", value: { y: 1 } } },
    { operation: "delete", request: { key: "a" } },
  ]),
);
await attempt("transaction with a bad etag", () =>
  d.state.transaction("store", [
    { operation: "upsert", request: { key: "b", value: "20" } },
    { operation: "upsert", request: { key: "c", value: "21", etag: { value: "999999" } } },
  ]),
);
await attempt("transaction in no store", () => d.state.transaction("nowhere", [{ operation: "delete", request: { key: "b" } }]));
await attempt("after the transactions", () => d.state.getBulk("store", ["a", "b", "c"]), etags);
await attempt("delete with a bad etag", () => d.state.delete("store", "b", { etag: "999999" }), saved);
await attempt("delete", () => d.state.delete("store", "b"), saved);
await attempt("delete missing", () => d.state.delete("store", "b"), saved);

await attempt("secret", () => d.secret.get("file", "user"));
await attempt("secret of an object", () => d.secret.get("file", "db.host"));
await attempt("secret missing", () => d.secret.get("file", "missing"));
await attempt("secret of no store", () => d.secret.get("nowhere", "user"));
await attempt("all secrets", () => d.secret.getBulk("file"), (answer) => Object.fromEntries(Object.entries(answer ?? {}).sort()));

await attempt("set metadata", () => d.metadata.set("team", "blue"));
await attempt("metadata", () => d.metadata.get(), (answer) => ({
  id: answer.id,
  team: Object.fromEntries(answer.extended instanceof Map ? answer.extended : Object.entries(answer.extended ?? {})).team,
  components: (answer.components ?? []).map(({ name, type, capabilities }) => [name, type, [...(capabilities ?? [])].sort()]).sort(),
}));

const seen = (answer) => {
  if (typeof answer !== "object" || answer === null) return answer;
  const { headers, ...rest } = answer;
  return { ...rest, custom: (headers ?? []).filter(([name]) => name === "x-custom") };
};
for (const app of ["orders", "stock"]) {
  await attempt(`invoke ${app}`, () => d.invoker.invoke(app, "echo/b?q=1", HttpMethod.POST, { x: 1 }, { headers: { "x-custom": "v" } }), seen);
  await attempt(`invoke ${app}, get`, () => d.invoker.invoke(app, "echo", HttpMethod.GET), seen);
  await attempt(`invoke ${app}, not found`, () => d.invoker.invoke(app, "status/404", HttpMethod.GET), seen);
  await attempt(`invoke ${app}, failing`, () => d.invoker.invoke(app, "status/503", HttpMethod.GET), seen);
}
await attempt("invoke nobody", () => d.invoker.invoke("nobody", "echo", HttpMethod.GET), seen);
await attempt("publish without a broker", () => d.pubsub.publish("pubsub", "topic", { x: 1 }), saved);
await attempt("binding that is not there", () => d.binding.send("b", "create", { x: 1 }));
await attempt("health", () => d.health.isHealthy());
await attempt("shutdown", () => d.sidecar.shutdown());
await d.stop();
