"""A StateFun job in one JVM, driven by lines of JSON; what it sends comes back as events."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import attrs
import msgspec

from statefun_actors import Address, KafkaRecord, TypedValue
from statefun_actors.types import pack, record_of_typed
from tests.flink.distribution import Distribution

START_SECONDS: Final = 120.0
"""For the job to run, on a busy machine; 3 to 8 is usual."""
WAIT_SECONDS: Final = 60.0
"""For anything that is expected of a running job. Nothing takes as long, unless something is wrong."""
ARCHIVE_SECONDS: Final = 180.0
"""For a JVM to leave its class data."""
CHECKPOINT_MS: Final = 200

_SETTINGS: Final = {
    "execution.checkpointing.mode": "EXACTLY_ONCE",
    "restart-strategy": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": "2147483647",
    "restart-strategy.fixed-delay.delay": "100ms",
    "taskmanager.memory.network.min": "16m",
    "taskmanager.memory.network.max": "16m",
    "taskmanager.memory.managed.size": "16m",
    "rest.port": "0",
}


@attrs.frozen
class Started:
    """The job runs: for the first time, or restored from a checkpoint, with *offset* messages behind it."""

    restored: bool
    offset: int


@attrs.frozen
class Checkpointed:
    """A checkpoint is complete, with *offset* messages behind it."""

    offset: int


@attrs.frozen
class Record:
    """A record of an egress."""

    egress: str
    value: TypedValue

    @property
    def json(self) -> dict[str, object]:
        """The value of a ``@message`` class."""
        return msgspec.json.decode(self.value.value, type=dict[str, object])

    @property
    def kafka(self) -> KafkaRecord:
        record = record_of_typed(self.value)
        assert isinstance(record, KafkaRecord)
        return record


@attrs.frozen
class Ended:
    """The JVM has ended; *why*, if that is known."""

    why: str


Event: TypeAlias = Started | Checkpointed | Record | Ended


class FlinkError(AssertionError):
    """Flink did not respond as expected in time. The text ends with its log."""


class FlinkJvm:
    """One running job.

    Args:
        distribution: its jars.
        module: the text of module.yaml.
        egresses: those that come out as events: all that are not in *module*. An unknown one fails the job.
        settings: for its modules, on top.
        checkpoint_ms: between the starts of two checkpoints.

    Raises:
        FlinkError: the job does not run in time.
    """

    def __init__(
        self,
        distribution: Distribution,
        module: str,
        egresses: Iterable[str],
        settings: Mapping[str, str] | None = None,
        checkpoint_ms: int = CHECKPOINT_MS,
    ) -> None:
        self.events: list[Event] = []
        """All that came out so far; it only grows."""
        self.listeners: list[Callable[[Event], None]] = []
        """Called with each event as it comes, in a thread of this object."""
        self._changed = threading.Condition()
        self._sent = 0
        """Messages handed over so far."""
        self._archive = distribution.archive
        self._folder = tempfile.TemporaryDirectory(prefix="statefun-jvm-")
        folder = Path(self._folder.name)
        (folder / "module.yaml").write_text(module, encoding="utf-8")
        self.temporary = folder / "temporary"
        """Flink's temporary files; they go when the JVM is closed."""
        self._log = folder / "log"
        self._archiving = None
        if not self._archive.exists():
            self._archiving = self._archive.with_name(f"archiving-{os.getpid()}-{id(self)}.jsa")
        arguments = [
            (folder / "module.yaml").as_uri(),
            ",".join(egresses),
            f"state.checkpoints.dir={(folder / 'checkpoints').as_uri()}",
            f"io.tmp.dirs={self.temporary}",
            f"execution.checkpointing.interval={checkpoint_ms}ms",
            *(f"{key}={value}" for key, value in _SETTINGS.items()),
            *(f"statefun.module.global-config.{key}={value}" for key, value in (settings or {}).items()),
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                distribution.command(arguments, self._archiving),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=folder, text=True, encoding="utf-8",
            )  # fmt: skip
        self._reader = threading.Thread(target=self._read, name="flink", daemon=True)
        self._reader.start()
        try:
            self.wait(lambda: self.starts > 0, "the job to run", START_SECONDS)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def starts(self) -> int:
        """How often the job has begun to run."""
        return sum(isinstance(event, Started) for event in self.events)

    def send(self, target: Address, *messages: object) -> None:
        """Hand *messages* to the job as if they came from an ingress. They keep their order, whatever their targets."""
        self.send_all((target, message) for message in messages)

    def send_all(self, messages: Iterable[tuple[Address, object]]) -> None:
        """:meth:`send`, to several targets."""
        lines = [_line(target, pack(message)) for target, message in messages]
        self._sent += len(lines)
        self._write(lines)

    def crash(self) -> Started:
        """Fail the job, and return how it started again."""
        starts = self.starts
        self._write([{"do": "crash"}])
        self.wait(lambda: self.starts > starts, "the job to run again")
        return self.last_start

    def checkpoint(self) -> int:
        """Return once a checkpoint is complete that has everything sent so far behind it: so many messages."""
        wanted = self._sent
        self.wait(lambda: self._checkpointed() >= wanted, f"a checkpoint behind message {wanted}")
        return wanted

    @property
    def last_start(self) -> Started:
        return [event for event in self.events if isinstance(event, Started)][-1]

    def _checkpointed(self) -> int:
        """How many messages the last complete checkpoint has behind it."""
        return max((event.offset for event in self.events if isinstance(event, Checkpointed)), default=0)

    def wait(self, reached: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Return once *reached()*, which is asked after each event.

        Raises:
            FlinkError: that did not come about within *seconds*, or cannot since the JVM has ended.
        """
        with self._changed:
            self._changed.wait_for(lambda: reached() or self._has_ended(), seconds)
            if not reached():
                ended = "the JVM ended" if self._has_ended() else f"{seconds:g} s went by"
                raise FlinkError(f"{ended}, waiting for {what}\n{self.log()}")

    def log(self) -> str:
        """The end of the JVM's log."""
        return self._log.read_text(encoding="utf-8", errors="replace")[-4_000:] if self._log.exists() else ""

    def close(self) -> None:
        """End the JVM, and wait for that."""
        process = self._process
        assert process.stdin is not None
        with contextlib.suppress(OSError):
            process.stdin.close()  # the end of its input is its end
        try:
            process.wait(10 if self._archiving is None else ARCHIVE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._reader.join()
        if self._archiving is not None and self._archiving.exists():
            if process.returncode == 0:
                self._archiving.replace(self._archive)
            else:
                self._archiving.unlink()
        self._folder.cleanup()

    def _write(self, lines: Sequence[dict[str, str]]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("".join(f"{json.dumps(line)}\n" for line in lines))
            self._process.stdin.flush()
        except OSError as error:
            raise FlinkError(f"the JVM takes nothing more: {error}\n{self.log()}") from error

    def _has_ended(self) -> bool:
        return bool(self.events) and isinstance(self.events[-1], Ended)

    def _read(self) -> None:
        assert self._process.stdout is not None
        why = "it closed its output"
        with self._process.stdout as output:
            for text in output:
                event = _event(json.loads(text))
                if isinstance(event, Ended):
                    why = event.why
                else:
                    self._tell(event)
        self._tell(Ended(why))

    def _tell(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()
        for listener in tuple(self.listeners):
            listener(event)


def _line(target: Address, value: TypedValue) -> dict[str, str]:
    data = base64.b64encode(value.value).decode()
    return {"to": target.typename, "id": target.id, "type": value.typename, "value": data}


def _event(line: dict[str, object]) -> Event:
    match line:
        case {"egress": str(egress), "type": str(typename), "value": str(value)}:
            return Record(egress, TypedValue(typename, base64.b64decode(value)))
        case {"event": "started", "restored": bool(restored), "offset": int(offset)}:
            return Started(restored, offset)
        case {"event": "checkpoint", "offset": int(offset)}:
            return Checkpointed(offset)
        case {"event": "failed", "why": str(why)}:
            return Ended(why)
        case _:
            raise AssertionError(f"no event: {line}")
