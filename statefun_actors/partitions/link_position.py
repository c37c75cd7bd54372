"""How far a link between partitions has been read, as the position of its source."""

from __future__ import annotations

from typing import Final

import msgspec


class LinkPosition(msgspec.Struct, frozen=True, array_like=True):
    """Up to which record of its sender a partition has taken all.

    Args:
        seq: the number of the last one.
        starts: the last starts of the sender's engine when it sent that; empty where they were not noted.
    """

    seq: int
    starts: str = ""

    @property
    def text(self) -> str:
        return msgspec.json.encode(self).decode()


_POSITION: Final = msgspec.json.Decoder(LinkPosition | int)


def read_link_position(text: str | None) -> LinkPosition:
    """The position in *text*: also that of an earlier version, a number alone. None: nothing was taken."""
    found = _POSITION.decode(text or "0")
    return LinkPosition(found) if isinstance(found, int) else found
