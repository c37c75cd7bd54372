"""Embedded: lines of JSON in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from statefun_actors import Entity, handles, message, persisted
from statefun_actors.connectors.files import BadLineError, JsonLinesSource
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.store import MemoryStore
from statefun_actors.types import value_of
from tests.cli.commands import states, summary, write_lines
from tests.conformance.cases.vocabulary import working
from tests.conformance.sections import EMBEDDED as E


@message("conf/deposit")
class Deposit:
    cents: int


class Account(Entity, typename="conf/account"):
    """Takes one type."""

    balance: int = persisted(default=0)

    @handles
    def deposit(self, message: Deposit) -> None:
        self.balance += message.cents


class Choosy(Entity, typename="conf/choosy"):
    """Takes two."""

    seen: list[str] = persisted(factory=list)

    @handles(int, str)
    def take(self, message: int | str) -> None:
        self.seen.append(f"{message!r} from {self.caller}")


async def read(*lines: Mapping[str, object], advance: float = 0) -> Engine:
    """The engine after it has read these lines."""
    clock = ManualClock()
    with TemporaryDirectory() as folder:
        write_lines(path := Path(folder, "in.jsonl"), *lines)
        app = Application(Account, Choosy)
        source = JsonLinesSource(path, app)
        engine = Engine(app, MemoryStore(), clock, sources={"in": source})
        try:
            async with working(engine):
                await engine.settled()
                clock.set_ms(clock.now_ms() + round(advance * 1000))
                await engine.settled()
        finally:
            source.close()
    if source.error is not None:
        raise source.error
    return engine


def held(engine: Engine, kind: type[Entity], id: str) -> dict[str, object]:
    return {name: value_of(value) for name, value in engine.view.state(kind.at(id)).items() if value is not None}


@E.once("E1", "an ingress message has no caller", "embedded")
async def no_caller() -> None:
    engine = await read({"to": "conf/choosy/a", "type": "io.statefun.types/string", "value": "x"})
    assert held(engine, Choosy, "a") == {"seen": ["'x' from None"]}


@E.once("E2", 'a line of --input is {"to": "ns/name/id", "type": "typename", "value": …}', "embedded")
async def line() -> None:
    deposit = {"to": "conf/account/ada", "type": "conf/deposit", "value": {"cents": 5}}
    assert held(await read(deposit, deposit), Account, "ada") == {"balance": 10}


@E.once("E3", 'with "after": "PT5S" it is a delayed message', "embedded")
async def after() -> None:
    deposit = {"to": "conf/account/ada", "type": "conf/deposit", "value": {"cents": 5}, "after": "PT5S"}
    assert held(await read(deposit, advance=4.999), Account, "ada") == {}
    assert held(await read(deposit, advance=5), Account, "ada") == {"balance": 5}
    deposit["after"] = "5s"
    assert held(await read(deposit, advance=4.999), Account, "ada") == {}
    assert held(await read(deposit, advance=5), Account, "ada") == {"balance": 5}


@E.once("E4", "the id is all that follows the second /", "embedded")
async def long_id() -> None:
    engine = await read({"to": "conf/account/a/b//c", "value": {"cents": 5}})
    assert held(engine, Account, "a/b//c") == {"balance": 5}


@E.once("E5", "type may be left out where the entity takes one type, and only there", "embedded")
async def no_type() -> None:
    assert held(await read({"to": "conf/account/a", "value": {"cents": 5}}), Account, "a") == {"balance": 5}
    with pytest.raises(BadLineError, match="type"):
        await read({"to": "conf/choosy/a", "value": 5})


APP = """
from datetime import timedelta
from statefun_actors import Entity, handles, persisted

class Chain(Entity, typename="conf/chain"):
    seen: list[int] = persisted(factory=list)

    @handles
    def go(self, message: int) -> None:
        self.seen.append(message)
        if message > 1:
            self.send(Chain.at("next"), message - 1)
        if message == 1:
            self.send_after(timedelta(days=30), self.address, 0)
        self.send_egress("conf/kept", message)
"""


def ran(*options: str, store: bool = True) -> tuple[dict[str, Any], dict[str, dict[str, object]]]:
    """The summary and the states of a ``run --until-idle`` over one line."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP)
        write_lines(folder / "in.jsonl", {"to": "conf/chain/first", "value": 3})
        told = summary("app.py", "--input", "in.jsonl", "--until-idle", *options, folder=folder)
        return told, states(folder / ".statefun" / "app.db")


CHAIN = {"conf/chain/first": {"seen": [3]}, "conf/chain/next": {"seen": [2, 1]}}


@E.once("E6", "--until-idle ends when input is read, mailboxes are empty and no message is due", "embedded")
def until_idle() -> None:
    told, found = ran()
    assert (told["ended"], told["messages_handled"], told["messages_waiting"]) == ("idle", 3, 0)
    assert found == CHAIN


@E.once("E7", "timers still pending are kept and counted in the summary", "embedded")
def timers_kept() -> None:
    told, _ = ran()
    assert (told["timers_pending"], told["timers_fired"]) == (1, 0)


@E.once("E8", "--fire-timers runs them too, in virtual time", "embedded")
def timers_fired() -> None:
    told, found = ran("--fire-timers")
    assert (told["timers_pending"], told["timers_fired"]) == (0, 1)
    assert 0 < 30 * 86_400 - told["virtual_seconds"] < 60  # what has gone by of them really
    assert found["conf/chain/next"] == {"seen": [2, 1, 0]}


@E.once("E9", "records of an egress that is not mapped stay in the store", "embedded")
def unmapped() -> None:
    told, _ = ran()
    assert (told["egress_kept"], told["egress"]) == (3, {})


@E.once("E10", "they are never lost: mapped later, they are written", "embedded")
def mapped_later() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "app.py").write_text(APP)
        write_lines(folder / "in.jsonl", {"to": "conf/chain/first", "value": 3})
        summary("app.py", "--input", "in.jsonl", "--until-idle", folder=folder)
        told = summary("app.py", "--until-idle", "--egress", "conf/kept=out.jsonl", folder=folder)
        lines = [json.loads(line)["value"] for line in (folder / "out.jsonl").read_text().splitlines()]
    assert told["egress_kept"] == 0
    assert lines == [3, 2, 1]
