package polyglot;

import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.AddressScopedStorage;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.ValueSpec;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;

/** Adds up cents. A Python {@code int} is a {@code long} here; the {@code double} sent back is a Python {@code float}. */
final class Ledger implements StatefulFunction {
  private static final ValueSpec<Long> SUM = ValueSpec.named("sum").withLongType();
  private static final ValueSpec<Long> COUNT = ValueSpec.named("count").withLongType();

  static final StatefulFunctionSpec SPEC =
      StatefulFunctionSpec.builder(TypeName.typeNameFromString("java/ledger"))
          .withValueSpecs(SUM, COUNT)
          .withSupplier(Ledger::new)
          .build();

  @Override
  public CompletableFuture<Void> apply(Context context, Message message) {
    AddressScopedStorage storage = context.storage();
    long sum = storage.get(SUM).orElse(0L) + message.asLong();
    long count = storage.get(COUNT).orElse(0L) + 1;
    storage.set(SUM, sum);
    storage.set(COUNT, count);
    double mean = (double) sum / count;
    context.send(MessageBuilder.forAddress(context.caller().orElseThrow()).withValue(mean).build());
    return context.done();
  }
}
