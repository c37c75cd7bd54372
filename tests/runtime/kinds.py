"""Every way to call entities from outside, behind one blocking interface."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, Protocol, Self

import pytest

from statefun_actors import Address, AsyncRuntime, Runtime
from statefun_actors.client import AsyncClient, Client
from statefun_actors.testing import TestRuntime
from tests.client.bank import Account, Echo, Later, Loan
from tests.gateway.session import gateway

SERVED = (Account, Echo, Later, Loan)


class Calls(Protocol):
    """A client or a runtime, called as if it were blocking."""

    def tell(self, target: Address, message: object, **options: Any) -> None: ...
    def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Any) -> Any: ...
    def answer(self, address: Address | str, message: object, **options: Any) -> None: ...


class Awaited:
    """Calls on something asynchronous, each run to its end."""

    def __init__(self, opened: AbstractAsyncContextManager[Any]) -> None:
        self._runner = asyncio.Runner()
        self._opened = opened

    def __enter__(self) -> Self:
        self._actors = self._runner.run(self._opened.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._opened.__aexit__(kind, error, trace))
        self._runner.close()

    def tell(self, target: Address, message: object, **options: Any) -> None:
        self._runner.run(self._actors.tell(target, message, **options))

    def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Any) -> Any:
        return self._runner.run(self._actors.ask(target, message, *_given(reply), **options))

    def answer(self, address: Address | str, message: object, **options: Any) -> None:
        self._runner.run(self._actors.answer(address, message, **options))


class Blocking:
    """Calls on something that blocks."""

    def __init__(self, opened: AbstractContextManager[Any]) -> None:
        self._opened = opened

    def __enter__(self) -> Self:
        self._actors = self._opened.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def tell(self, target: Address, message: object, **options: Any) -> None:
        self._actors.tell(target, message, **options)

    def ask(self, target: Any, message: Any, reply: Any = None, /, **options: Any) -> Any:
        return self._actors.ask(target, message, *_given(reply), **options)

    def answer(self, address: Address | str, message: object, **options: Any) -> None:
        self._actors.answer(address, message, **options)


def _given(reply: Any) -> tuple[Any, ...]:
    return () if reply is None else (reply,)


GATEWAY = "AsyncClient of a gateway"
REAL = (
    "Client",
    "AsyncClient",
    "Runtime",
    "AsyncRuntime",
    pytest.param(GATEWAY, marks=[pytest.mark.flink, pytest.mark.kafka]),
)
KINDS = (*REAL, "TestRuntime")
"""All of them. In a test time stands still, and handlers' own errors are raised; else it is like the others."""


def opened(kind: str, url: str) -> Awaited | Blocking:
    """The *kind* of caller; the clients talk to the server at *url*, or to a gateway in front of a Flink job."""
    match kind:
        case "Client":
            return Blocking(Client(url))
        case "AsyncClient":
            return Awaited(_Made(url))
        case "Runtime":
            return Blocking(Runtime(*SERVED))
        case "AsyncClient of a gateway":
            return Awaited(_Made(gateway().url))
        case "TestRuntime":
            return Awaited(TestRuntime(*SERVED))
        case _:
            return Awaited(AsyncRuntime(*SERVED))


class _Made(AbstractAsyncContextManager[AsyncClient]):
    """An AsyncClient that is made on the event loop on which it is used."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __aenter__(self) -> AsyncClient:
        self._client = AsyncClient(self._url)
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
