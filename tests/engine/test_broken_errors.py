"""Errors whose classes, attributes or notes raise when others look at them: the engine goes on, and logs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from statefun_actors import Entity, TerminalError, handles, persisted
from statefun_actors.engine import ManualClock
from statefun_actors.interrupts import owning_process
from statefun_actors.types import pack
from tests.engine.engines import held, running, send

raises: list[type[BaseException]] = []
"""What the errors raise at present: nothing, while pytest looks for tests."""


def leave(*_: object) -> Any:
    if raises:
        raise raises[0]


class Metaclass(type):
    def __getattribute__(cls, name: str) -> Any:
        leave()
        return super().__getattribute__(name)


class Classless(Exception):
    __class__: Any = property(leave)


class Pretender(Exception):
    __class__: Any = TerminalError


class Guarded(Exception):
    def __getattribute__(self, name: str) -> Any:
        leave()
        return super().__getattribute__(name)


class Odd(Exception, metaclass=Metaclass):
    pass


class Doubtful(Exception):
    def __bool__(self) -> bool:
        leave()
        return True


class Annotated(Exception):
    __notes__: Any = property(leave)


class Unlisted(ExceptionGroup[Exception]):
    exceptions: Any = property(leave)


class Untraced(Exception):
    def with_traceback(self, tb: Any) -> Any:
        return None


def noted(notes: object) -> Exception:
    error = ValueError("no")
    error.__notes__ = notes  # type: ignore[assignment]
    return error


def unparsed() -> Exception:
    error = SyntaxError("no")
    error.text, error.offset, error.lineno = 5, object(), "a"  # type: ignore[assignment]
    return error


def caused() -> Exception:
    error = ValueError("no")
    error.__cause__ = Guarded("no")
    return error


ERRORS: dict[str, Callable[[], Exception]] = {
    "Classless: no": lambda: Classless("no"),
    "Pretender: no": lambda: Pretender("no"),
    "Guarded: no": lambda: Guarded("no"),
    "Odd: no": lambda: Odd("no"),
    "Doubtful: no": lambda: Doubtful("no"),
    "Annotated: no": lambda: Annotated("no"),
    "Unlisted: no (1 sub-exception)": lambda: Unlisted("no", [ValueError("no")]),
    "Untraced: no": lambda: Untraced("no"),
    "ValueError: no": lambda: noted(5),
    "SyntaxError: no": unparsed,
    "ExceptionGroup: no (1 sub-exception)": lambda: ExceptionGroup("no", [Guarded("no")]),
    "LookupError: no": lambda: LookupError("no"),
    "KeyError: 'no'": lambda: KeyError("no"),
}


class Failing(Entity, typename="test/failing"):
    """Fails with an error, in one of the ways in which a handler runs."""

    count: int = persisted(default=0)

    @handles(str)
    def at_once(self, message: str) -> None:
        error = ERRORS[message]()
        raise error

    @handles(bytes)
    async def in_a_task(self, message: bytes) -> None:
        async def child() -> None:
            error = ERRORS[message.decode()]()
            raise error

        await asyncio.create_task(child())

    @handles(int)
    def count_on(self, message: int) -> int:
        self.count += message
        return self.count


class Blocking(Entity, typename="test/blocking"):
    @handles(str, blocking=True)
    def in_a_thread(self, message: str) -> None:
        error = ERRORS[message]()
        raise error


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        raises.append(KeyboardInterrupt)
        yield
        raises.clear()


async def test_each_is_the_failure_of_its_message_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with running(Failing, Blocking, clock=ManualClock()) as engine:
        for text in ERRORS:
            send(engine, Failing.at(f"{text}, at once"), pack(text))
            send(engine, Failing.at(f"{text}, in a task"), pack(text.encode()))
            send(engine, Blocking.at(f"{text}, in a thread"), pack(text))
        await engine.settled()
        send(engine, Failing.at("other"), pack(1))
        await engine.settled()

        failing = {each.message.target.id: each.why for each in engine.view.failing_messages()}
        assert held(engine, Failing.at("other"), "count") == 1
    assert failing == {f"{text}, {way}": text for text in ERRORS for way in ("at once", "in a task", "in a thread")}
    assert len([record for record in caplog.records if record.exc_text]) == 3 * len(ERRORS)
