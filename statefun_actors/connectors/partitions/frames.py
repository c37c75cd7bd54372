"""The protocol of a link, over a Unix socket: frames of four bytes of length and a body in MessagePack.

==========  ==============  ==================================================================
from        frame           when
==========  ==============  ==================================================================
sender      ``Hello``       first
receiver    ``Welcome``     the last durable record of this sender: its number, and the last starts of its sender then
sender      ``Records``     at any time afterwards, in the order of their numbers
receiver    ``Durable``     once records are durable: the number of the last one
==========  ==============  ==================================================================

A receiver that refuses a ``Hello`` closes the connection.
"""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

import msgspec


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The sender of a connection.

    Args:
        system: the id of the system, which all its partitions share.
        sender: its partition.
        receiver: the partition that it wants to reach.
        starts: the last starts of its engine, see :class:`~statefun_actors.engine.Lineage`.
        egress: the egress of its records; None: they are messages.
    """

    system: str
    sender: int
    receiver: int
    starts: str
    egress: str | None = None


class Welcome(msgspec.Struct, frozen=True, array_like=True):
    """The receiver takes records after *durable*, at which the sender's engine had the last *starts*."""

    durable: int
    starts: str


class Records(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Records: the number and the value of each."""

    records: list[tuple[int, bytes]]


class Durable(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All records up to number *seq* are durable."""

    seq: int


_HEAD: Final = 4
_encode: Final = msgspec.msgpack.Encoder().encode
T = TypeVar("T")


def frame(content: Hello | Welcome | Records | Durable) -> bytes:
    """*content* as bytes."""
    body = _encode(content)
    return len(body).to_bytes(_HEAD, "big") + body


async def read_frame(reader: asyncio.StreamReader, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """The next frame.

    Raises:
        EOFError: the connection is closed.
        OSError: it is broken.
        msgspec.MsgspecError: the frame is not of the expected kind.
    """
    size = int.from_bytes(await reader.readexactly(_HEAD), "big")
    return decoder.decode(await reader.readexactly(size))


read_hello: Final = msgspec.msgpack.Decoder(Hello)
read_welcome: Final = msgspec.msgpack.Decoder(Welcome)
read_records: Final = msgspec.msgpack.Decoder(Records)
read_durable: Final = msgspec.msgpack.Decoder(Durable)
