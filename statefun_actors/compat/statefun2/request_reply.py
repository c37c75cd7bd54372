"""Handlers that answer the requests of Flink, as in Apache's ``statefun.request_reply`` of SDK 2.x."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from statefun_actors import endpoint
from statefun_actors.compat.statefun2.core import StatefulFunctions
from statefun_actors.dispatch import Instrument
from statefun_actors.settings import Options, Settings


class _Handler:
    def __init__(
        self,
        functions: StatefulFunctions,
        *,
        settings: Settings | None = None,
        instruments: Sequence[Instrument] = (),
        **options: Unpack[Options],
    ) -> None:
        self.functions = functions
        self._handler = endpoint.RequestReplyHandler(
            functions, settings=settings, protocol=2, instruments=instruments, **options
        )


class RequestReplyHandler(_Handler):
    """Turns the body of a request of Flink into the body of the response: ``handler(request.data)``.

    Args:
        functions: what is served.
        settings: of the application; single settings can be given as keywords instead, such as ``on_failure=``.
        instruments: called with what happens.
    """

    def __call__(self, request_bytes: bytes | bytearray) -> bytes:
        """The response, in a thread without an event loop.

        Raises:
            MalformedRequestError: *request_bytes* is no request; answer 400.
            Exception: the batch failed; answer 500, so that Flink tries again.
        """
        return self._handler(bytes(request_bytes))


class AsyncRequestReplyHandler(_Handler):
    """The same for asynchronous functions and frameworks: ``await handler(await request.read())``.

    The arguments are those of :class:`RequestReplyHandler`.
    """

    async def __call__(self, request_bytes: bytes | bytearray) -> bytes:
        """The response. Raises as :class:`RequestReplyHandler` does."""
        return await self._handler.handle(bytes(request_bytes))
