"""Control of an engine in another process, through its control socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import ClassVar, Final, assert_never

import msgspec

from statefun_actors.address import Address
from statefun_actors.admin.control import socket_protocol as wire
from statefun_actors.admin.control import socket_replies as replies
from statefun_actors.admin.control import socket_values as values
from statefun_actors.admin.control.engine_state import EngineState
from statefun_actors.admin.control.interface import DeadLetterRetry, FieldEdit, Posting, TimerKey
from statefun_actors.asking import REPLY
from statefun_actors.calls import NotOpenError
from statefun_actors.engine import (
    EpochLostError,
    FailingMessage,
    NotFailingError,
    NoTimerError,
    NotSetError,
    NotStorableError,
)
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import TypedValue
from statefun_actors.store import NotPausedError, PauseTarget

PATIENCE: Final = 30.0
"""The timeout of an answer, in seconds: a handler may block the engine, or its disk may be slow."""


class ControlSocketError(StatefunActorsError):
    """The engine did not answer, or did not understand. The text says whether the change was made."""

    retryable: ClassVar[bool] = True

    def __init__(self, path: str, reason: str, instead: str) -> None:
        super().__init__(path, reason, instead)
        self.path, self.reason, self.instead = path, reason, instead

    def __str__(self) -> str:
        return f"the engine behind {self.path} {self.reason}. {self.instead}"


class SocketControl:
    """The control over the socket at *path*, connected by *reader* and *writer*. Made by :meth:`connect`."""

    def __init__(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self._path, self._reader, self._writer, self._patience = path, reader, writer, patience

    @classmethod
    async def connect(cls, path: str, *, patience: float = PATIENCE) -> SocketControl:
        """Connect to the socket at *path*. Raises OSError if no process listens there."""
        reader, writer = await asyncio.open_unix_connection(path, limit=wire.LONGEST_LINE)
        return cls(path, reader, writer, patience)

    async def send(self, postings: Sequence[Posting]) -> None:
        await self._ask(wire.SendRequest.of([*postings]))

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        await self._ask(wire.RetryRequest.of([*letters]))

    async def discard(self, seqs: Sequence[int]) -> None:
        await self._ask(wire.DiscardRequest([*seqs]))

    async def fire_timers(self, timers: Sequence[TimerKey]) -> None:
        await self._ask(wire.FireTimers([*timers]))

    async def cancel_timers(self, timers: Sequence[TimerKey]) -> None:
        await self._ask(wire.CancelTimers([*timers]))

    async def set_field(self, edit: FieldEdit) -> None:
        await self._ask(wire.SetField.of(edit))

    async def answer(self, token: str, value: TypedValue) -> None:
        await self._ask(wire.AnswerRequest(token, values.Value.of(value)))

    async def cancel_ask(self, token: str) -> None:
        await self._ask(wire.CancelAskRequest(token))

    async def failing(self) -> list[FailingMessage]:
        reply = await self._ask(wire.Failing())
        return [each.failing() for each in reply.messages] if isinstance(reply, replies.FailingList) else []

    async def state(self) -> EngineState:
        reply = await self._ask(wire.State())
        return reply.state() if isinstance(reply, replies.StateReply) else EngineState()

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        await self._ask(wire.RetryFailing(values.addresses_of(addresses)))

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        await self._ask(wire.DropFailing(values.addresses_of(addresses), discard))

    async def pause(self, targets: Sequence[PauseTarget]) -> None:
        await self._ask(wire.Pause(values.targets_of(targets)))

    async def resume(self, targets: Sequence[PauseTarget]) -> None:
        await self._ask(wire.Resume(values.targets_of(targets)))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, request: wire.Request) -> _Found:
        line = wire.encode(request) + b"\n"
        if len(line) > wire.LONGEST_LINE:
            reason = f"takes at most {wire.LONGEST_LINE:,} bytes at once, got {len(line):,}"
            raise ControlSocketError(self._path, reason, "Nothing was changed; do it in several steps.")
        unanswered = _READ if isinstance(request, wire.Failing | wire.State) else _MAYBE
        try:
            async with asyncio.timeout(self._patience):
                self._writer.write(line)
                await self._writer.drain()
                answer = await self._reader.readline()
        except TimeoutError:
            reason = f"has not answered within {self._patience:g} s; a handler may be blocking it"
            raise ControlSocketError(self._path, reason, unanswered) from None
        except OSError as error:
            raise ControlSocketError(self._path, f"closed the connection: {error}", unanswered) from None
        if not answer.endswith(b"\n"):
            raise ControlSocketError(self._path, "has ended without an answer", unanswered)
        return self._heed(answer)

    def _heed(self, answer: bytes) -> _Found:
        try:
            reply = replies.decode(answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ControlSocketError(self._path, f"gave an invalid answer: {error}", _VERSIONS) from None
        match reply:
            case replies.DoneReply() | replies.FailingList() | replies.StateReply():
                return reply
            case replies.NotFailing(address, reason):
                raise NotFailingError(address.address(), reason)
            case replies.NotPaused(target, by_type):
                raise NotPausedError(target.target(), by_type)
            case replies.Missing():
                raise reply.error()
            case replies.NoTimer(seq):
                raise NoTimerError(seq)
            case replies.NotSet(address, name, reason):
                raise NotSetError(address.address(), name, reason)
            case replies.AskNotOpen(token):
                raise NotOpenError(Address(REPLY, token))
            case replies.Lost(reason):
                raise EpochLostError(reason)
            case replies.NotStorable(reason):
                raise NotStorableError(reason)
            case replies.RefusedReply(reason):
                raise ControlSocketError(self._path, f"refused: {reason}", f"Nothing was changed. {_VERSIONS}")
            case _:
                assert_never(reply)


_Found = replies.DoneReply | replies.FailingList | replies.StateReply
_MAYBE: Final = "The change may or may not have been made: check before you repeat it."
_READ: Final = "This request changes nothing: try again."
_VERSIONS: Final = "Is it of another version of statefun-actors?"
