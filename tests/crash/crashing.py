"""Kill the process at moments of chance, each with a transfer unanswered and a commit under way; then count it all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import attrs

from statefun_actors.admin import read_entities
from statefun_actors.store.sqlite import SqliteStore
from tests.cli.fork_server import fork_server
from tests.cli.forked import Forked
from tests.crash.bank import OPENING, Account
from tests.crash.clients import Transfers, work
from tests.crash.watched import Marks

_ROOT = Path(__file__).parents[2]
_DEADLINE = 60.0
_NOT_OURS = "it holds what this store did not write"
"""A store that lost commits is older than its egress files. The engine neither writes to them nor skips records."""


@attrs.frozen(kw_only=True)
class Crashes:
    """The result of a crash test. ``violations`` has a sentence for each broken promise."""

    kills: int
    unacknowledged: int
    """Transfers that had no answer when the process was killed, over all kills; at least one at each."""
    committing: int
    """Kills that fell into a commit."""
    too_late: int
    """Kills that did not count, since the commit had ended before the signal came."""
    transfers: int
    retries: int
    violations: list[str]

    def __str__(self) -> str:
        return (
            f"{self.kills} kills, {self.committing} of them in a commit, {self.unacknowledged} transfers unanswered "
            f"at them ({self.too_late} more kills came too late to count); {self.transfers} transfers, "
            f"{self.retries} requests sent again; "
            + ("every promise kept" if not self.violations else f"BROKEN: {'; '.join(self.violations)}")
        )


class Process:
    """The embedded runtime as a process of its own, on one port over all its lives."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._kind = kind
        self.folder = folder
        self.marks = Marks(folder / "marks")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: Forked | None = None

    def start(self) -> None:
        """Start it, and return once it takes connections."""
        self.marks.reset()
        egress = [
            f"--egress=crash/{name}={self.folder / name}.jsonl" for name in ("sent", "received", "reminded")
        ]  # fmt: skip
        with (self.folder / "log").open("ab") as log:
            self._process = fork_server().start(
                [
                    *(str(self.folder / "marks"), self._kind),
                    *("run", str(Path(__file__).with_name("bank.py")), "--bind", f"127.0.0.1:{self._port}"),
                    *("--store", str(self.folder / "bank.db"), *egress),
                ],
                _ROOT, os.environ, is_strict=False, into=log, module="tests.crash.watched",
            )  # fmt: skip
        for _ in _until("it takes connections", self.log):
            assert self._process.poll() is None, f"it ended by itself: {self.log()}"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(_DEADLINE)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def log(self) -> str:
        """The end of its log."""
        return (self.folder / "log").read_text(errors="replace")[-2_000:]


def crash(folder: Path, *, kills: int, seed: int, kind: str = "sound", clients: int = 8) -> Crashes:
    """Run the bank in *folder* under load, kill it *kills* times, let it finish, and check its store."""
    rng = random.Random(seed)
    transfers = Transfers(seed)
    process = Process(folder, kind)
    over = threading.Event()
    counted = committing = unacknowledged = too_late = 0
    with ThreadPoolExecutor(1) as pool, contextlib.ExitStack() as ending:
        ending.callback(process.end)
        ending.callback(over.set)
        process.start()
        load = pool.submit(lambda: asyncio.run(work(process.url, transfers, clients, over.is_set)))
        while counted < kills:
            _load_for(transfers, rng.randint(5, 120), load)
            pending = _at_a_commit(process.marks, transfers)
            process.kill()
            if process.marks.committing:
                counted, committing, unacknowledged = counted + 1, committing + 1, unacknowledged + pending
            else:
                too_late += 1
            process.start()
        over.set()
        load.result(_DEADLINE)
        unfinished = _come_to_rest(folder / "bank.db", process)
        code = process.stop()
    return Crashes(
        kills=counted, committing=committing, unacknowledged=unacknowledged, too_late=too_late,
        transfers=len(transfers.asked), retries=transfers.retries,
        violations=[
            *unfinished, *(["it did not stop cleanly"] if code else []), *violations(folder, transfers)
        ],
    )  # fmt: skip


def violations(folder: Path, transfers: Transfers) -> Iterator[str]:
    """Every promise that what *folder* holds breaks."""
    accounts = dict(read_entities(folder / "bank.db", Account))
    numbers = Counter(transfers.acknowledged)
    total = sum(account.balance for account in accounts.values())
    if total != OPENING * len(accounts):
        yield f"there are {total - OPENING * len(accounts):+} cents that nobody paid in"
    once = {
        "debited": Counter(number for account in accounts.values() for number in account.sent),
        "credited": Counter(number for account in accounts.values() for number in account.received),
        "reminded": Counter(number for account in accounts.values() for number in account.reminded),
        **{f"recorded as {name}": _recorded(folder / f"{name}.jsonl") for name in ("sent", "received", "reminded")},
    }
    for what, found in once.items():
        if lost := numbers - found:
            yield f"{lost.total()} acknowledged transfers were not {what}"
        if more := found - numbers:
            yield f"{more.total()} were {what} once too often"
    hops = Counter({
        number: len(asked["hops"]) - 1  # type: ignore[arg-type] # a list
        for number, asked in transfers.asked.items()
    })  # fmt: skip
    if (passed := Counter(n for account in accounts.values() for n in account.passed)) != +hops:
        yield f"hops on the way were lost or doubled: {(passed - hops) + (hops - passed)}"


def _recorded(path: Path) -> Counter[int]:
    text = path.read_text() if path.exists() else ""
    assert not text or text.endswith("\n"), f"{path.name} ends in half a line"
    return Counter(json.loads(line)["value"]["number"] for line in text.splitlines())


def _load_for(transfers: Transfers, answers: int, load: Future[None]) -> None:
    """Return after this number of further transfers has been answered.

    Raises:
        BaseException: what ended the *load*.
    """
    goal = len(transfers.acknowledged) + answers
    for _ in _until("transfers are answered", lambda: f"{transfers.retries} requests were sent again"):
        if len(transfers.acknowledged) >= goal:
            return
        if load.done():
            load.result()


def _at_a_commit(marks: Marks, transfers: Transfers) -> int:
    """Return in the middle of a commit: how many transfers are unanswered then."""
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end:
        if marks.committing and (pending := transfers.unacknowledged):
            return pending
        time.sleep(0.0001)  # a commit takes longer; the process needs the processor
    raise AssertionError("waited in vain for a commit")


def _come_to_rest(store: Path, process: Process) -> list[str]:
    """Wait until *store* has no message, timer or writable record left; return the broken promises."""
    reader = SqliteStore.open_reader(store)
    try:
        for _ in _until("everything is done", lambda: str(dict(reader.counts()))):
            counts = reader.counts()
            if counts["messages"] or counts["timers"]:
                continue
            if not counts["egress"]:
                return []
            if _NOT_OURS in process.log():
                return ["an egress file holds records that the store did not write"]
    finally:
        reader.close()
    raise AssertionError("unreachable")


def _until(what: str, how_it_is: object) -> Iterator[None]:
    end = time.monotonic() + _DEADLINE
    while time.monotonic() < end:
        yield
        time.sleep(0.002)
    raise AssertionError(f"waited in vain until {what}: {how_it_is() if callable(how_it_is) else how_it_is}")
