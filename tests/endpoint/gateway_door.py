"""``Door``: the endpoint, seen from a gateway's side of Kafka, and an entity behind it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from statefun_actors import (
    Address,
    Discard,
    Entity,
    KafkaRecord,
    NoAnswer,
    Settings,
    TerminalError,
    activity,
    answers,
    handles,
    message,
    persisted,
)
from statefun_actors.asking import (
    ANSWERS,
    FAILED,
    ORDER,
    REPLY,
    GatewayCall,
    Keyed,
    Order,
    Request,
    key_id,
    order,
    read_answer_record,
    request,
)
from statefun_actors.model import INGRESS, TypedValue
from statefun_actors.types import pack, value_of
from tests.conformance.engine import Engine
from tests.conformance.wire import WIRE_3

TOPIC = "shop.gateway.answers"
GATEWAY = "a1" * 8
DAY = timedelta(days=1).total_seconds()


@message("shop/cents")
class Cents:
    count: int


@message("shop/note")
class Note:
    pass


@activity("shop/charge")
async def charge(message: Cents) -> int:
    return message.count


class Clerk(Entity, typename="shop/clerk", on_failure=Discard()):
    seen: list[str] = persisted(factory=list)

    @handles
    def count(self, message: int) -> int | None:
        if message < 0:
            raise TerminalError("no such number")
        self.seen.append(str(self.caller))
        return message + 1 if message else None

    @handles
    def write(self, message: float) -> str:
        return "x" * int(message)

    @handles(internal=True)
    def inside(self, message: bool) -> str:
        return "done"

    @handles
    def ask_on(self, message: str) -> None:
        self.ask(Address("shop/clerk", "other"), int(message), then=self.told)

    @handles
    def charge(self, message: Cents) -> None:
        self.ask(charge, message, then=self.told)

    @handles(Note)
    def send_junk(self, message: Note) -> None:
        self.send(Address(REPLY, "t"), TypedValue(ORDER, b"junk"))

    @answers
    def told(self, answer: int | NoAnswer) -> int:
        if isinstance(answer, NoAnswer):
            raise TerminalError(answer.error)
        return answer

    @handles
    def open(self, message: bytes) -> str:
        return self.reply_address(then=self.told, timeout=timedelta(hours=1)).id


ADA = Clerk.at("ada")


class Door:
    """The endpoint, seen from a gateway's side of Kafka."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def ask(self, message: object, target: Address = ADA, number: str = "1") -> list[tuple[str, object]]:
        """Send *message* in the name of the call *number*; return what it was answered."""
        await self.engine.tell(target, request(Request(pair(message), caller(number))))
        return self.answers(number)

    async def order(self, content: Order, id: str) -> None:
        await self.engine.tell(Address(INGRESS, id), order(content))

    async def keyed(
        self, message: object, number: str, wait: str = "handled", digest: str = "d", **more: Any
    ) -> object:
        """Send *message* under the key k, in the name of the call *number*."""
        content = Keyed(caller(number), digest, ADA, None if message is None else pair(message), wait, **more)
        await self.order(content, key_id(ADA, "k"))
        return self.answers(number)

    def answers(self, number: str) -> list[tuple[str, object]]:
        """The answers to the call *number* so far: typename and value."""
        found = []
        for record in self.engine.egress(ANSWERS):
            assert isinstance(record, KafkaRecord)
            assert (record.topic, record.key) == (TOPIC, GATEWAY)
            content = read_answer_record(record.value)
            if content.number == number:
                typename, data = content.value
                value: object = data
                if typename == FAILED:
                    value = data.decode()
                elif not typename.startswith("statefun-actors/"):
                    value = value_of(TypedValue(typename, data), {})
                found.append((typename, value))
        return found

    @property
    def callers(self) -> list[str] | None:
        """The callers that the entity has seen; None before the first."""
        found = self.engine.state(ADA).get("seen")
        assert found is None or isinstance(found, list)
        return found


def pair(message: object) -> tuple[str, bytes]:
    value = pack(message)
    return value.typename, value.value


def caller(number: str) -> str:
    return GatewayCall(TOPIC, GATEWAY, number).id


@asynccontextmanager
async def door(settings: Settings | None = None) -> AsyncGenerator[Door]:
    async with WIRE_3.start(Clerk, charge, settings=settings) as engine:
        yield Door(engine)
        assert engine.failures == []


LONG = "io.statefun.types/long"
STRING = "io.statefun.types/string"
