"""``statefun-actors flink`` as a user has it: a process in a folder of its own; and the clients of its broker."""

from __future__ import annotations

import contextlib
import functools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka import Consumer, Producer

from statefun_actors.cluster import ToolFailedError, flink_programs, kafka_program, missing_tool
from tests.needs import skip_or_fail

START_SECONDS: Final = 300.0
"""For a cluster to run: 10 to 20 usually, more the first time, when it fetches some 220 MB."""
WAIT_SECONDS: Final = 240.0
"""For anything that is expected of a running one."""


def need_flink() -> None:
    """Skip the test where this machine can't run Flink; under ``CI=true`` that is a failure."""
    if (why := _lacking()) is not None:
        skip_or_fail(why)


@functools.cache
def _lacking() -> str | None:
    if (lacking := missing_tool()) is not None:
        return str(lacking)
    try:
        flink_programs(lambda _: None)
        kafka_program(lambda _: None)
    except ToolFailedError as error:
        return str(error)
    return None


class FlinkCommand:
    """The command while it runs."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, errors: Path) -> None:
        self._process, self._folder, self._errors = process, folder, errors

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def facts(self) -> dict[str, Any]:
        """The addresses and folders that the command writes for programs."""
        found: dict[str, Any] = json.loads((self._folder / "cluster.json").read_text(encoding="utf-8"))
        return found

    @property
    def pids(self) -> Mapping[str, int]:
        """The processes of the cluster, by name."""
        found: dict[str, int] = self.facts["pids"]
        return found

    @property
    def said(self) -> str:
        """Its standard error."""
        return self._errors.read_text(encoding="utf-8")

    def until(self, condition: Callable[[], bool], what: str, seconds: float = WAIT_SECONDS) -> None:
        """Return once *condition* holds."""
        end = time.monotonic() + seconds
        while not condition():
            code = self._process.poll()
            assert code is None, f"it ended with {code}, waiting for {what}\n{self.said}"
            assert time.monotonic() < end, f"waited in vain for {what}\n{self.said}\n{self._logs()}"
            time.sleep(0.02)

    def until_logged(self, text: str) -> None:
        """Return once its standard error contains *text*."""
        self.until(lambda: text in self.said, f"{text!r} on standard error")

    def stop(self, how: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """Its exit code and its output, once it has ended of *how*."""
        self._process.send_signal(how)
        output, _ = self._process.communicate(timeout=WAIT_SECONDS)
        return self._process.returncode, output

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        self._process.communicate(timeout=WAIT_SECONDS)
        return self._process.returncode

    def produce(self, records: Iterable[tuple[str, str | None, bytes]]) -> None:
        """Records, each a topic, a key and a value; the broker has them when it returns."""
        producer = Producer({"bootstrap.servers": self.facts["kafka"], "log_level": 0})
        for topic, key, value in records:
            producer.produce(topic, value, key)
        assert producer.flush(WAIT_SECONDS) == 0

    @contextlib.contextmanager
    def consumed(self, topic: str) -> Generator[Records]:
        """The committed records of *topic*, key and value; :func:`read` brings them up to date."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.facts["kafka"],
                "group.id": f"test of {topic}",  # a consumer that joins has all others of its group begin again
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "allow.auto.create.topics": True,
                "topic.metadata.refresh.interval.ms": 200,
                "log_level": 0,
            }
        )
        consumer.subscribe([topic])
        found = Records(consumer)
        try:
            yield found
        finally:
            consumer.close()

    def _logs(self) -> str:
        logs = sorted((self._folder / "logs").glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-1_500:]}" for log in logs)


class Records(list[tuple[str, bytes]]):
    """Records that a consumer has read so far."""

    def __init__(self, consumer: Consumer) -> None:
        super().__init__()
        self._consumer = consumer

    def read(self) -> Records:
        """Read the available output."""
        for message in self._consumer.consume(1_000, 0.1):
            if message.error() is None:
                self.append((str((message.key() or b"").decode()), message.value() or b""))
        return self


@contextlib.contextmanager
def started(*arguments: str, folder: Path) -> Generator[FlinkCommand]:
    """``statefun-actors flink`` with *arguments*, its cluster in *folder*, running. It is killed at the end."""
    errors = folder / "said"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cluster.json").unlink(missing_ok=True)  # of one that was killed
    command: Sequence[str] = [sys.executable, "-W", "error", "-m", "statefun_actors", "flink", *arguments]
    with errors.open("w", encoding="utf-8") as said:
        process = subprocess.Popen([*command, "--folder", str(folder)], stdout=subprocess.PIPE, stderr=said, text=True)
    running = FlinkCommand(process, folder, errors)
    try:
        running.until((folder / "cluster.json").exists, "the cluster to run", START_SECONDS)
        yield running
    finally:
        process.kill()
        process.communicate()


def is_alive(pid: int) -> bool:
    """Whether the process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_gone(pids: Iterable[int]) -> None:
    """Return when all have ended."""
    end = time.monotonic() + WAIT_SECONDS
    left = set(pids)
    while left := {pid for pid in left if is_alive(pid)}:
        assert time.monotonic() < end, f"processes that are left behind: {left}"
        time.sleep(0.01)


def children_of(pid: int) -> list[int]:
    """The processes that it has started and that run."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Return once *condition* holds."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.002)
