import com.google.protobuf.ByteString;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.CheckpointListener;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.statefun.flink.harness.Harness;
import org.apache.flink.statefun.flink.io.common.AutoRoutableProtobufRouter;
import org.apache.flink.statefun.flink.io.generated.AutoRoutable;
import org.apache.flink.statefun.flink.io.generated.RoutingConfig;
import org.apache.flink.statefun.flink.io.generated.TargetFunctionType;
import org.apache.flink.statefun.sdk.io.EgressIdentifier;
import org.apache.flink.statefun.sdk.io.IngressIdentifier;
import org.apache.flink.statefun.sdk.io.Router;
import org.apache.flink.statefun.sdk.reqreply.generated.TypedValue;
import org.apache.flink.statefun.sdk.spi.StatefulFunctionModule;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.functions.source.SourceFunction;

/**
 * A StateFun job in this one JVM, for tests: lines of JSON in, lines of JSON out.
 *
 * <p>Arguments: the module file that names the endpoints, the egresses that come out as lines separated by commas, then Flink
 * settings as {@code key=value}.
 *
 * <p>In: {@code {"to": "ns/fn", "id": "…", "type": "…", "value": base64}} is a message from an ingress, routed as StateFun's own
 * Kafka ingress does it. {@code {"do": "crash"}} fails the job, which then goes on from its last checkpoint; {@code {"do":
 * "quit"}} and the end of the input end the process.
 *
 * <p>Out: {@code {"event": "started", "restored": bool, "offset": n}} each time that the job runs; {@code {"event": "checkpoint",
 * "offset": n}} once one is complete that has so many messages behind it; {@code {"egress": "ns/name",
 * "type": "…", "value": base64}}; {@code {"event": "failed", "why": "…"}} once there is no hope. Everything else goes to stderr.
 */
public final class FlinkOverLines {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final IngressIdentifier<AutoRoutable> INGRESS =
      new IngressIdentifier<>(AutoRoutable.class, "flink-over-lines", "in");
  private static final PrintStream OUT = System.out;
  private static final Input INPUT = new Input();

  private FlinkOverLines() {}

  /** All that was ever read, so that a restored source can read it again, and the wish for a crash. */
  private static final class Input {
    private final List<AutoRoutable> messages = new ArrayList<>();
    private boolean crash;

    synchronized void add(AutoRoutable message) {
      messages.add(message);
      notifyAll();
    }

    synchronized void crash() {
      crash = true;
      notifyAll();
    }

    /** The message at {@code offset}; null after a moment in which there was none. */
    synchronized AutoRoutable at(int offset) throws InterruptedException {
      if (offset >= messages.size() && !crash) {
        wait(50);
      }
      if (crash) {
        crash = false;
        throw new IllegalStateException("a crash was asked for");
      }
      return offset < messages.size() ? messages.get(offset) : null;
    }
  }

  /** Hands {@link #INPUT} to the job. How far it has come is part of each checkpoint. */
  private static final class Source implements SourceFunction<AutoRoutable>, CheckpointedFunction, CheckpointListener {
    private static final long serialVersionUID = 1L;

