"""An order that asks its stock and is reminded, and its application."""

from __future__ import annotations

APP = """
from datetime import timedelta

from statefun_actors import Address, Entity, NoAnswer, TerminalError, answers, handles, kafka_record, message, persisted


@message("shop/approval")
class Approval:
    by: str


@message("shop/refusal")
class Refusal:
    why: str


class Order(Entity, typename="shop/order"):
    seen: list[str] = persisted(factory=list)
    link: Address | None = persisted(default=None)

    @handles
    def place(self, message: str) -> None:
        self.link = self.reply_address(then=self.decided, timeout=timedelta(days=3))
        self.send_after(timedelta(days=1), self.link, Refusal("too late"))
        self.send_every("0 9 * * mon-fri", self.address, True, name="remind", tz="Europe/Paris")
        self.send_every(timedelta(minutes=90), Address("shop/other", "x"), True, name="beat")

    @handles
    def check(self, message: int) -> None:
        self.ask(Address("shop/stock", self.id), message, then=self.checked, timeout=timedelta(days=1), keep="pen")

    @handles
    def remind(self, message: bool) -> None: ...

    @answers
    def decided(self, answer: Approval | Refusal | NoAnswer) -> None:
        self.seen.append(repr(answer))

    @answers
    def checked(self, answer: int | NoAnswer, sku: str) -> None:
        if answer == 13:
            raise TerminalError("13 is not a number of pens")
        self.seen.append(f"{sku} {answer!r}")
"""

ORDER = "shop/order/17"
