"""What a host knows of a protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, final

from statefun_actors.model import Batch, Done, MissingState
from statefun_actors.wire.writing import Writer


class Write(Protocol):
    """What writes replies."""

    def __call__(self, outcome: Done | MissingState, token_prefix: str | None) -> bytes: ...


@final
class Dialect:
    """One protocol of Flink Stateful Functions: a request body in, a reply body out. It holds no state but caches.

    Its functions are attributes, so that a host calls them and nothing in between.
    """

    __slots__ = ("drops", "protocol", "read", "write")

    def __init__(self, protocol: str, read: Callable[[bytes], Batch], writer: Writer) -> None:
        self.protocol = protocol
        self.read: Callable[[bytes], Batch] = read
        """The batch that these bytes, a serialized ``ToFunction``, hold: 1 to n invocations of one address.

        ``Batch.state`` has every state that came, None for an absent one. Values are as they came, nothing is
        converted: in 2.x a ``TypedValue`` holds an ``Any``'s type URL and bytes. Unknown fields are ignored.

        Raises:
            MalformedRequestError: the bytes don't parse; no batch, target, invocation or argument; an incomplete
                address; one state twice. Retrying cannot help.
        """
        self.write: Write = writer.write
        """The serialized ``FromFunction`` that tells Flink of an outcome.

        ``token_prefix`` is the function type of an entity, whose tokens belong to it alone: each is written as
        ``<prefix>:<token>``, and a cancellation precedes each delayed message that has one, so that it replaces a
        pending one. None, for functions, leaves tokens as they are and adds nothing; an empty token is no token then.

        2.x writes primitives as ``google.protobuf.*Value`` and records under their 2.x names, and leaves out what
        ``drops`` tells of.

        Raises:
            TypeError: a MissingState in 2.x, which can't ask for states.
            ValueError: a delay that is negative or beyond 64 bits; a name, id or token that is not Unicode text
                (UnicodeEncodeError).
        """
        self.drops: Callable[[Done | MissingState], bool] = writer.drops
        """Whether ``write`` leaves something out: tokens and cancellations, which 2.x does not know."""

    def __repr__(self) -> str:
        return f"<protocol {self.protocol}>"
