"""Embedded: HTTP ingress."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import attrs
from google.protobuf.duration_pb2 import Duration

from statefun_actors import Address, Discard, Entity, TerminalError, handles, persisted
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.http import Guard, Router, create_ingress_app
from statefun_actors.types import value_of
from tests.cli.commands import run
from tests.conformance.cases.vocabulary import Named, working
from tests.conformance.doors import JSON, Answer, OpenDoor, count
from tests.conformance.sections import EMBEDDED as E
from tests.engine.engines import HeldStore, until
from tests.http.test_endpoint import Client

LONG = "io.statefun.types/long"
DAY_MS = 86_400_000


class Counter(Entity, typename="conf/count"):
    """Takes one type."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += message
        return self.n


class Tally(Entity, typename="conf/tally"):
    """Takes the same type as Counter."""

    n: int = persisted(default=0)

    @handles
    def add(self, message: int) -> int:
        self.n += 100 * message
        return self.n


class Several(Entity, typename="conf/takes-several"):
    """Takes several types."""

    callers: ClassVar[list[str | None]] = []

    @handles(Named, Duration)
    def tell(self, message: Named | Duration) -> str:
        Several.callers.append(self.caller.typename if self.caller else None)
        return type(message).__name__

    @handles(bool)
    def nothing(self, message: bool) -> None: ...

    @handles(str)
    def fail(self, message: str) -> None:
        raise TerminalError(message)

    @handles(float, on_failure=Discard())
    def discard(self, message: float) -> None:
        raise ValueError("discarded")


class Forwarder(Entity, typename="conf/forwarder"):
    """Another entity answers in its place, twice, or none does."""

    forwarded: int = persisted(default=0)

    @handles
    def forward(self, message: bool) -> None:
        self.forwarded += 1
        if message and self.caller is not None:
            self.send(Teller.at(self.id), f"{self.caller.typename} {self.caller.id}")

    @handles
    def count(self, message: int) -> int:
        return self.forwarded


class Teller(Entity, typename="conf/teller"):
    @handles
    def tell(self, message: str) -> None:
        typename, _, id = message.partition(" ")
        self.send(Address(typename, id), "first")
        self.send(Address(typename, id), "second")


@attrs.frozen
class Ingress:
    """The ingress of an engine in virtual time."""

    engine: Engine
    store: HeldStore
    clock: ManualClock
    app: Router

    async def ask(
        self, path: str, body: object, content_type: str | None = JSON, method: str = "PUT", **headers: str
    ) -> Answer:
        found = {"host": "localhost", **{name.replace("_", "-").lower(): value for name, value in headers.items()}}
        if content_type is not None:
            found["content-type"] = content_type
        path, _, query = path.partition("?")
        client = Client(
            self.app, method, path, query_string=query.encode(), raw_path=path.encode(),
            headers=[(name.encode(), value.encode()) for name, value in found.items()],
        )  # fmt: skip
        client.body(body if isinstance(body, bytes) else json.dumps(body).encode())
        status, text = await client.ask()
        return Answer(
            status, text.decode(), {name.decode(): value.decode() for name, value in client.sent[0]["headers"]}
        )

    def count(self, id: str) -> object:
        held = self.engine.view.state(Counter.at(id))["n"]
        return None if held is None else value_of(held)


@asynccontextmanager
async def ingress(*others: type[Entity]) -> AsyncGenerator[Ingress]:
    store, clock = HeldStore(), ManualClock()
    engine = Engine(Application(Counter, Tally, Several, Forwarder, Teller, *others), store, clock)
    async with working(engine):
        yield Ingress(engine, store, clock, create_ingress_app(engine.app, engine, Guard()))


@E.once(
    "E15",
    "without ?wait there is no caller; with it, it is statefun-actors/ingress and a request id",
    "embedded",
)
async def callers() -> None:
    path = "/ingress/conf/takes-several/a?type=conf/named"
    async with ingress() as http:
        Several.callers.clear()
        assert (await http.ask(path, {"text": "x"})).status == 202
        await http.engine.idle()
        await http.ask(f"{path}&wait=5s", {"text": "x"})
        assert Several.callers == [None, "statefun-actors/ingress"]


