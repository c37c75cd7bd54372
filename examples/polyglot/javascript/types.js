// The types of messages that the SDK does not have by itself.

const path = require("path");
const { StateFun } = require("apache-flink-statefun");
const protobuf = require("protobufjs");

// Python's int and float. The SDK has only those of 32 bits. Each is a protobuf message with one field, number 1 and
// eight bytes long: a byte that says so, then the number. Nothing stands for zero.
const LONG = StateFun.customType(
  "io.statefun.types/long",
  (number) => {
    const bytes = Buffer.alloc(9, 0x09);
    bytes.writeBigInt64LE(number, 1);
    return bytes;
  },
  (bytes) => (bytes.length ? bytes.readBigInt64LE(1) : 0n),
);
const DOUBLE = StateFun.customType(
  "io.statefun.types/double",
  (number) => {
    const bytes = Buffer.alloc(9, 0x09);
    bytes.writeDoubleLE(number, 1);
    return bytes;
  },
  (bytes) => (bytes.length ? bytes.readDoubleLE(1) : 0),
);

// A protobuf message: its full name, after type.googleapis.com/, and its own bytes.
const Parcel = protobuf.loadSync(path.join(__dirname, "..", "shipping.proto")).lookupType("shipping.Parcel");
const PARCEL = StateFun.customType(
  "type.googleapis.com/shipping.Parcel",
  (parcel) => Buffer.from(Parcel.encode(parcel).finish()),
  (bytes) => Parcel.decode(bytes),
);

// A @message class: JSON under its name.
const PLACE = StateFun.jsonType("shop/place");
const PLACED = StateFun.jsonType("shop/placed");
const LABEL_WANTED = StateFun.jsonType("shop/label-wanted");

// A list[int]; all lists, dicts and dates of Python have this name, and are JSON.
const NUMBERS = StateFun.jsonType("statefun-actors/json");

// Any other type, such as statefun-actors/bytes: the bytes as they are.
function bytesOf(typename) {
  return StateFun.customType(typename, (bytes) => bytes, (bytes) => bytes);
}

module.exports = { LONG, DOUBLE, PARCEL, PLACE, PLACED, LABEL_WANTED, NUMBERS, bytesOf };
