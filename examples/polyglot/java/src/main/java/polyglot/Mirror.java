package polyglot;

import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.statefun.sdk.java.Address;
import org.apache.flink.statefun.sdk.java.Context;
import org.apache.flink.statefun.sdk.java.StatefulFunction;
import org.apache.flink.statefun.sdk.java.StatefulFunctionSpec;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.message.Message;
import org.apache.flink.statefun.sdk.java.message.MessageBuilder;
import org.apache.flink.statefun.sdk.java.types.Type;

/** Sends each value back to whoever sent it, changed: how each type of Python is read and written in Java. */
final class Mirror implements StatefulFunction {
  static final StatefulFunctionSpec SPEC =
      StatefulFunctionSpec.builder(TypeName.typeNameFromString("java/mirror")).withSupplier(Mirror::new).build();

  @Override
  public CompletableFuture<Void> apply(Context context, Message message) {
    Address caller = context.caller().orElseThrow();
    MessageBuilder answer = MessageBuilder.forAddress(caller);
    if (message.isBoolean()) {
      answer.withValue(!message.asBoolean());
    } else if (message.isInt()) {
      answer.withValue(-message.asInt());
    } else if (message.isLong()) { // int
      answer.withValue(-message.asLong());
    } else if (message.isFloat()) {
      answer.withValue(-message.asFloat());
    } else if (message.isDouble()) { // float
      answer.withValue(-message.asDouble());
    } else if (message.isUtf8String()) { // str
      answer.withValue(reversed(message.asUtf8String()));
    } else if (message.is(Shop.PARCEL)) { // a protobuf message
      Parcel parcel = message.as(Shop.PARCEL);
      answer.withCustomType(Shop.PARCEL, parcel.toBuilder().setGrams(-parcel.getGrams()).build());
    } else if (message.is(Shop.PLACE)) { // an instance of a @message class
      Shop.Place place = message.as(Shop.PLACE);
      place.country = reversed(place.country);
      answer.withCustomType(Shop.PLACE, place);
    } else if (message.is(Shop.NUMBERS)) { // list[int]
      int[] numbers = message.as(Shop.NUMBERS);
      answer.withCustomType(Shop.NUMBERS, Arrays.stream(numbers).map(each -> -each).toArray());
    } else { // bytes, or a TypedValue: its bytes as they are
      Type<byte[]> type = Shop.bytesOf(message.valueTypeName());
      answer.withCustomType(type, reversed(message.as(type)));
    }
    context.send(answer.build());
    return context.done();
  }

  private static String reversed(String text) {
    return new StringBuilder(text).reverse().toString();
  }

  private static byte[] reversed(byte[] bytes) {
    byte[] result = new byte[bytes.length];
    for (int at = 0; at < bytes.length; at++) {
      result[at] = bytes[bytes.length - 1 - at];
    }
    return result;
  }
}
