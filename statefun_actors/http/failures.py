"""What is told of a batch that came to nothing: one short line to Flink, and a line with more in the log."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from statefun_actors.model import Address, Batch
from statefun_actors.text import describe_error, describe_type, loggable

logger: Final = logging.getLogger("statefun_actors.http")

TRACEBACK_EVERY: Final = 60.0
"""Seconds between two tracebacks of one kind of failure. Flink sends a failed batch again within milliseconds."""

_LONGEST_LINE: Final = 300
_LONGEST_ADDRESS: Final = 200
_MOST_TYPES: Final = 5
_MOST_KINDS: Final = 1_000


class Failures:
    """Writes the log lines, and remembers of which failures the log has a traceback already.

    Args:
        monotonic: seconds since some moment.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._shown: dict[tuple[str, type, str], float] = {}

    def log(self, batch: Batch | None, error: BaseException) -> None:
        """One line with address, message types and error; the traceback too, once a minute for each kind."""
        if batch is None:
            logger.error("a request failed: %s", one_line(error), exc_info=loggable(error))
            return
        types = Counter(invocation.argument.typename for invocation in batch.invocations)
        shown = [
            f"{_plain(name)}{f' x {times}' if times > 1 else ''}" for name, times in types.most_common(_MOST_TYPES)
        ]
        if len(types) > _MOST_TYPES:
            shown.append(f"{len(types) - _MOST_TYPES} more types")
        logger.error(
            "%s: a batch of %d failed (%s): %s",
            shown_address(batch.target),
            len(batch.invocations),
            ", ".join(shown),
            one_line(error),
            exc_info=loggable(error) if self._is_due(batch.target.typename, error) else None,
        )

    def _is_due(self, typename: str, error: BaseException) -> bool:
        """Whether the log is to have the traceback: it has none of such an error from there, or an old one."""
        trace = error.__traceback__
        if trace is None:
            return False
        while trace.tb_next is not None:
            trace = trace.tb_next
        kind = (typename, type(error), f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}")
        now = self._monotonic()
        if now - self._shown.get(kind, -TRACEBACK_EVERY) < TRACEBACK_EVERY:
            return False
        if len(self._shown) >= _MOST_KINDS:
            self._shown.clear()
        self._shown[kind] = now
        return True


def shown_address(address: Address) -> str:
    """*address* as it stands in a log line."""
    return _cut(_plain(str(address)), _LONGEST_ADDRESS)


def one_line(error: BaseException) -> str:
    """*error* as a reply body or a log line tells it: its class and the first line of its text, cut where long."""
    first, *more = describe_error(error).strip().splitlines() or [""]
    if first.startswith("Traceback (most recent call last)"):
        first, more = more[-1].strip() if more else "", []
    text = _plain(first) + (" …" if more else "")
    return _cut(f"{describe_type(error)}: {text}" if text else describe_type(error), _LONGEST_LINE)


def _plain(text: str) -> str:
    """*text* with everything spelled out that would break a line, or can't be written."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
