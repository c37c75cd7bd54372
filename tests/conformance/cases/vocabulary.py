"""Shared parts of the cases: addresses outside, a captured log, dead letters, definition errors."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import attrs

from statefun_actors import Address, DefinitionError, KafkaRecord, message
from statefun_actors.engine import Engine

PROBE: Final = Address("probe/x", "1")
"""Nobody serves it: what goes there is in ``engine.sent``."""
ASKER: Final = Address("probe/asker", "1")
"""A caller, likewise."""


@message("conf/named")
class Named:
    text: str
    numbers: list[int] = attrs.field(factory=list)


@message("conf/other")
class Other:
    flag: bool = False


@attrs.frozen
class Point:
    """Without a name: it can be held in a field, and is no message."""

    x: int
    y: int = 0


def letters(records: list[object]) -> list[dict[str, Any]]:
    """The values of dead letters."""
    assert all(isinstance(record, KafkaRecord) for record in records)
    return [json.loads(record.value) for record in records if isinstance(record, KafkaRecord)]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:  # other cases may run at the same time, in threads of their own
            self.lines.append(record.getMessage())


@contextmanager
def logged(name: str) -> Generator[list[str]]:
    """The log records of this thread under *name*, from INFO up."""
    logger, handler = logging.getLogger(name), _Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def problems_of(define: Callable[[], object]) -> list[str]:
    """All that is wrong with what *define* defines."""
    try:
        define()
    except DefinitionError as error:
        return list(error.problems)
    return []


def raised(call: Callable[[], object]) -> BaseException | None:
    """What *call* raises."""
    try:
        call()
    except Exception as error:
        return error
    return None


@asynccontextmanager
async def working(engine: Engine) -> AsyncGenerator[None]:
    """*engine* runs."""
    task = asyncio.create_task(engine.run())
    try:
        yield
    finally:
        await engine.stop(drain=0)
        await task
