"""Text from outside forges no line of the log of an application that sets its handlers by itself."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Generator
from pathlib import Path

import pytest

import statefun_actors
from statefun_actors import AsyncRuntime, Entity, MessageRefusedError, TerminalError, handles
from statefun_actors.own_logger import own_logger

FORGED = "a\n2026-01-01 ERROR auth: root logged in\r\x1b[31m\u202e"
ESCAPED = r"a\n2026-01-01 ERROR auth: root logged in\r\x1b[31m\u202e"
BY_ITSELF = {"own_logger.py", "logs.py", "machine.py", "simulate.py"}
"""Files that look loggers up, and log nothing by them."""


class Refusing(Entity, typename="test/refusing"):
    @handles
    def refuse(self, message: str) -> None:
        raise TerminalError(message)


@pytest.fixture
def log() -> Generator[io.StringIO]:
    """The log of an application with a handler of its own."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_a_message_is_one_line(log: io.StringIO) -> None:
    own_logger("statefun_actors.test").warning("%s: %d of %s", FORGED, 1, ValueError(FORGED))

    assert log.getvalue() == f"WARNING statefun_actors.test: {ESCAPED}: 1 of {ESCAPED}\n"


def test_the_lines_of_a_traceback_have_a_prefix(log: io.StringIO) -> None:
    own_logger("statefun_actors.test").error("failed", exc_info=ValueError(FORGED))

    first, second, _, last = log.getvalue().split("\n", 3)
    assert (first, second) == ("ERROR statefun_actors.test: failed", "ValueError: a")
    assert last == ""
    assert log.getvalue().split("\n")[2] == r"  | 2026-01-01 ERROR auth: root logged in\r\x1b[31m\u202e"


def test_a_printable_record_keeps_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    own_logger("statefun_actors.test").warning("%s of %d", "ä", 2)

    [record] = caplog.records
    assert (record.msg, record.args) == ("%s of %d", ("ä", 2))


def test_a_record_that_can_not_be_formatted_is_left_to_its_handlers(log: io.StringIO) -> None:
    raises, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        own_logger("statefun_actors.test").warning("%d", "x")
    finally:
        logging.raiseExceptions = raises

    assert log.getvalue() == ""


def test_records_of_other_loggers_are_not_touched(log: io.StringIO) -> None:
    logging.getLogger("shop").warning("%s", FORGED)

    assert log.getvalue() == f"WARNING shop: {FORGED}\n"


def test_an_id_and_an_error_of_a_message_forge_no_line(log: io.StringIO) -> None:
    async def work() -> None:
        async with AsyncRuntime(Refusing) as runtime:
            with pytest.raises(MessageRefusedError):
                await runtime.ask(Refusing.at(FORGED), FORGED)

    asyncio.run(work())

    assert f"test/refusing/{ESCAPED}: dead letter of type io.statefun.types/string: " in log.getvalue()
    assert "\n2026" not in log.getvalue()
    assert "\x1b" not in log.getvalue()


def test_the_library_has_no_other_loggers() -> None:
    package = Path(statefun_actors.__file__).parent
    found = [path.name for path in package.rglob("*.py") if 'getLogger("statefun_actors' in path.read_text("utf-8")]

    assert set(found) <= BY_ITSELF
