"""The log of a local cluster's endpoint, as whoever watches the cluster sees it: what is wrong, as it happens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)s %(message)s"

_BEGINS: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) ")
_TOLD: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
_MOST: Final = 60
"""Lines at a time: a traceback or two, but not a flood."""


class EndpointLog:
    """Reads the file at *path*, written in :data:`FORMAT`, from its beginning. It need not be there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._rest = b""
        self._told = False

    def news(self) -> list[str]:
        """Its warnings and errors since the last call, tracebacks too, without their times; of very many the first."""
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
        if (begins := _BEGINS.match(line)) is not None:
            self._told = begins["level"] in _TOLD
            line = line[begins.start("level") :]
        return line if self._told else None
