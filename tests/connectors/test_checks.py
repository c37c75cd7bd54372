"""The published checks of sinks and sources: our connectors pass them, and those with a mistake do not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from statefun_actors import Address
from statefun_actors.connectors.files import JsonLinesSink, JsonLinesSource
from statefun_actors.connectors.stdout import LineOutput, StdoutSink
from statefun_actors.dispatch import Application
from statefun_actors.engine import EgressQueue, Inbox
from statefun_actors.testing.checks import (
    SINK_CHECKS,
    SOURCE_CHECKS,
    Numbers,
    SinkCheck,
    SinkTarget,
    SourceCheck,
    SourceInput,
    sinks,
    sources,
)
from statefun_actors.testing.faults import Faults, FaultSink, Hostility, RandomChoices
from statefun_actors.types import pack, value_of


def numbers_in(file: Path) -> list[int]:
    """The numbers of a file of JSON lines."""
    return (
        [json.loads(line)["value"] for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    )


def file_target(folder: Path) -> SinkTarget:
    file = folder / "out.jsonl"
    return SinkTarget(open=lambda: contextlib.closing(JsonLinesSink(file)), read=lambda: numbers_in(file))


def memory_target(folder: Path) -> SinkTarget:
    del folder
    sink = FaultSink("check/out", Hostility(Faults(), RandomChoices(7)), print)
    return SinkTarget(
        open=lambda: contextlib.nullcontext(sink), read=lambda: [value_of(each.value) for each in sink.written]
    )


def stdout_target(folder: Path) -> SinkTarget:
    file = folder / "stdout"

    @contextlib.contextmanager
    def opened() -> Any:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            yield StdoutSink(output=LineOutput(descriptor))
        finally:
            os.close(descriptor)

    return SinkTarget(open=opened, read=lambda: numbers_in(file), exactly_once=False)


@pytest.mark.parametrize("check", SINK_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("target", [file_target, memory_target, stdout_target])
async def test_sinks_keep_to(check: SinkCheck, target: Callable[[Path], SinkTarget], tmp_path: Path) -> None:
    await check(target(tmp_path))


class MemorySink:
    """Writes to *written*, with or without a mistake."""

    def __init__(self, written: list[int], mistake: str = "") -> None:
        self.written, self.mistake = written, mistake

    def resume(self, position: str | None) -> str | None:
        if self.mistake != "repeats":
            del self.written[int(position or 0) :]
        return None

    async def run(self, queue: EgressQueue) -> None:
        if self.mistake == "writes without records":
            self.written.append(0)
        while True:
            records = await queue.take()
            numbers: list[Any] = [value_of(record.value) for record in records]
            if self.mistake == "marks too early":
                queue.done(records, str(len(self.written) + len(records)))
                await asyncio.sleep(0)
                self.written += numbers
                continue
            self.written += numbers[::-1] if self.mistake == "other order" else numbers
            await asyncio.sleep(0)
            if self.mistake == "marks nothing":
                continue
            if self.mistake == "fails":
                raise OSError("the target is full")
            queue.done(records, str(len(self.written)))


async def failing_sink_checks(mistake: str) -> list[str]:
    """The names of the checks that a MemorySink with *mistake* fails."""
    failing = []
    for check in SINK_CHECKS:
        written: list[int] = []

        def opened(written: list[int] = written) -> Any:
            return contextlib.nullcontext(MemorySink(written, mistake))

        try:
            await check(SinkTarget(open=opened, read=written.copy))
        except AssertionError:
            failing.append(check.__name__)
    return failing


@pytest.mark.parametrize(
    ("mistake", "check"),
    [
        ("repeats", "a_lost_commit_loses_and_repeats_no_record"),
        ("writes without records", "a_sink_without_records_writes_nothing"),
        ("marks too early", "a_stop_at_any_moment_loses_and_repeats_no_record"),
        ("other order", "thousands_of_records_are_written_in_order"),
        ("fails", "records_are_written_in_order"),
    ],
)
async def test_a_sink_with_a_mistake_fails(mistake: str, check: str) -> None:
    assert check in await failing_sink_checks(mistake)


async def test_a_sink_without_a_mistake_passes() -> None:
    assert await failing_sink_checks("") == []


async def test_a_sink_that_can_not_write_is_named_with_its_error() -> None:
    target = SinkTarget(open=lambda: contextlib.nullcontext(MemorySink([], "fails")), read=list)
    with pytest.raises(AssertionError) as raised:
        await SINK_CHECKS[0](target)

    assert str(raised.value) == "the sink can't write: the target is full"


async def test_a_sink_that_marks_no_record_is_reported_after_a_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("statefun_actors.testing.checks.running.SECONDS", 0.01)
    target = SinkTarget(open=lambda: contextlib.nullcontext(MemorySink([], "marks nothing")), read=list)
    with pytest.raises(AssertionError) as raised:
        await sinks.thousands_of_records_are_written_in_order(target)

    assert str(raised.value) == "expected queue.done() for all records, got none for 2500 of them after 0.01 s"


class MemorySource:
    """Reads *messages*, with or without a mistake."""

    def __init__(self, messages: Sequence[tuple[Address, int]], mistake: str = "") -> None:
        self.messages, self.mistake = messages, mistake
        self.at, self.exhausted = 0, False

    def resume(self, position: str | None) -> None:
        self.at = 0 if self.mistake == "starts again" else int(position or 0)
        self.exhausted = self.exhausted if self.mistake == "stays exhausted" else False

    def read(self, most: int, inbox: Inbox) -> str | None:
        if self.mistake == "reads nothing":
            return None
        if self.mistake == "emits a record":
            inbox.emit("a/b", pack(1))
        found = self.messages[self.at : self.at + most + (self.mistake == "too many")]
        if not found:
            self.exhausted = True
            return "0" if self.mistake == "a position without messages" else None
        for target, number in found[::-1] if self.mistake == "other order" else found:
            value = pack("text" if self.mistake == "sends a text" else number)
            inbox.submit(target, value, delay_ms=5 if self.mistake == "sends for later" else 0)
        self.at += len(found)
        return f"{self.at + (self.mistake == 'skips one')}"


def memory_input(mistake: str = "") -> SourceInput:
    messages: list[tuple[Address, int]] = []
    return SourceInput(fill=messages.extend, open=lambda: contextlib.nullcontext(MemorySource(messages, mistake)))


def file_input(folder: Path) -> SourceInput:
    file = folder / "in.jsonl"
    app = Application(Numbers)

    def fill(messages: Sequence[tuple[Address, int]]) -> None:
        lines = [json.dumps({"to": str(address), "value": number}) + "\n" for address, number in messages]
        file.write_text("".join(lines), encoding="utf-8")

    return SourceInput(fill=fill, open=lambda: contextlib.closing(JsonLinesSource(file, app)))


@pytest.mark.parametrize("check", SOURCE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_sources_keep_to(check: SourceCheck, kind: str, tmp_path: Path) -> None:
    await check(memory_input() if kind == "memory" else file_input(tmp_path))


@pytest.mark.parametrize(
    ("mistake", "check"),
    [
        ("starts again", "the_next_process_resumes_after_the_position"),
        ("skips one", "the_next_process_resumes_after_the_position"),
        ("stays exhausted", "a_source_is_exhausted_at_the_end_of_its_input"),
        ("too many", "messages_are_read_in_order"),
        ("other order", "messages_are_read_in_order"),
        ("a position without messages", "an_empty_input_has_no_messages"),
    ],
)
async def test_a_source_with_a_mistake_fails(mistake: str, check: str) -> None:
    [found] = [each for each in SOURCE_CHECKS if each.__name__ == check]
    with pytest.raises(AssertionError):
        await found(memory_input(mistake))


@pytest.mark.parametrize(
    ("mistake", "check", "text"),
    [
        ("too many", sources.messages_are_read_in_order, "expected at most 1 messages, got 2"),
        (
            "a position without messages",
            sources.a_source_is_exhausted_at_the_end_of_its_input,
            "expected a position after messages only, got '0'",
        ),
        ("sends a text", sources.messages_are_read_in_order, "expected pack(number) as the value, got 'text'"),
        ("sends for later", sources.messages_are_read_in_order, "expected a message without a delay, got 5 ms"),
        ("emits a record", sources.messages_are_read_in_order, "expected messages only, got a record for a/b: 1"),
        (
            "reads nothing",
            sources.messages_are_read_in_order,
            "expected 10 messages or an exhausted source, got 0 messages after 0.01 s",
        ),
        (
            "reads nothing",
            sources.each_message_counts_once_although_commits_are_lost,
            "expected 10 messages, got {} after 0.01 s",
        ),
    ],
)
async def test_a_mistake_of_a_source_is_described(
    mistake: str, check: SourceCheck, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mistake == "reads nothing":
        monkeypatch.setattr("statefun_actors.testing.checks.running.SECONDS", 0.01)
    with pytest.raises(AssertionError) as raised:
        await check(memory_input(mistake))

    assert str(raised.value).splitlines()[0] == text  # pytest may add the compared values
