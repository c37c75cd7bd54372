// The functions in JavaScript, at the port of the first argument: node serve.js 8003

const http = require("http");
const { StateFun, kafkaEgressMessage, messageBuilder } = require("apache-flink-statefun");
const { mirror } = require("./mirror");
const { LABEL_WANTED, PLACE, PLACED } = require("./types");

const statefun = new StateFun();

// Hands the orders that come from Kafka to the Python entity of the same id, and writes its reply to Kafka.
statefun.bind({
  typename: "javascript/checkout",
  fn(context, message) {
    if (message.is(PLACE)) {
      const order = { typename: "shop/order", id: context.self.id };
      context.send(messageBuilder({ ...order, value: message.as(PLACE), valueType: PLACE }));
    } else {
      const record = { typename: "shop/records", topic: "receipts", key: context.self.id };
      context.send(kafkaEgressMessage({ ...record, value: message.as(PLACED), valueType: PLACED }));
    }
  },
});

// Answers whoever wants a label, and counts the labels of each country.
statefun.bind({
  typename: "javascript/labels",
  specs: [{ name: "count", type: StateFun.intType() }],
  fn(context, message) {
    const { country, order } = message.as(LABEL_WANTED);
    context.storage.count = (context.storage.count || 0) + 1;
    const { typename, id } = context.caller;
    context.send(messageBuilder({ typename, id, value: `${country}-${context.storage.count} ${order}` }));
  },
});

statefun.bind({ typename: "javascript/mirror", fn: mirror });

http.createServer(statefun.handler()).listen(Number(process.argv[2]), "127.0.0.1", () => {
  console.log("Serving javascript/*");
});
