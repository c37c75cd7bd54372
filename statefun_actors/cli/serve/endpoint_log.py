"""Follows the log of a local cluster's endpoint, for its warnings and errors."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_BEGINS: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) ")
_JSON_BEGINS: Final = re.compile(r'\{"time": "[^"]*", "level": "(?P<level>[A-Z]+)"')
_REPORTED: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
_MOST: Final = 60
"""The maximum number of lines at a time: a traceback or two."""
_AGAIN: Final = 60.0
"""Seconds before a repeated line is reported again: Flink repeats a failed batch."""
_REMEMBERED: Final = 1_000


class EndpointLog:
    """Reads the file at *path*, written by :mod:`~.logs`, from its beginning. It may be missing at first.

    *monotonic* is a clock in seconds.
    """

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path, self._monotonic = path, monotonic
        self._last: dict[str, float] = {}
        self._at = 0
        self._rest = b""
        self._reported = False

    def news(self) -> list[str]:
        """The warnings and errors since the last call, with tracebacks, without their times.

        Only the first lines of many are returned, and repeated ones once a minute.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                data = file.read()
        except OSError:
            return []
        self._at += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = [text for line in lines if (text := self._shown(line.decode("utf-8", "replace"))) is not None]
        if (more := len(found) - _MOST) > 0:
            found[_MOST:] = [f"{more} more lines are in {self._path}"]
        return found

    def _shown(self, line: str) -> str | None:
        if (begins := _BEGINS.match(line) or _JSON_BEGINS.match(line)) is not None:
            rest = line[begins.start("level") :]
            self._reported = begins["level"] in _REPORTED and self._is_due(rest)
            if begins.re is _BEGINS:
                line = rest
        return line if self._reported else None

    def _is_due(self, line: str) -> bool:
        now = self._monotonic()
        if now - self._last.get(line, -_AGAIN) < _AGAIN:
            return False
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[line] = now
        return True
