"""``WireTurns``: batches take the wire 3.x, the wire 2.x, and the direct call of the embedded engine in turn."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Iterator
from typing import Any as Untyped
from typing import Final, Literal

from msgspec.structs import replace

from statefun_actors.dispatch import Application, Dispatch, dispatcher
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.host import Host
from statefun_actors.model import Batch, Cancel, Done, Outcome, SendAfter
from statefun_actors.testing.wires.replies import read_2x, read_3x
from statefun_actors.testing.wires.requests import batch_in_2x, request_2x, request_3x

_REQUESTS: Final = {3: request_3x, 2: request_2x}
_REPLIES: Final = {3: read_3x, 2: read_2x}


class WireTurns:
    """Runs the batches of entities and functions by one path after the other.

    Over a wire, a batch is encoded as Flink's request, decoded and run by the code of the HTTP endpoint, and the reply
    that it encodes is decoded. This library's own functions and activities always run by the direct call.

    Args:
        app: the application that runs.
        first: the path of the first batch: 0 for the wire 3.x, 1 for the wire 2.x, 2 for the direct call.
    """

    def __init__(self, app: Application, first: int) -> None:
        self._served = {name: served for name, served in app.served.items() if not served.retries}
        paths = [_Wire(app, 3), _Wire(app, 2), None]
        self._turns: Iterator[_Wire | None] = itertools.cycle(paths[first:] + paths[:first])

    def around(self, direct: Dispatch) -> Dispatch:
        """The function that runs batches by the path whose turn it is; *direct* is the direct call."""

        def in_turn(batch: Batch, app: Application, host: Host) -> Coroutine[Untyped, Untyped, Outcome]:
            if batch.target[0] in self._served and (wire := next(self._turns)) is not None:
                return wire.run(batch, host, direct)
            return direct(batch, app, host)

        return in_turn


class _Wire(RequestReplyHandler):
    """The endpoint of one protocol, with the time and randomness of the engine under test."""

    def __init__(self, app: Application, protocol: Literal[2, 3]) -> None:
        super().__init__(app, protocol=protocol)
        self._dispatch = dispatcher(app, keeps_headers=True)
        self._request, self._in_2x = _REQUESTS[protocol], protocol == 2
        self._reply: Callable[[bytes, Done, str | None], Done] = _REPLIES[protocol]

    async def run(self, batch: Batch, host: Host, direct: Dispatch) -> Outcome:
        """The outcome of *batch*, by way of bytes.

        The code of a failure is not on the wire, so a failed batch has its own outcome. What no wire can carry, such
        as an id that is not Unicode text, takes the *direct* call.
        """
        served = self.app.served[batch.target[0]]
        try:
            received = self.read(self._request(batch_in_2x(batch, served) if self._in_2x else batch))
        except UnicodeEncodeError:
            return await direct(batch, self.app, host)
        if self._in_2x and any(invocation.headers is not None for invocation in batch.invocations):  # it has none
            pairs = zip(received.invocations, batch.invocations, strict=True)
            received = replace(received, invocations=[replace(got, headers=sent.headers) for got, sent in pairs])
        self._host = host
        outcomes: list[Outcome] = []
        await self._run(received, outcomes)
        [outcome] = outcomes
        if not isinstance(outcome, Done):
            return outcome
        prefix = self._prefixes[batch.target[0]]
        tokens = [each.token for each in outcome.effects if isinstance(each, SendAfter | Cancel)]
        if prefix is None and "" in tokens:  # on a wire it is no token
            return outcome
        try:
            reply = self._dialect.write(outcome, token_prefix=prefix)
        except UnicodeEncodeError:  # the store refuses it
            return outcome
        return self._reply(reply, outcome, prefix)
