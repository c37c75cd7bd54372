"""Errors with a text that no store takes: their messages are given up, and others are not affected."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors import Address, DeadLetter, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.ingress import Answer, GivenUp, IngressMessage, Replied, Wait
from statefun_actors.store import MemoryStore, Store
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.types import pack
from tests.engine.engines import held, running, until

TEXTS = {
    "half a pair": ("caf\udce9.txt", r"caf\udce9.txt"),
    "half of an emoji": ("J\ud83d", r"J\ud83d"),
    "a megabyte": ("x" * 1_000_000, "x" * 2_000 + "…"),
    "a megabyte of halves": ("\udce9" * 1_000_000, r"\udce9" * 2_000 + "…"),
}
STORES: dict[str, Callable[[Path], Store]] = {"memory": lambda folder: MemoryStore(), "sqlite": SqliteStore}


class Importing(Entity):
    """Fails with the text of its message."""

    rows: int = persisted(default=0)

    @handles(str)
    def row(self, name: str) -> int:
        if name in TEXTS:
            raise TerminalError(TEXTS[name][0])
        self.rows += 1
        return self.rows


class Plain(Importing, typename="test/plain"):
    pass


class Buried(Importing, typename="test/buried", on_failure=DeadLetter("test/dead", attempts=2, backoff=0)):
    pass


class Dropped(Importing, typename="test/dropped", on_failure=Discard()):
    pass


@pytest.mark.parametrize("open_store", STORES.values(), ids=STORES)
@pytest.mark.parametrize("cls", [Plain, Buried, Dropped])
@pytest.mark.parametrize("key", [None, "k"])
@pytest.mark.parametrize("text", TEXTS)
async def test_a_message_that_fails_with_any_text_is_given_up_and_the_others_go_on(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    open_store: Callable[[Path], Store],
    cls: type[Importing],
    key: str | None,
    text: str,
) -> None:
    answers: dict[str, Answer] = {}
    store = open_store(tmp_path / "store.db")
    caplog.set_level(logging.DEBUG)
    async with running(cls, store=store) as engine:
        for id, name in (("a", "ok"), ("b", text), ("c", "ok"), ("b", "ok")):
            letter = IngressMessage(cls.at(id), pack(name), wait=Wait.HANDLED, key=key and f"{key} {name}")
            engine.take(letter, lambda answer, tag=f"{id} {name}": answers.__setitem__(tag, answer))  # type: ignore[misc]
        await until(lambda: len(answers) == 4)
        entries = list(store.dead_letters())

        shown = TEXTS[text][1]
        assert answers == {
            f"b {text}": GivenUp(f"TerminalError: {shown}"),
            **dict.fromkeys(("a ok", "c ok", "b ok"), Replied(pack(1))),
        }
        if cls is Dropped:
            assert entries == []
        else:
            [entry] = entries
            assert (entry.message.target, entry.message.value) == (Address(cls.at("b").typename, "b"), pack(text))
            assert (entry.error_type, entry.error, entry.attempts) == ("TerminalError", shown, 1)
        assert held(engine, cls.at("b"), "rows") == 1
        assert engine.view.error is None
        assert max(len(record.getMessage()) for record in caplog.records) < 20_000
    store.close()
