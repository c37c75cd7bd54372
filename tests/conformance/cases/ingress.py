"""Entities behind an HTTP ingress in the test's event loop."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

import attrs
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.http import Guard, Router, create_ingress_app
from statefun_actors.types import value_of
from tests.conformance.cases.vocabulary import Named, working
from tests.conformance.doors import JSON, Answer
from tests.engine.engines import HeldStore
from tests.http.test_endpoint import Client


class Counter(Entity, typename="conf/count"):
    """Takes one type."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Tally(Entity, typename="conf/tally"):
    """Takes the same type as Counter."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += 100 * message
        return self.n


class Several(Entity, typename="conf/takes-several"):
    """Takes several types."""

    callers: ClassVar[list[str | None]] = []

    @handles(Named, Duration)
    def tell(self, message: Named | Duration) -> str:
        Several.callers.append(self.caller.typename if self.caller else None)
        return type(message).__name__

    @handles(bool)
    def nothing(self, message: bool) -> None: ...

    @handles(str)
    def fail(self, message: str) -> None:
        raise TerminalError(message)

    @handles(float, on_failure=Discard())
    def discard(self, message: float) -> None:
        raise ValueError("discarded")


class Forwarder(Entity, typename="conf/forwarder"):
    """Another entity answers in its place, twice, or none does."""

    forwarded: int = persisted(default=0)

    @handles
    def forward(self, message: bool) -> None:
        self.forwarded += 1
        if message and self.caller is not None:
            self.send(Teller.at(self.id), f"{self.caller.typename} {self.caller.id}")

    @handles
    def count(self, message: int) -> int:
        return self.forwarded


class Teller(Entity, typename="conf/teller"):
    @handles
    def tell(self, message: str) -> None:
        typename, _, id = message.partition(" ")
        self.send(Address(typename, id), "first")
        self.send(Address(typename, id), "second")


@attrs.frozen
class Ingress:
    """The ingress of an engine in virtual time."""

    engine: Engine
    store: HeldStore
    clock: ManualClock
    app: Router

    async def ask(
        self, path: str, body: object, content_type: str | None = JSON, method: str = "PUT", **headers: str
    ) -> Answer:
        found = {"host": "localhost", **{name.replace("_", "-").lower(): value for name, value in headers.items()}}
        if content_type is not None:
            found["content-type"] = content_type
        path, _, query = path.partition("?")
        client = Client(
            self.app, method, path, query_string=query.encode(), raw_path=path.encode(),
            headers=[(name.encode(), value.encode()) for name, value in found.items()],
        )  # fmt: skip
        client.body(body if isinstance(body, bytes) else json.dumps(body).encode())
        status, text = await client.ask()
        return Answer(
            status, text.decode(), {name.decode(): value.decode() for name, value in client.sent[0]["headers"]}
        )

    def count(self, id: str) -> object:
        held = self.engine.view.state(Counter.at(id))["n"]
        return None if held is None else value_of(held)


@asynccontextmanager
async def ingress(*others: type[Entity]) -> AsyncGenerator[Ingress]:
    store, clock = HeldStore(), ManualClock()
    engine = Engine(Application(Counter, Tally, Several, Forwarder, Teller, *others), store, clock)
    async with working(engine):
        yield Ingress(engine, store, clock, create_ingress_app(engine.app, engine, Guard()))
