r"""An order in three languages on one Flink: the entity is this one, its prices are Java, its labels JavaScript.

Each is an endpoint of its own in ``module.yaml``. In this folder, in three terminals:

    mvn -q -f java package && java -cp 'java/target/polyglot.jar:java/target/jars/*' polyglot.Serve 8002
    npm install --prefix javascript && node javascript/serve.js 8003
    statefun-actors flink polyglot.py --kafka --module module.yaml

Kafka's topic ``orders`` → ``javascript/checkout`` → the order → ``java/rates`` and ``javascript/labels``, which it asks
one after the other → its reply to ``javascript/checkout`` → Kafka's topic ``receipts``. On the way ``java/ledger`` gets
the price, and tells the order the mean of its country → Kafka's topic ``means``.
"""

from __future__ import annotations

from typing import Final

from shipping_pb2 import Parcel, Quote

from statefun_actors import Address, DeadLetter, Entity, NoAnswer, answers, handles, kafka_record, message, persisted

RECORDS: Final = "shop/records"


@message("shop/place")
class Place:
    """An order; ``javascript/checkout`` sends it."""

    country: str
    grams: int


@message("shop/placed")
class Placed:
    """The reply: what it costs, and the label; or why there is none."""

    cents: int
    label: str
    refused: str = ""


@message("shop/label-wanted")
class LabelWanted:
    """For ``javascript/labels``, which answers with a string."""

    country: str
    order: str


class Order(Entity, typename="shop/order", on_failure=DeadLetter(RECORDS, topic="failed")):
    """One order, by its number."""

    country: str = persisted(default="")
    cents: int = persisted(default=0)

    @handles
    def place(self, message: Place) -> None:
        self.country = message.country
        parcel = Parcel(country=message.country, grams=message.grams)
        self.ask(Address("java/rates", message.country), parcel, then=self.quoted)

    @answers
    def quoted(self, answer: Quote | NoAnswer) -> Placed | None:
        if isinstance(answer, NoAnswer):
            return Placed(0, "", f"no quote: {answer.reason}")
        self.cents = answer.cents
        self.send(Address("java/ledger", self.country), answer.cents)
        self.ask(Address("javascript/labels", self.country), LabelWanted(self.country, self.id), then=self.labelled)
        return None

    @answers
    def labelled(self, answer: str | NoAnswer) -> Placed:
        if isinstance(answer, NoAnswer):
            return Placed(self.cents, "", f"no label: {answer.reason}")
        return Placed(self.cents, answer)

    @handles
    def booked(self, mean_cents: float) -> None:
        """Publish the reply of ``java/ledger``."""
        self.send_egress(RECORDS, kafka_record(topic="means", key=self.country, value=f"{mean_cents:.2f}"))
