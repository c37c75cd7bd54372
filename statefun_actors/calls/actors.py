"""``Actors``: the protocol of everything that can call entities from outside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar, Unpack, overload

from statefun_actors.address import Address
from statefun_actors.calls.options import CallOptions, TellOptions

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")


class Actors(Protocol):
    """Calls entities and functions from outside.

    ::

        async def pay_in(actors: Actors, name: str, cents: int) -> int:
            return await actors.ask(Account.deposit, name, Deposit(cents=cents))

    ``AsyncRuntime``, ``AsyncClient`` and ``TestRuntime`` implement it: a function that takes ``Actors`` works with an
    engine in this process, with one behind HTTP, and in a test.
    """

    async def tell(self, target: Address, message: object, **options: Unpack[TellOptions]) -> None:
        """Send *message*, and return once it is durable.

        Raises:
            CallError: the message was not taken; see :mod:`statefun_actors.calls.errors`.
            NotAMessageError, ValueMismatchError, UnhandledMessageError: it can't be sent to *target*.
        """
        ...

    @overload
    async def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    async def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Any: ...
    @overload
    async def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Any, Any, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    async def ask(
        self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]
    ) -> _R: ...
    async def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Unpack[CallOptions]) -> Any:
        """Send *message* and return the reply.

        - ``ask(address, message, Reply)`` waits for a reply of that type, from any sender.
        - ``ask(Account.deposit, "ada", message)`` asks the entity ``ada``; the reply type is the handler's annotation.
        - ``ask(address, message)`` waits until the handler has ended, and returns its reply.

        Raises:
            NoReplyError: the handler ended without a reply.
            ReplyTimeoutError: no reply came in time. The message stays delivered.
            UnexpectedReplyError: the reply has another type.
            MessageRefusedError: the handler failed for the last time.
            Exception: as :meth:`tell`.
        """
        ...

    async def answer(self, address: Address | str, message: object, **options: Unpack[CallOptions]) -> None:
        """Answer an open ask, and return once the answer is durable.

        Args:
            address: a reply address, from ``self.reply_address(...)``, or its id, the token.
            message: a message that the ``then=`` method takes, except ``NoAnswer``.

        Raises:
            NotOpenError: the ask is answered, expired or unknown. No retry helps.
            UnhandledMessageError, MessageRefusedError: the method does not take such an answer; the ask stays open.
            ValueMismatchError: *address* is not a reply address.
            CallError: as :meth:`tell`.
        """
        ...
