"""The targets of lines, for a reader that takes some of the lines only. The rest of a line is skipped, not checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from statefun_actors.ingress.json_lines import BOM


class _Target(msgspec.Struct, gc=False):
    to: str


_decode: Final = msgspec.json.Decoder(_Target).decode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def targets_in(lines: Sequence[bytes]) -> list[str | None]:
    """The text of ``to`` in each of *lines*; None if it has none, is not JSON, or is white space."""
    decode, found = _decode, list[str | None]()
    for line in lines:
        try:
            found.append(decode(line).to)
        except _UNREADABLE:
            found.append(_without_mark(line))
    return found


def is_blank(line: bytes) -> bool:
    """Whether *line* is white space, which is no message."""
    return not line.removeprefix(BOM).strip()


def _without_mark(line: bytes) -> str | None:
    try:
        return _decode(line.removeprefix(BOM)).to if line.startswith(BOM) else None
    except _UNREADABLE:
        return None
