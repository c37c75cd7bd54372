"""The README's section "In your own program" is run: programs, and web applications from start to stop."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.test_readme import actor, block_with, run

SERVED = """
import asyncio

import httpx

from {module} import {name} as app


async def main() -> None:
    incoming: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    done: asyncio.Queue[str] = asyncio.Queue()

    async def send(event: dict[str, str]) -> None:
        await done.put(event["type"])

    await incoming.put({{"type": "lifespan.startup"}})
    scope = {{"type": "lifespan", "asgi": {{"version": "3.0", "spec_version": "2.0"}}, "state": {{}}}}
    life = asyncio.create_task(app(scope, incoming.get, send))
    print(await done.get())
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        print((await http.post("/accounts/ada/deposits?cents=5")).text)
        put = http.put("/actors/ingress/bank/account/ada?type=bank/deposit&wait=5s", json={{"cents": 6}})
        print((await put).text)
    await incoming.put({{"type": "lifespan.shutdown"}})
    print(await done.get())
    await life


asyncio.run(main())
"""
SETTINGS = """
ROOT_URLCONF = "mysite.urls"
SECRET_KEY = "for a test"
ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
"""
URLS = """
from django.http import HttpResponse
from django.urls import path

from bank import Account, Deposit
from mysite.asgi import runtime


async def deposit(request, name):
    cents = int(request.GET["cents"])
    return HttpResponse(str(await runtime.ask(Account.deposit, name, Deposit(cents=cents))))


urlpatterns = [path("accounts/<name>/deposits", deposit)]
"""


OWN_MODULES = ("bank", "web")
"""What the programs here import from their folder."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the actor of the README in it, as bank.py."""
    (tmp_path / "bank.py").write_text(actor(), encoding="utf-8")
    return tmp_path


def printed_by_program(code: str, folder: Path, warnings: str = "error") -> list[str]:
    """What *code* prints, run as a program in *folder*. *warnings* is Python's -W."""
    (folder / "program.py").write_text(code, encoding="utf-8")
    return run(f"python -W {warnings} program.py", folder).splitlines()


@pytest.fixture
def printed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Generator[Callable[[str], list[str]]]:
    """What a program prints that runs in *folder*, in this process."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    for name in OWN_MODULES:  # an example has a module of that name, too
        monkeypatch.delitem(sys.modules, name, raising=False)

    def run_here(code: str) -> list[str]:
        capsys.readouterr()
        exec(compile(code, "program.py", "exec"), {"__name__": "__main__"})
        return capsys.readouterr().out.splitlines()

    yield run_here
    for name in OWN_MODULES:
        sys.modules.pop(name, None)


def test_its_asyncio_program_its_blocking_one_and_its_notebook_share_a_store(
    folder: Path, printed: Callable[[str], list[str]]
) -> None:
    first = printed_by_program(block_with("asyncio.run(main())\n"), folder)
    blocking = block_with("import Runtime\n\nwith Runtime(")
    second = printed(blocking)
    cells = printed(block_with("cells = ExitStack()"))
    last = printed(blocking)

    assert first == ["505 ['deposit', 'deposit'] [Address('bank/account', 'ada')]"]
    assert (second, cells, last) == (["510"], [], ["520"])


def test_its_instrument_reports_a_handler_and_its_epoch(printed: Callable[[str], list[str]]) -> None:
    lines = printed(block_with("(Instrument)"))

    assert re.fullmatch(r"Account\.deposit bank/account/ada 0\.\d{3} s None", lines[0])
    assert re.fullmatch(r"1 committed in \d\.\d{3} s, 0 wait", lines[1])


@pytest.mark.filterwarnings("default")  # of the framework
@pytest.mark.parametrize("mark", ["/accounts/{name}/deposits", "Quart("])
def test_its_web_application_runs(folder: Path, printed: Callable[[str], list[str]], mark: str) -> None:
    (folder / "web.py").write_text(block_with(mark), encoding="utf-8")

    shown = printed(SERVED.format(module="web", name="app"))

    assert shown == ["lifespan.startup.complete", "5", "11", "lifespan.shutdown.complete"]


def test_its_django_project_runs(folder: Path) -> None:
    site = folder / "mysite"
    site.mkdir()
    for name, code in (
        ("__init__", ""),
        ("settings", SETTINGS),
        ("urls", URLS),
        ("asgi", block_with("get_asgi_application()")),
    ):
        (site / f"{name}.py").write_text(code, encoding="utf-8")

    # Django's settings are those of a process. Warnings of the framework are ignored.
    shown = printed_by_program(SERVED.format(module="mysite.asgi", name="application"), folder, warnings="default")

    assert shown == ["lifespan.startup.complete", "5", "11", "lifespan.shutdown.complete"]