    private transient ListState<Integer> saved;
    private transient boolean restored;
    private transient int offset;
    private transient Map<Long, Integer> snapshots;
    private transient Integer told;
    private volatile boolean cancelled;

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      saved = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("offset", Integer.class));
      restored = context.isRestored();
      snapshots = new ConcurrentHashMap<>();
      for (int each : saved.get()) {
        offset = each;
      }
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      saved.update(List.of(offset));
      snapshots.put(context.getCheckpointId(), offset);
    }

    @Override
    public void notifyCheckpointComplete(long id) {
      Integer behind = snapshots.remove(id);
      snapshots.keySet().removeIf(earlier -> earlier < id);
      if (behind != null && !behind.equals(told)) {
        told = behind; // once for each offset: an idle job checkpoints five times a second
        print(JSON.createObjectNode().put("event", "checkpoint").put("offset", behind));
      }
    }

    @Override
    public void run(SourceContext<AutoRoutable> context) throws Exception {
      print(JSON.createObjectNode().put("event", "started").put("restored", restored).put("offset", offset));
      while (!cancelled) {
        AutoRoutable message = INPUT.at(offset);
        if (message != null) {
          synchronized (context.getCheckpointLock()) {
            context.collect(message);
            offset++;
          }
        }
      }
    }

    @Override
    public void cancel() {
      cancelled = true;
    }
  }

  /** What module.yaml can't say: where this ingress leads. StateFun finds it through META-INF/services. */
  public static final class Routes implements StatefulFunctionModule {
    @Override
    @SuppressWarnings({"unchecked", "rawtypes"}) // the router is declared for any Message
    public void configure(Map<String, String> configuration, Binder binder) {
      binder.bindIngressRouter(INGRESS, (Router) new AutoRoutableProtobufRouter());
    }
  }

  private static AutoRoutable message(JsonNode line) {
    ByteString value = ByteString.copyFrom(Base64.getDecoder().decode(line.get("value").asText()));
    return message(line.get("to").asText(), line.get("id").asText(), line.get("type").asText(), value);
  }

  /** A message as StateFun's own Kafka ingress hands it over. */
  static AutoRoutable message(String to, String id, String type, ByteString value) {
    TargetFunctionType target =
        TargetFunctionType.newBuilder().setNamespace(namespace(to)).setType(name(to)).build();
    return AutoRoutable.newBuilder()
        .setConfig(RoutingConfig.newBuilder().setTypeUrl(type).addTargetFunctionTypes(target))
        .setId(id)
        .setPayloadBytes(value)
        .build();
  }

  private static EgressIdentifier<TypedValue> egress(String id) {
    return new EgressIdentifier<>(namespace(id), name(id), TypedValue.class);
  }

  private static void write(String egress, TypedValue record) {
    String value = Base64.getEncoder().encodeToString(record.getValue().toByteArray());
    print(JSON.createObjectNode().put("egress", egress).put("type", record.getTypename()).put("value", value));
  }

  private static String namespace(String typename) {
    return typename.substring(0, typename.lastIndexOf('/'));
  }

  private static String name(String typename) {
    return typename.substring(typename.lastIndexOf('/') + 1);
  }

  private static synchronized void print(ObjectNode line) {
    OUT.println(line);
    OUT.flush();
  }

  private static void read() throws IOException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String text; (text = in.readLine()) != null; ) {
      JsonNode line = JSON.readTree(text);
      switch (line.path("do").asText()) {
        case "crash":
          INPUT.crash();
          break;
        case "quit":
          return;
        default:
          INPUT.add(message(line));
      }
    }
  }

  private static void readAndEnd() {
    int status = 0;
    try {
      read();
    } catch (Throwable error) {
      error.printStackTrace();
      status = 2;
    }
    // Not System.exit: there is nothing to be saved, and Flink takes its time to stop.
    Runtime.getRuntime().halt(status);
  }

  public static void main(String[] arguments) {
    System.setOut(System.err);
    Thread reader = new Thread(FlinkOverLines::readAndEnd, "lines");
    reader.setDaemon(true);
    reader.start();
    Harness job = new Harness().withParallelism(1).withFlinkSourceFunction(INGRESS, new Source());
    job.withConfiguration("statefun.remote.module-name", arguments[0]);
    for (String id : arguments[1].isEmpty() ? new String[0] : arguments[1].split(",")) {
      job.withConsumingEgress(egress(id), record -> write(id, record));
    }
    for (String setting : Arrays.asList(arguments).subList(2, arguments.length)) {
      String[] pair = setting.split("=", 2);
      job.withConfiguration(pair[0], pair[1]);
    }
    try {
      job.start();
    } catch (Throwable error) {
      error.printStackTrace();
      print(JSON.createObjectNode().put("event", "failed").put("why", String.valueOf(error)));
      Runtime.getRuntime().halt(1);
    }
  }
}
