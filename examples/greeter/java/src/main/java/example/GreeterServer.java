package example;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import org.apache.flink.statefun.sdk.java.StatefulFunctions;
import org.apache.flink.statefun.sdk.java.handler.RequestReplyHandler;
import org.apache.flink.statefun.sdk.java.slice.Slice;
import org.apache.flink.statefun.sdk.java.slice.Slices;

/** java -jar target/greeter.jar [port] (or PORT; 0 takes a free one) */
public final class GreeterServer {
  private final RequestReplyHandler handler;

  private GreeterServer(RequestReplyHandler handler) {
    this.handler = handler;
  }

  private void handle(HttpExchange exchange) throws IOException {
    byte[] answer;
    try {
      Slice request = Slices.wrap(exchange.getRequestBody().readAllBytes());
      answer = handler.handle(request).join().toByteArray();
    } catch (RuntimeException failure) {
      failure.printStackTrace();
      exchange.sendResponseHeaders(500, -1);
      exchange.close();
      return;
    }
    exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
    // To this server, 0 means "of unknown length" and -1 means "none".
    exchange.sendResponseHeaders(200, answer.length == 0 ? -1 : answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  public static void main(String[] args) throws IOException {
    String port = args.length > 0 ? args[0] : System.getenv().getOrDefault("PORT", "8000");

    // The JDK's server writes head and body apart; with Nagle's algorithm the second would wait 40 ms.
    System.setProperty("sun.net.httpserver.nodelay", "true");
    StatefulFunctions functions = new StatefulFunctions().withStatefulFunction(Greeter.SPEC);
    GreeterServer greeter = new GreeterServer(functions.requestReplyHandler());

    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(port)), 0);
    server.createContext("/statefun", greeter::handle);
    server.setExecutor(Executors.newFixedThreadPool(8));
    server.start();
    System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort() + "/statefun");
  }
}
