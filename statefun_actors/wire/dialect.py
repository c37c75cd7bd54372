"""Dialect: the interface of a protocol for its hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, final

from statefun_actors.model import Batch, Done, MissingState
from statefun_actors.wire.headers_writer import HeadersWriter
from statefun_actors.wire.reply_writer import Writer


class Write(Protocol):
    """The function that encodes replies."""

    def __call__(self, outcome: Done | MissingState, token_prefix: str | None) -> bytes: ...


@final
class Dialect:
    """One protocol of Flink Stateful Functions: decodes requests and encodes replies. Its only state is caches.

    Its functions are attributes, so that a host calls them directly.
    """

    __slots__ = ("drops", "protocol", "read", "write", "write_headers")

    def __init__(
        self, protocol: str, read: Callable[[bytes], Batch], writer: Writer, headers_writer: HeadersWriter | None = None
    ) -> None:
        self.protocol = protocol
        self.read: Callable[[bytes], Batch] = read
        """Decode a request, a serialized ``ToFunction``: 1 to n invocations of one address.

        ``Batch.state`` has every state of the request, None for an absent one. Values are not converted: in 2.x a
        ``TypedValue`` has the type URL and the bytes of an ``Any``. Unknown fields are ignored.

        Raises:
            MalformedRequestError: the bytes can't be parsed; a batch, target, invocation or argument is missing; an
                address is incomplete; a state is repeated. Retrying cannot help.
        """
        self.write: Write = writer.write
        """Encode a reply, a serialized ``FromFunction``, for an outcome.

        ``token_prefix`` is the function type of an entity, whose tokens are private to it: each is written as
        ``<prefix>:<token>``, and a cancellation precedes each delayed message with a token, so that it replaces a
        pending one. With None, for functions, tokens are written unchanged and nothing is added; an empty token means
        none.

        2.x writes primitives as ``google.protobuf.*Value`` and records under their 2.x names, and omits the effects for
        which ``drops`` is true.

        Raises:
            TypeError: a MissingState in 2.x, which can't request states.
            ValueError: a delay that is negative or beyond 64 bits; a name, id or token that is not Unicode text
                (UnicodeEncodeError).
        """
        self.write_headers: Write | None = None if headers_writer is None else headers_writer.write
        """As ``write``, with the headers of messages and Kafka records, which ``write`` omits; None if the protocol has
        no place for them. Without any the bytes are the same. A header that is not Unicode text is left out.
        """
        self.drops: Callable[[Done | MissingState], bool] = writer.drops
        """Whether ``write`` omits effects: tokens and cancellations, which 2.x does not have."""

    def __repr__(self) -> str:
        return f"<protocol {self.protocol}>"
