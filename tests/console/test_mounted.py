"""The console mounted in a web application, at any path, on the event loop of the runtime or another one."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal

import httpx
import pytest

from statefun_actors import AsyncRuntime, Runtime
from tests.console.served import DEADLINE, FORM, Box, Put


def mounted(console: Any, prefix: str) -> httpx.AsyncClient:
    """A client of FastAPI with *console* at *prefix*."""
    from fastapi import FastAPI  # it takes long to import, in each worker

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


async def waiting_page(http: httpx.AsyncClient) -> asyncio.Task[httpx.Response]:
    """A request of a page that waits for a change."""
    version = re.findall(r'data-version="(.*?)"', (await http.get("/")).text)[0]
    waiting = asyncio.create_task(http.get(f"/changes?since={version}", timeout=DEADLINE))
    for _ in range(3):  # the server has had the request by then
        assert version in (await http.get("/")).text
    return waiting


async def test_a_page_that_waits_on_another_event_loop_gets_a_response_when_the_runtime_ends() -> None:
    runtime = Runtime(Box)
    await asyncio.to_thread(runtime.__enter__)
    async with mounted(runtime.console, "/console") as http:
        waiting = await waiting_page(http)
        await asyncio.to_thread(runtime.__exit__, None, None, None)

        assert (await waiting).text.startswith("retry: 1000\nid: ")


async def test_a_page_that_waits_on_a_blocked_event_loop_gets_a_response_after_that() -> None:
    runtime = Runtime(Box)
    async with mounted(runtime.console, "/console") as http:
        with runtime:
            waiting = await waiting_page(http)

        assert (await waiting).text.startswith("retry: 1000\nid: ")


async def test_a_request_that_has_not_arrived_when_the_runtime_ends_gets_503() -> None:
    receiving, sent = asyncio.Event(), list[Any]()

    async def receive() -> Any:
        receiving.set()
        await asyncio.Event().wait()

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    runtime = Runtime(Box)
    await asyncio.to_thread(runtime.__enter__)
    request = asyncio.ensure_future(runtime.console(scope, receive, send))
    await receiving.wait()
    await asyncio.to_thread(runtime.__exit__, None, None, None)
    await request

    assert sent[0]["status"] == 503
    assert sent[1]["body"] == b"not taken, send it again: this runtime does not run\n"


@pytest.mark.parametrize(
    ("root", "path", "location"),
    [
        ("/ops", "/ops", "./ops/"),
        ("/a/b c", "/a/b c", "./b%20c/"),
        ("/ops", "/ops?notice=1", "./ops/?notice=1"),
    ],
)
async def test_the_path_without_a_slash_leads_to_the_one_with_it(root: str, path: str, location: str) -> None:
    async with AsyncRuntime(Box) as runtime:
        transport = httpx.ASGITransport(app=runtime.console, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://example.org") as http:
            answer = await http.get(path)
            page = await http.get(answer.url.join(location))

        assert (answer.status_code, answer.headers["location"]) == (307, location)
        assert page.status_code == 200


async def test_a_websocket_is_refused() -> None:
    async def nothing(*_: object) -> None:
        raise AssertionError("no event is expected")

    async with AsyncRuntime(Box) as runtime:
        with pytest.raises(RuntimeError) as caught:
            await runtime.console({"type": "websocket", "path": "/"}, nothing, nothing)

        assert str(caught.value) == "the console takes HTTP requests only, got 'websocket'"


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
