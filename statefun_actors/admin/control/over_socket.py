"""Through the control door of an engine in another process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import ClassVar, Final, assert_never

import msgspec

from statefun_actors.address import Address
from statefun_actors.admin.control import socket_protocol as wire
from statefun_actors.admin.control.control import DeadLetterRetry, Posting
from statefun_actors.asking import REPLY
from statefun_actors.calls import NotOpenError
from statefun_actors.engine import EpochLostError, FailingMessage, NotFailingError, NotStorableError
from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import TypedValue

PATIENCE: Final = 30.0
"""Seconds to wait for an answer: a handler may hold up the engine, and its disk may be slow."""


class ControlSocketError(StatefunActorsError):
    """The engine gave no answer, or did not understand. Whether the change was made is in the text."""

    retryable: ClassVar[bool] = True

    def __init__(self, door: str, reason: str, instead: str) -> None:
        super().__init__(door, reason, instead)
        self.door, self.reason, self.instead = door, reason, instead

    def __str__(self) -> str:
        return f"the engine behind {self.door} {self.reason}. {self.instead}"


class SocketControl:
    """The control behind the socket *door*, to which *reader* and *writer* lead. Made by :meth:`connect`."""

    def __init__(self, door: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float) -> None:
        self._door, self._reader, self._writer, self._patience = door, reader, writer, patience

    @classmethod
    async def connect(cls, door: str, *, patience: float = PATIENCE) -> SocketControl:
        """Raises OSError if no process listens at *door* (any more)."""
        reader, writer = await asyncio.open_unix_connection(door, limit=wire.LONGEST_LINE)
        return cls(door, reader, writer, patience)

    async def send(self, postings: Sequence[Posting]) -> None:
        await self._ask(wire.SendRequest.of([*postings]))

    async def retry(self, letters: Sequence[DeadLetterRetry]) -> None:
        await self._ask(wire.RetryRequest.of([*letters]))

    async def discard(self, seqs: Sequence[int]) -> None:
        await self._ask(wire.DiscardRequest([*seqs]))

    async def answer(self, token: str, value: TypedValue) -> None:
        await self._ask(wire.AnswerRequest(token, wire.Value.of(value)))

    async def cancel_ask(self, token: str) -> None:
        await self._ask(wire.CancelAskRequest(token))

    async def failing(self) -> list[FailingMessage]:
        return await self._ask(wire.Failing())

    async def retry_failing(self, addresses: Sequence[Address]) -> None:
        await self._ask(wire.RetryFailing(wire.addresses_of(addresses)))

    async def drop_failing(self, addresses: Sequence[Address], *, discard: bool = False) -> None:
        await self._ask(wire.DropFailing(wire.addresses_of(addresses), discard))

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _ask(self, request: wire.Request) -> list[FailingMessage]:
        line = wire.encode(request) + b"\n"
        if len(line) > wire.LONGEST_LINE:
            reason = f"takes at most {wire.LONGEST_LINE:,} bytes at once, got {len(line):,}"
            raise ControlSocketError(self._door, reason, "Nothing was changed; do it in several steps.")
        try:
            async with asyncio.timeout(self._patience):
                self._writer.write(line)
                await self._writer.drain()
                answer = await self._reader.readline()
        except TimeoutError:
            reason = f"has not answered for {self._patience:g} s; a handler may be holding it up"
            raise ControlSocketError(self._door, reason, _MAYBE) from None
        except OSError as error:
            raise ControlSocketError(self._door, f"has gone: {error}", _MAYBE) from None
        if not answer.endswith(b"\n"):
            raise ControlSocketError(self._door, "has ended without an answer", _MAYBE)
        return self._heed(answer)

    def _heed(self, answer: bytes) -> list[FailingMessage]:
        try:
            reply = wire.decode_reply(answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ControlSocketError(self._door, f"answers what makes no sense here: {error}", _VERSIONS) from None
        match reply:
            case wire.DoneReply():
                return []
            case wire.FailingList(messages):
                return [each.failing() for each in messages]
            case wire.NotFailing(address, reason):
                raise NotFailingError(address.address(), reason)
            case wire.Missing():
                raise reply.error()
            case wire.NotOpen(token):
                raise NotOpenError(Address(REPLY, token))
            case wire.Lost(reason):
                raise EpochLostError(reason)
            case wire.NotStorable(reason):
                raise NotStorableError(reason)
            case wire.RefusedReply(reason):
                raise ControlSocketError(self._door, f"refuses: {reason}", f"Nothing was changed. {_VERSIONS}")
            case _:
                assert_never(reply)


_MAYBE: Final = "The change may have been made or not: look before you do it again."
_VERSIONS: Final = "Is it of another version of statefun-actors?"
