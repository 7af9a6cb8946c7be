import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.handler.RequestReplyHandler;
import org.apache.flink.statefun.sdk.java.io.KafkaEgressMessage;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;
import org.apache.flink.statefun.sdk.java.slice.Slices;
import org.apache.flink.statefun.sdk.java.types.SimpleType;

/** bench/cell of functions.h on the StateFun SDK for Java: java -jar functions.jar [port]. */
public final class BenchFunctions implements StatefulFunction {
  private static final ValueSpec<byte[]> CELL =
      ValueSpec.named("cell")
          .withCustomType(SimpleType.simpleImmutableTypeFrom(TypeName.typeNameFromString("bench/Cell"), b -> b, b -> b));
  private static final TypeName EGRESS = TypeName.typeNameFromString("bench/out");

  @Override
  public CompletableFuture<Void> apply(Context context, Message message) {
    byte[] state = context.storage().get(CELL).map(byte[]::clone).orElseGet(() -> new byte[64]);
    ByteBuffer cell = ByteBuffer.wrap(state).order(ByteOrder.LITTLE_ENDIAN);
    boolean answers;
    if (message.isUtf8String()) {
      context.send(
          KafkaEgressMessage.forEgress(EGRESS)
              .withTopic("audit")
              .withUtf8Key(context.self().id())
              .withUtf8Value(Long.toString(cell.getLong(0)))
              .build());
      answers = message.asUtf8String().endsWith("!");
    } else {
      answers = message.isLong();
      cell.putLong(0, cell.getLong(0) + (answers ? message.asLong() : message.asInt()));
      context.storage().set(CELL, state);
    }
    if (answers) {
      context.send(MessageBuilder.forAddress(context.caller().orElseThrow()).withValue(true).build());
    }
    return context.done();
  }

  private static void handle(RequestReplyHandler handler, HttpExchange exchange) throws IOException {
    byte[] answer = handler.handle(Slices.wrap(exchange.getRequestBody().readAllBytes())).join().toByteArray();
    exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
    exchange.sendResponseHeaders(200, answer.length == 0 ? -1 : answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    System.setProperty("sun.net.httpserver.nodelay", "true");
    StatefulFunctionSpec spec =
        StatefulFunctionSpec.builder(TypeName.typeNameFromString("bench/cell"))
            .withValueSpec(CELL)
            .withSupplier(BenchFunctions::new)
            .build();
    RequestReplyHandler handler = new StatefulFunctions().withStatefulFunction(spec).requestReplyHandler();
    int port = args.length > 0 ? Integer.parseInt(args[0]) : 0;
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.createContext("/statefun", exchange -> handle(handler, exchange));
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.start();
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort() + "/statefun");
  }
}
