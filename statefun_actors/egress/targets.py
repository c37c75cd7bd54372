"""A target as a user writes it: ``receipts.jsonl``, ``-`` or ``https://example.org/receipts``."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs


@attrs.frozen
class FileTarget:
    """A file of JSON lines."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@attrs.frozen
class StdoutTarget:
    """Standard output, as JSON lines."""

    def __str__(self) -> str:
        return "-"


@attrs.frozen
class HttpTarget:
    """An HTTP endpoint, one POST for each record. ``url`` may hold ``user:password@``."""

    url: str

    def __str__(self) -> str:
        """Without the password: it is shown."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


Target: TypeAlias = FileTarget | StdoutTarget | HttpTarget


def read_target(text: str) -> Target:
    """The target in *text*; raises ValueError, saying what to write instead."""
    if text == "-":
        return StdoutTarget()
    scheme, separator, _ = text.partition("://")
    if not separator:
        return FileTarget(Path(text))
    if scheme.lower() in {"http", "https"}:
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"{text!r} is no URL: {error}.") from None
        if not parts.hostname:
            raise ValueError(f"{text!r} names no host; write https://example.org/receipts.")
        if parts.fragment:
            raise ValueError(f"{text!r} has a fragment, which no server is sent; leave out #{parts.fragment}.")
        return HttpTarget(text)
    raise ValueError(
        f"{text!r} is nothing that records can go to; write a file, - (standard output) or a URL, http(s)://."
    )
