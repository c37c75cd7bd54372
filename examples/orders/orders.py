"""A shop: an order asks the stock and a bank, waits days for a person, and reminds each morning until it is paid.

    python examples/orders/payments.py 8090 &
    BANK=http://127.0.0.1:8090 statefun-actors run examples/orders/orders.py --egress shop/mails=mails.jsonl

Each step is a message and a method: the handler ends, and the answer comes as a message, minutes or days later, in the
same process or in the next one. New code may be deployed in between.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Final

from statefun_actors import Entity, NoAnswer, TerminalError, activity, answers, handles, message, persisted

APPROVAL_ABOVE: Final = 100_00
"""Orders of more cents wait for a person."""
APPROVAL_TIME: Final = timedelta(days=3)
MOST_UNPAID_MORNINGS: Final = 14


@message("shop/place")
class Place:
    sku: str
    count: int
    cents: int
    tz: str = "Europe/Paris"


@message("shop/reserve")
class Reserve:
    order: str
    count: int


@message("shop/reserved")
class Reserved:
    left: int


@message("shop/sold-out")
class SoldOut:
    left: int


@message("shop/release")
class Release:
    order: str


@message("shop/approval")
class Approval:
    """The answer of a person."""

    approved: bool


@message("shop/mail")
class Mail:
    order: str
    text: str
    link: str = ""


@message("shop/charge")
class Charge:
    order: str
    cents: int


@message("shop/charged")
class Charged:
    receipt: str


@message("shop/declined")
class Declined:
    reason: str


@message("shop/remind")
class Remind:
    pass


@message("shop/accepted")
class Accepted:
    """The order is in the books; money may still be on its way."""


@message("shop/refused")
class Refused:
    reason: str


class Stock(Entity, typename="shop/stock"):
    """What there is of one article. Only orders reserve and release."""

    left: int = persisted(default=100)
    reserved: dict[str, int] = persisted(factory=dict[str, int])

    @handles(Reserve, internal=True)
    def reserve(self, message: Reserve) -> Reserved | SoldOut:
        if message.order not in self.reserved:
            if message.count > self.left:
                return SoldOut(self.left)
            self.left -= message.count
            self.reserved[message.order] = message.count
        return Reserved(self.left)

    @handles(Release, internal=True)
    def release(self, message: Release) -> None:
        self.left += self.reserved.pop(message.order, 0)


class Order(Entity, typename="shop/order", expire_after_call=timedelta(days=400)):
    """One order. ``state``: new, reserving, waiting (for a person), paying, paid, refused, cancelled."""

    state: str = persisted(default="new")
    sku: str = persisted(default="")
    cents: int = persisted(default=0)
    tz: str = persisted(default="UTC")
    receipt: str = persisted(default="")
    mornings: int = persisted(default=0)

    @handles(Place)
    def place(self, message: Place) -> Accepted | None:
        if self.state != "new":
            return Accepted()  # a repeat
        self.state, self.sku, self.cents, self.tz = "reserving", message.sku, message.cents, message.tz
        self.ask(Stock.at(message.sku), Reserve(self.id, message.count), then=self.reserved)
        return None

    @answers
    def reserved(self, answer: Reserved | SoldOut | NoAnswer) -> Accepted | Refused:
        if not isinstance(answer, Reserved):
            self.state = "refused"
            return Refused("sold out" if isinstance(answer, SoldOut) else answer.reason)
        self.send_every("0 9 * * *", self.address, Remind(), name="unpaid", tz=self.tz)
        if self.cents <= APPROVAL_ABOVE:
            self._pay()
        else:
            self.state = "waiting"
            link = self.reply_address(then=self.approved, timeout=APPROVAL_TIME)
            self.send_egress("shop/mails", Mail(self.id, f"approve {self.cents} cents?", f"/replies/{link.id}"))
        return Accepted()

    @answers
    def approved(self, answer: Approval | NoAnswer) -> None:
        if isinstance(answer, Approval) and answer.approved:
            self._pay()
        else:
            self._cancel("not approved in time" if isinstance(answer, NoAnswer) else "not approved")

    def _pay(self) -> None:
        self.state = "paying"
        self.ask(charge, Charge(self.id, self.cents), then=self.charged, timeout=timedelta(days=1))

    @answers
    def charged(self, answer: Charged | Declined | NoAnswer) -> None:
        if isinstance(answer, Charged):
            self.state, self.receipt = "paid", answer.receipt
            self.cancel_every("unpaid")
            self.send_egress("shop/mails", Mail(self.id, f"paid, receipt {answer.receipt}"))
        else:
            self._cancel(answer.reason)

    @handles(Remind, internal=True)
    def remind(self, _: Remind) -> None:
        if self.state not in {"waiting", "paying"}:
            return
        self.mornings += 1
        self.send_egress("shop/mails", Mail(self.id, "still to be paid"))
        if self.mornings >= MOST_UNPAID_MORNINGS:
            self.cancel_every("unpaid")

    def _cancel(self, reason: str) -> None:
        self.state = "cancelled"
        self.cancel_every("unpaid")
        self.send(Stock.at(self.sku), Release(self.id))
        self.send_egress("shop/mails", Mail(self.id, f"cancelled: {reason}"))


@activity("shop/charge-card", attempts=8, backoff=0.5, timeout=timedelta(seconds=5), concurrency=16)
def charge(message: Charge, key: str) -> Charged | Declined:
    """Ask the bank for money. The key is the same over all attempts, so the bank takes the money once."""
    url = f"{os.environ.get('BANK', 'http://127.0.0.1:8090')}/charges"
    body = json.dumps({"order": message.order, "cents": message.cents}).encode()
    request = urllib.request.Request(url, body, {"Idempotency-Key": key, "Content-Type": "application/json"})  # noqa: S310 - a URL of the operator's
    try:
        with urllib.request.urlopen(request, timeout=4) as response:  # noqa: S310 - the same
            return Charged(json.load(response)["receipt"])
    except urllib.error.HTTPError as error:
        if error.code == 402:
            return Declined(error.read().decode())
        if 400 <= error.code < 500:
            raise TerminalError(f"the bank answered {error.code}") from error
        raise  # another attempt may help
