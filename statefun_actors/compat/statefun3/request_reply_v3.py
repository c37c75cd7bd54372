"""``RequestReplyHandler``: answers the requests of Flink, as in Apache's ``statefun.request_reply_v3``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from statefun_actors import endpoint
from statefun_actors.compat.statefun3.statefun_builder import StatefulFunctions
from statefun_actors.dispatch import Instrument
from statefun_actors.settings import Options, Settings


class RequestReplyHandler:
    """Turns the body of a request of Flink into the body of the response, in any web framework.

    Args:
        functions: what is served.
        settings: of the application; single settings can be given as keywords instead, such as ``on_failure=``.
        instruments: called with what happens.
    """

    def __init__(
        self,
        functions: StatefulFunctions,
        *,
        settings: Settings | None = None,
        instruments: Sequence[Instrument] = (),
        **options: Unpack[Options],
    ) -> None:
        if functions is None:
            raise ValueError("expected StatefulFunctions, got None")
        self.functions = functions
        self._handler = endpoint.RequestReplyHandler(functions, settings=settings, instruments=instruments, **options)

    def handle_sync(self, request_bytes: bytes | bytearray) -> bytes:
        """The response, in a thread without an event loop. Raises as :meth:`handle_async` does."""
        return self._handler(bytes(request_bytes))

    async def handle_async(self, request_bytes: bytes | bytearray) -> bytes:
        """The response.

        Raises:
            MalformedRequestError: *request_bytes* is no request; answer 400.
            Exception: the batch failed; answer 500, so that Flink tries again.
        """
        return await self._handler.handle(bytes(request_bytes))
