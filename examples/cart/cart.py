r"""A shopping cart: what is in it is reserved for a quarter of an hour, and the checkout asks the stock and the purse.

    statefun-actors run examples/cart/cart.py

    url=localhost:8080/ingress/cart/cart/ada json='Content-Type: application/json'
    curl "$url?type=cart/add&wait=5s&until=reply" -H "$json" -d '{"sku": "pen", "count": 2}'
    curl "$url?type=cart/checkout&wait=5s&until=reply" -H "$json" -d '{"purse": "ada"}'

Each article's stock is an entity, and so is each purse. A checkout renews every reservation, takes money, and sells.
Where one of these fails nothing is sold, and what is reserved expires. Every step is a message and a method: no lock is
held meanwhile, and a question that gets no answer in time leaves nothing behind for ever.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from statefun_actors import Entity, NoAnswer, answers, handles, message, persisted

RESERVED_FOR: Final = timedelta(minutes=15)
ANSWER_TIME: Final = timedelta(minutes=5)
"""A checkout asks twice, and has sold before its reservations expire."""

PRICES: Final = {"pen": 2_50, "ink": 9_00, "desk": 450_00}
"""Cents."""


@message("cart/add")
class Add:
    sku: str
    count: int


@message("cart/checkout")
class Checkout:
    purse: str


@message("cart/added")
class Added:
    sku: str
    count: int
    until: datetime


@message("cart/refused")
class Refused:
    """Nothing was sold. ``reason``: sold out, no such article, the count is below 1, busy, empty, no money, timeout."""

    reason: str
    sku: str = ""


@message("cart/receipt")
class Receipt:
    cents: int
    items: dict[str, int]


@message("cart/reserve")
class Reserve:
    """So many more for this cart. All that it has reserved of the article then lasts its full time again."""

    cart: str
    count: int


@message("cart/hold")
class Hold:
    """So many altogether for this cart, for the full time again."""

    cart: str
    count: int


@message("cart/reserved")
class Reserved:
    until: datetime


@message("cart/sold-out")
class SoldOut:
    left: int


@message("cart/expire")
class Expire:
    """Sent by a stock to itself: the reservation of this cart that had this end is over."""

    cart: str
    until: datetime


@message("cart/expired")
class Expired:
    sku: str
    until: datetime


@message("cart/sell")
class Sell:
    cart: str
    count: int


@message("cart/pay")
class Pay:
    payment: str
    cents: int


@message("cart/paid")
class Paid:
    left: int


@message("cart/no-money")
class NoMoney:
    left: int


@message("cart/refund")
class Refund:
    """Whether the payment has been made, or will be: it does not count."""

    payment: str


@message("cart/reservation")
class Reservation:
    """A part of the state of a stock, and of a cart."""

    count: int
    until: datetime


class Stock(Entity, typename="cart/stock"):
    """One article. What is reserved is not in ``left``; it comes back when the reservation expires."""

    left: int = persisted(default=10)
    sold: int = persisted(default=0)
    reserved: dict[str, Reservation] = persisted(factory=dict[str, Reservation])

    @handles(Reserve, internal=True)
    def reserve(self, message: Reserve) -> Reserved | SoldOut:
        before = self.reserved.get(message.cart)
        return self._hold(message.cart, message.count + (before.count if before else 0))

    @handles(Hold, internal=True)
    def hold(self, message: Hold) -> Reserved | SoldOut:
        return self._hold(message.cart, message.count)

    def _hold(self, cart: str, count: int) -> Reserved | SoldOut:
        before = self.reserved.get(cart)
        available = self.left + (before.count if before else 0)
        if count > available:
            return SoldOut(available)
        self.left = available - count
        self.reserved[cart] = Reservation(count, self.now + RESERVED_FOR)
        expire = Expire(cart, self.now + RESERVED_FOR)
        self.send_after(RESERVED_FOR, self.address, expire, cancellation_token=cart)
        return Reserved(expire.until)

    @handles(Expire, internal=True)
    def expire(self, message: Expire) -> None:
        reservation = self.reserved.get(message.cart)
        if reservation is None or reservation.until != message.until:
            return  # sold or renewed while this message was on its way
        del self.reserved[message.cart]
        self.left += reservation.count
        self.send(Cart.at(message.cart), Expired(self.id, message.until))

    @handles(Sell, internal=True)
    def sell(self, message: Sell) -> None:
        """What is paid is sold; ``left`` below 0 is what has to be ordered."""
        reservation = self.reserved.pop(message.cart, None)
        self.left += (reservation.count if reservation else 0) - message.count
        self.sold += message.count
        self.cancel(message.cart)


class Purse(Entity, typename="cart/purse"):
    """``payments``: what each of them took; 0 for one that was refunded."""

    cents: int = persisted(default=100_00)
    payments: dict[str, int] = persisted(factory=dict[str, int])

    @handles(Pay, internal=True)
    def pay(self, message: Pay) -> Paid | NoMoney:
        if message.payment not in self.payments:  # otherwise its refund was faster
            if message.cents > self.cents:
                return NoMoney(self.cents)
            self.cents -= message.cents
            self.payments[message.payment] = message.cents
        return Paid(self.cents)

    @handles(Refund, internal=True)
    def refund(self, message: Refund) -> None:
        self.cents += self.payments.get(message.payment, 0)
        self.payments[message.payment] = 0


class Cart(Entity, typename="cart/cart", expire_after_call=timedelta(days=30)):
    """A cart.

    Attributes:
        items: what is in it, and until when it is reserved.
        adding: the number of questions to stocks that are not answered yet.
        held: during a checkout, the articles whose stocks have answered, and whether they are reserved.
        checkouts: how many there were.
    """

    state: Literal["open", "paying"] = persisted(default="open")
    items: dict[str, Reservation] = persisted(factory=dict[str, Reservation])
    adding: int = persisted(default=0)
    purse: str = persisted(default="")
    held: dict[str, bool] = persisted(factory=dict[str, bool])
    checkouts: int = persisted(default=0)

    @handles
    def add(self, message: Add) -> Added | Refused | None:
        """The reply is Added or Refused, once the stock has answered."""
        if self.state != "open":
            return Refused("busy", message.sku)
        if message.sku not in PRICES:
            return Refused("no such article", message.sku)
        if message.count < 1:
            return Refused("the count is below 1", message.sku)
        self.adding += 1
        reserve = Reserve(self.id, message.count)
        self.ask(Stock.at(message.sku), reserve, then=self.reserved, keep=message, timeout=ANSWER_TIME)
        return None

    @answers
    def reserved(self, answer: Reserved | SoldOut | NoAnswer, add: Add) -> Added | Refused:
        self.adding -= 1
        if not isinstance(answer, Reserved):  # after a timeout there may be a reservation: it expires
            return Refused("sold out" if isinstance(answer, SoldOut) else answer.reason, add.sku)
        before = self.items.get(add.sku)
        count = add.count + (before.count if before else 0)
        self.items[add.sku] = Reservation(count, answer.until)
        return Added(add.sku, count, answer.until)

    @handles(Expired, internal=True)
    def expired(self, message: Expired) -> None:
        """Drop what is no longer reserved. During a checkout the stock is asked anyway, and its answer decides."""
        item = self.items.get(message.sku)
        if self.state == "open" and item is not None and item.until == message.until:
            del self.items[message.sku]

    @handles
    def checkout(self, message: Checkout) -> Refused | None:
        """The reply is Receipt or Refused, once all have answered."""
        if self.state != "open" or self.adding:
            return Refused("busy")
        if not self.items:
            return Refused("empty")
        self.state, self.purse, self.held = "paying", message.purse, {}
        self.checkouts += 1
        for sku, item in self.items.items():
            self.ask(Stock.at(sku), Hold(self.id, item.count), then=self.renewed, keep=sku, timeout=ANSWER_TIME)
        return None

    @answers
    def renewed(self, answer: Reserved | SoldOut | NoAnswer, sku: str) -> Refused | None:
        self.held[sku] = isinstance(answer, Reserved)
        if isinstance(answer, Reserved):
            self.items[sku] = Reservation(self.items[sku].count, answer.until)
        if len(self.held) < len(self.items):
            return None  # the last answer decides
        missing = [name for name, held in self.held.items() if not held]
        if not missing:
            pay = Pay(self._payment(), self._price())
            self.ask(Purse.at(self.purse), pay, then=self.paid, timeout=ANSWER_TIME)
            return None
        self.state = "open"
        for name in missing:
            del self.items[name]
        return Refused("sold out", missing[0])

    @answers
    def paid(self, answer: Paid | NoMoney | NoAnswer) -> Receipt | Refused:
        self.state = "open"
        if not isinstance(answer, Paid):
            if isinstance(answer, NoAnswer):
                self.send(Purse.at(self.purse), Refund(self._payment()))
            return Refused("no money" if isinstance(answer, NoMoney) else answer.reason)
        receipt = Receipt(self._price(), {sku: item.count for sku, item in self.items.items()})
        for sku, item in self.items.items():
            self.send(Stock.at(sku), Sell(self.id, item.count))
        self.items = {}
        return receipt

    def _payment(self) -> str:
        return f"{self.id} {self.checkouts}"

    def _price(self) -> int:
        return sum(PRICES[sku] * item.count for sku, item in self.items.items())
