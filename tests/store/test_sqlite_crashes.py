"""A process that dies during a commit: reported commits are there, and every commit is whole."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from pathlib import Path

import pytest

from statefun_actors.store import (
    StoreError,
)
from statefun_actors.store.sqlite import SqliteStore
from statefun_actors.store.sqlite.reader import Reads
from tests.cli.commands import program
from tests.store.numbered import ACCOUNTS, numbered


def agreed(store: Reads) -> int:
    """The number of the last commit, on which all tables agree."""
    recovered = store.recover()
    n = recovered.next_seq - 1
    if n == 0:
        assert store.load(ACCOUNTS) == [None] * len(ACCOUNTS)
        return 0
    assert recovered.positions == {"input": f"{n}"}
    assert [message.seq for message in store.messages()] == [n]
    assert store.load(ACCOUNTS) == [f"{n}".encode()] * len(ACCOUNTS)
    assert [timer.seq for timer in store.timers_after(0, 0, 10)] == [n]
    assert store.pending_timer(ACCOUNTS[1], "token") == store.timers_after(0, 0, 10)[0]
    assert [record.seq for record in store.egress_after(0, n + 10)] == list(range(1, n + 1))
    assert [letter.seq for letter in store.dead_letters()] == [n]
    assert [row.seq for row in store.history("key", n + 10, 10)] == [n]
    assert store.integrity_check() == []
    return n


def kill_after(path: Path, commits: str, reports: int) -> int:
    """Let a process commit to the store, and kill it some *reports* later; the last commit that it reported."""
    last = 0
    with program("tests.store.numbered", str(path), commits) as child:
        assert child.stdout is not None
        for _ in range(reports):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:  # reported before it died
            if line.endswith("\n"):
                last = int(line)
    return last


@pytest.mark.parametrize("commits", ["loop", "thread"])
def test_kills_leave_whole_commits_and_lose_none_that_was_reported(tmp_path: Path, commits: str) -> None:
    randomly = random.Random(commits)
    path = tmp_path / "store.db"
    before = 0
    for _ in range(4):
        reported = kill_after(path, commits, randomly.randrange(1, 60))

        reader = SqliteStore.open_reader(path)  # beside a log that nobody has recovered yet
        seen = agreed(reader)
        reader.close()
        store = SqliteStore(path)
        assert agreed(store) == seen
        store.close()

        assert seen in (reported, reported + 1)
        assert seen > before
        before = seen


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose process was killed: its log was not brought home."""
    path = tmp_path_factory.mktemp("killed") / "store.db"
    kill_after(path, "loop", 30)
    return path


def opened(killed: Path, folder: Path, log: bytes) -> int:
    """On which commit a copy of the store agrees, with *log* in place of its own."""
    folder.mkdir()
    shutil.copy(killed, folder / "store.db")
    (folder / "store.db-wal").write_bytes(log)
    store = SqliteStore(folder / "store.db")
    try:
        n = agreed(store)
        asyncio.run(store.commit(numbered(n + 1)))
        assert agreed(store) == n + 1
    finally:
        store.close()
    return n


def log_of(killed: Path) -> bytes:
    return killed.with_name("store.db-wal").read_bytes()


def test_a_log_cut_short_leaves_whole_commits(killed: Path, tmp_path: Path) -> None:
    log, randomly = log_of(killed), random.Random(1)
    whole = opened(killed, tmp_path / "whole", log)
    assert whole >= 30

    cuts = sorted(randomly.randrange(len(log)) for _ in range(12))
    left = [opened(killed, tmp_path / f"{cut}", log[:cut]) for cut in cuts]

    assert left == sorted(left)
    assert len(set(left)) > 6
    assert max(left) <= whole
    assert opened(killed, tmp_path / "one byte", log[:-1]) >= whole - 1


