package polyglot;

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

/** Serves the functions by the JDK's own HTTP server, at the port of the first argument. */
public final class Serve {
  private Serve() {}

  /** Return when {@code functions} are served, at this port of the loopback. */
  public static void at(int port, StatefulFunctions functions) throws IOException {
    RequestReplyHandler handler = functions.requestReplyHandler();
    HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/statefun", exchange -> answer(handler, exchange));
    server.start();
  }

  public static void main(String[] arguments) throws IOException {
    StatefulFunctions functions =
        new StatefulFunctions()
            .withStatefulFunction(Rates.SPEC)
            .withStatefulFunction(Ledger.SPEC)
            .withStatefulFunction(Mirror.SPEC);
    at(Integer.parseInt(arguments[0]), functions);
    System.out.println("Serving java/*");
  }

  private static void answer(RequestReplyHandler handler, HttpExchange exchange) throws IOException {
    try {
      byte[] request = exchange.getRequestBody().readAllBytes();
      Slice reply = handler.handle(Slices.wrap(request)).join();
      exchange.getResponseHeaders().set("Content-Type", "application/octet-stream");
      exchange.sendResponseHeaders(200, reply.readableBytes());
      exchange.getResponseBody().write(reply.toByteArray());
    } catch (RuntimeException error) {
      error.printStackTrace();
      exchange.sendResponseHeaders(500, -1); // Flink calls again
    } finally {
      exchange.close();
    }
  }
}
