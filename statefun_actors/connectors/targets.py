"""Parses the target of an egress: ``receipts.jsonl``, ``-`` or ``https://example.org/receipts``.

In a settings file it may be a table: ``{ to = "https://…", headers = { authorization = "Bearer ${TOKEN}" } }``;
``${TOKEN}`` is replaced by an environment variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import attrs

from statefun_actors.connectors.http import shown_url

_VARIABLE: Final = re.compile(r"\$\{(\w+)\}")


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
    """An HTTP endpoint, one POST for each record, with *headers*.

    ``url`` may hold ``user:password@``, and secrets in its query.
    """

    url: str = attrs.field(repr=shown_url)
    headers: Mapping[str, str] = attrs.field(default={}, repr=False)

    def __str__(self) -> str:
        """For display: :func:`shown_url`."""
        return shown_url(self.url)


Target: TypeAlias = FileTarget | StdoutTarget | HttpTarget


def read_target(written: object, environment: Mapping[str, str]) -> Target:
    """Parse a target, a text or a table. Raises ValueError with what to write instead."""
    if isinstance(written, str):
        return _read_text(written)
    if not isinstance(written, Mapping) or not isinstance(to := written.get("to"), str):
        text = f'{written!r} is no target; write a text, or {{ to = "https://...", headers = {{ ... }} }}.'
        raise ValueError(text)  # noqa: TRY004 - all mistakes are ValueErrors
    if unknown := [key for key in written if key not in {"to", "headers"}]:
        raise ValueError(f"there is no {unknown[0]!r} of a target; there are to and headers.")
    target, headers = _read_text(to), written.get("headers", {})
    if not headers:
        return target
    if not isinstance(target, HttpTarget):
        raise ValueError(f"{to!r} takes no headers; only a URL does.")  # noqa: TRY004 - the same
    if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
        raise ValueError(f'{headers!r} are no headers; write {{ authorization = "Bearer ${{TOKEN}}" }}.')
    return attrs.evolve(
        target, headers={str(name).lower(): _expanded(value, environment) for name, value in headers.items()}
    )


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """*text* with ``${NAME}`` replaced, so that files need no secrets."""
    for name in _VARIABLE.findall(text):
        if name not in environment:
            raise ValueError(f"the environment variable {name}, which a header names, is not set.")
    expanded = _VARIABLE.sub(lambda found: environment[found[1]], text)
    if not (expanded.isascii() and expanded.isprintable()):
        raise ValueError(f"a header is printable ASCII; {text!r} is not.")
    return expanded


def _read_text(text: str) -> Target:
    if text in {"-", "/dev/stdout", "/dev/fd/1"}:
        return StdoutTarget()
    scheme, separator, _ = text.partition("://")
    if not separator:
        return FileTarget(Path(text))
    if scheme.lower() in {"http", "https"}:
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"{shown_url(text)!r} is no URL: {error}.") from None
        if not parts.hostname:
            raise ValueError(f"{shown_url(text)!r} names no host; write https://example.org/receipts.")
        if parts.fragment:
            raise ValueError(
                f"{shown_url(text)!r} has a fragment, which no server is sent; leave out #{parts.fragment}."
            )
        return HttpTarget(text)
    raise ValueError(
        f"{shown_url(text)!r} is nothing that records can go to; write a file, - (standard output) or a URL, http(s)://."
    )
