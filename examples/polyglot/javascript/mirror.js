// Sends each value back to whoever sent it, changed: how each type of Python is read and written in JavaScript.

const { StateFun, messageBuilder } = require("apache-flink-statefun");
const { LONG, DOUBLE, PARCEL, PLACE, NUMBERS, bytesOf } = require("./types");

const reversed = (text) => [...text].reverse().join("");

const CHANGES = [
  [StateFun.booleanType(), (flag) => !flag],
  [StateFun.intType(), (number) => -number],
  [LONG, (number) => -number], // int, a BigInt here
  [StateFun.floatType(), (number) => -number],
  [DOUBLE, (number) => -number], // float
  [StateFun.stringType(), reversed], // str
  [PARCEL, (parcel) => ({ ...parcel, grams: -parcel.grams })], // a protobuf message
  [PLACE, (place) => ({ ...place, country: reversed(place.country) })], // an instance of a @message class
  [NUMBERS, (numbers) => numbers.map((each) => -each)], // list[int]
];

function mirror(context, message) {
  const bytes = bytesOf(message.valueTypeName); // bytes, or a TypedValue: its bytes as they are
  const [valueType, change] = CHANGES.find(([type]) => message.is(type)) || [bytes, (data) => data.reverse()];
  const { typename, id } = context.caller;
  context.send(messageBuilder({ typename, id, value: change(message.as(valueType)), valueType }));
}

module.exports = { mirror };
