"""``RequestReplyHandler``: locks the body of Flink's POST into the body of the response, in any web framework."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine, Sequence
from collections.abc import Set as AbstractSet
from typing import Any as Untyped
from typing import Final, Literal, Unpack, assert_never

from msgspec.structs import replace

from statefun_actors.dispatch import (
    Application,
    Dispatch,
    Instrument,
    Propagation,
    SystemHost,
    ThreadHost,
    current_task,
    dispatch_restoring,
    dispatcher,
    ended,
    exit_error,
    in_handler_task,
    start_handler_task,
    undo_cancellations,
)
from statefun_actors.endpoint.address_lock import AddressLock, AddressLocks
from statefun_actors.endpoint.gates import gate_of
from statefun_actors.endpoint.gateways import OutsideBatch, RestoringBatch, answered, opened
from statefun_actors.errors import DefinitionError, HandlerExitError, MissingStateError
from statefun_actors.host import Host
from statefun_actors.model import RESERVED_NAMESPACES, Batch, Done, Failed, Headers, Invocation, MissingState, Outcome
from statefun_actors.own_logger import own_logger
from statefun_actors.settings import Options, Settings, settings_with
from statefun_actors.system import run_in_own_loop
from statefun_actors.wire import V2, V3, Dialect

logger: Final = own_logger("statefun_actors.endpoint")

_DIALECTS: Final[dict[int, Dialect]] = {2: V2, 3: V3}
_OWN: Final = RESERVED_NAMESPACES[0].encode()
"""In the bytes of every request that :func:`opened` changes: it is in a typename, or the namespace of an address."""


class RequestReplyHandler:
    """Turns the body of a request from Flink into the body of the response.

    ::

        handler = RequestReplyHandler(Account)

        async def statefun(request):  # of any web framework
            return await handler.handle(await request.body())

    ``handler(data)`` is for synchronous frameworks (Flask: ``return handler(request.data)``),
    ``await handler.handle(data)`` for asynchronous ones. Answer 200 with ``application/octet-stream``.
    One handler may be called from any number of threads and event loops.

    Args:
        served: Entity classes and StatefulFunctions.
        settings: of the application; single settings can be given as keywords instead.
        protocol: 3 for StateFun 3.x, 2 for 2.x.
        instruments: called with what happens; on the threads that call this handler.

    Raises:
        DefinitionError: what is served does not fit together.
    """

    def __init__(
        self,
        *served: object,
        settings: Settings | None = None,
        protocol: Literal[2, 3] = 3,
        instruments: Sequence[Instrument] = (),
        **options: Unpack[Options],
    ) -> None:
        if len(served) == 1 and isinstance(served[0], Application):
            # An endpoint speaks both protocols for one application.
            self.app = served[0]
        else:
            self.app = Application(*served, settings=settings_with(settings, options), instruments=instruments)
        if protocol not in _DIALECTS:
            raise DefinitionError("RequestReplyHandler(...)", [f"protocol= is 2 or 3, got {protocol!r}"])
        self.app.refuse_renamed()
        self._dialect = _DIALECTS[protocol]
        propagation = self.app.instruments.propagation
        write_headers = None if propagation is None else self._dialect.write_headers
        self._write, self._is_2x = write_headers or self._dialect.write, protocol == 2
        self._dispatch = dispatcher(self.app, keeps_headers=write_headers is not None)
        self._restoring: Dispatch = functools.partial(dispatch_restoring, dispatch=self._dispatch)
        self._receive = self.read if propagation is None else functools.partial(self._in_trace, propagation)
        self._host: Host = SystemHost()
        served_functions = self.app.all_served.items()
        self._waiting = frozenset(name for name, served in served_functions if served.waits)
        self._prefixes = {name: name if served.function.owns_tokens else None for name, served in served_functions}
        self._locks = AddressLocks()
        self._gates = {
            name: gate for name, served in served_functions if (gate := gate_of(served.function)) is not None
        }
        """The gates of the function types with ``concurrency=``."""
        self._quiet_drops = {name for name, served in served_functions if served.own or served.retries}
        """The function types whose dropped cancellation tokens are not logged, or have been.

        No user of the reply function, the schedule function or an activity wrote a token.
        """

    async def handle(self, data: bytes) -> bytes:
        """Run the batch in the request *data*; return the body of the response.

        A cancelled batch has ended before the next batch of its address starts.

        Raises:
            MalformedRequestError: *data* is not a request; answer 400, a retry cannot help.
            Exception: the batch failed (an error of a handler, UnknownFunctionTypeError, StateDecodeError, …);
            answer 500, so that Flink tries again.
            KeyboardInterrupt: a handler raised it, or it was Ctrl-C.
        """
        receive = self._receive  # Python 3.11 calls an attribute that is no method slowly
        batch = receive(data)
        outcomes: list[Outcome] = []
        if batch.target[0] in self._waiting:
            task = start_handler_task(self._run(batch, outcomes))
            if task is not None:
                await ended(task)
        else:  # hiding the caller's task, which plain handlers could cancel, would take 4 % of a batch of one
            caller = current_task(asyncio.get_running_loop())
            cancelled = 0 if caller is None else caller.cancelling()
            await self._run(batch, outcomes)
            if caller is not None and caller.cancelling() != cancelled:
                await undo_cancellations(caller, cancelled)
                raise self._cancelled(batch)
        return self._written(batch, outcomes[0])

    def _cancelled(self, batch: Batch) -> HandlerExitError:
        """The error of *batch*, a plain handler of which has cancelled the task of the caller."""
        invocation = batch.invocations[0] if len(batch.invocations) == 1 else None
        return exit_error(asyncio.CancelledError(), self.app.all_served[batch.target[0]], invocation)

    def read(self, data: bytes) -> Batch:
        """The batch in the request *data*; raises MalformedRequestError."""
        batch = self._dialect.read(data)
        return opened(batch) if data.find(_OWN) >= 0 else batch  # `_OWN in data` takes longer in CPython

    def _in_trace(self, propagation: Propagation, data: bytes) -> Batch:
        """The batch in the request *data*, whose messages continue the trace of the calling code if they have none."""
        batch, headers = self.read(data), propagation.outgoing()
        return batch if headers is None else batch_with_headers(batch, headers, propagation.fields)

    def waits(self, batch: Batch) -> bool:
        """Whether the handlers of *batch* may wait for something, so that they have to run in a task."""
        return batch.target[0] in self._waiting

    async def reply(self, batch: Batch) -> bytes:
        """Run a batch; return the body of the response. Raises as :meth:`handle` does.

        For a caller whose task is a HandlerTask, or that runs without one: handlers may cancel the current task.
        """
        outcomes: list[Outcome] = []
        await self._run(batch, outcomes)
        return self._written(batch, outcomes[0])

    async def _run(self, batch: Batch, outcomes: list[Outcome]) -> None:
        """Run *batch*, and append its outcome to *outcomes*."""
        target, locks = batch.target, self._locks
        lock: AddressLock = []
        while locks.setdefault(target, lock) is not lock:
            await locks.ended(target)
        try:
            if self._gates or batch.__class__ is not Batch:
                outcomes.append(await self._outcome(batch))
            else:  # the same with a coroutine less
                dispatch = self._dispatch
                outcomes.append(await dispatch(batch, self.app, self._host))
        finally:
            del locks[target]
            if lock:
                locks.wake(lock)

    async def _outcome(self, batch: Batch) -> Outcome:
        """Run *batch*, whose address is locked, once its function type has a place for it."""
        dispatch = self._dispatch_of(batch)
        gate = self._gates.get(batch.target[0])
        if gate is None:
            return await dispatch(batch, self.app, self._host)
        await gate.enter()
        try:
            return await dispatch(batch, self.app, self._host)
        finally:
            gate.leave()

    def _dispatch_of(self, batch: Batch) -> Dispatch:
        return self._restoring if isinstance(batch, RestoringBatch) else self._dispatch

    def __call__(self, data: bytes) -> bytes:
        """As :meth:`handle`, in a thread without an event loop.

        Raises:
            RuntimeError: called inside a running event loop.
        """
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public form raises where there is none
            raise RuntimeError(
                "handler(data) was called inside a running event loop; write `await handler.handle(data)`"
            )
        receive = self._receive  # Python 3.11 calls an attribute that is no method slowly
        batch = receive(data)
        if batch.target[0] in self._waiting:
            return run_in_own_loop(in_handler_task(self.reply(batch)))
        target, locks = batch.target, self._locks
        dispatch = self._dispatch_of(batch)
        lock: AddressLock = []
        while locks.setdefault(target, lock) is not lock:
            locks.wait(target)
        gate = self._gates.get(target[0])
        try:
            if gate is not None:
                gate.enter_thread()
            try:
                outcome = _finished(dispatch(batch, self.app, ThreadHost()))
            finally:
                if gate is not None:
                    gate.leave()
        finally:
            del locks[target]
            if lock:
                locks.wake(lock)
        return self._written(batch, outcome)

    def _written(self, batch: Batch, outcome: Outcome) -> bytes:
        if isinstance(outcome, Done):  # not `match`, which takes longer to find the class
            typename = batch.target[0]
            if type(batch) is not Batch:
                assert isinstance(batch, OutsideBatch)
                outcome = answered(batch, outcome, self.app.settings.answers_topics)
            if self._is_2x and typename not in self._quiet_drops and V2.drops(outcome):
                self._quiet_drops.add(typename)
                logger.warning(
                    "%s uses cancellation tokens, which the 2.x protocol does not have: they are dropped, "
                    "and cancel(...) has no effect (logged once)",
                    typename,
                )
            write = self._write
            return write(outcome, self._prefixes[typename])
        if isinstance(outcome, MissingState):
            if self._is_2x:
                raise MissingStateError(batch.target[0], [spec.name for spec in outcome.specs])
            return self._dialect.write(outcome, token_prefix=None)
        if isinstance(outcome, Failed):
            raise outcome.error
        assert_never(outcome)


def batch_with_headers(batch: Batch, headers: Headers, fields: AbstractSet[str]) -> Batch:
    """*batch*, whose messages have *headers*, too: all but those that have headers of the names *fields* of their own.

    *fields* belong together: they are the context of one trace.
    """
    return replace(batch, invocations=[_with_headers(each, headers, fields) for each in batch.invocations])


def _with_headers(invocation: Invocation, headers: Headers, fields: AbstractSet[str]) -> Invocation:
    if not invocation.headers:
        return replace(invocation, headers=headers)
    if not fields.isdisjoint(invocation.headers):
        return invocation
    return replace(invocation, headers={**invocation.headers, **headers})


def _finished(run: Coroutine[Untyped, Untyped, Outcome]) -> Outcome:
    """The result of *run*, which never waits for a loop."""
    try:
        run.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    run.close()
    raise AssertionError("a plain handler suspended")
