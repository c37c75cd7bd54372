"""A bank that takes lines of JSON as messages, and what was read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import attrs
import msgspec
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.source_context_pb2 import SourceContext

from statefun_actors import Address, Entity, Settings, TypedValue, handles, message, persisted
from statefun_actors.connectors.files import BAD_LINES, BadLineError, JsonLinesSource
from statefun_actors.dispatch import Application
from statefun_actors.engine import Inbox
from statefun_actors.model import Headers


@message("bank/deposit")
class Deposit:
    cents: int
    tags: list[str] = attrs.field(factory=list)


@message("bank/close")
class Close:
    pass


class Account(Entity, typename="bank/account"):
    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        self.balance += message.cents

    @handles
    def close(self, message: Close) -> None:
        self.balance = 0


class Counter(Entity, typename="bench/counter"):
    total: int = persisted(default=0)

    @handles
    def add(self, amount: int) -> None:
        self.total += amount


class Document(Entity, typename="bank/document"):
    name: str = persisted(default="")

    @handles(SourceContext)
    def take(self, message: SourceContext) -> None:
        self.name = message.file_name


class Archive(Entity, typename="bank/archive"):
    count: int = persisted(default=0)

    @handles(AnyMessage)
    def take(self, message: AnyMessage) -> None:
        self.count += 1


class Idle(Entity, typename="bank/idle"):
    pass


APP = Application(Account, Counter, Document, Archive, Idle, settings=Settings(body_limit=300))


class Taken:
    """Stands for an engine: keeps the submitted messages."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, TypedValue, int]] = []
        self.records: list[dict[str, object]] = []

    def submit(
        self,
        target: Address,
        value: TypedValue,
        *,
        delay_ms: int = 0,
        headers: Headers | None = None,
        caller: Address | None = None,
    ) -> None:
        self.messages.append((str(target), value, delay_ms))

    def emit(self, egress: str, value: TypedValue, headers: Headers | None = None) -> None:
        assert egress == BAD_LINES
        self.records.append(msgspec.json.decode(value.value, type=dict[str, object]))

    def wake(self) -> None:
        """It is read again anyway."""


def read_to_end(source: JsonLinesSource, most: int = 4) -> tuple[Taken, str | None]:
    """The messages that it submits, and its last position."""
    taken, last = Taken(), None
    while not source.exhausted:
        position = source.read(most, cast("Inbox", taken))
        last = position or last
    return taken, last


def read(path: Path, content: bytes, position: str | None = None) -> tuple[Taken, str | None, BadLineError | None]:
    path.write_bytes(content)
    source = JsonLinesSource(path, APP)
    source.resume(position)
    try:
        taken, last = read_to_end(source)
    finally:
        source.close()
    assert source.error is None or isinstance(source.error, BadLineError)
    return taken, last, source.error


def line(to: str, value: object, **more: object) -> bytes:
    return json.dumps({"to": to, "value": value, **more}).encode() + b"\n"
