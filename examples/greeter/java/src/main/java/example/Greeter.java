package example;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.message.EgressMessageBuilder;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;
import org.apache.flink.statefun.sdk.java.types.SimpleType;
import org.apache.flink.statefun.sdk.java.types.Type;

/** Counts how often it saw somebody, and greets accordingly. Nothing in here knows which runtime calls it. */
final class Greeter implements StatefulFunction {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** {"name": "Bob"} */
  private static final Type<Map<String, String>> GREET_REQUEST = jsonMap("example/GreetRequest");
  /** {"topic": …, "payload": …} */
  private static final Type<Map<String, String>> EGRESS_RECORD = jsonMap("io.statefun.playground/EgressRecord");
  private static final TypeName EGRESS = TypeName.typeNameFromString("io.statefun.playground/egress");

  private static final ValueSpec<Integer> SEEN = ValueSpec.named("seen").withIntType();

  static final StatefulFunctionSpec SPEC =
      StatefulFunctionSpec.builder(TypeName.typeNameFromString("example/greeter"))
          .withValueSpec(SEEN)
          .withSupplier(Greeter::new)
          .build();

  @Override
  public CompletableFuture<Void> apply(Context context, Message message) {
    String said = message.isUtf8String() ? message.asUtf8String() : message.as(GREET_REQUEST).get("name");
    String name = said == null || said.isEmpty() ? context.self().id() : said;

    int seen = context.storage().get(SEEN).orElse(0) + 1;
    context.storage().set(SEEN, seen);

    String greeting = greetingFor(name, seen);
    context.send(
        EgressMessageBuilder.forEgress(EGRESS)
            .withCustomType(EGRESS_RECORD, Map.of("topic", "greetings", "payload", greeting))
            .build());
    // Somebody waits for an answer: a function, or an HTTP caller.
    context
        .caller()
        .ifPresent(caller -> context.send(MessageBuilder.forAddress(caller).withValue(greeting).build()));
    return context.done();
  }

  private static String greetingFor(String name, int seen) {
    switch (seen) {
      case 1:
        return "Welcome " + name + "!";
      case 2:
        return "Welcome back " + name + "!";
      default:
        return "Hello " + name + ", visit number " + seen + "!";
    }
  }

  @SuppressWarnings("unchecked")
  private static Type<Map<String, String>> jsonMap(String typename) {
    return (Type<Map<String, String>>)
        (Type<?>)
            SimpleType.simpleImmutableTypeFrom(
                TypeName.typeNameFromString(typename),
                JSON::writeValueAsBytes,
                bytes -> JSON.readValue(bytes, Map.class));
  }
}
