"""A runtime with a console, and requests to it as a browser makes them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from statefun_actors import Address, AsyncRuntime, DeadLetter, Entity, NoAnswer, answers, handles, message, persisted
from statefun_actors.runtime import RuntimeOptions

DEADLINE = 30.0
FORM = "application/x-www-form-urlencoded"
SEND = "send?to=console/box/x&type=console/put"
"""A page with a form."""


@message("console/put")
class Put:
    text: str


@message("console/fail")
class Fail:
    text: str


@message("console/give-up")
class GiveUp:
    text: str


@message("console/start")
class Start:
    pass


class Box(Entity, typename="console/box"):
    text: str = persisted(default="")
    numbers: list[int] = persisted(factory=list)

    @handles(Put)
    def put(self, message: Put) -> None:
        self.text = message.text
        self.numbers.append(1)

    @handles(Fail)
    def fail(self, message: Fail) -> None:
        raise ValueError(f"can't take {message.text}")

    @handles(GiveUp, on_failure=DeadLetter("console/given-up", attempts=1))
    def give_up(self, message: GiveUp) -> None:
        raise ValueError(f"gave up on {message.text}")

    @handles(Start)
    def start(self, message: Start) -> None:
        self.text = "started"
        self.send_after(timedelta(days=3), self.address, Put("later"), cancellation_token="reminder")
        self.send_every(timedelta(days=1), self.address, Put("daily"), name="every day")
        self.ask(Address("elsewhere/checker", "silent"), Put("what?"), then=self.answered, timeout=timedelta(days=2))
        self.send_egress("console/out", "a record")

    @answers
    def answered(self, answer: Put | NoAnswer) -> None:
        self.text = str(answer)


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    text: str


class Site:
    """The console of a runtime at *url*."""

    def __init__(self, runtime: AsyncRuntime) -> None:
        self.runtime = runtime
        parts = urlsplit(runtime.urls[0])
        assert parts.hostname is not None
        assert parts.port is not None
        self.host, self.port = parts.hostname, parts.port

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, **headers)

    async def request(self, method: str, path: str, body: str = "", **headers: str) -> Answer:
        """One request on a connection of its own; *headers* with underscores in place of hyphens."""
        named = {"Host": f"{self.host}:{self.port}", "Connection": "close", "Content-Length": str(len(body))}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        async with asyncio.timeout(DEADLINE):
            reader, writer = await asyncio.open_connection(self.host, self.port)
            try:
                writer.write("\r\n".join([*head, "", body]).encode())
                answer = (await reader.read()).decode()
            finally:
                writer.close()
                await writer.wait_closed()
        begin, _, text = answer.partition("\r\n\r\n")
        first, *lines = begin.split("\r\n")
        found = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return Answer(int(first.split(" ")[1]), found, text)

    async def act(
        self, name: str, fields: Sequence[tuple[str, str]] = (), *, page: str = SEND, **headers: str
    ) -> Answer:
        """Send the form of the act *name* with the token of the form on *page*."""
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', (await self.get(f"/console/{page}", **headers)).text)
        body = urlencode([*fields, ("csrf", "" if found is None else found[1])])
        return await self.request("POST", f"/console/{name}", body, Content_Type=FORM, **headers)

    async def after(self, answer: Answer) -> str:
        """The text of the page to which *answer* leads."""
        assert answer.status == 303, answer.text
        return (await self.get(f"/console/{answer.headers['location']}")).text

    async def until(self, path: str, shows: Callable[[str], bool]) -> str:
        """The page *path* of the console, once it *shows* what is expected."""
        async with asyncio.timeout(DEADLINE):
            while not shows(text := (await self.get(f"/console/{path}")).text):
                await asyncio.to_thread(time.sleep, 0.02)  # between two looks, each of which renders the page
        return text

    async def failing(self, id: str, text: str) -> str:
        """Send a message that keeps failing, and wait until it is the first one of its address; returns its key."""
        await self.runtime.tell(Box.at(id), Fail(text))
        return await self.failing_key(id, text)

    async def failing_key(self, id: str, text: str) -> str:
        """The key of the message *text* to *id* in forms, once it is failing; empty without forms."""
        page = await self.until("failing", lambda page: f"t take {text}" in page)
        found = re.search(rf'name="message-encoded" value="(\d+%3Aconsole/box/{id})".*t take {text}', page)
        return "" if found is None else unquote(found[1])


@asynccontextmanager
async def site(*, store: str | None = None, **options: object) -> AsyncGenerator[Site]:
    """A runtime of ``Box`` with its console."""
    chosen: RuntimeOptions = {"store": store, "bind": "127.0.0.1:0"}
    chosen.update(options)  # type: ignore[typeddict-item]
    async with AsyncRuntime(Box, **chosen) as runtime:
        yield Site(runtime)


def query(**parts: str) -> str:
    return "?" + "&".join(f"{name}={quote(part, safe='')}" for name, part in parts.items())
