package polyglot;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.statefun.sdk.java.TypeName;
import org.apache.flink.statefun.sdk.java.types.SimpleType;
import org.apache.flink.statefun.sdk.java.types.Type;

/** The types of messages that are no primitives. */
final class Shop {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A protobuf message: its full name, after {@code type.googleapis.com/}, and its own bytes. */
  static final Type<Parcel> PARCEL =
      SimpleType.simpleImmutableTypeFrom(
          TypeName.typeNameFromString("type.googleapis.com/shipping.Parcel"), Parcel::toByteArray, Parcel::parseFrom);

  static final Type<Quote> QUOTE =
      SimpleType.simpleImmutableTypeFrom(
          TypeName.typeNameFromString("type.googleapis.com/shipping.Quote"), Quote::toByteArray, Quote::parseFrom);

  /** A {@code @message} class: JSON under its name. */
  static final Type<Place> PLACE =
      SimpleType.simpleImmutableTypeFrom(
          TypeName.typeNameFromString("shop/place"),
          JSON::writeValueAsBytes,
          bytes -> JSON.readValue(bytes, Place.class));

  static final class Place {
    public String country;
    public int grams;
  }

  /** A {@code list[int]}; all lists, dicts and dates of Python have this name, and are JSON. */
  static final Type<int[]> NUMBERS =
      SimpleType.simpleImmutableTypeFrom(
          TypeName.typeNameFromString("statefun-actors/json"),
          JSON::writeValueAsBytes,
          bytes -> JSON.readValue(bytes, int[].class));

  private Shop() {}

  /** Any other type, such as {@code statefun-actors/bytes}: the bytes as they are. */
  static Type<byte[]> bytesOf(TypeName name) {
    return SimpleType.simpleImmutableTypeFrom(name, bytes -> bytes, bytes -> bytes);
  }
}
