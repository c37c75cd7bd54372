"""The overview names the causes of problems: slow handlers, late timers, held loops, entities with long mailboxes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from statefun_actors import AsyncRuntime, Entity, handles, persisted
from statefun_actors.console.measuring import measuring
from statefun_actors.console.values import seconds
from statefun_actors.dispatch import Application
from tests.console.served import Site, site


class Busy(Entity, typename="busy/entity"):
    n: int = persisted(default=0)

    @handles(float)
    def hold(self, message: float) -> float:
        end = time.monotonic() + message
        while time.monotonic() < end:
            pass
        return message

    @handles(str)
    def later(self, message: str) -> str:
        if message:
            self.send_after(timedelta(milliseconds=1), self.address, "")
        return message

    @handles(int)
    async def wait(self, message: int) -> int:
        await asyncio.Event().wait()
        return message


def rows(text: str, heading: str) -> list[Mapping[str, str]]:
    """The rows of the table below *heading*, by the labels of their cells."""
    if (part := text.partition(f"<h2>{heading}</h2>")[2]) == "":
        return []
    table = part.partition("</table>")[0]
    return [
        {
            label: unescape(re.sub(r"<[^>]*>", "", cell)).strip()
            for label, cell in re.findall(r'<td data-label="([^"]*)"[^>]*>(.*?)</td>', row, re.DOTALL)
        }
        for row in re.findall(r"<tr>(.*?)</tr>", table.partition("<tbody>")[2], re.DOTALL)
    ]


async def test_each_handler_is_shown_with_its_latency_once_it_has_run(tmp_path: Path) -> None:
    async with AsyncRuntime(Busy, store=tmp_path / "db", bind="127.0.0.1:0") as runtime:
        await Site(runtime).get("/console/")
        for _ in range(3):
            await runtime.ask(Busy.at("ada"), "")
        text = (await Site(runtime).get("/console/")).text

    (row,) = rows(text, "Handlers in the last five minutes")
    assert (row["handler"], row["type"], row["attempts"]) == ("Busy.later", "busy/entity", "3")
    for label in ("p50", "p99", "longest"):
        assert re.fullmatch(r"[\d,.]+ (µs|ms|s)", row[label])
    assert re.search(r"<dt>commit p99</dt><dd>[\d,.]+ (µs|ms|s)</dd>", text)


async def test_a_page_without_messages_shows_no_handlers_and_no_commits() -> None:
    async with site(store=None) as console:
        text = (await console.get("/console/")).text
    assert rows(text, "Handlers in the last five minutes") == []
    assert "<dt>commit p99</dt><dd>-</dd>" in text
    assert "<dt>timers late p99</dt><dd>-</dd>" in text
    assert rows(text, "Most messages waiting") == []


async def test_a_handler_that_holds_the_event_loop_is_named() -> None:
    async with AsyncRuntime(Busy, bind="127.0.0.1:0") as runtime:
        await Site(runtime).get("/console/")
        for _ in range(2):
            await runtime.ask(Busy.at("ada"), 0.15)
        text = (await Site(runtime).get("/console/")).text
    shown = " ".join(unescape(re.sub(r"<[^>]*>", "", text)).split())
    assert re.search(r"Busy\.hold held the event loop for [\d.,]+ m?s at most, 2 times, the last time .* ago", shown)


async def test_the_entities_with_the_most_waiting_messages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.runtime.async_runtime._DRAIN_SECONDS", 0.1)  # they wait for ever
    async with AsyncRuntime(Busy, bind="127.0.0.1:0") as runtime:
        for id, messages in (("hot <b>", 5), ("warm", 3), ("cold", 1)):
            for number in range(messages):
                await runtime.tell(Busy.at(id), number)
        text = (await Site(runtime).get("/console/")).text
        assert [(row["entity"], row["messages waiting"]) for row in rows(text, "Most messages waiting")] == [
            ("busy/entity/hot <b>", "5"),
            ("busy/entity/warm", "3"),
        ]
        assert "hot <b>" not in text


async def test_late_timers_are_measured_while_the_engine_runs() -> None:
    async with AsyncRuntime(Busy, bind="127.0.0.1:0") as runtime:
        await Site(runtime).get("/console/")
        await runtime.ask(Busy.at("ada"), "later")
        text = await Site(runtime).until("", lambda text: "<dt>timers late p99</dt><dd>-</dd>" not in text)
    assert re.search(r"<dt>timers late p99</dt><dd>[\d.,]+ (µs|ms|s)</dd>", text)


def test_all_consoles_of_an_application_show_the_same_measurements() -> None:
    app = Application(Busy)
    first = measuring(app)
    times = app.handler_times
    assert measuring(app) is first
    assert app.handler_times is times is not None
    assert measuring(Application(Busy)) is not first


def test_short_times_are_in_one_unit() -> None:
    written = [seconds(number) for number in (0.0, 4e-7, 1.24e-6, 0.000_35, 0.0012, 0.25, 1.5, 75.0, 3600.0)]
    assert written == ["0 s", "0 s", "1.2 µs", "350 µs", "1.2 ms", "250 ms", "1.5 s", "75 s", "3,600 s"]