@E.door("E16", "what is sent there is the HTTP reply, and the first one wins")
async def first_wins(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s&until=reply", True)
        assert (answer.status, answer.json) == (200, "first")


@E.door("E17", "?wait=5s ends with this message's handler: its reply with 200, or 204")
async def until_handled(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/count/a?wait=5s", 3)
        assert (answer.status, answer.json) == (200, 3)
        assert (await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/bool", True)).status == 204


@E.door("E18", "a wait is a duration such as 500ms, 5s or 5m, and that is the longest")
async def durations(open_door: OpenDoor) -> None:
    async with open_door() as http:
        found = [
            (await http.ask(f"/ingress/conf/count/a?wait={wait}", 0)).status for wait in ("500ms", "5m", "6m", "x")
        ]
        assert found == [200, 200, 400, 400]


@E.door("E19", "?wait=…&until=reply waits for whoever answers, else 504; the message stays delivered")
async def until_reply(open_door: OpenDoor) -> None:
    async with open_door() as http:
        # The first handler ends without a reply; the answer is another entity's, one message later.
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s&until=reply", True)
        assert (answer.status, answer.json) == (200, "first")
        assert (await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=5s", True)).status == 204
        answer = await http.ask("/ingress/conf/forwarder/a?type=io.statefun.types/bool&wait=20ms&until=reply", False)
        assert answer.status == 504
        assert "the message stays delivered" in answer.text
        assert (await http.ask(f"/ingress/conf/forwarder/a?wait=5s&type={LONG}", 0)).json == 3


@E.door("E20", "422 with the reason where the message was dead-lettered or discarded")
async def given_up(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/string", "why")
        assert (answer.status, answer.text) == (422, "TerminalError: why\n")
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s&type=io.statefun.types/double", 0.5)
        assert (answer.status, answer.text) == (422, "ValueError: discarded\n")


@E.door("E21", "?type=<typename> with application/json, application/x-protobuf or application/octet-stream")
async def by_query(open_door: OpenDoor) -> None:
    path = "/ingress/conf/takes-several/a?wait=5s&type="
    duration = f"{path}type.googleapis.com/google.protobuf.Duration"
    async with open_door() as http:
        assert (await http.ask(f"{path}conf/named", {"text": "x"})).json == "Named"
        for body, content_type in (
            ("2s", JSON),
            (b"\x08\x02", "application/x-protobuf"),
            (b"\x08\x02", "application/octet-stream"),
        ):
            assert (await http.ask(duration, body, content_type)).json == "Duration"


@E.door("E22", "or Content-Type: application/vnd.<typename>, which is JSON")
async def by_content_type(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/takes-several/a?wait=5s", {"text": "x"}, "application/vnd.conf/named")
        assert answer.json == "Named"


@E.door("E23", "or, where the entity takes one type, none")
async def only_type(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/count/a?wait=5s", b"3", None)).json == 3
        assert (await http.ask("/ingress/conf/takes-several/a?wait=5s", {"text": "x"})).status == 422


@E.door("E24", "the reply body is the value's JSON form as application/json, its typename in Statefun-Type")
async def reply_body(open_door: OpenDoor) -> None:
    async with open_door() as http:
        answer = await http.ask("/ingress/conf/count/a?wait=5s", 3)
        assert (answer.text, answer.headers["content-type"], answer.headers["statefun-type"]) == ("3", JSON, LONG)


@E.door("E25", "PUT and POST mean the same")
async def methods(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for at, method in enumerate(("PUT", "POST"), 1):
            assert (await http.ask("/ingress/conf/count/a?wait=5s", 1, method=method)).json == at
        assert (await http.ask("/ingress/conf/count/a", 1, method="GET")).status == 405


@E.door("E26", "ids are percent-decoded and may hold /")
async def ids(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/count/a%2Fb/%C3%BC%20c", 1)).status == 202
        assert await count(http, "a/b/ü c") == 1


@E.door("E27", "404 for an unknown function type")
async def unknown(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/nobody/a", 1)).status == 404


@E.door("E28", "422 for a message type the entity doesn't handle, or a body that doesn't fit")
async def unfit(open_door: OpenDoor) -> None:
    async with open_door() as http:
        assert (await http.ask("/ingress/conf/count/a?type=their/own", 1)).status == 422
        assert (await http.ask("/ingress/conf/count/a", "x")).status == 422
        assert (await http.ask("/ingress/conf/count/a", b"{")).status == 422


@E.door("E29", "JSON needs its content type, so no form of another site can send it")
async def forms(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            assert (await http.ask("/ingress/conf/count/a", 1, content_type)).status == 415
        assert await count(http, "a") == 0


@E.door("E30", "a foreign Host or Origin is refused with 403")
async def foreign(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            assert (await http.ask("/ingress/conf/count/a", 1, **headers)).status == 403
        assert await count(http, "a") == 0


@E.once("E31", "a bind beyond loopback demands --token", "embedded")
def beyond() -> None:
    with TemporaryDirectory() as name:
        app = "from statefun_actors import Entity\nclass A(Entity, typename='conf/a'): ...\n"
        Path(name, "app.py").write_text(app)
        done = run("run", "app.py", "--bind", "0.0.0.0:0", folder=Path(name))
    assert done.returncode == 2
    assert "--token" in done.stderr


@E.door("E32", "Idempotency-Key is scoped to the target's function type and id")
async def scoped(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for id in ("a", "b", "a"):
            assert (await http.ask(f"/ingress/conf/count/{id}?wait=5s", 1, Idempotency_Key="k")).json == 1
        assert (await count(http, "a"), await count(http, "b")) == (1, 1)
        for _ in range(2):  # the same key, id, body and message type, for another function type
            assert (await http.ask("/ingress/conf/tally/a?wait=5s", 1, Idempotency_Key="k")).json == 100
        assert await count(http, "a") == 1
        assert (await http.ask("/ingress/conf/tally/a?wait=5s", 0)).json == 100


@E.once("E33", "it is kept 24 h, and a repeat gets the first result", "embedded")
async def repeated() -> None:
    async with ingress() as http:
        found = []
        for later in (0, DAY_MS - 1_000, 2_000):
            http.clock.set_ms(http.clock.now_ms() + later)
            found.append((await http.ask("/ingress/conf/count/a?wait=5s", 1, Idempotency_Key="k")).json)
        assert found == [1, 1, 2]


@E.once("E34", "a repeat with another body is 409", "embedded")
async def another_body() -> None:
    async with ingress() as http:
        await http.ask("/ingress/conf/count/a?wait=5s", 1, Idempotency_Key="k")
        for wait in ("", "?wait=5s", "?wait=5s&until=reply"):
            assert (await http.ask(f"/ingress/conf/count/a{wait}", 2, Idempotency_Key="k")).status == 409
        assert http.count("a") == 1
        assert (await http.ask("/ingress/conf/count/a?wait=5s", 1, Idempotency_Key="k")).json == 1

        # One that is not durable yet counts, too.
        http.store.let_go.clear()
        first = asyncio.ensure_future(http.ask("/ingress/conf/count/b?wait=5s", 1, Idempotency_Key="k"))
        await until(lambda: http.count("b") == 1)
        other = asyncio.ensure_future(http.ask("/ingress/conf/count/b?wait=5s", 2, Idempotency_Key="k"))
        http.store.let_go.set()
        assert [(await first).json, (await other).status, http.count("b")] == [1, 409, 1]
        # The same bytes as another type are another body.
        path = "/ingress/conf/takes-several/a?type="
        found = [
            (await http.ask(f"{path}{typename}", "2s", Idempotency_Key="k")).status
            for typename in ("type.googleapis.com/google.protobuf.Duration", "io.statefun.types/string")
        ]
        assert found == [202, 409]


@E.once("E35", "after a failed commit waiting requests get 503", "embedded")
async def failed_commit() -> None:
    async with ingress() as http:
        http.store.fail = True
        answers = await asyncio.gather(*(http.ask(f"/ingress/conf/count/a{wait}", 1) for wait in ("", "?wait=5s")))
        http.store.fail = False
        assert [answer.status for answer in answers] == [503, 503]
        await http.engine.idle()
        assert (await http.ask("/ingress/conf/count/a?wait=5s", 1)).json == 1


@E.door("E36", "in front of Flink the same paths are served by statefun-actors gateway")
async def same_paths(open_door: OpenDoor) -> None:
    async with open_door() as http:
        for path, text in (("/healthz", "alive\n"), ("/readyz", "ready\n")):
            answer = await http.ask(path, b"", None, "GET")
            assert (answer.status, answer.text) == (200, text)
        for key in ("k", "k"):
            assert (await http.ask("/ingress/conf/count/a", 1, Idempotency_Key=key)).status == 202
        assert (await http.ask("/ingress/conf/count/a", 2, Idempotency_Key="k")).status == 409
        assert await count(http, "a") == 1
        assert (await http.ask("/replies/0123", 1, method="POST")).status == 404
        assert (await http.ask("/elsewhere", 1)).status == 404
