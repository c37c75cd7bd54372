"""A reply from outside to an open ask: ``POST /replies/<token>``, and ``answer(token, message)`` in Python."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import ClassVar, final

from msgspec import Struct

from statefun_actors.address import Address
from statefun_actors.asking import REPLY
from statefun_actors.conversations import OpenAsk
from statefun_actors.ingress.message import Wait
from statefun_actors.model import Headers, TypedValue


@final
class ReplyMessage(Struct, frozen=True):
    """A reply from outside to an open ask.

    Its answer, once durable, is ``Taken`` if it became the answer to the ask, ``NotOpen`` if not, or ``Unfit`` with the
    error of *encode*.

    Args:
        token: of the ask.
        encode: returns the message for the open ask. If it raises, the ask does not take the reply and stays open.
        key: an idempotency key, scoped to *token*.
        digest: identifies the reply among others with the same key; given with a key.
        headers: stored with it; None = no headers.
    """

    wait: ClassVar[Wait] = Wait.TAKEN

    token: str
    encode: Callable[[OpenAsk], TypedValue]
    key: str | None = None
    digest: str | None = None
    headers: Headers | None = None

    @property
    def target(self) -> Address:
        """The reply address."""
        return Address(REPLY, self.token)


def digest(*parts: bytes) -> str:
    """Identifies a reply among others with the same key."""
    found = hashlib.blake2b(digest_size=16)
    for part in parts:
        found.update(b"%d:" % len(part) + part)
    return found.hexdigest()
