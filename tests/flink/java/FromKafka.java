import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.protobuf.ByteString;
import java.util.Map;
import org.apache.flink.statefun.flink.io.common.AutoRoutableProtobufRouter;
import org.apache.flink.statefun.flink.io.generated.AutoRoutable;
import org.apache.flink.statefun.sdk.io.IngressIdentifier;
import org.apache.flink.statefun.sdk.io.Router;
import org.apache.flink.statefun.sdk.kafka.KafkaIngressBuilder;
import org.apache.flink.statefun.sdk.kafka.KafkaIngressDeserializer;
import org.apache.flink.statefun.sdk.kafka.KafkaIngressStartupPosition;
import org.apache.flink.statefun.sdk.spi.StatefulFunctionModule;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;

/**
 * StateFun's Kafka ingress, reading one topic for all functions.
 *
 * <p>The key of a record is the id, its header {@code to} the function, its header {@code type} the type of its value. A
 * Kafka ingress in module.yaml says the last two once for each topic; several topics would not keep the order that
 * messages of one batch need. From there on it is the same: the same source, the same router.
 *
 * <p>It is there if the job is configured with {@code kafka.address} and {@code kafka.topic}.
 */
public final class FromKafka implements StatefulFunctionModule {
  private static final IngressIdentifier<AutoRoutable> INGRESS =
      new IngressIdentifier<>(AutoRoutable.class, "flink-over-kafka", "in");

  @Override
  @SuppressWarnings({"unchecked", "rawtypes"}) // the router is declared for any Message
  public void configure(Map<String, String> configuration, Binder binder) {
    String address = configuration.get("kafka.address");
    if (address == null) {
      return;
    }
    binder.bindIngress(
        KafkaIngressBuilder.forIdentifier(INGRESS)
            .withKafkaAddress(address)
            .withTopic(configuration.get("kafka.topic"))
            .withConsumerGroupId("flink-over-kafka")
            .withStartupPosition(KafkaIngressStartupPosition.fromEarliest())
            .withDeserializer(Records.class)
            .build());
    binder.bindIngressRouter(INGRESS, (Router) new AutoRoutableProtobufRouter());
  }

  /** Makes of a record what the Kafka ingress of module.yaml makes of its own. */
  public static final class Records implements KafkaIngressDeserializer<AutoRoutable> {
    private static final long serialVersionUID = 1L;

    @Override
    public AutoRoutable deserialize(ConsumerRecord<byte[], byte[]> record) {
      String id = new String(record.key(), UTF_8);
      return FlinkOverLines.message(header(record, "to"), id, header(record, "type"), ByteString.copyFrom(record.value()));
    }

    private static String header(ConsumerRecord<byte[], byte[]> record, String name) {
      Header header = record.headers().lastHeader(name);
      if (header == null) {
        throw new IllegalArgumentException("a record without the header " + name);
      }
      return new String(header.value(), UTF_8);
    }
  }
}
