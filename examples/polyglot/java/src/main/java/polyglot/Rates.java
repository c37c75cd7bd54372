package polyglot;

import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;

/** What a parcel costs. It answers whoever sends a {@code Parcel}: a reply to an ask is a message to its caller. */
final class Rates implements StatefulFunction {
  static final StatefulFunctionSpec SPEC =
      StatefulFunctionSpec.builder(TypeName.typeNameFromString("java/rates")).withSupplier(Rates::new).build();

  @Override
  public CompletableFuture<Void> apply(Context context, Message message) {
    Parcel parcel = message.as(Shop.PARCEL);
    long cents = ("FR".equals(parcel.getCountry()) ? 500 : 1200) + parcel.getGrams() / 10;
    Quote quote = Quote.newBuilder().setCents(cents).build();
    context.send(MessageBuilder.forAddress(context.caller().orElseThrow()).withCustomType(Shop.QUOTE, quote).build());
    return context.done();
  }

}
