"""The ingress mounted in web applications: FastAPI, Starlette, Quart; under a prefix, on other event loops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypercorn.middleware import DispatcherMiddleware
from quart import Quart
from starlette.applications import Starlette
from starlette.routing import Mount

from statefun_actors import AsyncRuntime, Entity, Runtime, handles
from statefun_actors.runtime.asgi import _FromLoop
from tests.client.bank import Account, Deposit, Deposited, Echo, Loan
from tests.engine.engines import until

PATH = "/ingress/bank/account/{}?type=bank/deposit&wait=5s"


class Silent(Entity, typename="test/silent"):
    @handles
    def listen(self, message: Deposit) -> None:
        """It sends no reply."""


def waiting() -> int:
    """How many answers the running event loop waits for from another one."""
    loop = asyncio.get_running_loop()
    return sum(len(each._waiting) for each in gc.get_objects() if type(each) is _FromLoop and each._callers is loop)


def fastapi(runtime: AsyncRuntime, prefix: str) -> Any:
    from fastapi import FastAPI  # it takes long to import, in each worker

    app = FastAPI()
    app.mount(prefix, runtime.asgi)
    return app


def starlette(runtime: AsyncRuntime, prefix: str) -> Any:
    return Starlette(routes=[Mount(prefix, app=runtime.asgi)])


def hypercorn(runtime: AsyncRuntime, prefix: str) -> Any:
    return DispatcherMiddleware({prefix: runtime.asgi, "": Quart("test")})  # type: ignore[dict-item]


async def send(app: Any, path: str, headers: dict[str, str] | None = None, cents: int = 1) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
        return await http.put(path, json={"cents": cents}, headers=headers)


@pytest.mark.parametrize("mounted", [fastapi, starlette, hypercorn])
@pytest.mark.parametrize("prefix", ["/actors", "/a/b"])
@pytest.mark.parametrize("id", ["ada", "a/b", "ö ä?#&", "ingress", "/ingress/bank/account/x", "%2F"])
def test_a_message_reaches_its_entity_through_a_mount(mounted: Any, prefix: str, id: str) -> None:
    async def work() -> tuple[int, object, int]:
        async with AsyncRuntime(Account) as runtime:
            response = await send(mounted(runtime, prefix), prefix + PATH.format(quote(id, safe="")), cents=5)
            return response.status_code, response.json(), runtime.state(Account.at(id)).balance

    assert asyncio.run(work()) == (200, {"balance": 5}, 5)


def test_a_page_of_another_origin_is_refused_and_the_host_is_the_applications_business() -> None:
    async def work() -> list[int]:
        async with AsyncRuntime(Account) as runtime:
            foreign = await send(runtime.asgi, PATH.format("a"), {"Origin": "http://evil.example"})
            own = await send(runtime.asgi, PATH.format("a"), {"Origin": "http://example.org"})
            return [foreign.status_code, own.status_code]

    assert asyncio.run(work()) == [403, 200]


def test_the_token_counts_for_the_mounted_ingress_too() -> None:
    async def work() -> list[int]:
        async with AsyncRuntime(Account, token="secret") as runtime:
            wrong = await send(runtime.asgi, PATH.format("a"))
            right = await send(runtime.asgi, PATH.format("a"), {"Authorization": "Bearer secret"})
            return [wrong.status_code, right.status_code]

    assert asyncio.run(work()) == [401, 200]


def test_the_mounted_ingress_answers_on_another_event_loop_than_the_engines() -> None:
    with Runtime(Account, Echo) as runtime:
        waited = asyncio.run(send(runtime.asgi, PATH.format("ada"), cents=5))
        refused = asyncio.run(send(runtime.asgi, "/ingress/bank/account/ada?type=no/such"))
        taken = asyncio.run(send(runtime.asgi, "/ingress/bank/account/ada?type=bank/deposit", cents=2))

        assert (waited.status_code, waited.json()) == (200, {"balance": 5})
        assert refused.status_code == 422
        assert taken.status_code == 202
        assert runtime.ask(Account.deposit, "ada", Deposit(cents=0)) == Deposited(7)


def test_a_wait_that_is_over_on_another_event_loop_is_a_504() -> None:
    with Runtime(Account) as runtime:
        path = "/ingress/bank/account/ada?type=io.statefun.types/double&wait=50ms"

        async def late() -> httpx.Response:
            transport = httpx.ASGITransport(app=runtime.asgi)
            async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
                return await http.put(path, json=1.0)

        assert asyncio.run(late()).status_code == 504


def test_waits_that_are_over_leave_nothing_and_their_messages_are_known_to_be_delivered() -> None:
    """Whether the time is over or the client is gone."""
    with Runtime(Silent) as runtime:

        async def over() -> tuple[int, str]:
            response = await send(runtime.asgi, "/ingress/test/silent/a?wait=1s&until=reply")
            return response.status_code, response.text

        async def gone() -> None:
            sent = asyncio.ensure_future(over())
            await until(waiting)
            sent.cancel()
            await asyncio.wait([sent])
            await until(lambda: not waiting())

        async def both() -> tuple[int, str]:
            await gone()
            found = await over()
            assert not waiting()
            return found

        assert asyncio.run(both()) == (504, "no answer within 1 s; the message stays delivered\n")


def test_a_runtime_lives_in_the_lifespan_of_its_application() -> None:
    from fastapi import FastAPI

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with AsyncRuntime(Account) as runtime:
            app.state.runtime = runtime
            app.mount("/actors", runtime.asgi)
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/deposits/{id}")
    async def deposit(id: str, cents: int) -> int:
        reply = await app.state.runtime.ask(Account.deposit, id, Deposit(cents=cents))
        return int(reply.balance)

    async def work() -> tuple[int, object]:
        async with app.router.lifespan_context(app):
            await send(app, "/actors" + PATH.format("ada"), cents=5)
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
                return 0, (await http.post("/deposits/ada?cents=2")).json()

    assert asyncio.run(work()) == (0, 7)


def test_paths_follow_the_root_path_whether_the_server_leaves_it_in_the_path_or_not() -> None:
    async def work(path: str) -> tuple[int, object]:
        async with AsyncRuntime(Account) as runtime:
            transport = httpx.ASGITransport(app=runtime.asgi, root_path="/proxied/actors")
            async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
                response = await http.put(path + PATH.format("a%2Fb"), json={"cents": 5})
                return response.status_code, runtime.state(Account.at("a/b")).balance

    assert asyncio.run(work("/proxied/actors")) == (200, 5)
    assert asyncio.run(work("")) == (200, 5)


def test_paths_follow_a_mount_behind_a_proxy_that_strips_its_prefix() -> None:
    async def work() -> tuple[int, int]:
        async with AsyncRuntime(Account) as runtime:
            app = Starlette(routes=[Mount("/actors", runtime.asgi), Mount("/console", runtime.console)])
            transport = httpx.ASGITransport(app=app, root_path="/api")
            async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
                put = await http.put("/actors" + PATH.format("ada"), json={"cents": 5})
                return put.status_code, (await http.get("/console/")).status_code

    assert asyncio.run(work()) == (200, 200)


def test_a_mounted_ingress_refuses_messages_once_its_runtime_has_ended() -> None:
    with Runtime(Account) as runtime:
        app = runtime.asgi
        asyncio.run(send(app, PATH.format("ada")))

    late = asyncio.run(send(app, PATH.format("ada")))

    assert (late.status_code, late.text) == (503, "not taken, send it again: this runtime does not run\n")


def test_a_bound_ingress_has_the_protections_of_run(tmp_path: Path) -> None:
    async def work() -> list[int]:
        async with AsyncRuntime(Account, bind=["127.0.0.1:0", f"unix:{tmp_path / 'bank.sock'}"]) as runtime:
            first, second = runtime.urls
            assert second == f"http+unix://{tmp_path / 'bank.sock'}"
            async with httpx.AsyncClient() as http:
                url = first + PATH.format("ada")
                sent = [{}, {"Host": "evil.example"}, {"Origin": "http://evil.example"}]
                return [(await http.put(url, json={"cents": 5}, headers=headers)).status_code for headers in sent]

    assert asyncio.run(work()) == [200, 403, 403]


def test_an_ask_is_answered_through_a_mount_and_from_another_event_loop() -> None:
    async def answer(app: Any, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
            return await http.post(f"/replies/replies/{token}", json={"granted": True})

    with Runtime(Loan, token="secret") as runtime:
        tokens = [runtime.ask(Loan.apply, "ada", "now") for _ in range(2)]
        mounted = Starlette(routes=[Mount("/replies", app=runtime.asgi)])
        statuses = [asyncio.run(answer(mounted, token)).status_code for token in (*tokens, *tokens)]

        assert statuses == [202, 202, 404, 404]
        assert runtime.ask(Loan.seen, "ada", 0) == "True True"
