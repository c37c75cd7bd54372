"""The control socket of an engine: a Unix domain socket next to the store, for this user's other processes.

It is ``<store>.sock``. If that is too long for a socket's name or in use by another process, it is in a new temporary
folder. The store's lock file contains its path.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final, assert_never

import msgspec

from statefun_actors.admin.control import socket_protocol as wire
from statefun_actors.admin.control import socket_replies as replies
from statefun_actors.admin.control import socket_values as values
from statefun_actors.admin.control.interface import Control
from statefun_actors.calls import NotOpenError
from statefun_actors.engine import (
    EpochLostError,
    NoDeadLetterError,
    NotFailingError,
    NoTimerError,
    NotSetError,
    NotStorableError,
)
from statefun_actors.errors import InvalidAddressError
from statefun_actors.own_logger import own_logger
from statefun_actors.store import NotPausedError, Store
from statefun_actors.system import ACCEPTED_AT_ONCE, listen_at, real_path
from statefun_actors.text import describe

logger: Final = own_logger("statefun_actors.engine")

_LONGEST_NAME: Final = 100
"""The maximum length of a socket's name, in bytes: 107 on Linux, 103 on macOS."""
_LAST_ANSWERS: Final = 5.0
"""The timeout of pending answers when the socket closes, in seconds."""


class ControlSocket:
    """Serves the socket at :attr:`path`. Made by :meth:`open`; close it before its engine stops."""

    def __init__(self, store: Store, file: Path, control: Control) -> None:
        self.path, self._folder = _place(file)
        self._inode: int | None = None
        self._store = store
        self._control = control
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._asked: set[asyncio.Future[None]] = set()
        """A future for each pending answer, done when it is written."""

    @classmethod
    async def open(cls, store: Store, file: Path, control: Control) -> ControlSocket:
        """The control socket of the engine on *store*, whose path is *file*; the store announces it.

        Raises:
            OSError: no socket can be opened.
        """
        opened = cls(store, file, control)
        try:
            bound = opened._bound()
            try:
                opened._server = await asyncio.start_unix_server(
                    opened._accept, sock=bound, backlog=ACCEPTED_AT_ONCE, limit=wire.LONGEST_LINE
                )
            except BaseException:
                bound.close()
                raise
            store.announce(str(opened.path))
        except BaseException:
            opened._remove()
            raise
        return opened

    def _bound(self) -> socket.socket:
        try:
            bound = listen_at(self.path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or self._folder is not None:
                raise
            self.path, self._folder = _elsewhere()
            bound = listen_at(self.path)
        self._inode = self.path.stat().st_ino
        bound.setblocking(False)
        return bound

    async def close(self) -> None:
        """Stop listening. Pending requests get their answers, within a timeout."""
        if self._server is not None:
            with contextlib.suppress(OSError):  # the disk is full: clients find the announced socket closed
                self._store.announce(None)
            self._server.close()
            self._server = None
        if self._asked:
            await asyncio.wait(self._asked, timeout=_LAST_ANSWERS)
        serving = dict(self._serving)
        for task, writer in serving.items():
            task.cancel()
            writer.close()  # a task that has not started never will
        if serving:
            await asyncio.wait(serving)
        for writer in serving.values():
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        self._remove()

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            if self.path.stat().st_ino == self._inode:  # it is not another process's
                self.path.unlink()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._serving[task] = writer
        task.add_done_callback(self._serving.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                asked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._asked.add(asked)
                try:
                    writer.write(replies.encode(await self._answer(line)) + b"\n")
                    await writer.drain()
                finally:
                    asked.set_result(None)
                    self._asked.discard(asked)
        except (OSError, ValueError):  # closed by the client; ValueError: its line is too long, so no next line
            pass
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> replies.Reply:
        try:
            return await self._carry_out(wire.decode_request(line))
        except NotFailingError as error:
            return replies.NotFailing(values.addresses_of([error.address])[0], error.reason)
        except NotPausedError as error:
            return replies.NotPaused(values.targets_of([error.target])[0], error.by_type)
        except NoDeadLetterError as error:
            return replies.Missing(error.seq)
        except NoTimerError as error:
            return replies.NoTimer(error.seq)
        except NotSetError as error:
            return replies.NotSet(values.addresses_of([error.address])[0], error.name, error.reason)
        except NotOpenError as error:
            return replies.AskNotOpen(error.target.id)
        except EpochLostError as error:
            return replies.Lost(error.reason)
        except NotStorableError as error:
            return replies.NotStorable(error.reason)
        except (msgspec.MsgspecError, InvalidAddressError, UnicodeDecodeError, RecursionError) as error:
            return replies.RefusedReply(str(error))
        except Exception as error:
            logger.exception("a request at the control socket failed")
            return replies.RefusedReply(describe(error))

    async def _carry_out(self, request: wire.Request) -> replies.Reply:
        """Perform a request. Raises what the control raises."""
        match request:
            case wire.SendRequest():
                await self._control.send(request.postings())
            case wire.RetryRequest():
                await self._control.retry(request.retries())
            case wire.DiscardRequest():
                await self._control.discard(request.seqs)
            case wire.FireTimers(timers):
                await self._control.fire_timers(timers)
            case wire.CancelTimers(timers):
                await self._control.cancel_timers(timers)
            case wire.SetField():
                await self._control.set_field(request.edit())
            case wire.AnswerRequest(token, value):
                await self._control.answer(token, value.typed())
            case wire.CancelAskRequest(token):
                await self._control.cancel_ask(token)
            case wire.Failing():
                return replies.FailingList.of(await self._control.failing())
            case wire.State():
                return replies.StateReply.of(await self._control.state())
            case wire.RetryFailing():
                await self._control.retry_failing([each.address() for each in request.addresses])
            case wire.DropFailing():
                addresses = [each.address() for each in request.addresses]
                await self._control.drop_failing(addresses, discard=request.discard)
            case wire.Pause(targets):
                await self._control.pause([each.target() for each in targets])
            case wire.Resume(targets):
                await self._control.resume([each.target() for each in targets])
            case _:
                assert_never(request)
        return replies.DoneReply()


def _place(store: Path) -> tuple[Path, Path | None]:
    """The path of the socket, and the temporary folder made for it."""
    file = real_path(store)
    path = file.with_name(file.name + ".sock")
    if len(os.fsencode(path)) <= _LONGEST_NAME and str(path).isprintable():
        return path, None
    return _elsewhere()


def _elsewhere() -> tuple[Path, Path | None]:
    folder = Path(tempfile.mkdtemp(prefix="statefun-actors-"))  # only this user can access it
    return folder / "store.sock", folder
