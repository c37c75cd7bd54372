"""The console mounted in a web application, at any path, on the event loop of the runtime or another one."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal

import httpx
import pytest
from fastapi import FastAPI

from statefun_actors import AsyncRuntime, Runtime
from tests.console.served import FORM, Box, Put


def mounted(console: Any, prefix: str) -> httpx.AsyncClient:
    """A client of FastAPI with *console* at *prefix*."""
    app = FastAPI()
    app.mount(prefix, console)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://example.org" + prefix)


async def send_by_form(http: httpx.AsyncClient) -> str:
    """The page after a message was sent by a form."""
    form = (await http.get("/send?to=console/box/ada&type=console/put")).text
    token = re.search(r'name="csrf" value="(.*?)"', form)
    assert token is not None
    fields = {"csrf": token[1], "to": "console/box/ada", "type": "console/put", "f.text": "by form"}
    sent = await http.post("/send-message", data=fields, headers={"Origin": "http://example.org"})
    assert sent.status_code == 303
    return (await http.get("/" + sent.headers["location"])).text


@pytest.mark.parametrize("prefix", ["/console", "/a/b"])
async def test_pages_and_forms_work_through_a_mount(prefix: str) -> None:
    async with AsyncRuntime(Box) as runtime, mounted(runtime.console, prefix) as http:
        overview = await http.get("/")
        style = await http.get("/" + re.findall(r'href="(console\.css.*?)"', overview.text)[0])
        after = await send_by_form(http)

        assert (overview.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert "Sent console/put to console/box/ada." in after
        assert runtime.state(Box.at("ada")).text == "by form"


async def test_a_preview_has_no_line_for_curl_where_the_ingress_may_be_elsewhere() -> None:
    async with AsyncRuntime(Box) as runtime, mounted(runtime.console, "/console") as http:
        page = (await http.get("/send?to=console/box/ada&type=console/put&f.text=it")).text

        assert "await runtime.tell(" in page
        assert "curl" not in page


async def test_it_works_from_another_event_loop_than_the_runtimes() -> None:
    with Runtime(Box) as runtime:
        async with mounted(runtime.console, "/console") as http:
            assert "Sent console/put to console/box/ada." in await send_by_form(http)


async def test_a_page_on_another_event_loop_is_notified_of_a_change() -> None:
    with Runtime(Box) as runtime:
        async with mounted(runtime.console, "/console") as http:
            version = re.findall(r'data-version="(.*?)"', (await http.get("/")).text)[0]
            waiting = asyncio.create_task(http.get(f"/changes?since={version}", timeout=60))
            runtime.tell(Box.at("ada"), Put("x"))

            assert (await waiting).status_code == 200


async def test_a_token_is_asked_for_and_other_origins_are_refused() -> None:
    async with AsyncRuntime(Box, token="secret") as runtime, mounted(runtime.console, "/console") as http:
        page = await http.get("/entities")
        opened = await http.post("/login", content="token=secret", headers={"Content-Type": FORM})
        inside = await http.get("/entities")
        foreign = await http.get("/", headers={"Origin": "http://evil.example"})

        assert (page.status_code, page.headers["location"]) == (303, "login")
        assert opened.headers["set-cookie"].endswith("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict")
        assert inside.status_code == 200
        assert foreign.status_code == 403


@pytest.mark.parametrize(("mode", "status"), [("off", 404), ("read-only", 200), ("full", 200)])
async def test_the_option_of_the_runtime_counts(mode: Literal["off", "read-only", "full"], status: int) -> None:
    async with AsyncRuntime(Box, console=mode) as runtime, mounted(runtime.console, "/console") as http:
        page = await http.get("/")

        assert page.status_code == status
        assert ("Send" in page.text) == (mode == "full")


async def test_without_the_runtime_it_answers_503() -> None:
    async with mounted(AsyncRuntime(Box).console, "/console") as http:
        assert (await http.get("/")).status_code == 503
