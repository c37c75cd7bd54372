"""Embedded: HTTP ingress, what it refuses, and idempotency keys."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cli.commands import run
from tests.conformance.cases.ingress import ingress
from tests.conformance.doors import OpenDoor, count
from tests.conformance.sections import EMBEDDED as E
from tests.engine.engines import until

DAY_MS = 86_400_000


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
