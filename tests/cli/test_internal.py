"""Messages from outside for internal handlers: every way in refuses them at once, and nothing is stored."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from statefun_actors import Address
from statefun_actors.admin import DeadLetterRetry
from statefun_actors.admin.control.over_store import StoreControl
from statefun_actors.calls import NotAdmittedError
from statefun_actors.cli.loading import load_app
from statefun_actors.dispatch import Application
from statefun_actors.engine import Engine, ManualClock
from statefun_actors.errors import InternalMessageError
from statefun_actors.http.ingress.request_parsing import RequestParser
from statefun_actors.http.request import RefusedError, Request
from statefun_actors.ingress import BadLine, Lines, MessageEncoders
from statefun_actors.runtime import AsyncRuntime
from statefun_actors.store import Commit, DeadLetterEntry, MemoryStore, Message
from statefun_actors.types import pack
from tests.cli.commands import run, write_lines

APP = """
from statefun_actors import Entity, handles, persisted


class Vault(Entity, typename="test/vault"):
    opened: int = persisted(default=0)

    @handles(int, internal=True)
    def open(self, message: int) -> None:
        if message == 13:
            raise ValueError("thirteen")
        self.opened += message

    @handles(str)
    def look(self, message: str) -> None:
        self.send(self.address, len(message))
"""
SAID = (
    "test/vault takes io.statefun.types/long from other functions only, since Vault.open is internal=True; "
    "got one from outside. Send it from a function, or drop internal=True."
)
LONG = "io.statefun.types/long"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("internal")
    (folder / "app.py").write_text(APP)
    return folder


@pytest.fixture(scope="module")
def app(folder: Path) -> Application:
    return Application(*load_app(str(folder / "app.py")).served)


def refused(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(RefusedError) as caught:
        call()
    return caught.value.response.status, caught.value.response.body.decode()


def test_http_answers_403(app: Application) -> None:
    parser = RequestParser(app)
    json_type = [(b"content-type", b"application/json")]
    one = Request("POST", b"/ingress/test/vault/a?type=" + LONG.encode(), json_type, block=b"x")
    for _ in range(2):  # the second one could be known already
        assert refused(lambda: parser.message(one, b"1")) == (403, f"{SAID}\n")
    many = Request("POST", b"/ingress", [(b"content-type", b"application/jsonl")])
    lines = b'{"to": "test/vault/a", "type": "%b", "value": 1}\n' % LONG.encode()
    assert refused(lambda: parser.lines(many, lines).parse(len(lines))) == (
        403, f"line 1: {SAID} No message of this request was taken\n",
    )  # fmt: skip


def test_a_line_of_input_is_a_bad_line(app: Application) -> None:
    lines = Lines(app)
    for _ in range(2):
        with pytest.raises(BadLine) as caught:
            lines.message(b'{"to": "test/vault/a", "type": "%b", "value": 1}' % LONG.encode())
        assert str(caught.value) == SAID


def test_a_user_in_the_group_may_write_one(app: Application) -> None:
    with pytest.raises(InternalMessageError):
        MessageEncoders(app).encoder("test/vault", LONG)

    assert MessageEncoders(app, outside=False).encoder("test/vault", LONG).typed(5).value


def test_run_and_send_say_so_and_store_nothing(folder: Path) -> None:
    write_lines(folder / "in.jsonl", {"to": "test/vault/a", "type": LONG, "value": 1})
    sent = run("send", "app.py", "test/vault/a", LONG, "1", folder=folder)
    ran = run("run", "app.py", "--input", "in.jsonl", "--until-idle", "--bind", "none", folder=folder)
    kept = run("state", "app.py", "--json", folder=folder)

    assert (sent.returncode, sent.stderr.splitlines()[-1]) == (2, f"Error: {SAID}")
    assert ran.returncode == 1
    assert SAID in ran.stderr
    assert "test/vault" not in kept.stdout or json.loads(kept.stdout.splitlines()[0])["entities"] == 0


async def test_a_dead_letter_that_is_tried_again_keeps_its_caller(app: Application) -> None:
    vault = Address("test/vault", "a")
    store = MemoryStore()
    message = Message(1, vault, pack(13), vault)
    outside = Message(2, vault, pack(13), None)
    letters = [DeadLetterEntry(seq, each, "ValueError", "thirteen", 1, 0) for seq, each in ((3, message), (4, outside))]
    await store.commit(Commit(dead_letters=letters, next_seq=5))
    await StoreControl(store, ManualClock()).retry([DeadLetterRetry(3, pack(5)), DeadLetterRetry(4, pack(6))])

    engine = Engine(app, store, ManualClock())
    running = asyncio.create_task(engine.run())
    await engine.idle()
    opened = engine.view.state(vault)["opened"]
    await engine.stop()
    await running

    assert opened == pack(5)
    assert [entry.error_type for entry in store.dead_letters()] == ["InternalMessageError"]


async def test_a_runtime_raises_what_its_clients_do(app: Application) -> None:
    vault = next(iter(app.served.values())).function
    async with AsyncRuntime(vault.cls) as runtime:  # type: ignore[attr-defined]
        for call in (runtime.tell, runtime.ask):
            with pytest.raises(NotAdmittedError) as caught:
                await call(Address("test/vault", "a"), 1)
            assert str(caught.value) == f"not admitted to test/vault/a: {SAID}"
