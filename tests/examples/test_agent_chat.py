"""The agent example against the stub model: its page, over a restart, and the requests in its docstring."""

from __future__ import annotations

import importlib
import shlex
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import agent
import httpx
import pytest
from stub_model import Model

from statefun_actors import AsyncRuntime

DEADLINE = 60.0


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """The stub model, which the activities use."""
    model = Model(0, failures=0.2, slowness=0.0)
    threading.Thread(target=model.serve_forever, daemon=True).start()
    monkeypatch.setenv("MODEL", f"http://127.0.0.1:{model.server_address[1]}")
    yield model
    model.shutdown()
    model.server_close()


@pytest.fixture
def chat(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], ModuleType]]:
    """Imports chat.py again, as a restart does."""
    monkeypatch.setenv("AGENT_STORE", str(tmp_path / "agent.db"))

    def start() -> ModuleType:
        sys.modules.pop("chat", None)
        return importlib.import_module("chat")

    yield start
    sys.modules.pop("chat", None)


async def progress(client: Any, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The page, as soon as it is *done*."""
    end = time.monotonic() + DEADLINE
    while True:
        seen: dict[str, Any] = await (await client.get("/sessions/ada?seen=0")).get_json()
        if done(seen):
            return seen
        assert time.monotonic() < end, seen


async def with_page(chat: ModuleType, work: Callable[[Any], Awaitable[None]]) -> None:
    async with chat.app.test_app() as app:
        await work(app.test_client())


async def test_a_purchase_is_approved_on_the_page_after_a_restart(chat: Callable[[], ModuleType]) -> None:
    tokens: list[str] = []

    async def say(client: Any) -> None:
        assert "<title>Chat</title>" in await (await client.get("/")).get_data(as_text=True)
        assert (await client.post("/sessions/ada", json={"text": "buy a pen"})).status_code == 202
        seen = await progress(client, lambda seen: bool(seen["approvals"]))
        (approval,) = seen["approvals"]
        assert (seen["status"], approval["wish"]) == ("waiting for approval", "buy a pen")
        tokens.append(approval["token"])

    async def approve(client: Any) -> None:
        assert (await client.post(f"/approvals/{tokens[0]}", json={"approved": True})).status_code == 202
        seen = await progress(client, lambda seen: seen["status"] == "idle")
        assert [turn["text"] for turn in seen["turns"]] == ["buy a pen", "bought a pen", "It is done: bought a pen"]
        assert seen["approvals"] == []
        assert (await client.post(f"/approvals/{tokens[0]}", json={"approved": True})).status_code == 404

    await with_page(chat(), say)
    await with_page(chat(), approve)


@pytest.mark.usefixtures("model")
async def test_the_requests_of_the_docstring_are_answered() -> None:
    assert agent.__doc__ is not None
    lines = agent.__doc__.replace("\\\n", "").splitlines()
    commands = [shlex.split(line) for line in lines if line.strip().startswith("curl")]
    answers: list[Any] = []
    async with (
        AsyncRuntime(agent.Session, agent.think, agent.use_tool, bind="127.0.0.1:0") as runtime,
        httpx.AsyncClient(timeout=DEADLINE) as http,
    ):
        for _curl, url, header, content_type, data, body in commands:
            assert (header, data) == ("-H", "-d")
            headers = dict([content_type.split(": ")])
            answer = await http.post(url.replace("localhost:8080", runtime.urls[0]), headers=headers, content=body)
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())
    said, looked = answers
    assert said == {"text": "It is done: sunny in Rome"}
    assert [turn["role"] for turn in looked["turns"]] == ["user", "tool", "assistant"]
