"""Messages, replies and records whose class raises when it is created: refused or shown as bytes, at every door."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from statefun_actors import Address, AsyncRuntime, Entity, NoAnswer, answers, handles, persisted
from statefun_actors.admin import form_of, view_entity
from statefun_actors.dispatch import Application
from statefun_actors.ingress import BadLine, Lines
from statefun_actors.interrupts import owning_process
from statefun_actors.store import EntityRecord, EntityRow
from statefun_actors.store.entity_record import pack as packed
from tests.types.raising import RAISED, Hook, hook, unfit

ALL = pytest.mark.parametrize("raised", list(RAISED))
OUT = "test/out"


class Desk(Entity, typename="test/desk"):
    held: Hook | None = persisted(default=None)
    answer: str = persisted(default="")

    @handles(Hook)
    def take(self, message: Hook) -> str:
        return message.raised

    @handles(str)
    def pass_on(self, message: str) -> None:
        self.reply(hook(message))

    @handles(bytes)
    def write(self, message: bytes) -> str:
        self.send_egress(OUT, hook(message.decode()))
        return ""

    @handles(int)
    def link(self, message: int) -> str:
        return self.reply_address(then=self.answered, timeout=timedelta(days=1)).id

    @handles(bool)
    def seen(self, message: bool) -> str:
        return self.answer

    @answers
    def answered(self, answer: Hook | NoAnswer) -> None:
        self.answer = str(answer)


@pytest.fixture(autouse=True)
def command() -> Iterator[None]:
    """As in ``run`` and ``serve``, where a KeyboardInterrupt is never Ctrl-C."""
    with owning_process():
        yield


def client(runtime: AsyncRuntime) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=runtime.asgi), base_url="http://example.org")


@ALL
async def test_over_http(raised: str) -> None:
    path, refused = "/ingress/test/desk/a?type=test/hook", (422, f"{unfit(raised)}\n")
    octets = {"Content-Type": "application/octet-stream"}
    async with AsyncRuntime(Desk) as runtime, client(runtime) as http:
        responses = [
            await http.post(path, json={"raised": raised}),
            await http.post(path, content=hook(raised).value, headers=octets),
            await http.post(f"/replies/{(token := await runtime.ask(Desk.link, 'a', 1))}", json={"raised": raised}),
        ]
        assert [(each.status_code, each.text) for each in responses] == [refused] * 3

        assert (await http.post(f"/replies/{token}", json={"raised": "nothing"})).status_code == 202
        assert await runtime.ask(Desk.seen, "a", True) == "Hook(raised='nothing')"


@ALL
async def test_a_reply_is_returned_as_bytes_and_other_callers_of_its_commit_get_theirs(raised: str) -> None:
    path = "/ingress/test/desk/{}?wait=5s&type="
    async with AsyncRuntime(Desk) as runtime, client(runtime) as http:
        fine = [http.post(f"{path.format(n)}test/hook", json={"raised": str(n)}) for n in range(6)]
        bad = http.post(f"{path.format('bad')}io.statefun.types/string", json=raised)
        responses = await asyncio.gather(*fine[:3], bad, *fine[3:])

    assert [each.text for each in responses] == ['"0"', '"1"', '"2"', hook(raised).value.decode(), '"3"', '"4"', '"5"']


@ALL
async def test_a_record_is_written_to_a_file_as_bytes(raised: str, tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    async with AsyncRuntime(Desk, egress={OUT: str(path)}) as runtime:
        for message in (raised.encode(), b"nothing"):
            await runtime.ask(Desk.write, "a", message)

    data = base64.b64encode(hook(raised).value).decode()
    assert path.read_text() == (
        f'{{"type":"test/hook","value_base64":"{data}"}}\n{{"type":"test/hook","value":{{"raised":"nothing"}}}}\n'
    )


@ALL
def test_a_line_is_refused(raised: str) -> None:
    line = b'{"to":"test/desk/a","type":"test/hook","value":%s}' % hook(raised).value

    with pytest.raises(BadLine) as caught:
        Lines(Application(Desk)).message(line)

    assert str(caught.value) == f"{unfit(raised)} - at `$.value`"


@ALL
def test_a_value_is_listed_by_its_bytes_and_a_field_as_unreadable(raised: str) -> None:
    app, value, address = Application(Desk), hook(raised), Address("test/desk", "a")

    row = EntityRow(address, packed(EntityRecord({"held": value}, {}, 0)))
    view = view_entity(row, 0, app.served["test/desk"].function)

    assert form_of(value, app.codecs()) == {"raised": raised}
    assert view.fields == {
        "held": {
            "unreadable": "the stored state Desk('a').held can't be read: expected `Hook` or None, "
            f"got {len(value.value)} bytes of 'test/hook': {unfit(raised)}. "
            "Go back to the type that wrote it, or declare persisted(..., convert=fn) to read it."
        },
        "answer": "",
    }
