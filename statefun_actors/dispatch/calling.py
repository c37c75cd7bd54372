"""Calling the handlers that may take their time: ``async def``, and plain ``def`` in a thread."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Coroutine
from types import CoroutineType
from typing import Any as Untyped
from typing import Final

from statefun_actors.dispatch.application import BoundHandler
from statefun_actors.dispatch.notes import Notes
from statefun_actors.dispatch.steps import Watch, resumed
from statefun_actors.errors import HandlerTimeoutError
from statefun_actors.model import Host

HELD_TOO_LONG: Final = 0.1
"""Seconds for which a handler may hold the event loop before it is named in the log."""


async def call(handler: BoundHandler, subject: object, message: object, host: Host, notes: Notes) -> object:
    """What *handler* returns, however long it takes.

    Raises:
        HandlerTimeoutError: longer than it may.
    """
    if handler.blocking:
        return await _in_thread(handler, subject, message, host)
    coroutine = handler.function(subject, message)
    if coroutine.__class__ is not CoroutineType:
        # What a decorator made of an async function.
        return await coroutine if inspect.isawaitable(coroutine) else coroutine
    return await _driven(handler, coroutine, host, notes)


async def _driven(
    handler: BoundHandler, coroutine: Coroutine[Untyped, Untyped, object], host: Host, notes: Notes
) -> object:
    """Most handlers never wait for anything: a timer is set only for one that does."""
    monotonic = host.monotonic
    before = monotonic()
    try:
        pending = coroutine.send(None)
    except StopIteration as done:
        if (held := monotonic() - before) > HELD_TOO_LONG:
            notes.held_loop(handler.name, held)
        return done.value
    if (held := monotonic() - before) > HELD_TOO_LONG:
        notes.held_loop(handler.name, held)
    watch = Watch(monotonic, HELD_TOO_LONG, functools.partial(notes.held_loop, handler.name))
    if handler.timeout is None:
        return await resumed(coroutine, pending, watch)
    return await _in_time(handler, handler.timeout, resumed(coroutine, pending, watch), host)


async def _in_time(handler: BoundHandler, seconds: float, work: Untyped, host: Host) -> object:
    """What *work* comes to within *seconds*; afterwards nothing counts, whether it was cancelled or went on."""
    deadline = host.timeout(seconds)
    try:
        async with deadline:
            result: object = await work
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        if deadline.expired():
            raise HandlerTimeoutError(handler.name, seconds) from error
        raise
    if deadline.expired():
        raise HandlerTimeoutError(handler.name, seconds)
    return result


async def _in_thread(handler: BoundHandler, subject: object, message: object, host: Host) -> object:
    """A blocking handler in a thread of its own.

    When the batch is cancelled the thread is waited for, so that nothing else of this address starts beside it.
    A timeout does not wait: the subject is abandoned, so that what the thread still does to it changes nothing.
    """
    loop = asyncio.get_running_loop()
    work = functools.partial(contextvars.copy_context().run, _plain, handler.function, subject, message)
    thread = loop.run_in_executor(None, work)
    try:
        if handler.timeout is None:
            return await asyncio.shield(thread)
        try:
            return await _in_time(handler, handler.timeout, asyncio.shield(thread), host)
        except HandlerTimeoutError:
            thread.add_done_callback(_forget)
            raise
    except asyncio.CancelledError:
        while not thread.done():
            try:
                await asyncio.wait([thread])
            except asyncio.CancelledError:
                continue  # asked again; the answer is the same
        _forget(thread)
        raise


def _plain(function: Untyped, subject: object, message: object) -> object:
    try:
        return function(subject, message)
    except StopIteration as error:
        # A future can't hold a StopIteration.
        raise RuntimeError("the handler raised StopIteration") from error


def _forget(thread: asyncio.Future[object]) -> None:
    if not thread.cancelled():
        thread.exception()
