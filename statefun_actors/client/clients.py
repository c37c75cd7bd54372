"""The blocking and the asyncio client. They perform the requests and pauses that http_attempts.py decides."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self, TypeVar, Unpack, overload

import httpx

from statefun_actors.address import Address
from statefun_actors.calls import (
    CallOptions,
    TellOptions,
    check_call,
    check_tell,
    delay_of,
    packed,
    question,
)
from statefun_actors.client.client_calls import ClientCalls, late
from statefun_actors.client.http_attempts import (
    HttpAttempt,
    HttpCall,
    HttpResponse,
    HttpResult,
    Pause,
    attempts_of,
)
from statefun_actors.client.response_reply import reply_of

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")

_STEPS_FIRST: Final = 0.5
"""Seconds by which the timeout of a step, such as connecting, comes before that of all: it says which step it was."""


class Client(ClientCalls):
    """Sends messages to entities that ``statefun-actors run`` runs, and waits for each.

    ::

        with Client("http://127.0.0.1:8080") as bank:
            bank.tell(Account.at("ada"), Deposit(cents=5))
            balance = bank.ask(Account.deposit, "ada", Deposit(cents=5))

    While the server is unreachable or busy, a call retries with growing pauses until its timeout. All its attempts
    have the same idempotency key, so the message is delivered once. Thread-safe.

    Args:
        url: URL of the server.
        token: the server's ``--token``, if it has one.
        timeout: timeout of a call with all its attempts; a timedelta, or seconds.
        http: an httpx client that sends the requests, for certificates, proxies and the like. The caller closes it.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: timedelta | float = 30.0,
        http: httpx.Client | None = None,
    ) -> None:
        super().__init__(url, token, timeout)
        self._http = http if http is not None else httpx.Client()
        self._own = http is None

    def tell(self, target: Address, message: object, **options: Unpack[TellOptions]) -> None:
        """Send *message*, and return once it is durable.

        Raises:
            CallError: the message was not taken; its class is the reason.
            NotAMessageError, ValueMismatchError, UnhandledMessageError: it can't be sent to *target*.
        """
        check_tell(options)
        self._carried_out(self._call(target, packed(target, message), options, delay_ms=delay_of(options)))

    @overload
    def ask(self, target: Address, message: object, reply: type[_R], /, **options: Unpack[CallOptions]) -> _R: ...
    @overload
    def ask(self, target: Address, message: object, /, **options: Unpack[CallOptions]) -> Any: ...
    @overload
    def ask(
        self,
        handler: Callable[[_E, _M], Coroutine[Any, Any, _R]],
        id: str,
        message: _M,
        /,
        **options: Unpack[CallOptions],
    ) -> _R: ...
    @overload
    def ask(self, handler: Callable[[_E, _M], _R], id: str, message: _M, /, **options: Unpack[CallOptions]) -> _R: ...
    def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Unpack[CallOptions]) -> Any:
        """Send *message* and return the reply. See :meth:`statefun_actors.Actors.ask`."""
        check_call("ask", options)
        asked = question(target, message, reply)
        call = self._call(asked.target, asked.value, options, waits=True, until_reply=asked.until_reply)
        return reply_of(asked, self._carried_out(call))

    def answer(self, address: Address | str, message: object, **options: Unpack[CallOptions]) -> None:
        """Answer an open ask, by its reply address or token. See :meth:`statefun_actors.Actors.answer`."""
        self._carried_out(self._answer(address, message, options))

    def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _carried_out(self, call: HttpCall) -> HttpResponse:
        steps = attempts_of(call, time.monotonic)
        result: HttpResult | None = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as done:
                answered: HttpResponse = done.value
                return answered
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                result = None
            else:
                result = self._result(step)

    def _result(self, attempt: HttpAttempt) -> HttpResult:
        ends = time.monotonic() + attempt.seconds
        body = bytearray()
        try:
            with self._http.stream(**self._request(attempt)) as response:
                for part in response.iter_bytes():
                    body += part
                    if time.monotonic() > ends:  # the timeout of httpx is that of each part
                        return late(attempt)
            return HttpResponse(response.status_code, response.headers, bytes(body))
        except httpx.RequestError as error:
            return self._broken(error, attempt)


class AsyncClient(ClientCalls):
    """:class:`Client` for asyncio: the same calls as coroutines. Any number of calls may run at once.

    ::

        async with AsyncClient("http://127.0.0.1:8080") as bank:
            balance = await bank.ask(Account.deposit, "ada", Deposit(cents=5))
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: timedelta | float = 30.0,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        super().__init__(url, token, timeout)
        self._http = http if http is not None else httpx.AsyncClient()
        self._own = http is None

    async def tell(self, target: Address, message: object, **options: Unpack[TellOptions]) -> None:
        """See :meth:`Client.tell`."""
        check_tell(options)
        await self._carried_out(self._call(target, packed(target, message), options, delay_ms=delay_of(options)))

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
        """See :meth:`Client.ask`."""
        check_call("ask", options)
        asked = question(target, message, reply)
        call = self._call(asked.target, asked.value, options, waits=True, until_reply=asked.until_reply)
        return reply_of(asked, await self._carried_out(call))

    async def answer(self, address: Address | str, message: object, **options: Unpack[CallOptions]) -> None:
        """See :meth:`Client.answer`."""
        await self._carried_out(self._answer(address, message, options))

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        if self._own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _carried_out(self, call: HttpCall) -> HttpResponse:
        steps = attempts_of(call, time.monotonic)
        result: HttpResult | None = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as done:
                answered: HttpResponse = done.value
                return answered
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                result = None
            else:
                result = await self._result(step)

    async def _result(self, attempt: HttpAttempt) -> HttpResult:
        try:
            async with asyncio.timeout(attempt.seconds + _STEPS_FIRST):
                response = await self._http.request(**self._request(attempt))
            return HttpResponse(response.status_code, response.headers, response.content)
        except TimeoutError:
            return late(attempt)
        except httpx.RequestError as error:
            return self._broken(error, attempt)
