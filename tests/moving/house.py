"""An entity with a field of each kind, and with all that can be on its way: what moves from a store to Flink."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
from google.protobuf.duration_pb2 import Duration

from statefun_actors import (
    Address,
    Context,
    Entity,
    NoAnswer,
    StatefulFunctions,
    activity,
    answers,
    handles,
    message,
    persisted,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@attrs.define
class Room:
    name: str
    doors: int = 1


@message("moving/lamp")
class Lamp:
    watts: int


@message("moving/oven")
class Oven:
    degrees: float


@message("moving/furnish")
class Furnish:
    """Fill all fields with values that follow from *number*."""

    number: int


@message("moving/plan")
class Plan:
    """Send one message after *seconds* by a token, and one each *seconds*; ask a question, and open a reply address."""

    seconds: float


@message("moving/knock")
class Knock:
    who: str


@message("moving/order")
class Order:
    what: str


@message("moving/look")
class Look:
    pass


class House(Entity, typename="moving/house"):
    lit: bool = persisted(default=False)
    floors: int = persisted(default=0)
    height: float = persisted(default=0.0)
    name: str = persisted(default="", name="title")
    picture: bytes = persisted(default=b"")
    rooms: list[Room] = persisted(factory=list)
    prices: dict[str, Decimal] = persisted(factory=dict)
    corner: tuple[int, str] = persisted(default=(0, ""))
    tags: set[str] = persisted(factory=set)
    built: datetime | None = persisted(default=None)
    sold: date | None = persisted(default=None)
    age: timedelta = persisted(default=timedelta())
    number: UUID | None = persisted(default=None)
    colour: Colour = persisted(default=Colour.RED)
    owner: Address | None = persisted(default=None)
    device: Lamp | Oven | None = persisted(default=None)
    clock: Duration = persisted(factory=Duration)
    visits: list[str] = persisted(factory=list, expire_after_write=timedelta(days=400))

    @handles
    def furnish(self, message: Furnish) -> None:
        n = message.number
        self.lit, self.floors, self.height, self.name = bool(n % 2), n << 40, n / 3, f"house “{n}”"
        self.picture, self.rooms = bytes([n % 256]) * 3, [Room("hall"), Room("ø", n)]
        self.prices, self.corner, self.tags = {"b": Decimal(n) / 100, "a": Decimal("0E-5")}, (n, "c"), {"x", str(n)}
        self.built = datetime(2026, 3, 28, 9, n % 60, tzinfo=ZoneInfo("Europe/Berlin"))
        self.sold, self.age, self.number = date(2026, 1, 1 + n % 28), timedelta(microseconds=n), UUID(int=n)
        self.colour, self.owner = Colour.BLUE, Address("moving/person", f"a/{n}")
        self.device = Lamp(n) if n % 2 else Oven(n / 7)
        self.clock = Duration(seconds=n)
        self.visits.append(str(n))

    @handles
    def plan(self, message: Plan) -> str:
        delay = timedelta(seconds=message.seconds)
        self.send_after(delay, self.address, Knock("later"), cancellation_token="later")
        self.send_every(timedelta(seconds=1), self.address, Knock("each second"), name="knock")
        self.ask(Quiet.at(self.id), Knock("?"), then=self.told, timeout=delay, keep="asked")
        return self.reply_address(then=self.told, timeout=timedelta(days=1), keep="opened").id

    @answers
    def told(self, answer: str | NoAnswer, keep: str) -> None:
        self.visits.append(f"{keep}: {answer if isinstance(answer, str) else answer.reason}")

    @handles
    def knock(self, message: Knock) -> None:
        self.visits.append(f"{message.who} of {self.caller.typename if self.caller else None}")
        if message.who == "stop":
            self.cancel_every("knock")

    @handles
    def order(self, message: Order) -> None:
        self.ask(furniture, message, then=self.told, timeout=timedelta(days=1), keep="ordered")

    @handles
    def look(self, message: Look) -> str:
        values = {name: getattr(self, name) for name in FIELDS}
        return repr({**values, "tags": sorted(self.tags)})  # the order of a set differs between processes


FIELDS = [name for name in House.__annotations__ if name not in {"address", "id"}]


FURNITURE: list[str] = []
"""What there is."""


@activity("moving/furniture", attempts=9)
def furniture(message: Order) -> str:
    if message.what not in FURNITURE:
        raise LookupError(message.what)
    return message.what


class Quiet(Entity, typename="moving/quiet"):
    """Answers nobody."""

    @handles
    def ignore(self, message: Knock) -> None:
        pass


functions = StatefulFunctions()


@functions.bind("moving/count", states={"count": int, "text": str})
def count(context: Context, message: int) -> None:
    if message:
        context["count"] = (context["count"] or 0) + message
        context["text"] = f"{message} at {context.address.id}"
    elif context.caller is not None:
        context.pack_and_reply(f"{context['count']} {context['text']}")


SERVED = (House, Quiet, functions, furniture)
