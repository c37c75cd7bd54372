"""The web example, in process: its requests, its mounted ingress, and its store over a restart."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import httpx
import pytest

FILE = Path(__file__).parents[2] / "examples" / "web" / "app.py"


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("WEB_STORE", str(tmp_path / "web.db"))
    spec = importlib.util.spec_from_file_location("web_example", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "web_example", module)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def running(web: ModuleType) -> AsyncGenerator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=web.app)
    async with (
        web.app.router.lifespan_context(web.app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
    ):
        yield http


def test_accounts_take_deposits_and_transfers_and_survive_a_restart(web: ModuleType) -> None:
    async def first() -> list[object]:
        async with running(web) as http:
            deposited = await http.post("/accounts/ada/deposits?cents=500")
            transferred = await http.post("/accounts/ada/transfers?to=bob&cents=200")
            refused = await http.post("/accounts/ada/transfers?to=bob&cents=301")
            return [deposited.json(), transferred.json(), refused.status_code, refused.json()["detail"]]

    async def second() -> object:
        async with running(web) as http:
            await http.post("/accounts/bob/deposits?cents=0")  # behind the transfer
            return (await http.get("/accounts")).json()

    assert asyncio.run(first()) == [500, 300, 409, "TerminalError: ada has only 300 cents"]
    assert asyncio.run(second()) == {"ada": 300, "bob": 200}


def test_the_ingress_is_mounted(web: ModuleType) -> None:
    async def work() -> list[object]:
        async with running(web) as http:
            path = "/actors/ingress/web/account/ada?type=web/deposit&wait=5s"
            own = await http.put(path, json={"cents": 5})
            foreign = await http.put(path, json={"cents": 5}, headers={"Origin": "http://evil.example"})
            return [own.status_code, own.json(), foreign.status_code]

    assert asyncio.run(work()) == [200, 5, 403]


def test_before_the_application_has_started_the_mounted_ingress_refuses(web: ModuleType) -> None:
    async def work() -> tuple[int, str]:
        transport = httpx.ASGITransport(app=web.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            answer = await http.put("/actors/ingress/web/account/ada?type=web/deposit", json={"cents": 5})
            return answer.status_code, answer.text

    assert asyncio.run(work()) == (503, "not taken, send it again: this runtime does not run\n")
