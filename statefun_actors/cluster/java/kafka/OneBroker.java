import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import kafka.Kafka;
import kafka.tools.StorageTool;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.errors.TopicExistsException;

/**
 * A Kafka broker that is its own controller, with its topics made: "ready" on its output says so.
 *
 * <p>Its arguments are server.properties, the folder of its log, its address as clients know it, the id of its cluster,
 * and the topics. The folder is formatted for that id if it is not yet.
 */
public final class OneBroker {

  public static void main(String[] arguments) throws Exception {
    String settings = arguments[0];
    String address = arguments[2];
    List<String> topics = Arrays.asList(arguments).subList(4, arguments.length);
    if (!Files.exists(Path.of(arguments[1], "meta.properties"))) {
      int code = StorageTool.execute(new String[] {"format", "-t", arguments[3], "-c", settings}, System.err);
      if (code != 0) {
        System.exit(code);
      }
    }
    Thread client = new Thread(() -> ready(address, topics), "topics");
    client.setDaemon(true);
    client.start();
    Kafka.main(new String[] {settings}); // returns when the broker has been told to stop
  }

  private static void ready(String address, List<String> topics) {
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", address, "reconnect.backoff.ms", "20"))) {
      Set<String> there = admin.listTopics().names().get(120, TimeUnit.SECONDS);
      List<NewTopic> missing = new ArrayList<>();
      for (String topic : topics) {
        if (!there.contains(topic)) {
          missing.add(new NewTopic(topic, Optional.empty(), Optional.empty()));
        }
      }
      admin.createTopics(missing).all().get(120, TimeUnit.SECONDS);
    } catch (Exception error) {
      if (!(error instanceof ExecutionException && error.getCause() instanceof TopicExistsException)) {
        error.printStackTrace();
        Runtime.getRuntime().halt(1);
      }
    }
    System.out.println("ready");
  }
}
