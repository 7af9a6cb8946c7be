import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.dapr.client.DaprClient;
import io.dapr.client.DaprClientBuilder;
import io.dapr.client.domain.HttpExtension;
import io.dapr.client.domain.State;
import io.dapr.client.domain.StateOptions;
import io.dapr.client.domain.TransactionalStateOperation;
import io.dapr.client.domain.TransactionalStateOperation.OperationType;
import io.dapr.exceptions.DaprException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.function.Function;

/**
 * Everything of state, secrets, metadata and invocation that the Java SDK can ask, right and wrong; {"call", "answer"} a line.
 *
 * <p>The ports are in DAPR_HTTP_PORT and DAPR_GRPC_PORT, as an application of Dapr's has them.
 */
public final class Client {
  private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS);

  private static void say(String call, Object answer) throws Exception {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("call", call);
    line.put("answer", answer);
    System.out.println(JSON.writeValueAsString(line));
  }

  private static <T> void attempt(String call, Callable<T> ask, Function<T, Object> show) throws Exception {
    T answer;
    try {
      answer = ask.call();
    } catch (DaprException error) {
      Map<String, Object> said = new TreeMap<>();
      said.put("raised", error.getClass().getSimpleName());
      said.put("code", error.getErrorCode());
      said.put("text", String.valueOf(error.getMessage()));
      said.put("http status", error.getHttpStatusCode());
      say(call, said);
      return;
    } catch (Exception error) {
      say(call, Map.of("raised", error.getClass().getSimpleName(), "text", String.valueOf(error.getMessage())));
      return;
    }
    say(call, answer == null ? null : show.apply(answer));
  }

  private static void attempt(String call, Callable<Void> ask) throws Exception {
    attempt(call, ask, answer -> answer);
  }

  private static Object item(State<String> state) {
    Map<String, Object> shown = new TreeMap<>();
    shown.put("key", state.getKey());
    shown.put("value", state.getValue());
    shown.put("has etag", state.getEtag() != null && !state.getEtag().isEmpty());
    shown.put("error", state.getError());
    return shown;
  }

  private static Object items(List<State<String>> states) {
    List<Object> shown = new ArrayList<>();
    states.stream().sorted((a, b) -> a.getKey().compareTo(b.getKey())).forEach(state -> shown.add(item(state)));
    return shown;
  }

  private static TransactionalStateOperation<String> upsert(String key, String value, String etag) {
    return new TransactionalStateOperation<>(OperationType.UPSERT, new State<>(key, value, etag));
  }

  private static TransactionalStateOperation<String> delete(String key) {
    return new TransactionalStateOperation<>(OperationType.DELETE, new State<>(key));
  }

  private static Callable<Void> transaction(DaprClient d, String store, TransactionalStateOperation<?>... operations) {
    return () -> d.executeStateTransaction(store, Arrays.asList(operations)).block();
  }

  public static void main(String[] arguments) throws Exception {
    try (DaprClient d = new DaprClientBuilder().build()) {
      StateOptions first = new StateOptions(StateOptions.Consistency.STRONG, StateOptions.Concurrency.FIRST_WRITE);
      attempt("wait", () -> d.waitForSidecar(10_000).block());
      attempt("save", () -> d.saveState("store", "a", "one").block());
      attempt("get", () -> d.getState("store", "a", String.class).block(), Client::item);
      attempt("get missing", () -> d.getState("store", "missing", String.class).block(), Client::item);
      attempt("save bytes", () -> d.saveState("store", "bytes", new byte[] {0, -1, 127}).block());
      attempt("get bytes", () -> d.getState("store", "bytes", byte[].class).block(), state -> Arrays.toString(state.getValue()));
      attempt("save an object", () -> d.saveState("store", "object", Map.of("x", 1)).block());
      attempt("get an object", () -> d.getState("store", "object", Map.class).block(), State::getValue);
      attempt("save in no store", () -> d.saveState("nowhere", "a", "x").block());
      attempt("get from no store", () -> d.getState("nowhere", "a", String.class).block(), Client::item);
      attempt("save a bad key", () -> d.saveState("store", "a||b", "x").block());
      attempt("save an empty key", () -> d.saveState("store", "", "x").block());
      attempt("save with ttl", () -> d.saveBulkState("store", List.of(new State<>("t", "x", null, Map.of("ttlInSeconds", "1000"), null))).block());
      attempt("save with a bad ttl", () -> d.saveBulkState("store", List.of(new State<>("t", "x", null, Map.of("ttlInSeconds", "soon"), null))).block());
      String etag = d.getState("store", "a", String.class).block().getEtag();
      attempt("save with its etag", () -> d.saveState("store", "a", etag, "two", first).block());
      attempt("save with an old etag", () -> d.saveState("store", "a", "999999", "three", first).block());
      attempt("first write of what is there", () -> d.saveState("store", "a", null, "four", first).block());
      attempt("first write of what is not", () -> d.saveState("store", "fresh", null, "x", first).block());
      attempt("save several", () -> d.saveBulkState("store", Arrays.asList(new State<>("b", "1", (String) null), new State<>("c", "2", (String) null))).block());
      attempt("get several", () -> d.getBulkState("store", Arrays.asList("a", "b", "c", "missing"), String.class).block(), Client::items);
      attempt("get several from no store", () -> d.getBulkState("nowhere", Collections.singletonList("a"), String.class).block(), Client::items);
      attempt("transaction", transaction(d, "store", upsert("b", "10", null), upsert("d", "11", null), delete("c")));
      attempt("transaction with a bad etag", transaction(d, "store", upsert("b", "20", null), upsert("d", "21", "999999")));
      attempt("transaction in no store", transaction(d, "nowhere", upsert("b", "20", null)));
      attempt("after the transactions", () -> d.getBulkState("store", Arrays.asList("b", "c", "d"), String.class).block(), Client::items);
      attempt("delete with a bad etag", () -> d.deleteState("store", "b", "999999", null).block());
      attempt("delete", () -> d.deleteState("store", "b").block());
      attempt("delete missing", () -> d.deleteState("store", "b").block());

      attempt("secret", () -> d.getSecret("file", "user").block(), answer -> answer);
      attempt("secret of an object", () -> d.getSecret("file", "db.host").block(), answer -> answer);
      attempt("secret missing", () -> d.getSecret("file", "missing").block(), answer -> answer);
      attempt("secret of no store", () -> d.getSecret("nowhere", "user").block(), answer -> answer);
      attempt("all secrets", () -> d.getBulkSecret("file").block(), TreeMap::new);

      attempt("metadata", () -> d.getMetadata().block(), answer -> {
        List<String> parts = new ArrayList<>();
        answer.getComponents().forEach(part -> parts.add(part.getName() + " " + part.getType()));
        Collections.sort(parts);
        return Map.of("id", answer.getId(), "components", parts);
      });

      for (String app : List.of("orders", "stock", "nobody")) {
        attempt("invoke " + app, () -> d.invokeMethod(app, "echo/b", Map.of("x", 1), HttpExtension.POST, Map.of("x-custom", "v"), Map.class).block(), Client::seen);
        attempt("invoke " + app + ", get", () -> d.invokeMethod(app, "echo", null, HttpExtension.GET, Map.class).block(), Client::seen);
        attempt("invoke " + app + ", not found", () -> d.invokeMethod(app, "status/404", null, HttpExtension.GET, String.class).block(), answer -> answer);
        attempt("invoke " + app + ", failing", () -> d.invokeMethod(app, "status/503", null, HttpExtension.GET, String.class).block(), answer -> answer);
      }
      attempt("publish without a broker", () -> d.publishEvent("pubsub", "topic", "x").block());
      attempt("binding that is not there", () -> d.invokeBinding("b", "create", "x").block());
      attempt("shutdown", () -> d.shutdown().block());
    }
    // The SDK's HTTP client keeps threads for a minute.
    System.exit(0);
  }

  private static Object seen(Map<?, ?> answer) {
    Map<String, Object> shown = new TreeMap<>();
    answer.forEach((name, value) -> shown.put(String.valueOf(name), value));
    shown.remove("headers");
    return shown;
  }
}