def test_a_garbled_log_leaves_the_whole_commits_before(killed: Path, tmp_path: Path) -> None:
    log, randomly = log_of(killed), random.Random(2)
    whole = opened(killed, tmp_path / "whole", log)

    places = sorted(randomly.randrange(32, len(log)) for _ in range(12))
    left = []
    for place in places:
        garbled = log[:place] + bytes(byte ^ 0x5A for byte in log[place : place + 700]) + log[place + 700 :]
        left.append(opened(killed, tmp_path / f"{place}", garbled))

    assert left == sorted(left)
    assert len(set(left)) > 6
    assert max(left) <= whole


def test_a_log_with_room_at_its_end_is_read_up_to_its_last_commit(killed: Path, tmp_path: Path) -> None:
    log = log_of(killed)

    assert opened(killed, tmp_path / "zeros", log + bytes(50_000)) == opened(killed, tmp_path / "whole", log)


def frames(log: bytes) -> list[tuple[int, int, bool]]:
    """Where each frame of a write-ahead log begins, of which page it is, and whether it ends a commit."""
    page_size, found = int.from_bytes(log[8:12]), []
    for at in range(32, len(log) - page_size - 23, 24 + page_size):
        if log[at + 8 : at + 16] != log[16:24]:  # what an earlier round of the log left behind
            break
        found.append((at, int.from_bytes(log[at : at + 4]), log[at + 4 : at + 8] != bytes(4)))
    return found


def test_a_crash_between_any_two_writes_of_a_commit_leaves_the_one_before(killed: Path, tmp_path: Path) -> None:
    log = log_of(killed)
    whole = opened(killed, tmp_path / "whole", log)
    found = frames(log)
    ends = [index for index, (_, _, last) in enumerate(found) if last]
    last_commit = found[ends[-2] + 1 : ends[-1] + 1]
    page_size = int.from_bytes(log[8:12])

    cuts = [cut for at, _, _ in last_commit for cut in (at, at + 24, at + 24 + page_size // 2)]
    left = {cut: opened(killed, tmp_path / f"{cut}", log[:cut]) for cut in cuts}
    end = last_commit[-1][0] + 24 + page_size

    assert len(last_commit) > 3
    assert set(left.values()) == {whole - 1}
    assert opened(killed, tmp_path / "end", log[:end]) == whole


def test_a_crash_between_any_two_writes_of_a_checkpoint_loses_nothing(killed: Path, tmp_path: Path) -> None:
    log = log_of(killed)
    whole = opened(killed, tmp_path / "whole", log)
    page_size = int.from_bytes(log[8:12])
    newest = {page: log[at + 24 : at + 24 + page_size] for at, page, _ in frames(log)}

    for count in range(len(newest) + 1):
        home = tmp_path / f"home {count}.db"
        data = bytearray(killed.read_bytes())
        for page in sorted(newest)[:count]:
            data[(page - 1) * page_size : page * page_size] = newest[page]
        home.write_bytes(data)
        assert opened(home, tmp_path / f"{count}", log) == whole


def test_reading_a_store_that_is_being_created_is_an_error_or_finds_it_empty(tmp_path: Path) -> None:
    many, shown_lines = 40, set()
    with program("tests.store.numbered", "--many", str(tmp_path), f"{many}") as maker:
        for number in range(many):
            path = tmp_path / f"{number}.db"
            while True:
                try:
                    reader = SqliteStore.open_reader(path)
                except StoreError as error:
                    shown_lines.add(str(error).replace(str(path), "FILE"))
                    assert maker.poll() in (None, 0)
                else:
                    assert reader.counts()["messages"] == 0
                    reader.close()
                    break
        assert maker.wait() == 0

    assert shown_lines <= {
        "store FILE: the file does not exist. `statefun-actors run` creates it.",
        "store FILE: it is empty. A run may be creating it: try again.",
    }


def test_an_empty_file_holds_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()

    with pytest.raises(StoreError) as raised:
        SqliteStore.open_reader(tmp_path / "store.db")
    assert str(raised.value) == (f"store {tmp_path / 'store.db'}: it is empty. A run may be creating it: try again.")
