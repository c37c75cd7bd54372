"""``Endpoint``: attempts to send a record to the receiver of an HTTP sink, and the pauses while that is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from statefun_actors.backoff import Backoff
from statefun_actors.connectors.http.options import FIRST_PAUSE, HttpSinkOptions
from statefun_actors.connectors.http.verdicts import Answer, TryAgain, meaning

if TYPE_CHECKING:
    import httpx

_MOST_READ: Final = 64 * 1024
"""The bytes of a response that are read, so that the connection can be reused."""


class Failures:
    """Failed attempts in a row."""

    def __init__(self) -> None:
        self.count = 0
        self._first = 0.0

    def note(self, now: float) -> None:
        if not self.count:
            self._first = now
        self.count += 1

    def lasts(self, now: float) -> float:
        """The seconds since the first of them; 0 without any."""
        return now - self._first if self.count else 0.0


class Endpoint:
    """The receiver. While it is down, one attempt at a time is made, with increasing pauses."""

    def __init__(
        self,
        clients: Iterable[httpx.AsyncClient],
        url: str,
        options: HttpSinkOptions,
        sleep: Callable[[float], Coroutine[Any, Any, None]],
        monotonic: Callable[[], float],
    ) -> None:
        self._url, self._options, self._sleep, self._monotonic = url, options, sleep, monotonic
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in clients:
            self._free.put_nowait(client)
        self._retrying = asyncio.Semaphore(max(1, options.in_flight // 2))
        """Records that failed by themselves get half of the clients at most: they may take long to fail again."""
        self._probing = asyncio.Lock()
        self.failed = Failures()
        """The failed attempts in a row while it is down."""
        self.pause = 0.0
        """Seconds before the next attempt while it is down."""
        self._up = asyncio.Event()
        """Set when an attempt shows that it is not down: one that was under way may succeed during a pause."""

    async def post(self, content: bytes, headers: Mapping[str, str], *, again: bool) -> Answer:
        """Make one attempt, after waiting for others while it is down; *again*: of a record that has failed before."""
        if again:
            async with self._retrying:
                return await self._attempt(content, headers)
        return await self._attempt(content, headers)

    async def _attempt(self, content: bytes, headers: Mapping[str, str]) -> Answer:
        client = await self._free.get()
        try:
            if not self.failed.count:
                return self._noted(await self._post(client, content, headers), first=True)
            async with self._probing:
                if self.failed.count:
                    await self._rest()
                return self._noted(await self._post(client, content, headers), first=False)
        finally:
            self._free.put_nowait(client)

    async def _rest(self) -> None:
        """Wait until the next attempt is due, or it is not down any more."""
        waits = [asyncio.ensure_future(wait) for wait in (self._sleep(self.pause), self._up.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def _noted(self, answer: Answer, *, first: bool) -> Answer:
        if not isinstance(answer, TryAgain) or not answer.whole:
            self.failed = Failures()
            self._up.set()
        elif not first or not self.failed.count:  # concurrent failures count once
            self.failed.note(self._monotonic())
            self._up.clear()
            backoff = Backoff(FIRST_PAUSE, self._options.longest_pause)
            self.pause = max(answer.after, backoff.seconds(self.failed.count))
        return answer

    async def _post(self, client: httpx.AsyncClient, content: bytes, headers: Mapping[str, str]) -> Answer:
        import httpx  # noqa: PLC0415 - already loaded

        said = b""
        try:
            async with (
                asyncio.timeout(self._options.timeout),
                client.stream("POST", self._url, content=content, headers=headers) as response,
            ):
                async for chunk in response.aiter_raw():
                    said += chunk
                    if len(said) > _MOST_READ:
                        break
        except TimeoutError:
            return self._no_answer()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return TryAgain(f"no connection: {error}" if str(error) else "no connection", whole=True)
        except httpx.TimeoutException:
            return self._no_answer()
        except httpx.TransportError as error:
            return TryAgain(f"the connection broke: {error}" if str(error) else "the connection broke", whole=False)
        return meaning(response.status_code, response.headers, said, datetime.now(UTC))

    def _no_answer(self) -> TryAgain:
        return TryAgain(f"no answer within {self._options.timeout:g} s", whole=False)
